"""Tablets on a BE's disk: `data/<shard>/<tablet>/<schema hash>/` with rowset files and a header that lists them.

A rowset belongs to one version; what a reader sees at version v is the rowsets up to v. A load comes in two steps, as
in StarRocks: rowsets are written under a transaction, then published as a version. A version that is there already is
not replaced: publishing it again is a success without effect, whatever rows it brings (be/src/storage/tablet.cpp:564).
Headers are JSON here; everything else about the files is as on a real BE.
"""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

SHARDS = 1024
PRIMARY = "PRIMARY_KEYS"


class TabletError(Exception):
    """What a BE answers when a tablet task goes wrong."""


@dataclass(frozen=True, slots=True)
class Rowset:
    """The rows of one version: Parquet files whose columns are named by their unique ids, or a delete predicate."""

    id: str
    version: int
    transaction: int
    files: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    size: int = 0
    predicate: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """<tablet>.hdr, or `meta` of a Primary Key tablet."""

    tablet_id: int
    schema_hash: int
    keys: str
    version: int = 1
    rowsets: tuple[Rowset, ...] = ()
    pending: tuple[Rowset, ...] = ()

    @property
    def file_name(self) -> str:
        return "meta" if self.keys == PRIMARY else f"{self.tablet_id}.hdr"

    def up_to(self, version: int) -> Header:
        """The header of a snapshot at a version."""
        return replace(
            self,
            version=version,
            rowsets=tuple(rowset for rowset in self.rowsets if rowset.version <= version),
            pending=(),
        )


def rowset_id() -> str:
    """48 hex digits, the first byte being the id's version (be/src/storage/rowset/rowset_id_generator)."""
    return "0200" + os.urandom(22).hex()


class Tablets:
    """All tablets of one storage root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._data = root / "data"
        self._lock = threading.RLock()
        self._headers: dict[int, Header] = {}
        self._directories: dict[int, Path] = {}
        self._data.mkdir(parents=True, exist_ok=True)
        for directory in self._data.glob("*/*/*"):
            self._directories[int(directory.parent.name)] = directory

    def __len__(self) -> int:
        return len(self._directories)

    def ids(self) -> list[int]:
        return list(self._directories)

    def used(self) -> int:
        """Bytes of the rowsets that were looked at so far."""
        with self._lock:
            return sum(rowset.size for header in self._headers.values() for rowset in header.rowsets)

    def directory(self, tablet_id: int) -> Path:
        found = self._directories.get(tablet_id)
        if found is None:
            raise TabletError(f"failed to get local tablet: {tablet_id}")
        return found

    def header(self, tablet_id: int) -> Header:
        with self._lock:
            if tablet_id not in self._headers:
                self._headers[tablet_id] = read_header(self.directory(tablet_id))
            return self._headers[tablet_id]

    def create(self, tablet_id: int, schema_hash: int, keys: str) -> None:
        """An empty tablet at version 1; does nothing if it is there."""
        with self._lock:
            if tablet_id in self._directories:
                return
            directory = self._data / str(tablet_id % SHARDS) / str(tablet_id) / str(schema_hash)
            directory.mkdir(parents=True)
            self._directories[tablet_id] = directory
            self._save(Header(tablet_id, schema_hash, keys))

    def drop(self, tablet_id: int, trash: Path | None) -> None:
        """Move a tablet to the trash, or delete it."""
        with self._lock:
            directory = self._directories.pop(tablet_id, None)
            self._headers.pop(tablet_id, None)
            if directory is None:
                return
            if trash is None:
                shutil.rmtree(directory.parent)
            else:
                trash.mkdir(parents=True, exist_ok=True)
                shutil.move(directory.parent, trash / str(tablet_id))

    def write(self, tablet_id: int, rowset: Rowset, files: list[bytes]) -> None:
        """Keep a rowset under its transaction until it is published."""
        with self._lock:
            directory, header = self.directory(tablet_id), self.header(tablet_id)
            for name, content in zip(rowset.files, files, strict=True):
                (directory / name).write_bytes(content)
            kept = tuple(other for other in header.pending if other.transaction != rowset.transaction)
            self._save(replace(header, pending=(*kept, rowset)))

    def publish(self, tablet_id: int, transaction: int, version: int) -> None:
        """Make a transaction's rowset visible as a version; a tablet without one just moves on to the version."""
        with self._lock:
            header = self.header(tablet_id)
            pending = next((rowset for rowset in header.pending if rowset.transaction == transaction), None)
            rest = tuple(rowset for rowset in header.pending if rowset.transaction != transaction)
            if header.version >= version:
                if pending and not any(rowset.transaction == transaction for rowset in header.rowsets):
                    self._delete(tablet_id, pending)
                self._save(replace(header, pending=rest))
                return
            if header.version + 1 != version:
                raise TabletError(f"tablet {tablet_id} is at version {header.version}, can not publish {version}")
            rowsets = (*header.rowsets, replace(pending, version=version)) if pending else header.rowsets
            self._save(replace(header, version=version, rowsets=rowsets, pending=rest))

    def forget(self, tablet_id: int, transaction: int) -> None:
        """Drop what an aborted transaction wrote."""
        with self._lock:
            if tablet_id not in self._directories:
                return
            header = self.header(tablet_id)
            for rowset in header.pending:
                if rowset.transaction == transaction:
                    self._delete(tablet_id, rowset)
            kept = tuple(rowset for rowset in header.pending if rowset.transaction != transaction)
            self._save(replace(header, pending=kept))

    def seen_at(self, tablet_id: int, version: int) -> Header:
        """What a reader sees of a tablet at a version."""
        header = self.header(tablet_id)
        if header.version < version:
            raise TabletError(f"version not found. tablet_id: {tablet_id}, version: {version}, max: {header.version}")
        return header.up_to(version)

    def convert(self, tablet_id: int, to: int, schema_hash: int) -> None:
        """A schema change: the same rows under a new tablet id (StarRocks writes them anew, we link the files)."""
        with self._lock:
            header = self.header(tablet_id)
            self.create(to, schema_hash, header.keys)
            self.replace_files(
                to, self.directory(tablet_id), replace(header, tablet_id=to, schema_hash=schema_hash, pending=())
            )

    def replace_files(self, tablet_id: int, source: Path, header: Header) -> None:
        """Take the files of a directory in the place of the tablet's own."""
        with self._lock:
            directory = self.directory(tablet_id)
            for path in directory.iterdir():
                path.unlink()
            for rowset in header.rowsets:
                for name in rowset.files:
                    os.link(source / name, directory / name)
            self._save(header)

    def _delete(self, tablet_id: int, rowset: Rowset) -> None:
        for name in rowset.files:
            (self.directory(tablet_id) / name).unlink(missing_ok=True)

    def _save(self, header: Header) -> None:
        directory = self.directory(header.tablet_id)
        write_header(directory, header)
        self._headers[header.tablet_id] = header


def write_header(directory: Path, header: Header) -> None:
    """Replace the header in one step."""
    new = directory / f"{header.file_name}.new"
    new.write_bytes(msgspec.json.encode(header))
    new.rename(directory / header.file_name)


def read_header(directory: Path) -> Header:
    """The header of a tablet directory or of a snapshot of one."""
    for path in [directory / "meta", *directory.glob("*.hdr")]:
        if path.exists():
            try:
                return msgspec.json.decode(path.read_bytes(), type=Header)
            except msgspec.MsgspecError as error:
                raise TabletError(f"fail to load header of {directory}: {error}") from error
    raise TabletError(f"fail to find header or meta file in {directory}")
