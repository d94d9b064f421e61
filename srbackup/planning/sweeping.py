"""Which of the points that are marked a gc may delete now, which it has to wait for, and which it must spare after all.

A mark was put at its time for the reasons of that time. Before anything is deleted they are looked at again: what is
in use meanwhile, or has become the newest or the newest proven point of its policy meanwhile, is spared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from srbackup.model.point import Deletion, PointListing, PointState
from srbackup.model.policy import Policy
from srbackup.planning.retention import newest


class Action(StrEnum):
    """What a gc does with a point."""

    DUE = "to be deleted"
    BEGUN = "deletion goes on"
    WAITING = "in its grace"
    SPARED = "spared"


@dataclass(frozen=True, slots=True)
class Marked:
    """A DELETE mark and its age by the store's clock; `begun`: a deletion of the point was begun before."""

    deletion: Deletion
    age: timedelta
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Sweep:
    """A point and what a gc does with it, and why. `point` is the listing where there is still one."""

    id: str
    action: Action
    reason: str
    point: PointListing | None = None


def plan_sweeps(
    points: Iterable[PointListing], marks: Mapping[str, Marked], in_use: Mapping[str, str]
) -> tuple[Sweep, ...]:
    """What a gc does with every marked point of a cluster, oldest first."""
    ordered = sorted(points, key=lambda p: (p.created, p.id))
    by_id = {p.id: p for p in ordered}
    spared = last_resorts(ordered, marks)
    order = [*(p.id for p in ordered if p.id in marks), *sorted(m for m in marks if m not in by_id)]
    return tuple(_sweep(i, by_id.get(i), marks[i], in_use, spared) for i in order)


def last_resorts(points: Iterable[PointListing], marks: Mapping[str, Marked]) -> Mapping[str, str]:
    """The newest points of each policy, marked or not, and what they are the newest of. Those whose deletion was
    forced go in any case, so they are nobody's last resort."""
    committed = [p for p in points if p.commit is not None and not (p.id in marks and marks[p.id].deletion.forced)]
    committed.sort(key=lambda p: (p.created, p.id))
    found: dict[str, str] = {}
    for policy in {p.policy for p in committed}:
        for point, rule in newest([p for p in committed if p.policy == policy]):
            found.setdefault(point.id, f"it is the {rule} of policy {policy}")
    return found


def _sweep(
    name: str,
    point: PointListing | None,
    marked: Marked,
    in_use: Mapping[str, str],
    spared: Mapping[str, str],
) -> Sweep:
    deletion = marked.deletion
    committed = point is not None and point.commit is not None
    if point is not None and point.held:
        reason = "it is held" if committed else "it is held, but its deletion had begun: it is no point any more"
        return Sweep(name, Action.SPARED, reason, point)
    if name in in_use:
        return Sweep(name, Action.SPARED, f"it is in use: {in_use[name]}", point)
    if marked.begun and not committed:
        return Sweep(name, Action.BEGUN, deletion.reason, point)
    if marked.age < deletion.grace:
        until = f"not before {deletion.not_before:%Y-%m-%d %H:%M}Z"
        return Sweep(name, Action.WAITING, f"{deletion.reason}; {until}", point)
    if name in spared:
        return Sweep(name, Action.SPARED, spared[name], point)
    return Sweep(name, Action.DUE, deletion.reason, point)


def left_behind(
    points: Iterable[PointListing], ages: Mapping[str, timedelta], policies: Mapping[str, Policy]
) -> tuple[PointListing, ...]:
    """Interrupted runs that nobody goes on with any more, whose BACKUP jobs have ended too, and whose grace is over.

    `ages` are those of their intents by the store's clock. Runs of policies without retention stay.
    """
    found = []
    for point in points:
        policy = policies.get(point.policy)
        if point.state is PointState.INTERRUPTED and policy is not None and policy.retention is not None:
            limits = policy.limits
            if ages[point.id] >= limits.resume + limits.timeout + policy.retention.grace:
                found.append(point)
    return tuple(found)
