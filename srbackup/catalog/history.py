"""History: what stays of a point after its deletion, one document each, written before the first object goes."""

from __future__ import annotations

from srbackup.catalog import layout
from srbackup.catalog.codec import decode, encode
from srbackup.model.point import DeletedPoint
from srbackup.storage.base import AlreadyExists, ObjectNotFound, ObjectStore


def record(store: ObjectStore, deleted: DeletedPoint) -> DeletedPoint:
    """Write it down before the deletion begins. An interrupted deletion's record stays, and is what counts."""
    key = layout.history(deleted.cluster, deleted.point)
    try:
        store.create(key, encode(deleted))
    except AlreadyExists:
        return decode(store.read(key).data, DeletedPoint, f"{store.place}/{key}")
    return deleted


def find(store: ObjectStore, cluster: str, point: str) -> DeletedPoint | None:
    key = layout.history(cluster, point)
    try:
        return decode(store.read(key).data, DeletedPoint, f"{store.place}/{key}")
    except ObjectNotFound:
        return None


def ids(store: ObjectStore, cluster: str) -> frozenset[str]:
    """Points whose deletion was begun, whether or not it came to its end."""
    return frozenset(n.removesuffix(".json") for n in store.names(layout.history(cluster)))


def forget(store: ObjectStore, cluster: str, point: str) -> None:
    """Take the record back of a deletion that was called off before anything was lost."""
    store.delete([layout.history(cluster, point)])
