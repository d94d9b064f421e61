"""What metrics show, read from the bucket: points, proofs and records of every policy."""

from __future__ import annotations

from srbackup.app import listing
from srbackup.app.wiring import Wiring, catalog
from srbackup.catalog import activities
from srbackup.errors import SrbackupError
from srbackup.model.activity import ActivityRecord
from srbackup.model.point import PointListing
from srbackup.model.policy import Policy
from srbackup.report.metrics import PointMeasures, PolicyMeasures


def measure(wiring: Wiring) -> tuple[PolicyMeasures, ...]:
    """All policies. Of one whose repository cannot be read, only that is known."""
    statuses = {s.policy: s for s in listing.status(wiring)}
    found = []
    for policy in wiring.configuration.policies.values():
        status = statuses[policy.name]
        records = None if status.problem else _records(wiring, policy)
        found.append(
            PolicyMeasures(
                policy=policy.name,
                cluster=policy.cluster,
                reachable=records is not None,
                objectives=policy.objectives,
                schedule=policy.schedule,
                newest=_point(status.newest),
                proven=_point(status.proven),
                records=records or (),
            )
        )
    return tuple(found)


def _records(wiring: Wiring, policy: Policy) -> tuple[ActivityRecord, ...] | None:
    try:
        store = catalog(wiring, wiring.configuration.repository(policy.repository)).store
        return tuple(r for r in activities.of_cluster(store, policy.cluster) if r.policy == policy.name)
    except SrbackupError:
        return None  # `reachable` says so


def _point(point: PointListing | None) -> PointMeasures | None:
    return None if point is None or point.commit is None else PointMeasures(point.created, point.commit.bytes)
