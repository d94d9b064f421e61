"""The one place that names real adapters: which store, which cluster connection, which nodes.

Those with heavy drivers are imported where they are asked for: commands that read the bucket alone start twice as fast.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from ulid import ULID

from srbackup.catalog.catalog import Catalog
from srbackup.clock import Clock, SystemClock
from srbackup.config.load import Configuration
from srbackup.errors import SrbackupError
from srbackup.model.cluster import Cluster
from srbackup.model.policy import Policy
from srbackup.model.repository import Repository
from srbackup.nodes.base import Node
from srbackup.nodes.local import LocalNode
from srbackup.notify.base import Messenger
from srbackup.notify.command import Command
from srbackup.starrocks.base import StarRocks
from srbackup.storage.base import ObjectStore
from srbackup.storage.local import LocalStore
from srbackup.storage.s3 import s3_store

DEFAULT_HOME = "/opt/starrocks/fe"


class Wiring(Protocol):
    """What use cases need of the outside world; tests hand in another one."""

    @property
    def configuration(self) -> Configuration: ...

    @property
    def clock(self) -> Clock: ...

    def store(self, repository: Repository) -> ObjectStore: ...

    def starrocks(self, cluster: Cluster) -> StarRocks: ...

    def nodes(self, cluster: Cluster) -> Mapping[str, Node]:
        """The FEs that can be entered, by configured name."""
        ...

    def messenger(self, policy: Policy, number: int) -> Messenger:
        """The way to tell somebody that a policy's notification of that number names."""
        ...

    def nonce(self) -> str:
        """Sixteen hexadecimal digits that nobody else has."""
        ...

    def ulid(self) -> str:
        """An identifier that sorts by its time of birth."""
        ...


@dataclass(frozen=True)
class RealWiring:
    """Adapters for the real world. Nothing connects before it is used. `trace` is told of every SQL statement."""

    configuration: Configuration
    clock: Clock = field(default_factory=SystemClock)
    trace: Callable[[str], None] = field(default=lambda _statement: None)

    def store(self, repository: Repository) -> ObjectStore:
        if repository.scheme == "file":
            return LocalStore(Path(urlsplit(repository.url).path))
        return s3_store(repository)

    def starrocks(self, cluster: Cluster) -> StarRocks:
        from srbackup.starrocks.cluster import MySqlStarRocks

        return MySqlStarRocks(cluster, self._aliases(cluster), self.trace)

    def nodes(self, cluster: Cluster) -> Mapping[str, Node]:
        from srbackup.nodes.docker import DockerNode, docker_client

        found: dict[str, Node] = {}
        containers = [f for f in cluster.frontends if f.container]
        client = docker_client(cluster.docker_host) if containers else None
        for frontend in cluster.frontends:
            home = str(frontend.directory) if frontend.directory else DEFAULT_HOME
            if frontend.container and client is not None:
                found[frontend.name] = DockerNode(client, frontend.container, home)
            elif frontend.directory:
                found[frontend.name] = LocalNode(frontend.name, frontend.directory)
        return found

    def messenger(self, policy: Policy, number: int) -> Messenger:
        if command := policy.notifications[number].command:
            return Command(command)
        from srbackup.notify.webhook import Webhook

        return Webhook(self.configuration.webhook(policy, number))

    def _aliases(self, cluster: Cluster) -> Mapping[str, frozenset[str]]:
        """More names for each FE; without the engine there are none, and the connection tells what it cannot tell."""
        try:
            return {name: node.aliases() for name, node in self.nodes(cluster).items()}
        except SrbackupError:
            return {}

    def nonce(self) -> str:
        return secrets.token_hex(8)

    def ulid(self) -> str:
        return str(ULID())


def catalog(wiring: Wiring, repository: Repository) -> Catalog:
    return Catalog(wiring.store(repository), wiring.clock)
