"""The journal of an FE: `bdb/*.jdb`, append-only, one entry a line with its CRC32, synced before it counts.

Berkeley DB's files are opaque; ours are lines of JSON under the same names, rolled at the same size, with the same
rules for a copy: ascending names, a torn tail is cut off, a hole in the middle is an error.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from lab.meta.state import Entry

ROLL_AT = 10 * 1024 * 1024  # je.log.fileMax


class JournalBroken(Exception):
    """The journal cannot be read up to its end."""


class Journal:
    """The entries of one FE, in order of their ids."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._entries: list[Entry] = []
        self._file_of: list[tuple[Path, int]] = []
        self.had_files = any(directory.glob("*.jdb"))
        for path in sorted(directory.glob("*.jdb")):
            self._read(path)
        path = self._file_of[-1][0] if self._file_of else directory / "00000000.jdb"
        self._out = path.open("ab")

    @property
    def first_id(self) -> int:
        return self._entries[0].id if self._entries else 0

    @property
    def last(self) -> Entry | None:
        return self._entries[-1] if self._entries else None

    @property
    def max_id(self) -> int:
        return self._entries[-1].id if self._entries else 0

    def after(self, journal_id: int) -> list[Entry]:
        """The entries that follow an id."""
        if not self._entries or journal_id >= self.max_id:
            return []
        return self._entries[max(0, journal_id + 1 - self.first_id) :]

    def at(self, journal_id: int) -> Entry | None:
        place = journal_id - self.first_id
        return self._entries[place] if 0 <= place < len(self._entries) else None

    def append(self, *entries: Entry) -> None:
        """Write and sync."""
        for entry in entries:
            body = msgspec.json.encode(entry)
            self._out.write(f"{zlib.crc32(body):08x} ".encode() + body + b"\n")
            self._entries.append(entry)
        self._out.flush()
        os.fsync(self._out.fileno())
        if self._out.tell() > ROLL_AT:
            self._roll()

    def cut_after(self, journal_id: int) -> None:
        """Forget entries that the group did not accept: the files are written anew up to there."""
        keep = [entry for entry in self._entries if entry.id <= journal_id]
        self.reset(keep)

    def reset(self, entries: list[Entry]) -> None:
        """Hold these entries and no others."""
        self._out.close()
        for path in self.directory.glob("*.jdb"):
            path.unlink()
        self._entries, self._file_of = [], []
        self._out = (self.directory / "00000000.jdb").open("ab")
        self.append(*entries)

    def delete_before(self, journal_id: int) -> None:
        """Delete the files all of whose entries are in an image of this id."""
        self._roll()
        for path, last in list(self._file_of):
            if last <= journal_id and path != Path(self._out.name):
                path.unlink(missing_ok=True)
                self._file_of.remove((path, last))
        self._entries = [entry for entry in self._entries if entry.id > journal_id] or self._entries[-1:]

    def close(self) -> None:
        self._out.close()

    def _roll(self) -> None:
        path = Path(self._out.name)
        if self._out.tell() == 0:
            return
        self._file_of = [item for item in self._file_of if item[0] != path] + [(path, self.max_id)]
        self._out.close()
        self._out = (self.directory / f"{int(path.stem, 16) + 1:08x}.jdb").open("ab")

    def _read(self, path: Path) -> None:
        good = 0
        for line in path.read_bytes().splitlines(keepends=True):
            entry = _entry(line)
            if entry is None:
                break
            if self._entries and entry.id != self.max_id + 1:
                raise JournalBroken(f"LOG_FILE_NOT_FOUND: entry {self.max_id + 1} is missing before {path.name}")
            self._entries.append(entry)
            good += len(line)
        if good < path.stat().st_size:
            os.truncate(path, good)
        self._file_of.append((path, self.max_id))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)


def _entry(line: bytes) -> Entry | None:
    """A line's entry, unless the line is torn."""
    crc, _, body = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or len(crc) != 8 or int(crc, 16) != zlib.crc32(body):
        return None
    return msgspec.json.decode(body, type=Entry)
