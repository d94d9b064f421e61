"""A store in memory: for tests, and the shortest complete answer to what ObjectStore means."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import datetime

from srbackup.clock import Clock
from srbackup.storage.base import AlreadyExists, Changed, ObjectInfo, ObjectNotFound, Readable, StoredDocument


class MemoryStore:
    """Objects in a dictionary; safe between threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._objects: dict[str, tuple[bytes, datetime]] = {}

    @property
    def place(self) -> str:
        return "memory"

    def clock_offset(self) -> float:
        return 0.0

    def create(self, key: str, data: bytes) -> None:
        with self._lock:
            if self._objects.get(key, (data,))[0] != data:
                raise AlreadyExists(f"{key} exists already, with another content")
            self._objects.setdefault(key, (data, self._clock.now()))

    def replace(self, key: str, data: bytes, etag: str) -> None:
        with self._lock:
            current = self._objects.get(key)
            if current is None or (_etag(current[0]) != etag and current[0] != data):
                raise Changed(f"{key} is not what it was expected to be")
            self._objects[key] = (data, self._clock.now())

    def put(self, key: str, data: bytes) -> None:
        with self._lock:
            self._objects[key] = (data, self._clock.now())

    def upload(self, key: str, stream: Readable) -> None:
        self.put(key, stream.read())

    def read(self, key: str) -> StoredDocument:
        with self._lock:
            if key not in self._objects:
                raise ObjectNotFound(f"{key} does not exist")
            data, modified = self._objects[key]
            return StoredDocument(data, _etag(data), (self._clock.now() - modified).total_seconds())

    def read_range(self, key: str, start: int, length: int) -> bytes:
        return self.read(key).data[start : start + length]

    def open(self, key: str) -> Iterator[bytes]:
        yield self.read(key).data

    def scan(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._lock:
            found = sorted((k, len(d), m) for k, (d, m) in self._objects.items() if k.startswith(prefix))
        for key, size, modified in found:
            yield ObjectInfo(key, size, modified)

    def names(self, prefix: str) -> tuple[str, ...]:
        below = (o.key.removeprefix(prefix) for o in self.scan(prefix))
        return tuple(sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in below}))

    def delete(self, keys: list[str]) -> None:
        with self._lock:
            for key in keys:
                self._objects.pop(key, None)


def _etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
