"""Stream Load: a file into a table over HTTP, as `curl --location-trusted -T FILE` does it."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from lab.problems import LabProblem


class LoadFailed(LabProblem):
    """The load was refused, or ended with another Status than Success."""


@dataclass(frozen=True, slots=True)
class StreamLoader:
    """A user who loads through one FE's HTTP port. `addresses` is where nodes are that this machine cannot find by
    the name that an FE's redirect gives them."""

    host: str
    port: int
    user: str = "root"
    password: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)

    def load(self, database: str, table: str, file: Path, **headers: str) -> dict[str, Any]:
        """Load a CSV file; `headers` are Stream Load's own (column_separator, columns, ...). Answers its result.

        The body goes to whoever says `100 Continue`: an FE may answer 307 with the address of a BE instead
        (LoadAction.java), which then must be asked with the same credentials.
        """
        host, port = self.host, self.port
        path = f"/api/{quote(database, safe='')}/{quote(table, safe='')}/_stream_load"
        for _ in range(3):
            reply = self._put(host, port, path, file, headers)
            if reply.status not in (301, 302, 307, 308):
                return _result(reply.status, reply.body)
            to = urlsplit(reply.location)
            host, port, path = to.hostname or host, to.port or port, to.path
            host = self.addresses.get(host, host)
        raise LoadFailed(f"Stream Load into {database}.{table} was redirected for ever, last to {host}:{port}")

    def _put(self, host: str, port: int, path: str, file: Path, headers: Mapping[str, str]) -> _Reply:
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        connection = http.client.HTTPConnection(host, port, timeout=300)
        try:
            connection.putrequest("PUT", path)
            connection.putheader("Authorization", f"Basic {login}")
            connection.putheader("Expect", "100-continue")
            connection.putheader("Content-Length", str(file.stat().st_size))
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            if _continues(connection.sock):
                with file.open("rb") as body:
                    connection.send(body)
            response = connection.getresponse()
            return _Reply(response.status, response.getheader("Location", ""), response.read())
        except (OSError, http.client.HTTPException) as error:
            raise LoadFailed(f"Stream Load to {host}:{port}{path} broke off: {error}") from error
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    location: str
    body: bytes


def _continues(connection: socket.socket) -> bool:
    """Whether the first reply is `100 Continue`. It stays in the socket: http.client skips it by itself."""
    start = b"HTTP/1.1 100"
    return connection.recv(len(start), socket.MSG_PEEK | socket.MSG_WAITALL) == start


def _result(status: int, body: bytes) -> dict[str, Any]:
    try:
        result: dict[str, Any] = json.loads(body)
    except ValueError:
        raise LoadFailed(f"Stream Load answered {status}: {body[:500]!r}") from None
    if result.get("Status") != "Success":
        raise LoadFailed(
            f"Stream Load answered {result.get('Status')}: {result.get('Message')}", hint=json.dumps(result)
        )
    return result
