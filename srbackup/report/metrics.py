"""Metrics in the text format of Prometheus: what is known of each policy, with ages as of the moment of the scrape.

Names, labels and meanings are a contract: docs/reference/metrics.md. Times are Unix seconds; whoever scrapes seldom
computes ages from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from srbackup import __version__
from srbackup.errors import Failed
from srbackup.model.activity import ActivityRecord
from srbackup.model.policy import Activity, Objectives, Schedule
from srbackup.planning.duties import timetable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class PointMeasures:
    """A point as metrics know it."""

    created: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class PolicyMeasures:
    """What is known of a policy. `reachable`: its repository could be read; if not, the points are as last seen."""

    policy: str
    cluster: str
    reachable: bool
    objectives: Objectives
    schedule: Schedule | None
    newest: PointMeasures | None = None
    proven: PointMeasures | None = None
    records: Sequence[ActivityRecord] = ()
    running: frozenset[Activity] = frozenset()


@dataclass(frozen=True, slots=True)
class DaemonMeasures:
    """What is known of the daemon itself."""

    reading_succeeded: bool
    read: datetime


def text(policies: Sequence[PolicyMeasures], now: datetime, daemon: DaemonMeasures | None = None) -> str:
    """All metrics as of `now`."""
    registry = CollectorRegistry()
    registry.register(_Fixed((*_of_policies(policies, now), *_of_records(policies), *_of_daemon(daemon))))
    return generate_latest(registry).decode()


def write(file: Path, text: str) -> None:
    """Write a file so that whoever reads it finds the old or the new one whole."""
    beside = file.with_name(f".{file.name}.{uuid4().hex}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Failed(
            f"Metrics cannot be written to {file}: {error.strerror or error}",
            hint="The folder must exist and be writable: the file is replaced, never changed.",
        ) from error


class _Fixed(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


_POLICY = ("policy", "cluster")
_ACTIVITY = (*_POLICY, "activity")


def _gauge(name: str, words: str, labels: Sequence[str] = _POLICY) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"srbackup_{name}", words, labels=labels)


def _of_policies(policies: Sequence[PolicyMeasures], now: datetime) -> Iterator[Metric]:
    reachable = _gauge("repository_reachable", "Whether the repository of the policy could be read.")
    created = _gauge("newest_point_timestamp_seconds", "When the newest restorable point was begun.")
    age = _gauge("newest_point_age_seconds", "Age of the newest restorable point.")
    size = _gauge("newest_point_bytes", "Bytes of the newest restorable point.")
    proven = _gauge("newest_proven_point_timestamp_seconds", "When the newest point that is proven was begun.")
    proof = _gauge("newest_proven_point_age_seconds", "Age of the newest point that is proven.")
    objective = _gauge("objective_seconds", "An objective of the policy: rpo or proof.", (*_POLICY, "objective"))
    met = _gauge("objective_met", "Whether an objective of the policy is met.", (*_POLICY, "objective"))
    upcoming = _gauge("next_run_timestamp_seconds", "When the activity is due next.", _ACTIVITY)
    for policy in policies:
        labels = (policy.policy, policy.cluster)
        reachable.add_metric(labels, policy.reachable)
        if policy.newest is not None:
            created.add_metric(labels, policy.newest.created.timestamp())
            age.add_metric(labels, (now - policy.newest.created).total_seconds())
            size.add_metric(labels, policy.newest.bytes)
        if policy.proven is not None:
            proven.add_metric(labels, policy.proven.created.timestamp())
            proof.add_metric(labels, (now - policy.proven.created).total_seconds())
        for name, wanted, point in (
            ("rpo", policy.objectives.rpo, policy.newest),
            ("proof", policy.objectives.proof, policy.proven),
        ):
            if wanted is not None:
                objective.add_metric((*labels, name), wanted.total_seconds())
                met.add_metric((*labels, name), point is not None and now - point.created <= wanted)
        for activity in Activity:
            times = timetable(policy.schedule, activity)
            if times is not None and (following := times.next(now)) is not None:
                upcoming.add_metric((*labels, activity.value), following.timestamp())
    yield from (reachable, created, age, size, proven, proof, objective, met, upcoming)


def _of_records(policies: Sequence[PolicyMeasures]) -> Iterator[Metric]:
    last = _gauge("last_success_timestamp_seconds", "When the activity last ended with success.", _ACTIVITY)
    took = _gauge("last_success_duration_seconds", "How long the last successful one took.", _ACTIVITY)
    size = _gauge("last_success_bytes", "Bytes of the point that the last successful one made.", _ACTIVITY)
    status = _gauge("last_exit_status", "Exit status of the last one: 0 done, 3 partial, ...", _ACTIVITY)
    ended = _gauge("last_end_timestamp_seconds", "When the activity last ended, in whatever way.", _ACTIVITY)
    running = _gauge("running", "Whether this daemon is carrying the activity out.", _ACTIVITY)
    done = CounterMetricFamily("srbackup_done", "Ended with success.", labels=_ACTIVITY)
    failed = CounterMetricFamily("srbackup_failures", "Ended otherwise, by cause.", labels=(*_ACTIVITY, "cause"))
    missed = CounterMetricFamily("srbackup_missed", "Was due and not done at all.", labels=_ACTIVITY)
    skipped = CounterMetricFamily("srbackup_skipped", "Left out since another was under way.", labels=_ACTIVITY)
    lost = CounterMetricFamily("srbackup_notifications_undelivered", "Nobody could be told.", labels=_ACTIVITY)
    for policy in policies:
        for record in policy.records:
            labels = (policy.policy, policy.cluster, record.activity.value)
            if record.success is not None:
                last.add_metric(labels, record.success.finished.timestamp())
                took.add_metric(labels, _seconds(record.success.finished - record.success.started))
                if record.activity in {Activity.FULL, Activity.METADATA}:
                    size.add_metric(labels, record.success.bytes)
            if record.last is not None:
                status.add_metric(labels, int(record.last.status))
                ended.add_metric(labels, record.last.finished.timestamp())
            running.add_metric(labels, record.activity in policy.running)
            done.add_metric(labels, record.done)
            for cause, count in sorted(record.failures.items()):
                failed.add_metric((*labels, cause), count)
            missed.add_metric(labels, record.missed)
            skipped.add_metric(labels, record.skipped)
            lost.add_metric(labels, record.undelivered)
    yield from (last, took, size, status, ended, running, done, failed, missed, skipped, lost)


def _of_daemon(daemon: DaemonMeasures | None) -> Iterator[Metric]:
    yield InfoMetricFamily("srbackup_build", "The version of srbackup.", {"version": __version__})
    if daemon is not None:
        succeeded = _gauge("configuration_reload_successful", "Whether the last reading succeeded.", ())
        succeeded.add_metric((), daemon.reading_succeeded)
        read = _gauge("configuration_reload_timestamp_seconds", "When the configuration was last read.", ())
        read.add_metric((), daemon.read.timestamp())
        yield from (succeeded, read)


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
