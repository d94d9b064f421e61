"""An HTTP proxy in front of an S3 server that does, on request, what servers and networks do to their clients.

It passes Host and all else on as it came, so signatures (SigV4 signs Host) stay valid. Rules come over an admin port:
`PUT /rules` with a JSON list replaces them, `GET /rules` shows them and how often each fitted, `DELETE /rules` ends
the trouble. A request meets the first rule that is not used up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import assert_never

from lab.http_stream import Head, read_body, read_head, write_body
from lab.s3rules import (
    Act,
    CorruptReply,
    Delay,
    Hang,
    Rate,
    ResetAfter,
    ResetBefore,
    Rule,
    Status,
    TruncateReply,
    from_json,
    to_json,
)

RATE_STEP = 16 * 1024


class Broken(Exception):
    """The connection to the client is to be broken, now."""


@dataclass(slots=True)
class Proxy:
    """One upstream server, and the rules in force."""

    host: str
    port: int
    rules: list[Rule] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one client's requests on, one after another, over one connection of its own."""
        upstream_reader, upstream_writer = await asyncio.open_connection(self.host, self.port)
        link = _Link(reader, writer, upstream_reader, upstream_writer)
        try:
            while (head := await read_head(reader)) is not None:
                method, target, _ = head.words
                if not await link.exchange(head, self._act(method, target)):
                    break
        except Broken:
            _reset(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # either side went away: so does the other
        finally:
            writer.close()
            upstream_writer.close()

    async def administer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one admin request."""
        if (head := await read_head(reader)) is not None:
            body = b"".join([piece async for piece in read_body(reader, head, until_end=False)])
            status, text = self._administered(head.words[0], body)
            _write_reply(writer, status, "application/json", text)
            await writer.drain()
        writer.close()

    def _administered(self, method: str, body: bytes) -> tuple[str, str]:
        try:
            match method:
                case "PUT":
                    self.rules = [from_json(entry) for entry in json.loads(body)]
                case "DELETE":
                    self.rules = []
                case "GET":
                    pass
                case _:
                    return "405 Method Not Allowed", json.dumps({"problem": f"no {method} here"})
        except (ValueError, re.error) as problem:
            return "400 Bad Request", json.dumps({"problem": str(problem)})
        return "200 OK", json.dumps([to_json(rule) for rule in self.rules])

    def _act(self, method: str, target: str) -> Act | None:
        return next((rule.act for rule in self.rules if rule.meets(method, target)), None)


@dataclass(frozen=True, slots=True)
class _Link:
    """A client and the server behind it."""

    client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    server: asyncio.StreamReader
    to_server: asyncio.StreamWriter

    async def exchange(self, request: Head, act: Act | None) -> bool:
        """One request and its reply; whether the connection can serve another."""
        match act:
            case ResetBefore():
                raise Broken
            case Hang():
                while await self.client.read(RATE_STEP):
                    pass
                return False
            case Status(status):
                await self._refuse(status)
                return False
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case ResetAfter() | Rate() | CorruptReply() | TruncateReply() | None:
                pass
            case _:
                assert_never(act)
        upload = asyncio.create_task(self._pass_request(request, act))
        try:
            reusable = await self._pass_reply(request, act)
            # A server may refuse before it has read the body; what is left of it cannot be told from a request.
            return reusable and upload.done()
        finally:
            upload.cancel()
            with suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
                await upload

    async def _pass_request(self, request: Head, act: Act | None) -> None:
        self.to_server.write(request.raw)
        body = read_body(self.client, request, until_end=False)
        await write_body(self.to_server, request, _slowly(body, act) if isinstance(act, Rate) else body)

    async def _pass_reply(self, request: Head, act: Act | None) -> bool:
        reply = await self._reply_head()
        while reply.words[1].startswith("1"):
            self.to_client.write(reply.raw)
            reply = await self._reply_head()
        bodiless = request.words[0] == "HEAD" or reply.words[1] in ("204", "304")
        body = _nothing() if bodiless else read_body(self.server, reply, until_end=True)
        match act:
            case ResetAfter():
                async for _ in body:
                    pass
                raise Broken
            case Rate():
                body = _slowly(body, act)
            case CorruptReply(offset):
                body = _corrupted(body, offset)
            case TruncateReply(length):
                body = _truncated(body, length)
            case _:
                pass
        self.to_client.write(reply.raw)
        if bodiless:
            await self.to_client.drain()
        else:
            await write_body(self.to_client, reply, body)
        lasts = bodiless or reply.chunked or reply.length is not None
        return lasts and reply.header("connection") != "close"

    async def _reply_head(self) -> Head:
        head = await read_head(self.server)
        if head is None:
            raise ConnectionResetError("the server ended the connection")
        return head

    async def _refuse(self, status: int) -> None:
        """Answer in the server's place, and let the client finish what it is sending, or it would see a reset."""
        code = "SlowDown" if status == 503 else "InternalError"
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>s3proxy</Message></Error>"
        _write_reply(self.to_client, f"{status} {code}", "application/xml", text)
        await self.to_client.drain()
        self.to_client.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while await self.client.read(RATE_STEP):
                    pass


async def _nothing(pieces: Sequence[bytes] = ()) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _slowly(body: AsyncIterator[bytes], rate: Rate) -> AsyncIterator[bytes]:
    async for piece in body:
        for start in range(0, len(piece), RATE_STEP):
            part = piece[start : start + RATE_STEP]
            await asyncio.sleep(len(part) / rate.bytes_per_second)
            yield part


async def _corrupted(body: AsyncIterator[bytes], offset: int) -> AsyncIterator[bytes]:
    async for piece in body:
        if 0 <= offset < len(piece):
            yield piece[:offset] + bytes([piece[offset] ^ 0xFF]) + piece[offset + 1 :]
        else:
            yield piece
        offset -= len(piece)


async def _truncated(body: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    async for piece in body:
        if len(piece) > length:
            yield piece[:length]
            raise Broken
        length -= len(piece)
        yield piece


def _write_reply(writer: asyncio.StreamWriter, status: str, kind: str, text: str) -> None:
    body = text.encode()
    headers = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(headers.encode() + body)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection with a TCP reset, as a crashed host or a firewall does."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def run(listen: tuple[str, int], admin: tuple[str, int], upstream: tuple[str, int]) -> None:
    """Serve until SIGTERM."""
    proxy = Proxy(*upstream)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with (
        await asyncio.start_server(proxy.serve, *listen),
        await asyncio.start_server(proxy.administer, *admin),
    ):
        await ended.wait()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    """`python -m lab.s3proxy --listen HOST:PORT --admin HOST:PORT --to HOST:PORT`."""
    parser = argparse.ArgumentParser(prog="python -m lab.s3proxy", description=__doc__.partition("\n")[0])
    parser.add_argument("--listen", type=_address, required=True, help="where S3 clients connect")
    parser.add_argument("--admin", type=_address, required=True, help="where rules are given")
    parser.add_argument("--to", type=_address, required=True, help="the S3 server")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.listen, arguments.admin, arguments.to))


if __name__ == "__main__":
    main()
