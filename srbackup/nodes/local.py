"""Nodes on this host: an FE installed without Docker, its home a directory here."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

from srbackup.nodes.base import FileVanished, NodeFile, NodeUnreachable

_CHUNK = 1 << 20


class LocalNode:
    """An FE whose files this process can read."""

    def __init__(self, name: str, home: Path) -> None:
        self._name = name
        self._home = home

    @property
    def name(self) -> str:
        return self._name

    @property
    def home(self) -> str:
        return str(self._home)

    def aliases(self) -> frozenset[str]:
        return frozenset({self._name, socket.gethostname()})

    def files(self, directory: str) -> tuple[NodeFile, ...]:
        if not self._home.is_dir():
            raise NodeUnreachable(
                f"{self._name}: no directory {self._home} on this host",
                hint="Check `directory` of the FE in clusters.yaml: it is the FE's home, which holds meta/ and conf/.",
            )
        root = Path(directory)
        found = []
        for path in sorted(root.rglob("*")):
            try:
                if path.is_file():
                    found.append(NodeFile(path.relative_to(root).as_posix(), path.stat().st_size))
            except FileNotFoundError:
                continue  # replaced between listing and looking: the next listing tells
        return tuple(found)

    def read(self, path: str) -> Iterator[bytes]:
        try:
            with Path(path).open("rb") as stream:
                while piece := stream.read(_CHUNK):
                    yield piece
        except OSError as error:
            raise FileVanished(f"{self._name}: {path} cannot be read: {error.strerror or error}") from error
