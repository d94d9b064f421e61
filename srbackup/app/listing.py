"""`srbackup list`, `show` and `status`: answered from the bucket alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from srbackup.app.restore import repository_of
from srbackup.app.wiring import Wiring, catalog
from srbackup.catalog import marks
from srbackup.errors import SrbackupError
from srbackup.model.point import DatabaseDefinitions, Manifest, Part, PointListing, PointState
from srbackup.model.policy import Policy
from srbackup.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class PointDetails:
    """All that a point says of itself."""

    listing: PointListing
    manifest: Manifest
    parts: tuple[Part, ...]
    definitions: tuple[DatabaseDefinitions, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """A policy and its newest restorable point. `rpo_met` is None where the policy has no such objective."""

    policy: str
    cluster: str
    repository: str
    newest: PointListing | None
    age: timedelta | None
    rpo: timedelta | None
    rpo_met: bool | None
    running: tuple[str, ...]
    interrupted: tuple[str, ...]
    problem: str = ""


def points(
    wiring: Wiring, repository: str | None, cluster: str | None, *, everything: bool
) -> tuple[PointListing, ...]:
    """Points oldest first: those that can be restored, or all of them."""
    found = catalog(wiring, repository_of(wiring, repository, cluster))
    found.require()
    return tuple(p for p in found.points(cluster) if everything or p.state.restorable)


def details(wiring: Wiring, repository: str | None, cluster: str | None, point: str) -> PointDetails:
    found = catalog(wiring, repository_of(wiring, repository, cluster))
    found.require()
    listing = found.find(point, cluster)
    manifest = found.manifest(listing)
    return PointDetails(
        listing,
        manifest,
        tuple(found.part(s) for s in manifest.parts),
        found.definitions(manifest),
        marks.verdicts(found.store, listing.cluster, listing.id),
    )


def status(wiring: Wiring) -> tuple[PolicyStatus, ...]:
    """Every policy against its objectives. A repository that cannot be read is a problem of its policies."""
    now = wiring.clock.now()
    seen: dict[tuple[str, str], tuple[PointListing, ...] | SrbackupError] = {}
    found = []
    for policy in wiring.configuration.policies.values():
        key = policy.repository, policy.cluster
        if key not in seen:
            seen[key] = _listed(wiring, *key)
        found.append(_status(policy, seen, now))
    return tuple(found)


def _listed(wiring: Wiring, repository: str, cluster: str) -> tuple[PointListing, ...] | SrbackupError:
    try:
        found = catalog(wiring, wiring.configuration.repository(repository))
        return found.points(cluster) if found.exists() else ()
    except SrbackupError as error:
        return error


def _status(
    policy: Policy, seen: Mapping[tuple[str, str], tuple[PointListing, ...] | SrbackupError], now: datetime
) -> PolicyStatus:
    listed = seen[policy.repository, policy.cluster]
    rpo = policy.objectives.rpo
    if isinstance(listed, SrbackupError):
        met = None if rpo is None else False
        return PolicyStatus(
            policy.name, policy.cluster, policy.repository, None, None, rpo, met, (), (), listed.message
        )
    own = [p for p in listed if p.policy == policy.name]
    newest = next((p for p in reversed(own) if p.state.restorable), None)
    age = now - newest.created if newest is not None else None
    return PolicyStatus(
        policy=policy.name,
        cluster=policy.cluster,
        repository=policy.repository,
        newest=newest,
        age=age,
        rpo=rpo,
        rpo_met=None if rpo is None else age is not None and age <= rpo,
        running=tuple(p.id for p in own if p.state is PointState.RUNNING),
        interrupted=tuple(p.id for p in own if p.state is PointState.INTERRUPTED),
    )
