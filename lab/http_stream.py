"""HTTP/1.1 messages as streams: a head that is passed on as it came, a body whose framing is understood."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the headers of a request or a reply, in the bytes that came."""

    raw: bytes

    @property
    def words(self) -> list[str]:
        """The first line's three parts: method, target, version; or version, status, reason."""
        return self.raw.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)

    def header(self, name: str) -> str:
        """A header's value, in lower case; empty if it is not there."""
        for line in self.raw.split(b"\r\n")[1:]:
            key, _, value = line.decode("latin-1").partition(":")
            if key.lower() == name:
                return value.strip().lower()
        return ""

    @property
    def chunked(self) -> bool:
        return "chunked" in self.header("transfer-encoding")

    @property
    def length(self) -> int | None:
        """What Content-Length says."""
        text = self.header("content-length")
        return int(text) if text else None


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next message's head; nothing where the other side has ended the connection between messages."""
    try:
        return Head(await reader.readuntil(b"\r\n\r\n"))
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise ConnectionResetError("the connection ended within a message's head") from None
        return None


async def read_body(reader: asyncio.StreamReader, head: Head, *, until_end: bool) -> AsyncIterator[bytes]:
    """The body in pieces, without its framing. `until_end`: with no length given it lasts as long as the connection."""
    if head.chunked:
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            async for piece in _exactly(reader, size):
                yield piece
            await reader.readexactly(2)
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
    elif head.length is not None:
        async for piece in _exactly(reader, head.length):
            yield piece
    elif until_end:
        while piece := await reader.read(CHUNK):
            yield piece


async def write_body(writer: asyncio.StreamWriter, head: Head, body: AsyncIterator[bytes]) -> None:
    """Write a body in the framing that the head announces."""
    async for piece in body:
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if head.chunked else piece)
        await writer.drain()
    if head.chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await reader.read(min(size, CHUNK))
        if not piece:
            raise ConnectionResetError("the connection ended within a message's body")
        size -= len(piece)
        yield piece
