"""`srbackup list`, `show` and `status`: answered from the bucket alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from srbackup.app.restore import repository_of
from srbackup.app.wiring import Wiring, catalog
from srbackup.catalog import marks
from srbackup.errors import SrbackupError
from srbackup.model.point import DatabaseDefinitions, Manifest, Part, PointKind, PointListing, PointState
from srbackup.model.policy import Component, Policy
from srbackup.model.verdict import Verdict
from srbackup.report.words import duration


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
    """A policy, its newest restorable point and its newest proven one, against its objectives.

    `rpo_met` and `proof_met` are None where the policy has no such objective. `proof_age` is the age of the data that
    was last proven to come back, not the time since the proof.
    """

    policy: str
    cluster: str
    repository: str
    newest: PointListing | None = None
    age: timedelta | None = None
    rpo: timedelta | None = None
    rpo_met: bool | None = None
    proven: PointListing | None = None
    proof_age: timedelta | None = None
    proof: timedelta | None = None
    proof_met: bool | None = None
    running: tuple[str, ...] = ()
    interrupted: tuple[str, ...] = ()
    problem: str = ""

    @property
    def missed(self) -> tuple[str, ...]:
        """The objectives that are missed, each in words."""
        if self.problem:
            return (self.problem,) if False in {self.rpo_met, self.proof_met} else ()
        found = []
        for met, age, objective, what in (
            (self.rpo_met, self.age, self.rpo, "newest point"),
            (self.proof_met, self.proof_age, self.proof, "newest proven point"),
        ):
            if met is False:
                is_old = f"is {duration(age)} old" if age is not None else "does not exist"
                found.append(f"its {what} {is_old}, the objective is {duration(objective)}")
        return tuple(found)


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
    problem = listed.message if isinstance(listed, SrbackupError) else ""
    own = [] if isinstance(listed, SrbackupError) else [p for p in listed if p.policy == policy.name]
    wanted = PointKind.FULL if Component.DATA in policy.components else PointKind.METADATA
    good = [p for p in reversed(own) if p.state.restorable and p.kind is wanted]
    newest = next(iter(good), None)
    proven = next((p for p in good if p.proven is not None), None)
    age, proof_age = (now - p.created if p is not None else None for p in (newest, proven))
    rpo, proof = policy.objectives.rpo, policy.objectives.proof
    return PolicyStatus(
        policy=policy.name,
        cluster=policy.cluster,
        repository=policy.repository,
        newest=newest,
        age=age,
        rpo=rpo,
        rpo_met=_met(age, rpo),
        proven=proven,
        proof_age=proof_age,
        proof=proof,
        proof_met=_met(proof_age, proof),
        running=tuple(p.id for p in own if p.state is PointState.RUNNING),
        interrupted=tuple(p.id for p in own if p.state is PointState.INTERRUPTED),
        problem=problem,
    )


def _met(age: timedelta | None, objective: timedelta | None) -> bool | None:
    return None if objective is None else age is not None and age <= objective
