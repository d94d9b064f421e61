"""Packets of the MySQL protocol: framing, the small integer encodings, and the four kinds of answer."""

from __future__ import annotations

import socket
import struct

from lab.answers import Answer, Column, Ok, Rows, Type

MAX_PACKET = 0xFFFFFF
UTF8 = 33
MORE_RESULTS = 0x0008


class Disconnected(Exception):
    """The other side is gone."""


class Channel:
    """One client connection as a sequence of packets."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sequence = 0

    def read(self) -> bytes:
        """The next packet, put together when it is longer than 16 MiB."""
        body = bytearray()
        while True:
            header = self._exactly(4)
            size = int.from_bytes(header[:3], "little")
            self.sequence = (header[3] + 1) & 0xFF
            body += self._exactly(size)
            if size < MAX_PACKET:
                return bytes(body)

    def write(self, *bodies: bytes) -> None:
        """Send packets in one go."""
        out = bytearray()
        for body in bodies:
            for start in range(0, len(body) + 1, MAX_PACKET):
                part = body[start : start + MAX_PACKET]
                out += len(part).to_bytes(3, "little") + bytes([self.sequence]) + part
                self.sequence = (self.sequence + 1) & 0xFF
        try:
            self.sock.sendall(out)
        except OSError as error:
            raise Disconnected from error

    def answer(self, answer: Answer, *, more: bool = False) -> None:
        """Send OK or a result set; `more` announces a further one."""
        status = MORE_RESULTS if more else 0
        match answer:
            case Ok(affected, info):
                self.write(ok(affected, info, status))
            case Rows(columns, rows):
                self.write(
                    lenenc_int(len(columns)),
                    *(column_definition(column) for column in columns),
                    eof(status),
                    *(b"".join(lenenc_value(value) for value in row) for row in rows),
                    eof(status),
                )

    def refuse(self, code: int, state: str, message: str) -> None:
        """Send an error packet."""
        self.write(b"\xff" + struct.pack("<H", code) + b"#" + state.encode() + message.encode())

    def _exactly(self, size: int) -> bytes:
        out = bytearray()
        while len(out) < size:
            try:
                part = self.sock.recv(min(size - len(out), 1 << 20))
            except OSError as error:
                raise Disconnected from error
            if not part:
                raise Disconnected
            out += part
        return bytes(out)


def lenenc_int(value: int) -> bytes:
    if value < 0xFB:
        return bytes([value])
    if value < 1 << 16:
        return b"\xfc" + value.to_bytes(2, "little")
    if value < 1 << 24:
        return b"\xfd" + value.to_bytes(3, "little")
    return b"\xfe" + value.to_bytes(8, "little")


def lenenc_string(value: bytes) -> bytes:
    return lenenc_int(len(value)) + value


def lenenc_value(value: object) -> bytes:
    """A cell of the text protocol."""
    match value:
        case None:
            return b"\xfb"
        case bytes():
            return lenenc_string(value)
        case bool():
            return lenenc_string(b"1" if value else b"0")
        case _:
            return lenenc_string(str(value).encode())


def column_definition(column: Column) -> bytes:
    """Protocol::ColumnDefinition41. Lengths as an FE sends them: enough for any value."""
    charset = 63 if column.type not in {Type.VARCHAR, Type.STRING} else UTF8
    name = lenenc_string(column.name.encode())
    nothing = lenenc_string(b"")
    fixed = struct.pack("<HIBHBH", charset, 1024, column.type, 0, 31 if column.type in {4, 5} else 0, 0)
    return lenenc_string(b"def") + nothing * 3 + name + name + lenenc_int(len(fixed)) + fixed


def ok(affected: int = 0, info: str = "", status: int = 0) -> bytes:
    """The info is a length-encoded string even though the protocol allows more: the MariaDB client insists."""
    tail = lenenc_string(info.encode()) if info else b""
    return b"\x00" + lenenc_int(affected) + b"\x00" + struct.pack("<HH", status, 0) + tail


def eof(status: int = 0) -> bytes:
    return b"\xfe" + struct.pack("<HH", 0, status)


def take_string(data: bytes, start: int) -> tuple[str, int]:
    """A NUL-terminated string and where the next field begins."""
    end = data.find(b"\x00", start)
    end = len(data) if end < 0 else end
    return data[start:end].decode(errors="replace"), end + 1


def take_lenenc(data: bytes, start: int) -> tuple[bytes, int]:
    """A length-encoded string and where the next field begins (lengths of login fields fit a byte)."""
    size = data[start] if start < len(data) else 0
    return data[start + 1 : start + 1 + size], start + 1 + size
