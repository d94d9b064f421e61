"""The activities of a policy as one: each is carried out, its end recorded in the bucket, and told to whom it concerns.

The command line and the daemon come through here alike, so a crontab is as well reported as the daemon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from srbackup.app import notices
from srbackup.app.drill import DrillResult, DrillWish, drill
from srbackup.app.gc import GcWish, gc
from srbackup.app.ledger import Ledger
from srbackup.app.prune import PrunePlan, prune
from srbackup.app.run import RunResult, run
from srbackup.app.wiring import Wiring, catalog
from srbackup.errors import ExitStatus, Interrupted, LockBusy, SrbackupError
from srbackup.model.activity import ActivityRecord, Attempt, occasion
from srbackup.model.events import Missed, Notify, Warned
from srbackup.model.point import Exclusion, Finding, Manifest, PointState
from srbackup.model.policy import Activity, Component, Policy
from srbackup.model.verdict import Verdict
from srbackup.planning.duties import accounted, timetable
from srbackup.report.words import count, grouped

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Ending:
    """What an activity came to. `stands_for`: what was due up to then is done by it; None for when it was started."""

    status: ExitStatus = ExitStatus.DONE
    stands_for: datetime | None = None
    message: str = ""
    point: str = ""
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What an activity is carried out for: this time of its schedule, for the first or a further time."""

    due: datetime
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Deed:
    """How an activity is carried out, and what its result came to."""

    work: Callable[[Wiring, Policy, Notify, float], Any]
    ending: Callable[[Any], Ending]


def metadata_only(policy: Policy) -> Policy:
    """The policy for a run that captures FE metadata alone."""
    return replace(policy, components=frozenset({Component.METADATA}))


def carry_out(
    wiring: Wiring, policy: Policy, activity: Activity, notify: Notify, occurrence: Occurrence, ledger: Ledger
) -> None:
    """Do what is due. Its errors are raised when they are recorded."""
    deed = DEEDS[activity]
    work = lambda: deed.work(wiring, policy, notify, 0.0)  # noqa: E731
    recorded(wiring, policy, activity, work, deed.ending, notify, occurrence=occurrence, ledger=ledger)


def recorded(
    wiring: Wiring,
    policy: Policy,
    activity: Activity,
    work: Callable[[], _Result],
    ending: Callable[[_Result], Ending],
    notify: Notify,
    *,
    occurrence: Occurrence | None = None,
    ledger: Ledger | None = None,
) -> _Result:
    """Do `work`, record how it ended, tell whom it concerns, and return its result or raise its error.

    An interruption is no end, and where somebody else holds the lease nothing was begun: neither is recorded.
    """
    clock = wiring.clock
    started = clock.now()
    own = ledger or Ledger(policy, activity, started)
    due, tries = (occurrence.due, occurrence.tries) if occurrence is not None else (None, 1)
    try:
        result = work()
    except (Interrupted, LockBusy):
        raise
    except SrbackupError as error:
        passing = _may_pass(error, tries)
        failure = Attempt(started, clock.now(), error.status, due, tries, passing, error.message, error.hint)
        _end(wiring, policy, activity, own, failure, None if due is None or passing else started, notify)
        raise
    except Exception as error:
        text = f"A bug in srbackup: {type(error).__name__}: {error}"
        failure = Attempt(started, clock.now(), ExitStatus.FAILED, due, tries, message=text, hint="See the log.")
        _end(wiring, policy, activity, own, failure, None if due is None else started, notify)
        raise
    found = ending(result)
    success = Attempt(
        started=started,
        finished=clock.now(),
        status=found.status,
        due=due,
        tries=tries,
        message=found.message,
        point=found.point,
        bytes=found.bytes,
    )
    _end(wiring, policy, activity, own, success, found.stands_for or started, notify)
    return result


def _may_pass(error: SrbackupError, tries: int) -> bool:
    """Whether another try may succeed without anybody's doing: clusters and stores come back; of what failed for a
    reason of its own, one more try is worth it."""
    match error.status:
        case ExitStatus.CLUSTER | ExitStatus.STORAGE:
            return True
        case ExitStatus.FAILED:
            return error.transient or tries == 1
        case _:
            return error.transient


def record_evidence(
    wiring: Wiring, policy: Policy, activity: Activity, ended: Attempt, notify: Notify, ledger: Ledger
) -> None:
    """Record an end that the bucket shows, whose own process did not come to record it."""
    times = timetable(policy.schedule, activity)
    due = times.due(ledger.record.since, ended.started) if times is not None else ()
    found = replace(ended, due=due[-1] if due else None)
    _end(wiring, policy, activity, ledger, found, ended.started, notify)


