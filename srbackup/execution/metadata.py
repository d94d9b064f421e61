"""FE metadata: a fresh image of the leader, copied with VERSION and ROLE, and proven by its checksum.

An image is the exact state at one journal id, which only its file name tells. CREATE IMAGE answers at once and
reports nothing: the image is there when a file with at least the journal id of before has appeared (a checkpoint
takes up to 76 s on a real FE). Old images are removed within 20 ms of a new one's arrival, also while they are
copied, so the directory is listed again afterwards and the copy redone if it moved. CheckpointController.java,
MetaCleaner.java, ImageLoader.java; docs/design/metadata.md.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import zstandard

from srbackup.catalog import layout
from srbackup.clock import Clock
from srbackup.errors import Failed
from srbackup.model.events import MetadataMoved, Notify, Warned
from srbackup.model.point import Intent, MetadataFile, MetadataRecord
from srbackup.model.policy import Limits
from srbackup.nodes.base import FileVanished, Node, NodeFile
from srbackup.starrocks.base import StarRocks
from srbackup.storage.base import ObjectStore

_IMAGE = re.compile(r"^(?P<folder>v2/|starmgr/|)image\.(?P<id>\d+)$")
_KNOWN = re.compile(r"^(?:VERSION|ROLE|(?:v2/|starmgr/|)(?:image|checksum)\.\d+)$")
_TEMPORARY = re.compile(r"(?:\.part|image\.ckpt)$")
_LOOK_SECONDS = 1.0
_COPIES = 5


@dataclass(frozen=True, slots=True)
class MetadataTools:
    starrocks: StarRocks
    node: Node
    store: ObjectStore
    clock: Clock
    notify: Notify
    limits: Limits


@dataclass(frozen=True, slots=True)
class _Image:
    """The newest image of a listing: the files to copy, and what the loader would take for an image besides."""

    id: int
    path: str
    files: tuple[NodeFile, ...]
    stray: tuple[str, ...]


def back_up_metadata(tools: MetadataTools, intent: Intent) -> MetadataRecord:
    """Have a new image made, copy it, and return its record; raises Failed when no proven copy could be had."""
    own = tools.starrocks.another()
    try:
        wanted = own.leader_journal_id()
        own.create_image()
    finally:
        own.close()
    tools.notify(MetadataMoved(tools.node.name, "checkpoint", f"waiting for an image of journal {wanted} or later"))
    problems = []
    for _ in range(_COPIES):
        image = _await_image(tools, wanted)
        try:
            record = _copied(tools, intent, image, wanted)
        except FileVanished as error:
            problems.append(error.message)
            continue
        now = _newest(tools.node)
        if now is not None and now.id == image.id:
            for name in image.stray:
                tools.notify(
                    Warned(
                        f"{tools.node.name}: stray file image/{name}",
                        "An FE may take it for its newest image: remove it.",
                    )
                )
            return record
        problems.append(f"image {image.id} was replaced by {now.id if now else 'nothing'} while it was copied")
    raise Failed(
        f"{tools.node.name}: no image could be copied whole in {_COPIES} tries, the last time: {problems[-1]}",
        hint="Try again when the cluster makes fewer changes; see docs/how-to/metadata.md.",
    )


def _await_image(tools: MetadataTools, wanted: int) -> _Image:
    deadline = tools.clock.monotonic() + tools.limits.checkpoint.total_seconds()
    while True:
        image = _newest(tools.node)
        if image is not None and image.id >= wanted:
            return image
        if tools.clock.monotonic() > deadline:
            raise Failed(
                f"{tools.node.name}: no image of journal {wanted} or later appeared within "
                f"{tools.limits.checkpoint.total_seconds():.0f} s (the newest is {image.id if image else 'none'})",
                hint="See fe.log for `checkpoint`: an FE short of memory or disk makes none.",
            )
        tools.clock.sleep(_LOOK_SECONDS)


def _newest(node: Node) -> _Image | None:
    """The newest image that has its checksum (v2), or the newest of the format before (3.3 and older)."""
    files = node.files(f"{node.home}/meta/image")
    images = [(int(m["id"]), f.path, m["folder"]) for f in files if (m := _IMAGE.match(f.path))]
    usual = [i for i in images if i[2] != "starmgr/"]
    if not usual:
        return None
    newest, path, folder = max(usual, key=lambda i: (i[0], i[2] == "v2/"))
    names = {f.path for f in files}
    if folder == "v2/" and f"v2/checksum.{newest}" not in names:
        return None
    wanted = {"VERSION", "ROLE"} | {p for p in names if _KNOWN.match(p) and p.endswith(f".{newest}")}
    wanted |= {p for p in names if p.startswith("starmgr/") and _KNOWN.match(p)}
    stray = tuple(sorted(n for n in names if not _KNOWN.match(n) and not _TEMPORARY.search(n)))
    return _Image(newest, path, tuple(f for f in files if f.path in wanted), stray)


def _copied(tools: MetadataTools, intent: Intent, image: _Image, wanted: int) -> MetadataRecord:
    names = {f.path for f in image.files}
    if missing := {"VERSION", "ROLE"} - names:
        raise Failed(
            f"{tools.node.name}: no {' and no '.join(sorted(missing))} beside the image; without them an FE would "
            "start under a new cluster id and every backend would refuse it",
            hint="Is this the metadata directory of a running FE?",
        )
    files, crc = [], 0
    for file in image.files:
        tools.notify(MetadataMoved(tools.node.name, "copying", f"image/{file.path} ({file.size} bytes)"))
        copied, found = _copy(tools, intent, file)
        files.append(copied)
        crc = found if file.path == image.path else crc
    _prove(tools, image, crc)
    return MetadataRecord(tools.node.name, image.id, crc, wanted, tuple(files))


def _copy(tools: MetadataTools, intent: Intent, file: NodeFile) -> tuple[MetadataFile, int]:
    """One file into the bucket, compressed, in constant memory; with the CRC32 of its content."""
    pieces = _Measured(tools.node.read(f"{tools.node.home}/meta/image/{file.path}"))
    key = layout.point(intent.cluster, intent.point) + layout.metadata(tools.node.name, f"image/{file.path}")
    tools.store.upload(key, _Compressed(pieces))
    if pieces.size != file.size:
        raise FileVanished(f"{tools.node.name}: image/{file.path} had {file.size} bytes, {pieces.size} were read")
    return MetadataFile(f"image/{file.path}", pieces.size, pieces.sha256.hexdigest(), key), pieces.crc


def _prove(tools: MetadataTools, image: _Image, crc: int) -> None:
    """The CRC32 of the whole image is in checksum.N, in decimal; the format before has none beside the file."""
    if not image.path.startswith("v2/"):
        tools.notify(Warned(f"{tools.node.name}: image {image.id} is of the old format, which has no checksum file"))
        return
    text = b"".join(tools.node.read(f"{tools.node.home}/meta/image/v2/checksum.{image.id}")).decode().strip()
    if not text.isdigit() or int(text) != crc:
        raise FileVanished(f"{tools.node.name}: image {image.id} has CRC32 {crc}, its checksum file says {text!r}")
    tools.notify(MetadataMoved(tools.node.name, "proven", f"image {image.id}, CRC32 {crc}"))


class _Measured:
    """Pieces that are counted and hashed as they pass."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.size, self.crc, self.sha256 = 0, 0, hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            self.crc = zlib.crc32(piece, self.crc)
            self.sha256.update(piece)
            yield piece


class _Compressed:
    """The zstd frame of pieces, made as it is read. `read` gives as much as was asked for until the end."""

    def __init__(self, pieces: _Measured) -> None:
        self._compressor = zstandard.ZstdCompressor(level=3).compressobj()
        self._pieces = iter(pieces)
        self._buffer = bytearray()
        self._ended = False

    def read(self, size: int = -1, /) -> bytes:
        while not self._ended and (size < 0 or len(self._buffer) < size):
            piece = next(self._pieces, None)
            self._ended = piece is None
            self._buffer += self._compressor.flush() if piece is None else self._compressor.compress(piece)
        taken = bytes(self._buffer if size < 0 else self._buffer[:size])
        del self._buffer[: len(taken)]
        return taken
