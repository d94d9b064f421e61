"""Use cases wired to fakes: a configuration folder, a store in memory, clusters in memory."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ulid import ULID

from srbackup.config.load import Configuration, load
from srbackup.model.cluster import Cluster
from srbackup.model.policy import Policy
from srbackup.model.repository import Repository
from srbackup.nodes.base import Node
from srbackup.notify.base import Messenger, NotDelivered
from srbackup.starrocks.base import StarRocks
from srbackup.storage.memory import MemoryStore
from tests.fakes.clock import FastClock
from tests.fakes.node import FakeNode
from tests.fakes.starrocks import FakeCluster

CLUSTERS = """
clusters:
  production:
    frontends: [{name: fe-1, host: fe-1, container: fe-1}]
  other:
    frontends: [{name: fe-1, host: other}]
"""
REPOSITORIES = """
repositories:
  store: {url: "s3://bucket/prefix"}
"""
POLICY = """
cluster: production
repository: store
limits: {stall: 60s, pending: 30s, checkpoint: 2m}
"""
PATIENT = POLICY.replace("{stall: 60s, pending: 30s, checkpoint: 2m}", "{stall: 10m, pending: 10m, checkpoint: 30m}")
"""For clocks so fast that a busy machine looks like a cluster that stands still."""


class FakeMessenger:
    """Remembers what was delivered; fails with `problem` where it has one."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.delivered: list[dict[str, Any]] = []

    def deliver(self, document: str) -> None:
        if self.problem:
            raise NotDelivered(self.problem)
        self.delivered.append(json.loads(document))


@dataclass
class FakeWiring:
    """Everything in memory; `clusters` and `nodes` by name."""

    configuration: Configuration
    clock: FastClock
    memory: MemoryStore
    clusters: dict[str, FakeCluster]
    node: FakeNode = field(default_factory=FakeNode)
    messengers: dict[int, FakeMessenger] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def store(self, repository: Repository) -> MemoryStore:
        return self.memory

    def starrocks(self, cluster: Cluster) -> StarRocks:
        return self.clusters[cluster.name].connect()

    def nodes(self, cluster: Cluster) -> Mapping[str, Node]:
        return {"fe-1": self.node}

    def messenger(self, policy: Policy, number: int) -> Messenger:
        return self.messengers.setdefault(number, FakeMessenger())

    def reloaded(self) -> FakeWiring:
        """The same world, its configuration read again."""
        return replace(self, configuration=load(self.configuration.folder))

    def anew(self) -> FakeWiring:
        """The same world for another process: nobody has asked that one to stop."""
        return replace(self, clock=self.clock.running_on())

    def nonce(self) -> str:
        return f"{next(self._numbers):04x}{'0' * 12}"

    def ulid(self) -> str:
        return f"{str(ULID.from_datetime(self.clock.now()))[:10]}{next(self._numbers):016}"


def fake_wiring(folder: Path, policy: str = POLICY, *, speed: float = 100.0) -> FakeWiring:
    (folder / "clusters.yaml").write_text(CLUSTERS)
    (folder / "repositories.yaml").write_text(REPOSITORIES)
    (folder / "nightly.yaml").write_text(policy)
    clock = FastClock(speed)
    store = MemoryStore(clock)
    clusters = {
        "production": FakeCluster(clock, store, "production", "1001"),
        "other": FakeCluster(clock, store, "other", "2002"),
    }
    return FakeWiring(load(folder), clock, store, clusters)
