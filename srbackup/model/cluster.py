"""A StarRocks cluster: how we reach it, and what it says of its nodes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from srbackup.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is encrypted: `ca` is a PEM file, None the system's store."""

    ca: Path | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Frontend:
    """One FE as the configuration knows it.

    `host` and `port` are how srbackup reaches it. SHOW FRONTENDS prints other words when ports are published
    or addresses translated, so an FE is recognised by `names`: its name, host, container, and `internal`.
    """

    name: str
    host: str
    port: int
    container: str | None = None
    directory: Path | None = None
    internal: str | None = None

    @property
    def names(self) -> frozenset[str]:
        return frozenset(n for n in (self.name, self.host, self.container, self.internal) if n)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster of the configuration."""

    name: str
    frontends: tuple[Frontend, ...]
    user: str
    password: Secret
    tls: Tls | None = None
    docker_host: str | None = None

    @property
    def has_nodes(self) -> bool:
        """Whether any FE can be entered: through Docker, or because it runs on this host."""
        return any(f.container or f.directory for f in self.frontends)


@dataclass(frozen=True, slots=True)
class FrontendStatus:
    """One row of SHOW FRONTENDS."""

    name: str
    host: str
    query_port: int
    role: str
    cluster_id: str
    alive: bool
    joined: bool
    replayed_journal_id: int
    version: str
    error: str

    @property
    def is_leader(self) -> bool:
        return self.role == "LEADER"


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """One row of SHOW BACKENDS."""

    id: int
    host: str
    heartbeat_port: int
    alive: bool
    decommissioned: bool
    tablets: int
    version: str
    error: str
    disk_used_percent: float | None = None
    available_bytes: int | None = None

    @property
    def usable(self) -> bool:
        return self.alive and not self.decommissioned


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A StarRocks release as far as its text gives one; `major` 0 when it gives none (builds from main)."""

    major: int
    minor: int
    patch: int
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> Version:
        match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
        if match is None:
            return cls(0, 0, 0, text)
        return cls(int(match[1]), int(match[2]), int(match[3] or 0), text)

    @property
    def known(self) -> bool:
        return self.major > 0

    def before(self, major: int, minor: int, patch: int = 0) -> bool:
        """Whether this is surely an older release; an unknown release counts as a new one."""
        return self.known and (self.major, self.minor, self.patch) < (major, minor, patch)


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What a cluster says of itself at the start of a run."""

    cluster_id: str
    version: Version
    run_mode: str
    frontends: tuple[FrontendStatus, ...]
    backends: tuple[BackendStatus, ...]

    @property
    def leader(self) -> FrontendStatus | None:
        return next((f for f in self.frontends if f.is_leader), None)

    @property
    def usable_backends(self) -> int:
        return sum(b.usable for b in self.backends)
