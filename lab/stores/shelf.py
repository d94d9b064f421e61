"""The S3 servers of a lab folder by name: what each is and where it listens is written in its store.json."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import assert_never

from lab.daemon import free_port
from lab.problems import LabProblem
from lab.stores.base import S3Server
from lab.stores.fronted import Fronted
from lab.stores.localstack import Localstack
from lab.stores.proxied import Proxied
from lab.stores.radosgw import Radosgw
from lab.stores.rclone import Rclone


class StoreKind(Enum):
    """The S3 servers that can be had by name, without a download from anywhere but a package registry."""

    RCLONE = "rclone"
    RADOSGW = "radosgw"
    LOCALSTACK = "localstack"


@dataclass(frozen=True, slots=True)
class NamedStore:
    """A server with its name and kind."""

    name: str
    kind: StoreKind
    server: S3Server


@dataclass(frozen=True, slots=True)
class Shelf:
    """The stores below `home`/stores."""

    home: Path

    def up(self, name: str, kind: StoreKind, address: str, port: int = 0, *, proxy: bool = False) -> NamedStore:
        """The store of that name, started; a new one listens on `address` at `port`, 0 for a free one, with `proxy`
        behind a fault proxy.

        One that does not come up is ended, and its directory stays to be looked at."""
        directory = self._directory(name)
        document = directory / "store.json"
        if not document.exists():
            directory.mkdir(parents=True, exist_ok=True)
            port = port or free_port(address)
            ports = {"proxy": [free_port(address), free_port(address)]} if proxy else {}
            document.write_text(json.dumps({"kind": kind.value, "address": address, "port": port, **ports}, indent=1))
        store = self.get(name)
        if store.kind is not kind:
            raise LabProblem(f"store {name} is a {store.kind.value}", hint=f"srlab store down {name}")
        try:
            store.server.start()
        except BaseException:
            store.server.stop()
            raise
        return store

    def down(self, name: str) -> None:
        """End the store of that name and remove all that it held."""
        self.get(name).server.stop()
        shutil.rmtree(self._directory(name))
        with suppress(OSError):  # not empty: another store is there
            self._directory(name).parent.rmdir()

    def get(self, name: str) -> NamedStore:
        """The store of that name, running or not."""
        directory = self._directory(name)
        try:
            document = json.loads((directory / "store.json").read_text())
        except FileNotFoundError:
            raise LabProblem(f"there is no store {name} in {self.home}", hint="srlab store up") from None
        kind = StoreKind(document["kind"])
        server = _server(kind, directory, document["address"], document["port"])
        if "proxy" in document:
            proxy = Proxied(server.access, directory / "proxy", document["address"], *document["proxy"])
            server = Fronted(server, proxy)
        return NamedStore(name, kind, server)

    def __iter__(self) -> Iterator[NamedStore]:
        for document in sorted(self.home.glob("stores/*/store.json")):
            yield self.get(document.parent.name)

    def _directory(self, name: str) -> Path:
        return self.home.absolute() / "stores" / name


def _server(kind: StoreKind, directory: Path, address: str, port: int) -> S3Server:
    match kind:
        case StoreKind.RCLONE:
            return Rclone(directory, address, port)
        case StoreKind.RADOSGW:
            return Radosgw(directory, address, port)
        case StoreKind.LOCALSTACK:
            return Localstack(directory, address, port)
        case _:
            assert_never(kind)
