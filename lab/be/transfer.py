"""Uploading and downloading snapshots, as be/src/runtime/snapshot_loader.cpp does it.

Each local file goes to `<remote dir>/<name>.<md5>`. What is there already under the same name and md5 is skipped; under
another md5 it is uploaded beside it. A download takes everything in the remote directory that has a suffix, checks the
md5, and gives the files the new tablet's id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from lab.be.tablets import TabletError, read_header, write_header
from lab.faults import Faults, Point
from lab.s3 import Store, StoreError, aws_words, md5_of_file, parse_location

_NAME = re.compile(r"[0-9a-f]{48}_\d+\.(dat|del|upt|cols|vi)|\d+\.hdr|\d+\.dcgs_snapshot|meta")


class Transfer:
    """One BE's way to repositories."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def upload(
        self, source: Path, remote: str, properties: Mapping[str, str], progress: Callable[[int, int], None]
    ) -> None:
        """Upload a snapshot directory to `remote`, a path with scheme and bucket."""
        if not source.is_dir():
            raise TabletError(f"snapshot path is not directory: {source}")
        location = parse_location(remote)
        store = Store(location.bucket, properties)
        there = self._there(store, location.prefix, remote)
        files = sorted(path for path in source.iterdir() if path.is_file())
        for number, path in enumerate(files, 1):
            self._faults.strike(Point.UPLOAD, f"{source.parent.name} {path.name}")
            name = f"{path.name}.{md5_of_file(str(path))}"
            if name not in there:
                key = f"{location.prefix}/{name}"
                try:
                    store.put_file(key, str(path))
                except StoreError as error:
                    raise TabletError(aws_words(error, "put object", f"{remote}/{name}")) from error
            progress(number, len(files))

    def download(self, remote: str, target: Path, properties: Mapping[str, str], tablet_id: int) -> None:
        """Download a tablet's files from `remote` into an empty snapshot directory."""
        if not target.is_dir():
            raise TabletError(f"snapshot path is not directory: {target}")
        location = parse_location(remote)
        store = Store(location.bucket, properties)
        there = self._there(store, location.prefix, remote)
        if not there:
            raise TabletError(f"get nothing from remote path: {remote}")
        for path in target.iterdir():
            path.unlink()
        for full_name in sorted(there):
            self._faults.strike(Point.DOWNLOAD, f"{tablet_id} {full_name}")
            name, _, expected = full_name.rpartition(".")
            if not _NAME.fullmatch(name):
                raise TabletError(f"invalid tablet file name: {name}")
            path = target / name
            self._faults.strike(Point.DISK, str(path))
            try:
                store.get_file(f"{location.prefix}/{full_name}", str(path))
            except StoreError as error:
                raise TabletError(aws_words(error, "get object", f"{remote}/{full_name}")) from error
            got = md5_of_file(str(path))
            if got != expected:
                raise TabletError(f"invalid md5 of downloaded file: {path}, expected: {expected}, get: {got}")
        self._rename(target, tablet_id)

    def _there(self, store: Store, prefix: str, remote: str) -> set[str]:
        """The names in a remote directory."""
        try:
            listed = store.list(f"{prefix}/")
        except StoreError as error:
            if error.status == 404 and error.code != "NoSuchBucket":
                return set()
            raise TabletError(aws_words(error, "list", remote)) from error
        names = (item.key.removeprefix(f"{prefix}/") for item in listed)
        return {name for name in names if "/" not in name and "." in name}

    def _rename(self, target: Path, tablet_id: int) -> None:
        """Give the header the new tablet's id; without one the move that follows says what is missing."""
        try:
            header = read_header(target)
        except TabletError:
            return
        (target / header.file_name).unlink()
        write_header(target, replace(header, tablet_id=tablet_id))
        for path in target.glob("*.dcgs_snapshot"):
            path.rename(target / f"{tablet_id}.dcgs_snapshot")
