"""The daemon's two pages: /metrics for Prometheus, /healthz for whoever restarts containers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from srbackup.errors import Failed, UsageProblem
from srbackup.report.metrics import CONTENT_TYPE

Page = Callable[[], tuple[HTTPStatus, str, str]]
"""What a page says at this moment: status, content type and text."""


def address(text: str) -> tuple[str, int]:
    """HOST:PORT as a pair; [HOST]:PORT for an IPv6 address."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageProblem(f"{text!r} is no address to listen on", hint="Write HOST:PORT, for example 127.0.0.1:9464.")
    return host.removeprefix("[").removesuffix("]"), int(port)


class Pages:
    """An HTTP server in threads of its own, from its birth until `close`."""

    def __init__(self, listen: tuple[str, int], pages: dict[str, Page]) -> None:
        host, port = listen
        try:
            self._server = _server(host, port, pages)
        except OSError as error:
            raise Failed(
                f"Cannot listen on {host}:{port}: {error.strerror or error}", hint="Choose another."
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def metrics_page(text: Callable[[], str]) -> Page:
    return lambda: (HTTPStatus.OK, CONTENT_TYPE, text())


def health_page(health: Callable[[], tuple[bool, object]]) -> Page:
    """200 while all is well, 503 otherwise; the document says what is not."""

    def page() -> tuple[HTTPStatus, str, str]:
        healthy, document = health()
        status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
        return status, "application/json", json.dumps(document) + "\n"

    return page


def _server(host: str, port: int, pages: dict[str, Page]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            status, kind, text = (
                (HTTPStatus.NOT_FOUND, "text/plain", " ".join(pages) + "\n") if page is None else page()
            )
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are no news."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Server((host, port), Handler)
