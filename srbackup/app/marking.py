"""`srbackup keep` and `srbackup delete`: marks that people put on points by hand."""

from __future__ import annotations

from dataclasses import dataclass

from srbackup.app.restore import repository_of
from srbackup.app.wiring import Wiring, catalog
from srbackup.catalog import layout, leases, listing, marks, restores
from srbackup.catalog.catalog import Catalog
from srbackup.errors import NotFound, RefusedForSafety
from srbackup.model.point import Deletion, Hold, PointListing, PointState
from srbackup.model.policy import Retention
from srbackup.planning.retention import newest


@dataclass(frozen=True, slots=True)
class PointWish:
    """A point by id, the beginning of one, or `latest`; where the policies leave a choice, where it is."""

    point: str
    repository: str | None = None
    cluster: str | None = None


def keep(wiring: Wiring, wish: PointWish, reason: str) -> PointListing:
    """Hold a point, whatever the rules say; one that has expired is rescued. It becomes as it was before.

    No lease: it must be possible while a prune or gc is under way. HOLD is written first and COMMIT looked for then;
    a gc does it the other way round, so one of the two sees the other.
    """
    points, point = _committed(wiring, wish)
    marks.hold(points.store, point.cluster, Hold(point.id, leases.who(), reason, points.now()))
    if not listing.confirmed(points.store, [point]):
        marks.take_off(points.store, point.cluster, point.id, layout.HOLD)
        raise NotFound(f"Too late: at this moment a gc deletes point {point.id}", hint="See `srbackup list`.")
    marks.take_off(points.store, point.cluster, point.id, layout.DELETE)
    return points.lookup(point.id, point.cluster)


def release(wiring: Wiring, wish: PointWish) -> PointListing:
    """Take the hold off: the rules of the policy decide again, with the next prune."""
    points, point = _found(wiring, wish)
    if not point.held:
        raise NotFound(f"Point {point.id} is not held")
    if point.commit is not None:  # an old DELETE mark would have no grace any more
        marks.take_off(points.store, point.cluster, point.id, layout.DELETE)
    marks.take_off(points.store, point.cluster, point.id, layout.HOLD)
    return points.lookup(point.id, point.cluster)


def delete(
    wiring: Wiring, wish: PointWish, reason: str, *, force: bool = False, lock_wait: float = 0
) -> tuple[PointListing, Deletion]:
    """Mark a point to be deleted after the grace of its policy. What should not go is refused, unless `force`.

    One that is marked already stays as it is; `force` marks it anew, so that a gc does not spare it either.
    """
    points, point = _committed(wiring, wish)
    key = layout.lock(point.cluster, "prune")
    with leases.held(points.store, key, f"delete {point.id}", wiring.nonce(), wiring.clock, wait=lock_wait):
        point = points.lookup(point.id, point.cluster)
        earlier = marks.deletion(points.store, point.cluster, point.id)
        if point.state is PointState.EXPIRED and earlier is not None and not force:
            return point, earlier[0]
        if (objection := _objection(points, point)) and not force:
            raise RefusedForSafety(
                f"Point {point.id} is not deleted: {objection}", hint="If it is to go all the same, add --force."
            )
        policy = wiring.configuration.policies.get(point.policy)
        retention = policy.retention if policy is not None and policy.retention is not None else Retention()
        now = points.now()
        deletion = Deletion(point.id, leases.who(), reason, now, now + retention.grace, forced=force)
        marks.delete(points.store, point.cluster, deletion)
        if point.held:
            marks.take_off(points.store, point.cluster, point.id, layout.HOLD)
        return point, deletion


def _objection(points: Catalog, point: PointListing) -> str:
    """Why the point should better stay; empty where nothing speaks for it."""
    if point.held:
        found = marks.held(points.store, point.cluster, point.id)
        return f"it is held: {found.reason} ({found.who})" if found is not None else "it is held"
    if (reading := restores.in_use(points.store, points.clusters()).get(point.id)) is not None:
        return f"it is in use: {reading}"
    listed = points.points(point.cluster)
    others = listing.confirmed(points.store, [p for p in listed if p.policy == point.policy and p.state.restorable])
    return next((f"it is the {rule} of policy {point.policy}" for p, rule in newest(others) if p.id == point.id), "")


def _found(wiring: Wiring, wish: PointWish) -> tuple[Catalog, PointListing]:
    points = catalog(wiring, repository_of(wiring, wish.repository, wish.cluster))
    points.require()
    return points, points.lookup(wish.point, wish.cluster)


def _committed(wiring: Wiring, wish: PointWish) -> tuple[Catalog, PointListing]:
    points, point = _found(wiring, wish)
    if point.commit is None:
        what = "half deleted" if point.state is PointState.EXPIRED else point.state
        raise NotFound(
            f"Point {point.id} is {what}: it is no point that could be kept or deleted",
            hint="`srbackup gc` deletes what is left of it, of an interrupted run once nobody can go on with it.",
        )
    return points, point
