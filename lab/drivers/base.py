"""What a driver does: it gives nodes a place to live, and lets them be started, stopped, hurt and looked into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

# StarRocks' default ports; every node has an address of its own, so none has others.
QUERY_PORT = 9030
FE_HTTP_PORT = 8030
EDIT_LOG_PORT = 9010
RPC_PORT = 9020
HEARTBEAT_PORT = 9050
BE_PORT = 9060
BE_HTTP_PORT = 8040
BRPC_PORT = 8060
FE_ADMIN_PORT = 8031  # the lab's own: faults and time
BE_ADMIN_PORT = 8041


class NodeKind(Enum):
    """The two programs of a StarRocks cluster; the value is the program's module name and directory name."""

    FE = "fe"
    BE = "be"


class NodeState(Enum):
    """Whether a node's program runs. `PAUSED` accepts connections and answers nothing."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a driver put a node: `host` is where this machine reaches it, `known_as` what the cluster calls it (the
    same in process mode), `root` its StarRocks home: a directory here, or one in `container`. `published` is the
    port on 127.0.0.1 that leads to its MySQL port, if any."""

    host: str
    known_as: str
    root: str
    container: str | None = None
    published: int | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One FE or BE, whether it runs or not. `name` is unique on the machine: LAB-fe-1, LAB-be-2."""

    lab: str
    name: str
    kind: NodeKind
    place: Place
    helper: str | None = None
    """The FE that a new follower asks first, as HOST:EDIT_LOG_PORT; nothing for the first FE and for BEs."""

    @property
    def arguments(self) -> list[str]:
        """How its program is started, after the interpreter and the address to listen on."""
        helper = [] if self.helper is None else ["--helper", self.helper]
        return ["-m", f"lab.{self.kind.value}", "--root", self.place.root, "--host", self.place.known_as, *helper]


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command run in a node's place ended with."""

    code: int
    out: bytes
    err: bytes


class Driver(Protocol):
    """Places for the nodes of labs. Paths of files are relative to a node's root unless absolute."""

    @property
    def store_address(self) -> str:
        """An address of this machine that nodes and the tools beside them reach alike: S3 servers listen there."""
        ...

    def reserve(self, lab: str, names: Mapping[NodeKind, Sequence[str]], *, publish: bool) -> Mapping[str, Place]:
        """Addresses (and a network) for nodes of these names; nobody else gets them once the lab is written down.

        `publish` asks for MySQL ports on 127.0.0.1; LabProblem from a driver that has none to give."""
        ...

    def create(self, node: Node, files: Mapping[str, str]) -> None:
        """Make the node's place and write `files` into it; the node does not run yet."""
        ...

    def start(self, node: Node) -> None:
        """Start its program; the call returns before it answers. Does nothing if it runs."""
        ...

    def stop(self, node: Node) -> None:
        """SIGTERM, then SIGKILL after ten seconds."""
        ...

    def kill(self, node: Node) -> None:
        """SIGKILL: what was not fsynced is lost."""
        ...

    def pause(self, node: Node) -> None:
        """Freeze it: peers see a node that neither answers nor refuses."""
        ...

    def resume(self, node: Node) -> None:
        """Undo `pause`."""
        ...

    def cut_off(self, node: Node) -> None:
        """Take its network away: it runs on, and nobody reaches it nor is reached. LabProblem from a driver whose
        nodes have no network of their own."""
        ...

    def rejoin(self, node: Node) -> None:
        """Undo `cut_off`. Safe to ask twice."""
        ...

    def state(self, node: Node) -> NodeState:
        """Whether its program runs."""
        ...

    def execute(self, node: Node, argv: Sequence[str]) -> Executed:
        """Run a command in the node's place, in its root. In containers only while the node runs."""
        ...

    def read(self, node: Node, path: str) -> bytes:
        """A file of the node, running or not. Raises FileNotFoundError."""
        ...

    def write(self, node: Node, path: str, content: bytes) -> None:
        """Replace a file of the node, running or not; its directory must exist."""
        ...

    def logs(self, node: Node, lines: int) -> str:
        """The last lines that its program wrote to its output."""
        ...

    def remove(self, lab: str) -> None:
        """End and remove every node of the lab, its network, its volumes. Safe to ask twice."""
        ...
