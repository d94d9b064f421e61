"""The S3 part of localstack: the server with the features of AWS that the others lack.

It checks and returns flexible checksums, serves conditional writes, versioning and object lock, and does *not* verify
signatures. Its dependencies do not go with ours, so it lives in a virtual environment of its own, made on demand.
"""

from __future__ import annotations

import os
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

from lab.daemon import Daemon
from lab.problems import NotAvailable
from lab.stores.base import S3Access, create_bucket
from lab.waiting import wait_for

# 4.9.2 is the last that runs on Python 3.11; the rest are the newest versions that it can be imported with.
PACKAGES = (
    "localstack-core[base-runtime]==4.9.2",
    "cbor2<5.8",
    "pyopenssl==25.1.0",
    "cryptography<46",
    "service_identity<25",
)


@dataclass(frozen=True, slots=True)
class Localstack:
    """One localstack process that serves S3 alone."""

    directory: Path
    address: str
    port: int
    access_key: str = "lab-access-key"
    secret_key: str = "lab-secret-key"

    @property
    def access(self) -> S3Access:
        return S3Access(f"http://{self.address}:{self.port}", self.access_key, self.secret_key)

    def start(self) -> None:
        program = self._install()
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.running():
            return
        self._daemon.log.unlink(missing_ok=True)
        self._daemon.start(
            [str(program), "-m", "localstack.runtime.main"],
            env={
                "SERVICES": "s3",
                "STRICT_SERVICE_LOADING": "1",
                "EAGER_SERVICE_LOADING": "1",
                "GATEWAY_LISTEN": f"{self.address}:{self.port}",
                "DISABLE_EVENTS": "1",
                "SKIP_SSL_CERT_DOWNLOAD": "1",
                "DNS_ADDRESS": "0",
                "S3_SKIP_SIGNATURE_VALIDATION": "0",
                "FILESYSTEM_ROOT": str(self.directory / "data"),
            },
        )
        wait_for(
            self._ready,
            f"an answer of localstack at {self.address}:{self.port}",
            seconds=60,
            explain=self._daemon.tail,
        )
        create_bucket(self.access)

    def stop(self) -> None:
        self._daemon.stop(seconds=5)

    def running(self) -> bool:
        return self._daemon.pid() is not None

    def _ready(self) -> bool | None:
        log = self._daemon.log
        return True if log.exists() and "Ready." in log.read_text(errors="replace").splitlines() else None

    def _install(self) -> Path:
        """The interpreter of its environment, made if it is not complete yet (20 s, 195 MB)."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "srlab" / "localstack-4.9.2"
        program = cache / "bin" / "python"
        complete = cache / "complete"
        if not complete.exists():
            venv.create(cache, with_pip=True, clear=True)
            install = [str(program), "-m", "pip", "install", "--quiet", *PACKAGES]
            done = subprocess.run(install, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise NotAvailable("localstack cannot be installed", hint=done.stderr.strip())
            complete.touch()
        return program

    @property
    def _daemon(self) -> Daemon:
        return Daemon(self.directory / "localstack.pid", self.directory / "localstack.log")
