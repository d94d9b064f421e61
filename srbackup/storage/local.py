"""A store in a directory: file:// repositories, for copies of a repository on a disk."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from srbackup.errors import StorageUnreachable
from srbackup.storage.base import AlreadyExists, Changed, ObjectInfo, ObjectNotFound, Readable, StoredDocument

_CHUNK = 1 << 20
_TEMPORARY = ".srbackup-"


class LocalStore:
    """Objects as files below `root`; writes are atomic (temporary file, fsync, rename or link)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def place(self) -> str:
        return f"file://{self._root}"

    def clock_offset(self) -> float:
        return 0.0

    def create(self, key: str, data: bytes) -> None:
        with self._errors(key), self._temporary(key, data) as path:
            try:
                os.link(path, self._root / key)
            except FileExistsError as error:
                if self.read(key).data != data:
                    raise AlreadyExists(f"{self.place}/{key} exists already, with another content") from error

    def replace(self, key: str, data: bytes, etag: str) -> None:
        with self._errors(key), self._lock():
            current = self.read(key)
            if current.etag != etag and current.data != data:
                raise Changed(f"{self.place}/{key} is not what it was expected to be")
            with self._temporary(key, data) as path:
                path.replace(self._root / key)

    def put(self, key: str, data: bytes) -> None:
        with self._errors(key), self._temporary(key, data) as path:
            path.replace(self._root / key)

    def upload(self, key: str, stream: Readable) -> None:
        with self._errors(key), self._temporary(key, stream) as path:
            path.replace(self._root / key)

    def read(self, key: str) -> StoredDocument:
        with self._errors(key):
            path = self._root / key
            data = path.read_bytes()
            age = datetime.now(UTC).timestamp() - path.stat().st_mtime
            return StoredDocument(data, hashlib.md5(data, usedforsecurity=False).hexdigest(), max(0.0, age))

    def read_range(self, key: str, start: int, length: int) -> bytes:
        with self._errors(key), (self._root / key).open("rb") as stream:
            stream.seek(start)
            return stream.read(length)

    def open(self, key: str) -> Iterator[bytes]:
        with self._errors(key), (self._root / key).open("rb") as stream:
            while piece := stream.read(_CHUNK):
                yield piece

    def scan(self, prefix: str) -> Iterator[ObjectInfo]:
        start = self._root / prefix.rpartition("/")[0]
        found = []
        for folder, _, files in os.walk(start):
            for name in files:
                path = Path(folder, name)
                key = path.relative_to(self._root).as_posix()
                if key.startswith(prefix) and not name.startswith(_TEMPORARY):
                    status = path.stat()
                    found.append(ObjectInfo(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)))
        yield from sorted(found, key=lambda o: o.key)

    def names(self, prefix: str) -> tuple[str, ...]:
        try:
            entries = list(os.scandir(self._root / prefix))
        except FileNotFoundError:
            return ()
        return tuple(sorted(e.name + "/" * e.is_dir() for e in entries if not e.name.startswith(_TEMPORARY)))

    def delete(self, keys: list[str]) -> None:
        for key in keys:
            with self._errors(key):
                (self._root / key).unlink(missing_ok=True)

    @contextmanager
    def _temporary(self, key: str, content: bytes | Readable) -> Iterator[Path]:
        folder = (self._root / key).parent
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=folder)
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                if isinstance(content, bytes):
                    stream.write(content)
                else:
                    while piece := content.read(_CHUNK):
                        stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self._root / f"{_TEMPORARY}lock").open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ObjectNotFound(f"{self.place}/{key} does not exist") from error
        except OSError as error:
            raise StorageUnreachable(f"{self.place}/{key}: {error.strerror or error}") from error
