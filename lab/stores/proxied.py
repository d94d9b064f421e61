"""An S3 server behind the fault proxy: the same bucket and keys under another endpoint, and trouble on request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from lab.daemon import Daemon, answers, python
from lab.stores.base import S3Access
from lab.waiting import wait_for


@dataclass(frozen=True, slots=True)
class Proxied:
    """A proxy process for one client of a server: the cluster, or the tool. Two of them tell the two apart."""

    behind: S3Access
    directory: Path
    address: str
    port: int
    admin_port: int

    @property
    def access(self) -> S3Access:
        """The server as it is reached through the proxy."""
        return replace(self.behind, endpoint=f"http://{self.address}:{self.port}")

    def start(self) -> None:
        upstream = urlsplit(self.behind.endpoint).netloc
        listen, admin = f"{self.address}:{self.port}", f"{self.address}:{self.admin_port}"
        self.directory.mkdir(parents=True, exist_ok=True)
        self._daemon.start(
            [python(), "-m", "lab.s3proxy", "--listen", listen, "--admin", admin, "--to", upstream],
        )
        what = f"an answer of the S3 proxy at {admin}"
        wait_for(lambda: answers(self.address, self.admin_port) or None, what, seconds=10, explain=self._daemon.tail)

    def stop(self) -> None:
        self._daemon.stop()

    def running(self) -> bool:
        return self._daemon.pid() is not None

    def trouble(self, *rules: Mapping[str, Any]) -> None:
        """Replace the rules in force, in the form of s3rules.from_json; none ends all trouble."""
        self._ask("PUT", json.dumps(rules).encode())

    def rules(self) -> Sequence[Mapping[str, Any]]:
        """The rules in force and how many requests fitted each."""
        found: list[dict[str, Any]] = json.loads(self._ask("GET", None))
        return found

    def _ask(self, method: str, body: bytes | None) -> bytes:
        request = Request(f"http://{self.address}:{self.admin_port}/rules", data=body, method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=10) as reply:
            answer: bytes = reply.read()
        return answer

    @property
    def _daemon(self) -> Daemon:
        return Daemon(self.directory / "s3proxy.pid", self.directory / "s3proxy.log")