def _end(
    wiring: Wiring,
    policy: Policy,
    activity: Activity,
    ledger: Ledger,
    attempt: Attempt,
    covered: datetime | None,
    notify: Notify,
) -> None:
    """Tell and record an end; whatever goes wrong with that is told, and changes nothing about the end itself."""
    times = timetable(policy.schedule, activity)

    def change(record: ActivityRecord, undelivered: int = 0) -> ActivityRecord:
        if record.last == attempt:
            return record
        after, _ = accounted(record, attempt, covered, times)
        return replace(after, undelivered=after.undelivered + undelivered)

    try:
        points = catalog(wiring, wiring.configuration.repository(policy.repository))
        exists = points.exists()
        if exists:
            ledger.look(points.store)
    except SrbackupError as error:
        notify(Warned(f"What became of {activity} before is not known: {error.brief}", error.hint))
        exists = False
    if missed := accounted(ledger.record, attempt, covered, times)[1]:
        notify(Missed(missed, "a later one came due before it could be done"))
    what = occasion(ledger.record, attempt)
    undelivered = notices.deliver(wiring, policy, activity, what, attempt, notify) if what is not None else 0
    ledger.remember(lambda record: change(record, undelivered))
    if exists:
        try:
            ledger.look(points.store)
        except SrbackupError as error:
            notify(Warned(f"The end of {activity} could not be recorded: {error.brief}", error.hint))


def of_run(result: RunResult) -> Ending:
    commit = result.commit
    partial = commit.state is PointState.PARTIAL
    return Ending(
        ExitStatus.PARTIAL if partial else ExitStatus.DONE,
        commit.created,
        _left_out(result.manifest) if partial else "",
        commit.point,
        commit.bytes,
    )


def _left_out(manifest: Manifest) -> str:
    reasons: list[tuple[str, Exclusion]] = grouped(manifest.excluded)
    return "not in the point: " + "; ".join(f"{names}: {exclusion.reason}" for names, exclusion in reasons)


def of_drill(result: DrillResult | None) -> Ending:
    if result is None:
        return Ending()
    verdict = result.verdict
    if verdict.finding is Finding.DIFFERENT:
        return Ending(ExitStatus.DIFFERENCE, message=_difference(verdict), point=verdict.point)
    return Ending(point=verdict.point)


def _difference(verdict: Verdict) -> str:
    if verdict.problem:
        return verdict.problem
    words = [f"{t.source} differs" for t in verdict.different]
    words += [f"{name} is missing" for name in verdict.missing]
    words += [f"check {c.name}: {c.problem or f'{c.found} instead of {c.expected}'}" for c in verdict.failed_checks]
    shown = "; ".join(words[:10]) + (f"; and {len(words) - 10} more" if len(words) > 10 else "")
    return f"{verdict.point} restored to {verdict.target} is not what was backed up: {shown}"


def of_prune(plans: Sequence[PrunePlan]) -> Ending:
    return Ending(message=f"{count(sum(len(p.expiring) for p in plans), 'point')} marked")


def _full(wiring: Wiring, policy: Policy, notify: Notify, lock_wait: float) -> RunResult:
    return run(wiring, policy, notify, lock_wait=lock_wait)


def _metadata(wiring: Wiring, policy: Policy, notify: Notify, lock_wait: float) -> RunResult:
    return run(wiring, metadata_only(policy), notify, lock_wait=lock_wait)


def _drill(wiring: Wiring, policy: Policy, notify: Notify, lock_wait: float) -> DrillResult | None:
    return drill(wiring, DrillWish(policy=policy.name), notify, lock_wait=lock_wait)


def _prune(wiring: Wiring, policy: Policy, notify: Notify, lock_wait: float) -> Sequence[PrunePlan]:
    """Mark what no rule keeps, and delete what was marked long enough ago: both belong to keeping a bucket tidy."""
    plans = prune(wiring, policy.name, notify, lock_wait=lock_wait)
    gc(wiring, GcWish(policy.repository, policy.cluster), notify, lock_wait=lock_wait)
    return plans


DEEDS: Mapping[Activity, Deed] = {
    Activity.FULL: Deed(_full, of_run),
    Activity.METADATA: Deed(_metadata, of_run),
    Activity.DRILL: Deed(_drill, of_drill),
    Activity.PRUNE: Deed(_prune, of_prune),
}
