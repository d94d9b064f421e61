"""`srbackup prune`: points that no rule of their policy keeps get a mark, and nothing is deleted yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from srbackup.app.wiring import Wiring, catalog
from srbackup.catalog import index, layout, leases, listing, marks, restores
from srbackup.catalog.catalog import Catalog
from srbackup.catalog.leases import HeldLease
from srbackup.errors import RefusedForSafety
from srbackup.model.events import Notify, StepStarted, Warned
from srbackup.model.point import Deletion, PointListing
from srbackup.model.policy import Policy
from srbackup.planning.retention import Decision, Fate, Rule, decide, overreach

_WRITERS = 16


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What becomes of the points of one cluster in one repository; `too_much` says by policy what is refused."""

    repository: str
    cluster: str
    decisions: tuple[Decision, ...]
    too_much: Mapping[str, str]

    @property
    def expiring(self) -> tuple[Decision, ...]:
        return tuple(d for d in self.decisions if d.fate is Fate.EXPIRES)


def plan(wiring: Wiring, policy: str | None) -> tuple[PrunePlan, ...]:
    """What a prune of this moment would do; nothing is written anywhere. Without a policy: for all of them."""
    return tuple(_plan(points, names, own) for points, names, own in _places(wiring, policy))


def prune(
    wiring: Wiring, policy: str | None, notify: Notify, *, force: bool = False, lock_wait: float = 0
) -> tuple[PrunePlan, ...]:
    """Mark what no rule keeps, to be deleted by a gc after the policy's grace.

    RefusedForSafety for a policy that would lose its points of most days at once, unless `force`; the marks of other
    policies are written before that is raised.
    """
    plans = []
    for points, names, own in _places(wiring, policy):
        notify(StepStarted(f"reading the points of cluster {own.cluster}"))
        key = layout.lock(own.cluster, "prune")
        with leases.held(points.store, key, "prune", wiring.nonce(), wiring.clock, wait=lock_wait) as lease:
            planned = _plan(points, names, own, really=True)
            _mark(points, planned, own, lease, force=force)
            index.refresh(points.store, own.cluster, [d.point for d in planned.decisions])
        plans.append(planned)
        for decision in planned.decisions:
            if any(r.rule is Rule.FUTURE for r in decision.reasons):
                notify(Warned(f"Point {decision.point.id} is from the future: it is kept, and counts for no rule"))
    if refused := {name: text for p in plans for name, text in p.too_much.items()} if not force else {}:
        raise RefusedForSafety(
            "Too much would expire at once:\n  " + "\n  ".join(f"policy {n}: {t}" for n, t in sorted(refused.items())),
            hint="Look at it (srbackup prune --dry-run); if it is meant, add --force.",
        )
    return tuple(plans)


@dataclass(frozen=True, slots=True)
class _Place:
    """One cluster in one repository, and the policies that write there."""

    repository: str
    cluster: str
    policies: Mapping[str, Policy]


def _places(wiring: Wiring, policy: str | None) -> Iterator[tuple[Catalog, Collection[str], _Place]]:
    """The catalogs to prune, with the names of policies that are to be shown; empty names mean all points."""
    configuration = wiring.configuration
    wanted = None if policy is None else configuration.policy(policy)
    found: dict[tuple[str, str], dict[str, Policy]] = defaultdict(dict)
    for candidate in configuration.policies.values():
        found[candidate.repository, candidate.cluster][candidate.name] = candidate
    for (repository, cluster), policies in sorted(found.items()):
        if wanted is None or (wanted.repository, wanted.cluster) == (repository, cluster):
            points = catalog(wiring, configuration.repository(repository))
            points.require()
            yield points, [] if wanted is None else [wanted.name], _Place(repository, cluster, policies)


def _plan(points: Catalog, names: Collection[str], place: _Place, *, really: bool = False) -> PrunePlan:
    listed = points.points(place.cluster)
    in_use = restores.in_use(points.store, points.clusters())
    now = points.now()
    decisions = decide(listed, place.policies, in_use, now)
    while really and (missing := _missing(points, decisions)):
        listed = tuple(p for p in listed if p.id not in missing)
        decisions = decide(listed, place.policies, in_use, now)
    chosen = tuple(d for d in decisions if not names or d.point.policy in names)
    too_much = {n: overreach(chosen, p) for n, p in place.policies.items()}
    return PrunePlan(place.repository, place.cluster, chosen, {n: t for n, t in too_much.items() if t})


def _missing(points: Catalog, decisions: tuple[Decision, ...]) -> frozenset[str]:
    """Points that are kept instead of others, and are not really there: a listing may take them from a copy."""
    losing = {d.point.policy for d in decisions if d.fate is Fate.EXPIRES}
    relied_on = [d.point for d in decisions if d.fate is Fate.KEPT and d.point.policy in losing]
    return frozenset(p.id for p in relied_on) - {p.id for p in listing.confirmed(points.store, relied_on)}


def _mark(points: Catalog, planned: PrunePlan, place: _Place, lease: HeldLease, *, force: bool) -> None:
    now = points.now()
    graces = {name: p.retention.grace for name, p in place.policies.items() if p.retention is not None}

    def put(point: PointListing) -> None:
        points.clock.sleep(0)
        lease.check()
        reason = f"no rule of policy {point.policy} keeps it"
        marks.delete(
            points.store, place.cluster, Deletion(point.id, leases.who(), reason, now, now + graces[point.policy])
        )

    expiring = [d.point for d in planned.expiring if force or d.point.policy not in planned.too_much]
    with ThreadPoolExecutor(_WRITERS) as pool:
        for _ in pool.map(put, expiring):
            pass
