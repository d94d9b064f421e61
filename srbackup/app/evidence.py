"""What the bucket itself shows of an activity: a process may have been killed between the deed and its record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from srbackup.catalog import marks
from srbackup.catalog.catalog import Catalog, unfinished
from srbackup.errors import ExitStatus
from srbackup.model.activity import ActivityRecord, Attempt
from srbackup.model.point import Finding, PointKind, PointListing, PointState
from srbackup.model.policy import Activity, Component, Policy
from srbackup.model.verdict import Purpose, Verdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """An end that was not recorded, if there is one; and when a run was begun that can be gone on with."""

    ended: Attempt | None = None
    unfinished: datetime | None = None


def find(points: Catalog, policy: Policy, activity: Activity, record: ActivityRecord, now: datetime) -> Evidence:
    """What happened since the record was written. Nothing to be found of a prune: it can be done twice."""
    match activity:
        case Activity.FULL:
            return _of_run(points, policy, PointKind.of(policy.components), record, now)
        case Activity.METADATA:
            return _of_run(points, policy, PointKind.of({Component.METADATA}), record, now)
        case Activity.DRILL:
            return _of_drill(points, policy, record, now)
        case Activity.PRUNE:
            return Evidence()


def _of_run(points: Catalog, policy: Policy, kind: PointKind, record: ActivityRecord, now: datetime) -> Evidence:
    listed = points.points(policy.cluster)
    begun = (i.created for i in unfinished(listed, policy.name, kind) if now - i.created <= policy.limits.resume)
    ended = [p for p in listed if p.policy == policy.name and p.kind is kind and p.commit is not None]
    newest = next((_of_point(p) for p in reversed(ended) if record.since < p.created <= now), None)
    return Evidence(newest, next((b for b in begun if b > record.since), None))


def _of_point(point: PointListing) -> Attempt | None:
    commit = point.commit
    if commit is None:
        return None
    status = ExitStatus.PARTIAL if commit.state is PointState.PARTIAL else ExitStatus.DONE
    return Attempt(commit.created, commit.completed, status, point=commit.point, bytes=commit.bytes)


def _of_drill(points: Catalog, policy: Policy, record: ActivityRecord, now: datetime) -> Evidence:
    listed = [p for p in points.points(policy.cluster) if p.policy == policy.name]
    judged = [p for p in listed if any(v.at > record.since for v in p.verdicts)]
    verdicts = [v for p in judged for v in marks.verdicts(points.store, p.cluster, p.id)]
    drills = [v for v in verdicts if v.purpose is Purpose.DRILL and record.since < v.started <= now]
    newest = max(drills, key=lambda v: v.started, default=None)
    return Evidence() if newest is None else Evidence(_of_verdict(newest))


def _of_verdict(verdict: Verdict) -> Attempt:
    status = ExitStatus.DIFFERENCE if verdict.finding is Finding.DIFFERENT else ExitStatus.DONE
    return Attempt(verdict.started, verdict.finished, status, point=verdict.point)
