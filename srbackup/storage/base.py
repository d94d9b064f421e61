"""The protocol of an object store, and the errors every implementation raises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from srbackup.errors import NotFound, SrbackupError


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object in a listing: key below the repository's prefix, size in bytes, time by the store's clock."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A small object as it was read. `etag` names this very content for `replace`; `age` in seconds is measured by
    the store's own clock (its Date less the object's Last-Modified), so no clock of ours takes part."""

    data: bytes
    etag: str
    age: float


class Readable(Protocol):
    """A stream: `read` gives exactly `size` bytes until the end is reached, then fewer, then none."""

    def read(self, size: int = -1, /) -> bytes: ...


class ObjectNotFound(NotFound):
    """No object of that key."""


class AlreadyExists(SrbackupError):
    """`create` found an object of that key, whose content is not what was to be written."""


class NotDeleted(SrbackupError):
    """The store took the request to delete objects, and did not delete some of them: a policy or an object lock."""


class Changed(SrbackupError):
    """`replace` or `delete_if` found another content than the one expected."""


class ObjectStore(Protocol):
    """Objects by key, below a prefix that the implementation adds.

    Reads see every write that was acknowledged before (all S3 stores of today). Errors: ObjectNotFound,
    AlreadyExists, Changed, CredentialsRejected, StorageUnreachable (transient; retried inside for a while already).
    """

    @property
    def place(self) -> str:
        """Where this is, in words for messages, such as s3://bucket/prefix."""
        ...

    def clock_offset(self) -> float:
        """By how many seconds this host's clock is ahead of the store's."""
        ...

    def create(self, key: str, data: bytes) -> None:
        """Write an object that must not exist. Atomic where the store has conditional writes.

        May be called twice: an object that is there already with the same content is success, since the first
        reply may have been lost.
        """
        ...

    def replace(self, key: str, data: bytes, etag: str) -> None:
        """Overwrite an object whose content must still be the one that `etag` names; else Changed."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Write an object, whatever was there."""
        ...

    def upload(self, key: str, stream: Readable) -> None:
        """Write an object of any size from a stream, in constant memory."""
        ...

    def read(self, key: str) -> StoredDocument:
        """A small object whole."""
        ...

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """A piece of an object."""
        ...

    def open(self, key: str) -> Iterator[bytes]:
        """An object of any size, in pieces."""
        ...

    def scan(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose key begins with `prefix`, in the order of their keys."""
        ...

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names directly below a prefix that ends with a slash: those of folders end with a slash too."""
        ...

    def delete(self, keys: list[str]) -> None:
        """Remove objects; keys that do not exist are passed over. NotDeleted if the store keeps some of them."""
        ...
