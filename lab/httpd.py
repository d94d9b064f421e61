"""HTTP between the nodes and to the outside: a server made of routes, and a client for JSON."""

from __future__ import annotations

import http.client
import json
import select
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, TypeAlias, cast
from urllib.parse import parse_qs, urlsplit

from lab.faults import Fault, Faults


@dataclass(frozen=True, slots=True)
class Request:
    """One request. The body is read by the handler, as far as it wants it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    stream: BinaryIO
    length: int
    client: str

    def body(self) -> bytes:
        return self.stream.read(self.length)

    def json(self) -> Any:
        return json.loads(self.body() or b"{}")


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: a status and bytes, or parts that are sent one by one."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


Handler: TypeAlias = Callable[[Request], Response]


def as_json(value: object, status: int = 200) -> Response:
    return Response(status, json.dumps(value, separators=(",", ":")).encode())


class HttpServer:
    """Serves routes on some ports of one address; a route is a method and the beginning of a path."""

    def __init__(self, address: str, ports: Iterable[int], routes: Mapping[tuple[str, str], Handler]) -> None:
        handler = type("Handler", (_Handler,), {"routes": sorted(routes.items(), key=lambda item: -len(item[0][1]))})
        self._servers = [_Server((address, port), handler) for port in ports]

    def start(self) -> None:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 3600}, daemon=True).start()

    def close(self) -> None:
        for server in self._servers:
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    expecting = False
    routes: list[tuple[tuple[str, str], Handler]]

    def _serve(self) -> None:
        target = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(target.query, keep_blank_values=True).items()}
        length = int(self.headers.get("Content-Length") or 0)
        stream = cast("BinaryIO", _Body(self))
        request = Request(self.command, target.path, query, self.headers, stream, length, str(self.client_address[0]))  # type: ignore[arg-type]
        found = (
            handler
            for (method, path), handler in self.routes
            if method == self.command and target.path.startswith(path)
        )
        handler = next(found, None)
        try:
            response = handler(request) if handler else as_json({"status": "FAILED", "msg": "Not Found"}, 404)
        except ConnectionError:
            self.close_connection = True
            return
        self._send(response)

    def handle_expect_100(self) -> bool:
        """`100 Continue` is sent when a handler begins to read: one that redirects never does."""
        self.expecting = True
        return True

    def continue_if_expected(self) -> None:
        if self.expecting:
            self.expecting = False
            self.send_response_only(100)
            self.end_headers()

    def _send(self, response: Response) -> None:
        if self.expecting:
            self.close_connection = True
        body = response.body
        size = len(body) if isinstance(body, bytes) else response.length
        self.send_response(response.status)
        self.send_header("Content-Type", response.type)
        if size is None:
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(size))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        for part in [body] if isinstance(body, bytes) else body:
            self.wfile.write(part)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged."""


class _Body:
    """A request's body, asked for when it is first read."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler

    def read(self, size: int) -> bytes:
        self._handler.continue_if_expected()
        return self._handler.rfile.read(size)

    def readline(self) -> bytes:
        self._handler.continue_if_expected()
        return self._handler.rfile.readline()


class Unreachable(Exception):
    """The other node did not answer, or not in time."""


def call(
    host: str,
    port: int,
    path: str,
    value: object = None,
    *,
    timeout: float = 10.0,
    while_: Callable[[], bool] | None = None,
) -> Any:
    """POST a JSON value (GET without one) and read the JSON answer."""
    body = None if value is None else json.dumps(value).encode()
    method = "GET" if body is None else "POST"
    return json.loads(exchange(host, port, method, path, body, timeout=timeout, while_=while_) or b"null")


def exchange(
    host: str,
    port: int,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float = 10.0,
    while_: Callable[[], bool] | None = None,
) -> bytes:
    """One request; the body of a good answer, or Unreachable with what the other side said. An answer is waited for
    as long as `while_` holds."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        while while_ is not None and not select.select([connection.sock], [], [], 0.25)[0]:
            if not while_():
                raise Unreachable(f"{host}:{port}: no answer, and none is wanted any longer")
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{host}:{port}: {error}") from error
    finally:
        connection.close()
    if response.status >= 400:
        raise Unreachable(f"{host}:{port}{path}: {response.status} {answer.decode(errors='replace')[:300]}")
    return answer


def admin_routes(
    faults: Faults, tick: Callable[[], None], skew: Callable[[float], None]
) -> dict[tuple[str, str], Handler]:
    """The lab's own door on each node: faults, one round of all periodic work, a clock that is wrong."""
    import msgspec

    def add(request: Request) -> Response:
        return as_json({"number": faults.add(msgspec.json.decode(request.body(), type=Fault))})

    def listed(_request: Request) -> Response:
        return Response(body=msgspec.json.encode({str(number): fault for number, fault in faults}))

    def lift(request: Request) -> Response:
        faults.lift(int(request.query["number"]) if "number" in request.query else None)
        return as_json({"status": "OK"})

    def do_tick(request: Request) -> Response:
        for _ in range(int(request.query.get("times", "1"))):
            tick()
        return as_json({"status": "OK"})

    def clock(request: Request) -> Response:
        skew(float(request.json()["skew"]))
        return as_json({"status": "OK"})

    return {
        ("POST", "/fault"): add,
        ("GET", "/fault"): listed,
        ("DELETE", "/fault"): lift,
        ("POST", "/tick"): do_tick,
        ("POST", "/clock"): clock,
    }
