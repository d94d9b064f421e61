"""Points as their objects and marks show them: the state of each is derived here and stored nowhere.

A listing of many takes COMMITs from the index (index.py); a point that is read by itself is read from its own objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from srbackup.catalog import index, layout, leases, marks
from srbackup.catalog.codec import decode
from srbackup.catalog.leases import Lease
from srbackup.catalog.marks import Marks
from srbackup.model.point import Commit, Intent, PointListing, PointState
from srbackup.storage.base import ObjectNotFound, ObjectStore

_READERS = 16


def of_cluster(store: ObjectStore, cluster: str) -> list[PointListing]:
    """All points of a cluster, in no order."""
    with ThreadPoolExecutor() as pool:  # the names are what takes time: the rest is read meanwhile
        marked = pool.submit(marks.of_all, store, cluster)
        known = pool.submit(index.read, store, cluster)
        names = [n.rstrip("/") for n in store.names(layout.points(cluster)) if n.endswith("/")]
        return _listed(store, cluster, names, marked.result(), known.result())


def of_point(store: ObjectStore, cluster: str, point: str) -> PointListing | None:
    """One point, read itself; None for a name under which nothing was begun."""
    return next(iter(_listed(store, cluster, [point], {point: marks.of(store, cluster, point)}, {})), None)


def confirmed(store: ObjectStore, points: Iterable[PointListing]) -> tuple[PointListing, ...]:
    """Those of the committed points whose COMMIT is there, read this moment and not from the index."""
    with ThreadPoolExecutor(_READERS) as pool:
        found = pool.map(lambda p: (p, _commit(store, p.cluster, p.id)), points)
        return tuple(replace(p, commit=commit) for p, commit in found if commit is not None)


def _listed(
    store: ObjectStore,
    cluster: str,
    names: list[str],
    marked: Mapping[str, Marks],
    known: Mapping[str, Commit],
) -> list[PointListing]:
    unmarked, running = Marks(), leases.current(store, layout.lock(cluster, "run"))

    def read(name: str) -> PointListing | None:
        own = marked.get(name, unmarked)
        commit = _commit(store, cluster, name)
        return _begun(store, cluster, name, own, running) if commit is None else _committed(commit, own)

    found, unknown = [], []
    for name in names:
        own = marked.get(name, unmarked)
        # A held point that was marked before: whether its deletion had begun, its own objects alone can tell.
        if name in known and not (own.held and own.deleted):
            found.append(_committed(known[name], own))
        else:
            unknown.append(name)
    with ThreadPoolExecutor(_READERS) as pool:
        found += [p for p in pool.map(read, unknown) if p is not None]
    return found


def _committed(commit: Commit, own: Marks) -> PointListing:
    return PointListing(
        id=commit.point,
        cluster=commit.cluster,
        policy=commit.policy,
        created=commit.created,
        state=PointState.EXPIRED if own.deleted and not own.held else commit.state,
        commit=commit,
        verdicts=tuple(own.verdicts),
        held=own.held,
    )


def _begun(store: ObjectStore, cluster: str, name: str, own: Marks, running: Lease | None) -> PointListing | None:
    """A point without COMMIT: under way, cut short, or with a DELETE mark half deleted, so never to be gone on with."""
    try:
        key = layout.point(cluster, name) + layout.INTENT
        intent = decode(store.read(key).data, Intent, f"{store.place}/{key}")
    except ObjectNotFound:
        return None
    if own.deleted:
        state = PointState.EXPIRED
    elif running is not None and running.point == name:
        state = PointState.RUNNING
    else:
        state = PointState.INTERRUPTED
    return PointListing(name, cluster, intent.policy, intent.created, state, None, intent, (), own.held)


def _commit(store: ObjectStore, cluster: str, name: str) -> Commit | None:
    key = layout.point(cluster, name) + layout.COMMIT
    try:
        return decode(store.read(key).data, Commit, f"{store.place}/{key}")
    except ObjectNotFound:
        return None
