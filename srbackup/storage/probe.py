"""What an object store can do, found out by doing it: S3 servers differ where it matters."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from srbackup.errors import SrbackupError
from srbackup.storage.base import AlreadyExists, Changed, ObjectStore

_MULTIPART = 17 << 20


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Each is None when it works, and else what went wrong."""

    conditional_create: str | None
    conditional_replace: str | None
    range_reads: str | None
    multipart: str | None
    listing: str | None


def probe(store: ObjectStore, nonce: str) -> Capabilities:
    """Try everything on objects of our own below `probe/`, and remove them. Errors of reaching the store are raised."""
    place = f"probe/{nonce}/"
    keys = [place + name for name in ("small", "large")]
    try:
        store.put(keys[0], b"first")
        return Capabilities(
            conditional_create=_conditional_create(store, keys[0]),
            conditional_replace=_conditional_replace(store, keys[0]),
            range_reads=_range_reads(store, keys[0]),
            multipart=_multipart(store, keys[1]),
            listing=_listing(store, place),
        )
    finally:
        store.delete(keys)


def _conditional_create(store: ObjectStore, key: str) -> str | None:
    try:
        store.create(key, b"second")
    except AlreadyExists:
        return None
    except SrbackupError as error:
        return f"If-None-Match is refused: {error.message}"
    return "If-None-Match is ignored: an object was overwritten that had to stay"


def _conditional_replace(store: ObjectStore, key: str) -> str | None:
    current = store.read(key)
    try:
        store.replace(key, b"third", current.etag)
    except SrbackupError as error:
        return f"If-Match with the object's own ETag is refused: {error.message}"
    try:
        store.replace(key, b"fourth", current.etag)
    except Changed:
        return None
    except SrbackupError as error:
        return f"If-Match is refused: {error.message}"
    return "If-Match is ignored: an object was overwritten that had changed"


def _range_reads(store: ObjectStore, key: str) -> str | None:
    store.put(key, b"0123456789")
    try:
        found = store.read_range(key, 2, 3)
    except SrbackupError as error:
        return error.message
    return None if found == b"234" else f"bytes 2 to 4 of 0123456789 came as {found!r}"


def _multipart(store: ObjectStore, key: str) -> str | None:
    data = hashlib.sha256(key.encode()).digest() * (_MULTIPART // 32)
    try:
        store.upload(key, io.BytesIO(data))
        whole = b"".join(store.open(key))
    except SrbackupError as error:
        return error.message
    return None if whole == data else f"{len(data)} bytes went in, {len(whole)} came out changed"


def _listing(store: ObjectStore, place: str) -> str | None:
    found = [o.key.removeprefix(place) for o in store.scan(place)]
    return None if sorted(found) == ["large", "small"] else f"a listing right after writing shows {found}"
