"""Records of activities: one small object for each policy and activity, changed only by whoever has just read it."""

from __future__ import annotations

from collections.abc import Callable

from srbackup.catalog import layout
from srbackup.catalog.codec import decode, encode
from srbackup.errors import LockBusy
from srbackup.model.activity import ActivityRecord
from srbackup.model.policy import Activity
from srbackup.storage.base import AlreadyExists, Changed, ObjectNotFound, ObjectStore

_TRIES = 10


def read(store: ObjectStore, cluster: str, policy: str, activity: Activity) -> ActivityRecord | None:
    return _read(store, layout.activity(cluster, policy, activity.value))[0]


def of_cluster(store: ObjectStore, cluster: str) -> tuple[ActivityRecord, ...]:
    """All records of a cluster's policies."""
    place = layout.activities(cluster)
    found = (_read(store, place + name)[0] for name in store.names(place))
    return tuple(record for record in found if record is not None)


def change(
    store: ObjectStore,
    cluster: str,
    policy: str,
    activity: Activity,
    changed: Callable[[ActivityRecord | None], ActivityRecord],
) -> ActivityRecord:
    """Put what `changed` makes of the record in its place; asked again where somebody else was quicker."""
    key = layout.activity(cluster, policy, activity.value)
    for _ in range(_TRIES):
        found, etag = _read(store, key)
        new = changed(found)
        if new == found:
            return new
        try:
            if etag is None:
                store.create(key, encode(new))
            else:
                store.replace(key, encode(new), etag)
        except (AlreadyExists, Changed, ObjectNotFound):
            continue
        return new
    raise LockBusy(
        f"{store.place}/{key} was changed by others {_TRIES} times in a row",
        hint="Is more than one daemon running for these policies?",
    )


def _read(store: ObjectStore, key: str) -> tuple[ActivityRecord | None, str | None]:
    try:
        document = store.read(key)
    except ObjectNotFound:
        return None, None
    return decode(document.data, ActivityRecord, f"{store.place}/{key}"), document.etag
