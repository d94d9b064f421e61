"""Logging in: handshake v10, TLS when the FE has a certificate, mysql_native_password.

StarRocks announces mysql_native_password always and no caching_sha2_password; its capabilities are those below and
no more (mysql/MysqlCapability.java, MysqlHandshakePacket.java; seen running 4.1-dev).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import ssl
import struct
from dataclasses import dataclass
from enum import IntFlag

from lab.wire.packets import UTF8, Channel, take_lenenc, take_string

PLUGIN = "mysql_native_password"


class Can(IntFlag):
    """Capability flags."""

    LONG_FLAG = 0x4
    CONNECT_WITH_DB = 0x8
    PROTOCOL_41 = 0x200
    SSL = 0x800
    SECURE_CONNECTION = 0x8000
    PLUGIN_AUTH = 0x80000
    CONNECT_ATTRS = 0x100000
    PLUGIN_AUTH_LENENC = 0x200000


SERVER = (
    Can.LONG_FLAG
    | Can.CONNECT_WITH_DB
    | Can.PROTOCOL_41
    | Can.SECURE_CONNECTION
    | Can.PLUGIN_AUTH
    | Can.CONNECT_ATTRS
    | Can.PLUGIN_AUTH_LENENC
)


@dataclass(frozen=True, slots=True)
class Login:
    """What a client says of itself."""

    user: str
    scramble: bytes
    challenge: bytes
    database: str


def shake_hands(channel: Channel, connection_id: int, mysql_version: str, tls: ssl.SSLContext | None) -> Login:
    """Greet, go over to TLS if the client asks for it, and read the login; nothing is checked here."""
    challenge = bytes(1 + byte % 127 for byte in os.urandom(20))
    flags = SERVER | Can.SSL if tls else SERVER
    channel.write(_greeting(connection_id, mysql_version, challenge, flags))
    reply = channel.read()
    asked = Can(struct.unpack_from("<I", reply)[0] & int(flags | Can.SSL))
    if Can.SSL in asked and tls:
        channel.sock = tls.wrap_socket(channel.sock, server_side=True)
        reply = channel.read()
    return _login(channel, reply, challenge)


def _greeting(connection_id: int, mysql_version: str, challenge: bytes, flags: Can) -> bytes:
    return (
        b"\x0a"
        + mysql_version.encode()
        + b"\x00"
        + struct.pack("<I", connection_id)
        + challenge[:8]
        + b"\x00"
        + struct.pack("<HBHHB", flags & 0xFFFF, UTF8, 0, flags >> 16, 21)
        + bytes(10)
        + challenge[8:]
        + b"\x00"
        + PLUGIN.encode()
        + b"\x00"
    )


def _login(channel: Channel, reply: bytes, challenge: bytes) -> Login:
    client = Can(struct.unpack_from("<I", reply)[0] & 0x3FFFFF)
    user, at = take_string(reply, 32)
    scramble, at = take_lenenc(reply, at)
    database = ""
    if Can.CONNECT_WITH_DB in client:
        database, at = take_string(reply, at)
    plugin = take_string(reply, at)[0] if Can.PLUGIN_AUTH in client else PLUGIN
    if plugin != PLUGIN:
        channel.write(b"\xfe" + PLUGIN.encode() + b"\x00" + challenge + b"\x00")
        scramble = channel.read()
    return Login(user, scramble, challenge, database)


def stored_password(password: str) -> str:
    """`*` and the hex of SHA1(SHA1(password)), or nothing for no password."""
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper() if password else ""


def password_fits(stored: str, login: Login) -> bool:
    """Whether the client knows the password behind a stored hash."""
    if not stored or not login.scramble:
        return not stored and not login.scramble
    hashed = bytes.fromhex(stored[1:])
    mask = hashlib.sha1(login.challenge + hashed).digest()
    once = bytes(a ^ b for a, b in zip(login.scramble, mask, strict=False))
    return hmac.compare_digest(hashlib.sha1(once).digest(), hashed)
