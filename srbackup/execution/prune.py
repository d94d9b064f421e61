"""The deletion of one point, in an order that can be cut anywhere.

First what stays of it is written down, then COMMIT goes: from there on it is no point any more. Then its snapshots,
`__info_*` first, so that StarRocks does not offer half of one; then its documents, the plan last; its DELETE mark at
the very end. Whoever finds the mark without the COMMIT goes on; what is gone already is passed over.

StarRocks keeps nothing of a snapshot in mind: every statement lists anew (Repository.java), so deleted objects are all
there is to it, and no cluster is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from srbackup.catalog import history, layout
from srbackup.catalog.catalog import Catalog
from srbackup.catalog.codec import Damaged, decode
from srbackup.catalog.leases import HeldLease
from srbackup.clock import Clock
from srbackup.errors import RefusedForSafety
from srbackup.execution.backup import label_for
from srbackup.model.point import DeletedPoint, Deletion, Intent, PointListing
from srbackup.storage.base import ObjectInfo, ObjectNotFound, ObjectStore

_BATCH = 1000


class Rescued(RefusedForSafety):
    """Somebody wanted the point at the very moment of its deletion: its COMMIT was put back, nothing is lost."""

    def __init__(self, point: str, reason: str) -> None:
        super().__init__(f"Point {point} is not deleted: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SweepTools:
    """What a deletion needs. `labels` are all that StarRocks' repositories hold, by repository; `wanted` says why a
    point is needed at this moment, asked of the bucket anew with every call, or nothing."""

    catalog: Catalog
    leases: Sequence[HeldLease]
    clock: Clock
    labels: Mapping[str, frozenset[str]]
    wanted: Callable[[str], str]

    @property
    def store(self) -> ObjectStore:
        return self.catalog.store

    def check(self) -> None:
        """Raises when a lease is lost or the process was asked to stop."""
        self.clock.sleep(0)
        for lease in self.leases:
            lease.check()


@dataclass(frozen=True, slots=True)
class Removed:
    """What went with a point."""

    snapshots: int = 0
    objects: int = 0
    bytes: int = 0


def delete_point(tools: SweepTools, cluster: str, name: str, point: PointListing | None, deletion: Deletion) -> Removed:
    """Delete all objects of a point that is marked, or what an interrupted deletion left of them. May be called again
    at any time. Rescued when it turns out to be wanted before anything of it is lost."""
    tools.check()
    known = history.find(tools.store, cluster, name)
    if known is None and point is not None:
        known = history.record(tools.store, _what_stays(tools, point, deletion))
    removed: list[ObjectInfo] = []
    labels: tuple[str, ...] = ()
    if known is not None:
        _withdraw(tools, known)
        labels = present_labels(known, tools.labels.get(known.starrocks_repository, frozenset()))
        for label in labels:
            removed += _delete_snapshot(tools, known.starrocks_repository, label)
    removed += _delete_documents(tools, layout.point(cluster, name))
    _delete_marks(tools, layout.marks_of(cluster, name))
    return Removed(len(labels), len(removed), sum(o.size for o in removed))


def _what_stays(tools: SweepTools, point: PointListing, deletion: Deletion) -> DeletedPoint:
    key = layout.point(point.cluster, point.id) + layout.INTENT
    intent = decode(tools.store.read(key).data, Intent, f"{tools.store.place}/{key}")
    if intent.point != point.id:
        raise Damaged(f"{tools.store.place}/{key} is the plan of {intent.point}: nothing of this point is deleted")
    return DeletedPoint(
        point=point.id,
        policy=point.policy,
        cluster=point.cluster,
        created=point.created,
        starrocks_repository=intent.starrocks_repository,
        labels=tuple(label_for(intent, part, 1) for part in intent.parts),
        deletion=deletion,
        commit=point.commit,
        verdicts=point.verdicts,
    )


def present_labels(point: DeletedPoint, present: Iterable[str]) -> tuple[str, ...]:
    """Of the labels in a repository those of this point: of the first attempts and of all later ones, and no others."""
    own = frozenset(point.labels)
    return tuple(sorted(label for label in present if re.sub(r"_r\d+$", "", label) in own or label in own))


def _withdraw(tools: SweepTools, known: DeletedPoint) -> None:
    """Delete COMMIT, unless somebody wants the point. Both sides write first and look then: whoever holds the point or
    begins to restore it looks for COMMIT after that, and here it is looked for them after COMMIT is gone."""
    key = layout.point(known.cluster, known.point) + layout.COMMIT
    try:
        document = tools.store.read(key).data
    except ObjectNotFound:
        return
    tools.store.delete([key])
    if reason := tools.wanted(known.point):
        tools.store.create(key, document)
        history.forget(tools.store, known.cluster, known.point)
        raise Rescued(known.point, reason)


def _delete_snapshot(tools: SweepTools, repository: str, label: str) -> list[ObjectInfo]:
    prefix = layout.snapshot(repository, label)
    found = list(tools.store.scan(prefix))
    for step in _in_order(found, prefix):
        _delete(tools, step)
    return found


def _in_order(objects: Sequence[ObjectInfo], prefix: str) -> Iterator[list[str]]:
    """`__info_*` makes a snapshot whole, so it goes first; then `__meta*`, the content, and whatever else there is."""
    left = [o.key for o in objects]
    for start in ("__info_", "__meta", "__ss_content/", ""):
        yield [k for k in left if k.startswith(prefix + start)]
        left = [k for k in left if not k.startswith(prefix + start)]


def _delete_documents(tools: SweepTools, place: str) -> list[ObjectInfo]:
    """All below the point's folder; the manifest and then the plan at the end, for they say what belongs to it."""
    found = list(tools.store.scan(place))
    last = [place + layout.MANIFEST, place + layout.INTENT]
    keys = {o.key for o in found}
    _delete(tools, [k for k in keys if k not in last])
    for key in last:
        _delete(tools, [key] if key in keys else [])
    return found


def _delete_marks(tools: SweepTools, place: str) -> None:
    names = set(tools.store.names(place))
    _delete(tools, [place + n for n in names if n != layout.DELETE])
    _delete(tools, [place + layout.DELETE])


def _delete(tools: SweepTools, keys: list[str]) -> None:
    for start in range(0, len(keys), _BATCH):
        tools.check()
        tools.store.delete(keys[start : start + _BATCH])
