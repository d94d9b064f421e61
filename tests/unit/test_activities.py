"""Ends of activities: what is recorded of them, who is told, and what a process that was killed leaves to be found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from srbackup.app import activities, evidence
from srbackup.app import run as use_case
from srbackup.app.activities import of_drill, of_run, recorded
from srbackup.app.drill import DrillResult
from srbackup.app.ledger import Ledger
from srbackup.app.wiring import catalog
from srbackup.catalog import activities as records
from srbackup.errors import (
    ClusterUnhealthy,
    CredentialsRejected,
    ExitStatus,
    Failed,
    Interrupted,
    LockBusy,
    RefusedForSafety,
    SrbackupError,
    StorageUnreachable,
)
from srbackup.model.activity import ActivityRecord
from srbackup.model.events import Event, Notify, Warned, ignore
from srbackup.model.point import Finding
from srbackup.model.policy import Activity, Policy
from srbackup.model.verdict import CheckResult, Verdict
from tests.fakes.points import judge, put_point
from tests.fakes.wiring import POLICY, FakeMessenger, FakeWiring, fake_wiring

NOTIFICATIONS = """
components: [data]
notifications:
- webhook: ${HOOK}
- {command: [pager], on: [failure]}
"""


@pytest.fixture
def wiring(tmp_path: Path) -> FakeWiring:
    wiring = fake_wiring(tmp_path, POLICY + NOTIFICATIONS)
    wiring.clusters["production"].create_table("sales", "orders", {"p1": ["a", "b"]})
    catalog(wiring, wiring.configuration.repository("store")).initialise("u")
    return wiring


def policy(wiring: FakeWiring) -> Policy:
    return wiring.configuration.policy("nightly")


def run(wiring: FakeWiring, notify: Notify = ignore) -> use_case.RunResult:
    chosen = policy(wiring)
    return recorded(wiring, chosen, Activity.FULL, lambda: use_case.run(wiring, chosen, notify), of_run, notify)


def told(wiring: FakeWiring, number: int = 0) -> list[tuple[str, str]]:
    delivered = wiring.messengers.get(number, FakeMessenger()).delivered
    return [(d["occasion"], d["cause"]) for d in delivered]


def record(wiring: FakeWiring, activity: Activity = Activity.FULL) -> ActivityRecord:
    found = records.read(wiring.memory, "production", "nightly", activity)
    assert found is not None
    return found


# -- who is told


def test_a_run_that_is_done_is_recorded_and_nobody_is_told(wiring: FakeWiring) -> None:
    result = run(wiring)
    assert told(wiring) == []
    found = record(wiring)
    assert found.last is not None
    assert (found.last, found.success, found.done) == (found.success, found.last, 1)
    assert (found.last.point, found.last.bytes, found.last.due) == (result.commit.point, result.commit.bytes, None)


def test_a_failure_is_told_once_with_what_happened_and_what_to_do_and_the_end_of_it_as_well(wiring: FakeWiring) -> None:
    wiring.clusters["production"].backends = 0
    with pytest.raises(ClusterUnhealthy) as raised:
        run(wiring)
    assert told(wiring) == told(wiring, 1) == [("failure", "cluster")]
    document = wiring.messengers[0].delivered[0]
    assert (document["api"], document["kind"]) == ("srbackup/v1", "Notification")
    assert (document["message"], document["hint"]) == (raised.value.message, raised.value.hint)
    assert (document["policy"], document["cluster"], document["activity"]) == ("nightly", "production", "full")
    assert (document["status"], document["due"]) == (13, None)
    assert dict(record(wiring).failures) == {"cluster": 1}

    wiring.clusters["production"].backends = 3
    run(wiring)
    run(wiring)
    assert told(wiring) == [("failure", "cluster"), ("recovered", "done")]
    assert told(wiring, 1) == [("failure", "cluster")]


def test_a_partial_point_is_told_with_what_is_missing(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]
    cluster.create_table("hr", "people", {"people": ["x"]})
    cluster.before_submit = lambda database, label: cluster.stuck.update(
        {database: ("UPLOADING", "[1: disk broken]")} if database == "hr" else {}
    )
    run(wiring)
    assert told(wiring) == [("partial", "partial")]
    assert "hr.people" in wiring.messengers[0].delivered[0]["message"]
    assert "disk broken" in wiring.messengers[0].delivered[0]["message"]


def test_a_drill_that_finds_a_difference_is_told_with_what_differs(wiring: FakeWiring) -> None:
    now = wiring.clock.now()
    check = CheckResult("orders of May", "SELECT 1", "31", "30")
    verdict = Verdict("nightly-1", "scratch", now, now, (), missing=("sales.items",), whole=True, checks=(check,))
    assert verdict.finding is Finding.DIFFERENT
    recorded(wiring, policy(wiring), Activity.DRILL, lambda: DrillResult(verdict), of_drill, ignore)
    (document,) = wiring.messengers[0].delivered
    assert (document["occasion"], document["status"]) == ("difference", 4)
    assert document["message"] == (
        "nightly-1 restored to scratch is not what was backed up: sales.items is missing; "
        "check orders of May: 30 instead of 31"
    )


def test_somebody_who_cannot_be_told_is_counted_and_changes_nothing(wiring: FakeWiring) -> None:
    wiring.messengers[0] = FakeMessenger("the webhook answered 500")
    wiring.clusters["production"].backends = 0
    events: list[Event] = []
    with pytest.raises(ClusterUnhealthy):
        run(wiring, events.append)
    assert [e.text for e in events if isinstance(e, Warned)] == [
        "Notification 1 of policy 'nightly' (failure) was not delivered: the webhook answered 500"
    ]
    assert told(wiring, 1) == [("failure", "cluster")]
    assert record(wiring).undelivered == 1


@pytest.mark.parametrize("error", [Interrupted("Asked to stop"), LockBusy("somebody holds the lease")])
def test_what_was_not_ended_or_not_begun_is_neither_recorded_nor_told(wiring: FakeWiring, error: Exception) -> None:
    def work() -> use_case.RunResult:
        raise error

    with pytest.raises(type(error)):
        recorded(wiring, policy(wiring), Activity.FULL, work, of_run, ignore)
    assert records.read(wiring.memory, "production", "nightly", Activity.FULL) is None
    assert told(wiring) == []


def test_a_store_that_went_away_does_not_keep_anybody_from_being_told(wiring: FakeWiring) -> None:
    read = wiring.memory.read

    def away(key: str):  # type: ignore[no-untyped-def]
        raise StorageUnreachable("memory cannot be reached")

    wiring.memory.read = away  # type: ignore[method-assign]
    events: list[Event] = []
    with pytest.raises(StorageUnreachable):
        run(wiring, events.append)
    wiring.memory.read = read  # type: ignore[method-assign]
    assert told(wiring) == [("failure", "storage")]
    assert [e.text for e in events if isinstance(e, Warned)] == [
        "What became of full before is not known: memory cannot be reached"
    ]


@pytest.mark.parametrize(
    ("error", "tries", "again"),
    [
        (ClusterUnhealthy("no backend is alive"), 7, True),
        (StorageUnreachable("no answer"), 7, True),
        (Failed("Nothing could be backed up"), 1, True),
        (Failed("Nothing could be backed up"), 2, False),
        (CredentialsRejected("no such key"), 1, False),
        (RefusedForSafety("another place"), 1, False),
    ],
)
def test_what_may_pass_stays_due_and_what_will_not_waits_for_the_next_time(
    wiring: FakeWiring, error: SrbackupError, tries: int, again: bool
) -> None:
    def work() -> use_case.RunResult:
        raise error

    due = wiring.clock.now()
    with pytest.raises(type(error)):
        recorded(
            wiring, policy(wiring), Activity.FULL, work, of_run, ignore, occurrence=activities.Occurrence(due, tries)
        )
    last = record(wiring).last
    assert last is not None
    assert (last.due, last.tries, last.transient) == (due, tries, again)


def test_the_record_of_a_policy_whose_name_has_dots_is_its_own(wiring: FakeWiring) -> None:
    one, other = (replace(policy(wiring), name=n) for n in ("a", "a.full"))
    for chosen in (one, other):
        Ledger(chosen, Activity.FULL, wiring.clock.now()).begin(wiring.memory)
    assert {r.policy for r in records.of_cluster(wiring.memory, "production")} == {"a", "a.full"}


# -- the ledger


def test_changes_that_could_not_be_written_are_written_with_the_next_look(wiring: FakeWiring) -> None:
    ledger = Ledger(policy(wiring), Activity.FULL, wiring.clock.now())
    ledger.remember(lambda r: replace(r, missed=r.missed + 1))
    ledger.remember(lambda r: replace(r, missed=r.missed + 1))
    assert (ledger.record.missed, ledger.waits) == (2, True)
    assert ledger.look(wiring.memory).missed == 2
    assert ledger.look(wiring.memory) == record(wiring)
    assert not ledger.waits


def test_a_change_by_somebody_else_at_the_same_moment_is_not_lost(wiring: FakeWiring) -> None:
    ours, theirs = (Ledger(policy(wiring), Activity.FULL, wiring.clock.now()) for _ in range(2))
    ours.begin(wiring.memory)
    replace_ = wiring.memory.replace

    def quicker(key: str, data: bytes, etag: str) -> None:
        wiring.memory.replace = replace_  # type: ignore[method-assign]
        theirs.add(wiring.memory, lambda r: replace(r, skipped=7))
        replace_(key, data, etag)

    wiring.memory.replace = quicker  # type: ignore[method-assign]
    ours.add(wiring.memory, lambda r: replace(r, missed=3))
    assert (record(wiring).missed, record(wiring).skipped) == (3, 7)


# -- evidence


def find(wiring: FakeWiring, activity: Activity, since: timedelta) -> evidence.Evidence:
    points = catalog(wiring, wiring.configuration.repository("store"))
    now = wiring.clock.now()
    known = ActivityRecord("nightly", "production", activity, now - since)
    return evidence.find(points, policy(wiring), activity, known, now)


def test_a_point_that_was_committed_and_not_recorded_is_found_by_its_kind(wiring: FakeWiring) -> None:
    now = wiring.clock.now()
    full = put_point(wiring, now - timedelta(minutes=10))
    image = put_point(wiring, now - timedelta(minutes=5), databases=(), metadata=True)
    put_point(wiring, now - timedelta(minutes=4), policy="weekly")
    for activity, point in ((Activity.FULL, full), (Activity.METADATA, image)):
        found = find(wiring, activity, timedelta(minutes=20))
        assert found.ended is not None
        assert (found.ended.point, found.ended.started) == (point.id, point.created)
        assert find(wiring, activity, timedelta(minutes=1)) == evidence.Evidence()


def test_a_partial_point_that_was_not_recorded_is_told_of_after_all(wiring: FakeWiring) -> None:
    put_point(wiring, wiring.clock.now() - timedelta(minutes=10), excluded=("sales.items",))
    found = find(wiring, Activity.FULL, timedelta(minutes=20))
    assert found.ended is not None
    ledger = Ledger(policy(wiring), Activity.FULL, wiring.clock.now() - timedelta(minutes=20))
    activities.record_evidence(wiring, policy(wiring), Activity.FULL, found.ended, ignore, ledger)
    assert told(wiring) == [("partial", "partial")]
    assert (record(wiring).since, dict(record(wiring).failures)) == (found.ended.started, {"partial": 1})


def test_a_run_that_can_be_gone_on_with_is_found_while_it_is_young_enough(wiring: FakeWiring) -> None:
    begun = put_point(wiring, wiring.clock.now() - timedelta(hours=2), commit=False)
    assert find(wiring, Activity.FULL, timedelta(hours=3)).unfinished == begun.created
    assert find(wiring, Activity.METADATA, timedelta(hours=3)).unfinished is None
    wiring.clock.pass_by(timedelta(hours=5))
    assert find(wiring, Activity.FULL, timedelta(hours=9)).unfinished is None


def test_a_drill_whose_verdict_was_stored_and_not_recorded_is_found(wiring: FakeWiring) -> None:
    point = put_point(wiring, wiring.clock.now() - timedelta(minutes=10))
    judge(wiring, point)  # a restore somewhere, no drill
    assert find(wiring, Activity.DRILL, timedelta(minutes=20)) == evidence.Evidence()
    judge(wiring, point, Finding.DIFFERENT, drill=True)
    wiring.clock.pass_by(timedelta(minutes=1))
    found = find(wiring, Activity.DRILL, timedelta(minutes=20))
    assert found.ended is not None
    assert (found.ended.status, found.ended.point) == (ExitStatus.DIFFERENCE, point.id)


def test_a_notification_is_json_that_holds_nothing_but_what_it_says(wiring: FakeWiring) -> None:
    wiring.clusters["production"].backends = 0
    with pytest.raises(ClusterUnhealthy):
        run(wiring)
    assert set(wiring.messengers[0].delivered[0]) == {
        *("api", "kind", "occasion", "policy", "cluster", "activity", "due", "started", "finished", "duration"),
        *("status", "cause", "message", "hint", "point", "bytes"),
    }
