"""The files below `meta/image`: VERSION and ROLE that say who an FE is, and the image that says what it knows.

Layout and format as of 4.x (persist/Storage.java, ImageLoader.java; GlobalStateMgr.java:1771-1794): `v2/image.N` with
`v2/checksum.N`, the CRC32 of the whole file in decimal. The file begins with an int32 4 and a length-prefixed JSON
header {"beid": ...}; then JSON values follow one another: block headers {"i":{"i":ID},"nj":N} with N values each.
The block ids and values are the lab's own.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from lab.meta.records import IdBatch
from lab.meta.state import KINDS, Metadata

META_VERSION = 4  # StarRocksFEMetaVersion.VERSION_4
FIRST_BLOCK = 1000


class ImageBroken(Exception):
    """The image cannot be loaded; the FE does not start (GlobalStateMgr.java:1699)."""


def image_bytes(metadata: Metadata) -> bytes:
    """The image of a state."""
    batch = metadata.find(IdBatch, "object")
    header = msgspec.json.encode({"beid": batch.end if batch else 0})
    parts = [struct.pack(">ii", META_VERSION, len(header)), header]
    for number, (_, records) in enumerate(metadata.encoded(), FIRST_BLOCK):
        parts.append(msgspec.json.encode({"i": {"i": number}, "nj": len(records)}))
        parts.extend(msgspec.json.encode(record) for record in records)
    return b"".join(parts)


def read_image(data: bytes, journal_id: int) -> Metadata:
    """The state that an image holds. It does not say at which journal id: only the file's name does."""
    version, size = struct.unpack_from(">ii", data)
    if version != META_VERSION:
        raise ImageBroken(f"Not compatible with meta version {version}")
    text = data[8 + size :].decode()
    decoder, at, records = json.JSONDecoder(), 0, []
    kinds = {FIRST_BLOCK + number: kind for number, (kind, _) in enumerate(KINDS.values())}
    while at < len(text):
        header, at = decoder.raw_decode(text, at)
        for _ in range(header["nj"]):
            value, at = decoder.raw_decode(text, at)
            records.append(msgspec.convert(value, kinds[header["i"]["i"]], str_keys=True))
    return Metadata().with_records(records, (), journal_id)


@dataclass(frozen=True, slots=True)
class ImageDirectory:
    """meta/image of one FE."""

    path: Path

    @property
    def v2(self) -> Path:
        return self.path / "v2"

    def latest(self) -> int:
        """The id of the newest image, 0 without one. As in Storage.reload any file whose name begins with `image`
        and ends in a dot and a number counts, which is why a stray image.old.999 hides the real one."""
        if not self.v2.exists():
            return 0
        ids = [path.name.rpartition(".")[2] for path in self.v2.glob("image*.*") if path.name != "image.ckpt"]
        return max((int(number) for number in ids if number.isdigit()), default=0)

    def load(self) -> Metadata:
        """The newest image, checked against its checksum; an empty state where there is no such file."""
        journal_id = self.latest()
        path = self.v2 / f"image.{journal_id}"
        if not path.exists():
            return Metadata()
        data = path.read_bytes()
        checksum = self.v2 / f"checksum.{journal_id}"
        if not checksum.exists():
            raise ImageBroken(f"java.nio.file.NoSuchFileException: {checksum}")
        expected, actual = int(checksum.read_text()), zlib.crc32(data)
        if expected != actual:
            raise ImageBroken(f"checksum mismatch! expect {expected} actual {actual}")
        return read_image(data, journal_id)

    def save(self, data: bytes, journal_id: int) -> None:
        """Write the checksum, then the image under its name, then remove older ones (persist/MetaCleaner.java)."""
        self.v2.mkdir(parents=True, exist_ok=True)
        unfinished = self.v2 / "image.ckpt"
        with unfinished.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        (self.v2 / f"checksum.{journal_id}").write_text(str(zlib.crc32(data)))
        unfinished.rename(self.v2 / f"image.{journal_id}")
        for name in ("checksum", "image"):
            for path in self.v2.glob(f"{name}.*"):
                if path.suffix[1:].isdigit() and int(path.suffix[1:]) < journal_id:
                    path.unlink(missing_ok=True)

    def checkpoint_time(self) -> int:
        """When the newest image was made, in milliseconds, 0 without one."""
        path = self.v2 / f"image.{self.latest()}"
        return int(path.stat().st_mtime * 1000) if path.exists() else 0

    def identity(self) -> tuple[dict[str, str], dict[str, str]] | None:
        """VERSION and ROLE, or nothing before the first start (NodeMgr.java:298)."""
        version, role = self.path / "VERSION", self.path / "ROLE"
        if version.exists() != role.exists():
            raise ImageBroken("role file and version file must both exist or both not exist, please check")
        return (_read(version), _read(role)) if version.exists() else None

    def write_identity(self, version: Mapping[str, str], role: Mapping[str, str]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        _write(self.path / "VERSION", version)
        _write(self.path / "ROLE", role)


def _read(path: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in path.read_text().splitlines() if not line.startswith("#"))
    return {key: value for key, _, value in lines}


def _write(path: Path, values: Mapping[str, str]) -> None:
    """As java.util.Properties stores them: a dated comment, then lines in no order that means anything."""
    stamp = datetime.now(UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    path.write_text("\n".join([f"#{stamp}", *(f"{key}={value}" for key, value in sorted(values.items()))]) + "\n")
