"""The protocol of a node: enough to read files of an FE that may be replaced while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from srbackup.errors import ClusterUnhealthy, SrbackupError


@dataclass(frozen=True, slots=True)
class NodeFile:
    """A file below a directory: its path relative to it, and its size in bytes."""

    path: str
    size: int


class NodeUnreachable(ClusterUnhealthy):
    """The container or directory is not there, is not running, or the Docker engine does not answer."""


class FileVanished(SrbackupError):
    """A file was gone, or ended early, before it was read whole: the FE replaces its images as it likes."""

    transient = True


class Node(Protocol):
    """One FE's machine."""

    @property
    def name(self) -> str: ...

    @property
    def home(self) -> str:
        """The FE's home on the node, which holds meta/ and conf/."""
        ...

    def aliases(self) -> frozenset[str]:
        """Host names and addresses under which other nodes know this one."""
        ...

    def files(self, directory: str) -> tuple[NodeFile, ...]:
        """All regular files below a directory, sorted by path; none when the directory does not exist."""
        ...

    def read(self, path: str) -> Iterator[bytes]:
        """A file in pieces, in constant memory; FileVanished when it could not be read to its end."""
        ...
