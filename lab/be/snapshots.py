"""Snapshots of tablets: `snapshot/<yyyymmddHHMMSS>.<seq>.<timeout>/<tablet>/<schema hash>/`, hard links and a header.

A backup's snapshot holds the rowsets of a version; a restore's is an empty directory that downloads go to, and MOVE
makes it the tablet (be/src/storage/snapshot_manager.cpp, runtime/snapshot_loader.cpp).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from lab.be.tablets import PRIMARY, TabletError, Tablets, read_header, write_header

DELTA_COLUMN_GROUPS = b"DCGS\x00\x00\x00\x00"


class Snapshots:
    """The snapshot directory of one BE."""

    def __init__(self, root: Path, tablets: Tablets) -> None:
        self.root = root / "snapshot"
        self.root.mkdir(parents=True, exist_ok=True)
        self._tablets = tablets
        self._numbers = count(0)

    def make(self, tablet_id: int, version: int, timeout: int) -> Path:
        """Hard-link a tablet's rowsets at a version. The path that FE gets ends above the tablet's directory."""
        try:
            header = self._tablets.seen_at(tablet_id, version)
        except TabletError as error:
            raise TabletError(f"make_snapshot failed. status: {error}") from error
        source = self._tablets.directory(tablet_id)
        target = self._new(timeout) / str(tablet_id) / str(header.schema_hash)
        target.mkdir(parents=True)
        for rowset in header.rowsets:
            for name in rowset.files:
                os.link(source / name, target / name)
        write_header(target, header)
        if header.keys != PRIMARY:
            (target / f"{tablet_id}.dcgs_snapshot").write_bytes(DELTA_COLUMN_GROUPS + str(tablet_id).encode())
        return target

    def make_empty(self, tablet_id: int, timeout: int) -> Path:
        """The directory that a restore of a tablet downloads into."""
        header = self._existing(tablet_id)
        target = self._new(timeout) / str(tablet_id) / str(header)
        target.mkdir(parents=True)
        return target

    def _existing(self, tablet_id: int) -> int:
        try:
            return self._tablets.header(tablet_id).schema_hash
        except TabletError as error:
            raise TabletError("tablet not found") from error

    def move(self, path: Path, tablet_id: int) -> None:
        """Make downloaded files the content of a tablet."""
        try:
            header = read_header(path)
            target = self._tablets.header(tablet_id)
            self._tablets.replace_files(
                tablet_id, path, replace(header, tablet_id=tablet_id, schema_hash=target.schema_hash, pending=())
            )
        except (TabletError, OSError) as error:
            raise TabletError(f"{error},Fail to move dir={path} tablet id={tablet_id}") from error

    def release(self, path: Path) -> None:
        """Delete a snapshot; one that is gone already is fine."""
        top = next((parent for parent in path.parents if parent.parent == self.root), None)
        if top is not None:
            shutil.rmtree(top, ignore_errors=True)

    def sweep(self, now: datetime) -> None:
        """Delete snapshots whose embedded timeout has passed (storage_engine.cpp)."""
        for directory in self.root.iterdir():
            stamp, _, rest = directory.name.partition(".")
            made = datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            if (now - made).total_seconds() > int(rest.rpartition(".")[2] or 0):
                shutil.rmtree(directory, ignore_errors=True)

    def _new(self, timeout: int) -> Path:
        stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        return self.root / f"{stamp}.{next(self._numbers)}.{timeout}"
