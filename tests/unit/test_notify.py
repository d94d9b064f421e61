"""Telling somebody, by a real HTTP server and real programs: what arrives, and what is said where nothing does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from srbackup.config.load import load
from srbackup.errors import ConfigurationError
from srbackup.model.secret import Secret
from srbackup.notify.base import NotDelivered
from srbackup.notify.command import Command
from srbackup.notify.webhook import Webhook
from tests.fakes.wiring import CLUSTERS, REPOSITORIES

DOCUMENT = json.dumps({"kind": "Notification", "message": "größer"})


class Server(HTTPServer):
    """Answers POST with the statuses that it is given, the last one for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.statuses = [200]
        self.received: list[tuple[str, str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/T0SECRET"


class _Answering(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, self.headers["Content-Type"], body))
        status = self.server.statuses[0] if len(self.server.statuses) == 1 else self.server.statuses.pop(0)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_webhook_gets_the_document_as_json(server: Server) -> None:
    Webhook(Secret(server.url)).deliver(DOCUMENT)
    assert server.received == [("/hooks/T0SECRET", "application/json", DOCUMENT.encode())]


def test_a_webhook_that_cannot_now_is_tried_again(server: Server) -> None:
    server.statuses = [503, 429, 204]
    Webhook(Secret(server.url)).deliver(DOCUMENT)
    assert len(server.received) == 3


@pytest.mark.parametrize(
    ("status", "requests", "said"),
    [(500, 3, "answered 500"), (404, 1, "answered 404 Not Found"), (302, 1, "answered 302 Found")],
)
def test_a_webhook_that_refuses_is_told_by_its_status(server: Server, status: int, requests: int, said: str) -> None:
    server.statuses = [status]
    with pytest.raises(NotDelivered, match=said):
        Webhook(Secret(server.url)).deliver(DOCUMENT)
    assert len(server.received) == requests


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9/hooks/T0SECRET", "no connection"),
        ("hooks.example/T0SECRET", "its URL is none"),
        ("ftp://hooks.example/T0SECRET", "its URL is none"),
        ("https:///T0SECRET", "its URL is none"),
    ],
)
def test_nothing_of_a_webhook_that_is_not_reached_is_shown(url: str, said: str) -> None:
    with pytest.raises(NotDelivered, match=said) as raised:
        Webhook(Secret(url)).deliver(DOCUMENT)
    assert "T0SECRET" not in f"{raised.value}{raised.value.__cause__}"


def test_a_server_that_is_not_trusted_is_not_told(server: Server) -> None:
    with pytest.raises(NotDelivered, match="cannot be encrypted"):
        Webhook(Secret(server.url.replace("http:", "https:"))).deliver(DOCUMENT)
    assert server.received == []


def test_a_command_reads_the_document_from_its_standard_input(tmp_path: Path) -> None:
    Command(["sh", "-c", f"cat > {tmp_path}/told"]).deliver(DOCUMENT)
    assert (tmp_path / "told").read_text() == DOCUMENT


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["sh", "-c", "echo no such channel >&2; exit 3"], "sh ended with status 3: no such channel"),
        (["/nowhere/pager"], "/nowhere/pager cannot be run: No such file or directory"),
    ],
)
def test_a_command_that_fails_is_told_with_what_it_said(command: list[str], said: str) -> None:
    with pytest.raises(NotDelivered, match=said):
        Command(command).deliver(DOCUMENT)


def test_a_command_that_reads_nothing_is_no_failure() -> None:
    Command(["true"]).deliver(DOCUMENT * 100_000)


def test_the_url_of_a_webhook_is_looked_up_when_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clusters.yaml").write_text(CLUSTERS)
    (tmp_path / "repositories.yaml").write_text(REPOSITORIES)
    (tmp_path / "nightly.yaml").write_text(
        "cluster: production\nrepository: store\nnotifications:\n- command: [pager]\n- webhook: ${HOOK}\n"
    )
    configuration = load(tmp_path)
    policy = configuration.policy("nightly")
    with pytest.raises(ConfigurationError, match=r"nightly\.yaml:5:12: notifications\[1\]\.webhook: .*HOOK is not set"):
        configuration.webhook(policy, 1)
    monkeypatch.setenv("HOOK", "https://hooks.example/T0SECRET")
    assert configuration.webhook(policy, 1).reveal() == "https://hooks.example/T0SECRET"
