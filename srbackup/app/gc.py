"""`srbackup gc`: the objects of marked points are deleted, once their grace is over and nothing speaks against it.

It holds the lease `gc` and that of the cluster's runs, so no backup is under way meanwhile. One point after the other;
what is wrong with one keeps no other from its turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

from srbackup.app.restore import repository_of
from srbackup.app.wiring import Wiring, catalog
from srbackup.catalog import history, index, layout, leases, listing, marks, restores
from srbackup.catalog.catalog import Catalog
from srbackup.catalog.codec import Damaged
from srbackup.errors import Failed, NotFound
from srbackup.execution.prune import Removed, Rescued, SweepTools, delete_point
from srbackup.model.events import Notify, StepStarted, Warned
from srbackup.model.point import Deletion, PointListing
from srbackup.planning.sweeping import Action, Marked, Sweep, last_resorts, left_behind, plan_sweeps
from srbackup.storage.base import NotDeleted, ObjectNotFound

_READERS = 16
_LABEL = re.compile(r"^(?P<point>.+-\d{8}T\d{6}Z-[0-9a-f]{4})_\d+_")


@dataclass(frozen=True, slots=True)
class GcWish:
    """Where to delete: a repository unless there is but one, and one cluster's points or those of all."""

    repository: str | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """A marked point, what a gc does with it, and what was removed of it."""

    cluster: str
    sweep: Sweep
    removed: Removed | None = None


@dataclass(frozen=True, slots=True)
class GcResult:
    """What was done, or would be. `foreign` are snapshots in StarRocks' repositories that belong to no point of ours,
    as repository/label: they are never touched."""

    swept: tuple[Swept, ...]
    foreign: tuple[str, ...]


def plan(wiring: Wiring, wish: GcWish) -> GcResult:
    """What a gc of this moment would do; nothing is written anywhere."""
    points, places = _places(wiring, wish)
    swept = [Swept(place.cluster, sweep) for place in places for sweep in place.look().sweeps]
    return GcResult(tuple(swept), _foreign(points, _labels(points)))


def gc(wiring: Wiring, wish: GcWish, notify: Notify, *, lock_wait: float = 0) -> GcResult:
    """Delete what is due. Failed at the end, when all else is done, if something could not be deleted."""
    points, places = _places(wiring, wish)
    swept, problems = list[Swept](), list[str]()
    for place in places:
        cluster = place.cluster
        notify(StepStarted(f"looking for points of {cluster} whose grace is over"))
        seen = place.look()
        if not any(s.action in _ACTIVE for s in seen.sweeps):
            swept += [Swept(cluster, s) for s in seen.sweeps]
            continue
        with ExitStack() as stack:
            held = tuple(
                stack.enter_context(leases.held(points.store, key, "gc", wiring.nonce(), wiring.clock, wait=lock_wait))
                for key in (layout.lock(cluster, "gc"), layout.lock(cluster, "run"))
            )
            swept += place.carry_out(held, notify, problems.append)
    if problems:
        raise Failed(
            f"{len(problems)} of the points that are due could not be deleted:\n  " + "\n  ".join(problems[:10]),
            hint="Whatever else was due is deleted. The next gc tries them again, and goes on where this one stopped.",
        )
    return GcResult(tuple(swept), _foreign(points, _labels(points)))


_ACTIVE = {Action.DUE, Action.BEGUN}


def _places(wiring: Wiring, wish: GcWish) -> tuple[Catalog, list[_Gc]]:
    repository = repository_of(wiring, wish.repository, wish.cluster)
    points = catalog(wiring, repository)
    points.require()
    clusters = points.clusters()
    if wish.cluster is not None and wish.cluster not in clusters:
        raise NotFound(f"{points.store.place} holds nothing of a cluster {wish.cluster!r}", hint=", ".join(clusters))
    chosen = clusters if wish.cluster is None else (wish.cluster,)
    return points, [_Gc(wiring, repository.name, points, c) for c in chosen]


@dataclass(frozen=True, slots=True)
class _Look:
    """What there is to do, and the marks and interrupted runs that it follows from."""

    sweeps: tuple[Sweep, ...]
    marked: Mapping[str, Marked]


