"""StarRocks' own snapshots in the bucket, read: what `__info_*` says was taken, and whether all of it is there.

Layout and documents: StarRocks `Repository.java`, `BackupJobInfo.java`, be `snapshot_loader.cpp`. Every object's
name ends in the MD5 of its content; `__info_*` is written last, so it alone makes a snapshot whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from srbackup.catalog import layout
from srbackup.errors import Failed
from srbackup.model.point import StoredObject
from srbackup.storage.base import ObjectStore

_NAME = re.compile(r"^(?P<file>.+)\.(?P<md5>[0-9a-f]{32})$")
_INFO = re.compile(r"^__info_(?P<timestamp>[^/.]+)\.(?P<md5>[0-9a-f]{32})$")
_TABLET = re.compile(r"^__ss_content/__db_\d+/__tbl_\d+/__part_\d+/__idx_\d+/__(?P<tablet>\d+)/.+$")


class SnapshotDamaged(Failed):
    """A snapshot lacks something, or holds something else than its names say."""


@dataclass(frozen=True, slots=True)
class SnapshotPartition:
    """A partition as `__info_*` has it: versions are pairs of physical partition id and visible version."""

    name: str
    id: int
    versions: tuple[tuple[int, int], ...]
    tablets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SnapshotTable:
    name: str
    id: int
    partitions: tuple[SnapshotPartition, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole snapshot: what it holds and the objects it is made of."""

    label: str
    database: str
    timestamp: str
    tables: tuple[SnapshotTable, ...]
    objects: tuple[StoredObject, ...]

    @property
    def bytes(self) -> int:
        return sum(o.size for o in self.objects)

    def table(self, name: str) -> SnapshotTable | None:
        return next((t for t in self.tables if t.name == name), None)


def exists(store: ObjectStore, repository: str, label: str) -> bool:
    """Whether anything was ever written under the label: it is then used up, whatever came of it."""
    return any(True for _ in store.scan(layout.snapshot(repository, label)))


def sizes(store: ObjectStore, repository: str, label: str) -> Iterator[int]:
    """Sizes in bytes of what has arrived under the label."""
    return (o.size for o in store.scan(layout.snapshot(repository, label)))


def find(store: ObjectStore, repository: str, label: str) -> Snapshot | None:
    """The snapshot of that label, audited; None while it has no `__info_*`, that is, while it is not whole."""
    prefix = layout.snapshot(repository, label)
    objects = tuple(StoredObject(o.key, o.size) for o in store.scan(prefix))
    names = [o.key.removeprefix(prefix) for o in objects]
    infos = [m for n in names if (m := _INFO.match(n))]
    if not infos:
        return None
    if len(infos) > 1:
        raise SnapshotDamaged(f"Snapshot {label} has {len(infos)} __info_* objects: {', '.join(m[0] for m in infos)}")
    data = store.read(prefix + infos[0][0]).data
    if (found := hashlib.md5(data, usedforsecurity=False).hexdigest()) != infos[0]["md5"]:
        raise SnapshotDamaged(f"{store.place}/{prefix}{infos[0][0]} is damaged: the MD5 of its content is {found}")
    database, tables = parse_info(data, label)
    snapshot = Snapshot(label, database, infos[0]["timestamp"], tables, objects)
    if problems := list(_problems(snapshot, names)):
        shown = "\n  ".join(problems[:10])
        raise SnapshotDamaged(f"Snapshot {label} is not whole ({len(problems)} problems):\n  {shown}")
    return snapshot


def parse_info(data: bytes, label: str) -> tuple[str, tuple[SnapshotTable, ...]]:
    """Database and tables of an `__info_*` document (BackupJobInfo.toJson), of 3.2 or of 3.4 and later."""
    try:
        document = json.loads(data)
        if document["name"] != label:
            raise SnapshotDamaged(f"Snapshot {label} calls itself {document['name']!r}: StarRocks would look there")
        return document["database"], tuple(
            SnapshotTable(name, int(table["id"]), tuple(_partitions(table["partitions"])))
            for name, table in sorted(document["backup_objects"].items())
        )
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise SnapshotDamaged(f"The __info_* of snapshot {label} is not readable: {error!r}") from error


def _partitions(documents: dict[str, Any]) -> Iterator[SnapshotPartition]:
    for name, document in sorted(documents.items()):
        parts = list((document.get("subPartitions") or {}).values()) or [document]
        yield SnapshotPartition(
            name=name,
            id=int(document["id"]),
            versions=tuple(sorted((int(p["id"]), int(p["version"])) for p in parts)),
            tablets=tuple(sorted({t for p in parts for t in _tablets(p["indexes"].values())})),
        )


def _tablets(indexes: Iterable[dict[str, Any]]) -> Iterator[int]:
    for index in indexes:
        yield from (int(t) for t in index.get("tablets_order") or index["tablets"])


def _problems(snapshot: Snapshot, names: Iterable[str]) -> Iterator[str]:
    """What the listing betrays: a tablet without objects, names without MD5, not exactly one `__meta`."""
    filled, metas = set(), 0
    for name in names:
        if _NAME.match(name) is None:
            yield f"{name} does not end in an MD5: it was never finished"
        if match := _TABLET.match(name):
            filled.add(int(match["tablet"]))
        metas += name.startswith("__meta.") and not name.startswith("__meta.part")
    if metas != 1:
        yield f"{metas} __meta objects instead of one"
    for table in snapshot.tables:
        for partition in table.partitions:
            for tablet in partition.tablets:
                if tablet not in filled:
                    yield f"tablet {tablet} of {table.name}, partition {partition.name}, has no objects"


def damaged_object(objects: Iterable[StoredObject], *, file: str, md5: str) -> StoredObject | None:
    """The object that a backend's error speaks of by file name and expected MD5."""
    name = file.rpartition("/")[2].removesuffix("." + md5)
    stem, dot, suffix = name.partition(".")
    stem = r"\d+" if stem.isdigit() else re.escape(stem)
    wanted = re.compile(f"/{stem}{re.escape(dot + suffix)}\\.{md5}$")
    return next((o for o in objects if wanted.search(o.key)), None)
