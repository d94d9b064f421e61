"""The MySQL port: one thread a client, commands to a session, answers back."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Protocol

from lab.answers import Answer, Ok, Rows
from lab.errors import Refused
from lab.wire.handshake import Login, shake_hands
from lab.wire.packets import Channel, Disconnected, column_definition, eof

LOG = logging.getLogger("lab")
UNSUPPORTED = {9: "Statistics", 10: "Processlist", 12: "Kill", 13: "Debug", 23: "Execute", 25: "Close"}


class LoseConnection(Exception):
    """The session wants the connection closed without an answer."""


class Session(Protocol):
    """A logged-in client."""

    def run(self, sql: str) -> Iterator[tuple[Answer, bool]]:
        """One answer a statement and whether another follows; a Refused ends it."""
        ...

    def use(self, database: str) -> None: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


class Door(Protocol):
    """Who lets clients in."""

    def enter(self, connection_id: int, login: Login, channel: Channel, address: str) -> Session:
        """A session for this login, or Refused."""
        ...

    def reported(self, error: Refused) -> tuple[int, str, str]:
        """A refusal as code, SQLSTATE and text."""
        ...


class MysqlServer:
    """Accepts clients at one address until it is closed."""

    def __init__(self, address: tuple[str, int], door: Door, mysql_version: str, tls: ssl.SSLContext | None) -> None:
        self._door = door
        self._mysql_version = mysql_version
        self._tls = tls
        self._ids = count(1)
        self._clients: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(address, backlog=256, reuse_port=False)

    def start(self) -> None:
        threading.Thread(target=self._accept, name="mysql-accept", daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def drop_clients(self) -> None:
        """Break every connection; what the clients' statements have done by then stays done."""
        with self._lock:
            for sock in self._clients:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                sock, address = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._clients.add(sock)
            client = threading.Thread(target=self._serve, args=(sock, f"{address[0]}:{address[1]}"), daemon=True)
            client.start()

    def _serve(self, sock: socket.socket, address: str) -> None:
        try:
            self._talk(sock, address)
        finally:
            with self._lock:
                self._clients.discard(sock)

    def _talk(self, sock: socket.socket, address: str) -> None:
        channel = Channel(sock)
        with suppress(Disconnected, LoseConnection, ConnectionError, ssl.SSLError):
            number = next(self._ids)
            login = shake_hands(channel, number, self._mysql_version, self._tls)
            try:
                session = self._door.enter(number, login, channel, address)
            except Refused as error:
                channel.refuse(*self._door.reported(error))
            else:
                channel.answer(Ok())
                try:
                    self._commands(channel, session)
                finally:
                    session.close()
        with suppress(OSError):
            channel.sock.close()

    def _commands(self, channel: Channel, session: Session) -> None:
        while True:
            packet = channel.read()
            try:
                match packet[0]:
                    case 1:  # QUIT
                        return
                    case 2:  # INIT_DB
                        session.use(packet[1:].decode())
                        channel.answer(Ok())
                    case 3:  # QUERY
                        _answer_all(channel, session.run(packet[1:].decode(errors="replace")))
                    case 14:  # PING
                        channel.answer(Ok())
                    case 31:  # RESET_CONNECTION
                        session.reset()
                        channel.answer(Ok())
                    case 4:  # FIELD_LIST
                        self._field_list(channel, session, packet[1:])
                    case 22:  # STMT_PREPARE
                        raise Refused("This command is not supported in the prepared statement protocol yet", code=1295)
                    case other:
                        raise Refused(f"Unsupported command({UNSUPPORTED.get(other, other)})")
            except Refused as error:
                channel.refuse(*self._door.reported(error))
            except (Disconnected, LoseConnection, OSError):
                raise
            except Exception as error:
                # An error of the lab; StarRocks answers with the bare text of its exceptions, too.
                LOG.exception("a statement ended unexpectedly")
                channel.refuse(*self._door.reported(Refused(f"{type(error).__name__}: {error}")))

    def _field_list(self, channel: Channel, session: Session, body: bytes) -> None:
        """COM_FIELD_LIST: column definitions without a count before them."""
        table = body.split(b"\x00")[0].decode()
        for answer, _ in session.run(f"SELECT * FROM `{table}` LIMIT 0"):
            if isinstance(answer, Rows):
                channel.write(*(column_definition(column) for column in answer.columns), eof())


def _answer_all(channel: Channel, answers: Iterator[tuple[Answer, bool]]) -> None:
    for answer, more in answers:
        channel.answer(answer, more=more)