@dataclass(slots=True)
class _Gc:
    """One cluster's points in one repository."""

    wiring: Wiring
    repository: str
    catalog: Catalog
    cluster: str

    def look(self) -> _Look:
        """Marks, uses and points of this moment; the points that are relied on are read themselves."""
        store = self.catalog.store
        points = self.catalog.points(self.cluster)
        marked = self._marks() | {p.id: Marked(_given_up(self.catalog, p), timedelta(0)) for p in self._left(points)}
        while missing := self._missing(points, marked):
            points = tuple(p for p in points if p.id not in missing)
        return _Look(plan_sweeps(points, marked, restores.in_use(store, self.catalog.clusters())), marked)

    def _marks(self) -> dict[str, Marked]:
        store, cluster = self.catalog.store, self.cluster
        begun = history.ids(store, cluster)
        names = [name for name, found in marks.of_all(store, cluster).items() if found.deleted]
        with ThreadPoolExecutor(_READERS) as pool:
            found = pool.map(lambda n: (n, marks.deletion(store, cluster, n)), names)
            return {n: Marked(mark[0], mark[1], n in begun) for n, mark in found if mark is not None}

    def _left(self, points: tuple[PointListing, ...]) -> tuple[PointListing, ...]:
        """Interrupted runs that nobody goes on with any more."""
        here = self.repository, self.cluster
        policies = {n: p for n, p in self.wiring.configuration.policies.items() if (p.repository, p.cluster) == here}
        interrupted = [p for p in points if p.intent is not None]
        ages = {p.id: self._age(layout.point(p.cluster, p.id) + layout.INTENT) for p in interrupted}
        return left_behind(interrupted, ages, policies)

    def _age(self, key: str) -> timedelta:
        return timedelta(seconds=self.catalog.store.read(key).age)

    def _missing(self, points: tuple[PointListing, ...], marked: Mapping[str, Marked]) -> frozenset[str]:
        """Points for whose sake others may go, and that are not really there: a listing may know them from a copy."""
        resorts = last_resorts(points, marked)
        relied_on = [p for p in points if p.id in resorts]
        return frozenset(p.id for p in relied_on) - {p.id for p in listing.confirmed(self.catalog.store, relied_on)}

    def carry_out(
        self, held: tuple[leases.HeldLease, ...], notify: Notify, problem: Callable[[str], None]
    ) -> list[Swept]:
        """Look again under the leases, and delete what is due."""
        store, found = self.catalog.store, self.look()
        tools = SweepTools(self.catalog, held, self.wiring.clock, _labels(self.catalog), self._wanted)
        swept = []
        for sweep in found.sweeps:
            if sweep.action not in _ACTIVE:
                swept.append(Swept(self.cluster, sweep))
                continue
            notify(StepStarted(f"deleting {sweep.id}"))
            deletion = found.marked[sweep.id].deletion
            try:
                if sweep.point is not None and sweep.point.intent is not None:
                    marks.delete_once(store, self.cluster, deletion)
                removed = delete_point(tools, self.cluster, sweep.id, sweep.point, deletion)
                swept.append(Swept(self.cluster, sweep, removed))
            except Rescued as rescued:
                notify(Warned(rescued.message))
                swept.append(Swept(self.cluster, Sweep(sweep.id, Action.SPARED, rescued.reason, sweep.point)))
            except (Damaged, ObjectNotFound, NotDeleted) as error:
                notify(Warned(f"Point {sweep.id} could not be deleted: {error.message}", error.hint))
                problem(f"{sweep.id}: {error.brief}")
        index.refresh(store, self.cluster, self.catalog.points(self.cluster))
        return swept

    def _wanted(self, point: str) -> str:
        store = self.catalog.store
        if marks.of(store, self.cluster, point).held:
            return "it is held since a moment ago"
        return restores.in_use(store, self.catalog.clusters()).get(point, "")


def _given_up(points: Catalog, point: PointListing) -> Deletion:
    """The mark of an interrupted run: its grace is over, since nobody could use it in the first place."""
    now = points.now()
    return Deletion(point.id, leases.who(), "an interrupted run that nobody goes on with", now, now)


def _labels(points: Catalog) -> Mapping[str, frozenset[str]]:
    """All snapshots by repository of StarRocks, as one listing each shows them."""
    found = {}
    for name in points.store.names(""):
        if repository := layout.repository_of(name):
            labels = points.store.names(layout.starrocks_repository(repository))
            found[repository] = frozenset(label for n in labels if (label := layout.label_of(n)))
    return found


def _foreign(points: Catalog, labels: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Labels that are no label of a point that there is."""
    ours = {
        layout.label_start(name.rstrip("/"))
        for cluster in points.clusters()
        for name in points.store.names(layout.points(cluster))
    }
    found = []
    for repository, present in sorted(labels.items()):
        for label in sorted(present):
            match = _LABEL.match(label)
            if match is None or match["point"] not in ours:
                found.append(f"{repository}/{label}")
    return tuple(found)
