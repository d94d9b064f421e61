"""gc against a store in memory: what is deleted, in which order, what is spared, and that it can be cut anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from srbackup.app import gc as use_case
from srbackup.app import marking
from srbackup.app import prune as prune_use_case
from srbackup.app import restore as restore_use_case
from srbackup.app import run as run_use_case
from srbackup.app.gc import GcResult, GcWish
from srbackup.app.marking import PointWish
from srbackup.app.restore import RestoreWish
from srbackup.app.wiring import catalog
from srbackup.catalog import history, index, layout, leases, marks, restores
from srbackup.config.load import load
from srbackup.errors import Failed, Interrupted, LockBusy, NotFound
from srbackup.execution.prune import SweepTools, delete_point
from srbackup.model.events import Event, Warned
from srbackup.model.point import Finding, PointListing, PointState
from srbackup.model.restore import Ending, RestoreOver
from srbackup.planning.restore import RestoreRequest
from srbackup.planning.selection import Selection
from srbackup.planning.sweeping import Action
from srbackup.storage.base import NotDeleted
from tests.fakes.clock import BEGINNING
from tests.fakes.points import judge, keys, put_point, put_snapshot
from tests.fakes.wiring import POLICY, FakeWiring, fake_wiring
from tests.unit.test_prune import RETENTION, begin_restore, nights

GRACE = timedelta(hours=2)
DAY = timedelta(days=1)


@pytest.fixture
def wiring(tmp_path: Path) -> FakeWiring:
    return fake_wiring(tmp_path, POLICY + RETENTION)


@pytest.fixture
def points(wiring: FakeWiring) -> list[PointListing]:
    """Four nights, the first of which is marked and its grace over."""
    made = nights(wiring, 4, databases=("sales", "hr"))
    prune_use_case.prune(wiring, None, lambda _: None)
    wiring.clock.pass_by(GRACE)
    return made


def gc(wiring: FakeWiring, told: list[Event] | None = None) -> GcResult:
    return use_case.gc(wiring, GcWish(), (told if told is not None else []).append)


def actions(result: GcResult) -> dict[str, tuple[Action, bool]]:
    """By point: what was done, and whether anything was removed."""
    return {s.sweep.id: (s.sweep.action, s.removed is not None) for s in result.swept}


def listed(wiring: FakeWiring) -> dict[str, PointState]:
    return {p.id: p.state for p in catalog(wiring, wiring.configuration.repository("store")).points()}


def deletions(wiring: FakeWiring, then: Callable[[list[str]], None] = lambda _: None) -> list[list[str]]:
    """Every request to delete from now on; `then` is told after it was carried out."""
    asked: list[list[str]] = []
    delete = wiring.memory.delete

    def deleting(found: list[str]) -> None:
        asked.append(sorted(found))
        delete(found)
        then(found)

    wiring.memory.delete = deleting  # type: ignore[method-assign]
    return asked


# -- what is deleted


def test_all_that_belongs_to_the_point_goes_and_nothing_else(wiring: FakeWiring, points: list[PointListing]) -> None:
    others = {p.id: keys(wiring, p.id) for p in points[1:]}
    put_snapshot(wiring, f"{points[0].id}_1_sales_r2")
    foreign = [f"{points[0].id}_1_sales_copy", f"{points[0].id}_9_sales", "nightly", "by_hand", points[0].id]
    for label in foreign:
        put_snapshot(wiring, label)

    result = gc(wiring)

    assert actions(result) == {points[0].id: (Action.DUE, True)}
    removed = result.swept[0].removed
    assert removed is not None
    assert (removed.snapshots, removed.objects, removed.bytes > 60) == (3, 4 * 3 + 2, True)
    left = {k for k in keys(wiring, points[0].id) if not k.startswith("__starrocks_repository_store/")}
    assert left == set()
    assert {p: keys(wiring, p) for p in others} == others
    for label in foreign:
        assert len(list(wiring.memory.scan(layout.snapshot("store", label)))) == 4
    assert list(listed(wiring)) == [p.id for p in points[1:]]


def test_it_goes_in_the_order_that_never_shows_half_a_point(wiring: FakeWiring, points: list[PointListing]) -> None:
    asked = deletions(wiring)
    gc(wiring)
    place = layout.point("production", points[0].id)
    kinds = []
    for request in (r for r in asked if r and points[0].id in r[0]):
        names = {k.removeprefix(place).removeprefix(layout.marks_of("production", points[0].id)) for k in request}
        kinds.append({n.rpartition("/")[2].partition(".")[0].partition("_2026")[0] for n in names})
    snapshot = [{"__info"}, {"__meta"}, {"rows"}, {"other"}]
    assert kinds == [{"COMMIT"}, *snapshot, *snapshot, {"manifest"}, {"intent"}, {"DELETE"}]


def test_what_stays_is_written_before_the_first_object_goes(wiring: FakeWiring, points: list[PointListing]) -> None:
    seen: list[bool] = []
    deletions(wiring, lambda _: seen.append(history.find(wiring.memory, "production", points[0].id) is not None))
    judge(wiring, points[0], Finding.PART)
    gc(wiring)
    assert all(seen)
    found = history.find(wiring.memory, "production", points[0].id)
    assert found is not None
    assert found.commit == points[0].commit
    assert found.deletion.reason == "no rule of policy nightly keeps it"
    assert [v.finding for v in found.verdicts] == [Finding.PART]
    assert found.labels == tuple(f"{points[0].id}_{n}_{d}" for n, d in ((1, "sales"), (2, "hr")))


def test_snapshots_of_others_are_named(wiring: FakeWiring, points: list[PointListing]) -> None:
    put_snapshot(wiring, "by_hand")
    put_snapshot(wiring, "nightly-20200101T030000Z-abcd_1_sales")
    put_snapshot(wiring, f"{points[3].id}_1_sales_r2")
    assert gc(wiring).foreign == ("store/by_hand", "store/nightly-20200101T030000Z-abcd_1_sales")


def test_a_dry_run_writes_nothing(wiring: FakeWiring, points: list[PointListing]) -> None:
    before = [(o.key, o.modified) for o in wiring.memory.scan("")]
    result = use_case.plan(wiring, GcWish())
    assert actions(result) == {points[0].id: (Action.DUE, False)}
    assert [(o.key, o.modified) for o in wiring.memory.scan("")] == before


# -- what is not


def test_nothing_is_deleted_before_its_grace_is_over_by_the_stores_clock(wiring: FakeWiring) -> None:
    made = nights(wiring, 4)
    prune_use_case.prune(wiring, None, lambda _: None)
    wiring.clock.pass_by(GRACE - timedelta(minutes=5))
    assert actions(gc(wiring)) == {made[0].id: (Action.WAITING, False)}
    wiring.clock.pass_by(timedelta(minutes=5))
    assert actions(gc(wiring)) == {made[0].id: (Action.DUE, True)}


def test_a_restore_that_is_not_over_spares_its_point(wiring: FakeWiring, points: list[PointListing]) -> None:
    journal = begin_restore(wiring, points[0], "a-cluster-nobody-configured")
    result = gc(wiring)
    assert actions(result) == {points[0].id: (Action.SPARED, False)}
    assert "in use: restore into a-cluster-nobody-configured" in result.swept[0].sweep.reason
    journal.end(RestoreOver(Ending.FINISHED, wiring.clock.now()))
    assert actions(gc(wiring)) == {points[0].id: (Action.DUE, True)}


def test_a_point_that_has_become_the_newest_proven_one_is_spared(
    wiring: FakeWiring, points: list[PointListing]
) -> None:
    judge(wiring, points[0])
    result = gc(wiring)
    assert actions(result) == {points[0].id: (Action.SPARED, False)}
    assert result.swept[0].sweep.reason == "it is the newest proven one of policy nightly"
    judge(wiring, points[1])
    assert actions(gc(wiring)) == {points[0].id: (Action.DUE, True)}


def test_the_last_point_that_is_really_there_is_spared(wiring: FakeWiring, points: list[PointListing]) -> None:
    """The index knows newer ones, but they are lost."""
    index.refresh(wiring.memory, "production", [*points, *nights(wiring, 40, policy="gone")])
    assert points[3].id in index.read(wiring.memory, "production")
    wiring.memory.delete([layout.point("production", p.id) + layout.COMMIT for p in points[1:]])
    assert actions(gc(wiring)) == {points[0].id: (Action.SPARED, False)}


def test_what_was_forced_is_not_spared_and_another_one_is_the_newest_then(wiring: FakeWiring) -> None:
    made = nights(wiring, 2)
    marking.delete(wiring, PointWish(made[0].id), "unwanted")
    marking.delete(wiring, PointWish(made[1].id), "broken", force=True)
    wiring.clock.pass_by(GRACE)
    assert actions(gc(wiring)) == {made[0].id: (Action.SPARED, False), made[1].id: (Action.DUE, True)}


def test_a_held_point_is_spared(wiring: FakeWiring, points: list[PointListing]) -> None:
    """Whether `keep` took the mark off, or a prune of the same moment put it on after that."""
    found = marks.deletion(wiring.memory, "production", points[0].id)
    assert found is not None
    marking.keep(wiring, PointWish(points[0].id), "needed")
    assert gc(wiring).swept == ()
    marks.delete(wiring.memory, "production", found[0])
    wiring.clock.pass_by(GRACE)
    assert [(s.sweep.action, s.sweep.reason) for s in gc(wiring).swept] == [(Action.SPARED, "it is held")]
    assert listed(wiring)[points[0].id] is PointState.COMPLETE


def test_a_restore_that_a_gc_was_quicker_than_ends_before_it_changes_anything(wiring: FakeWiring) -> None:
    """COMMIT goes just before the journal of the restore is written."""
    cluster = wiring.clusters["production"]
    cluster.create_table("sales", "t", {"p": ["a"]})
    point = run_use_case.run(wiring, wiring.configuration.policy(None), lambda _: None).commit.point
    create = wiring.memory.create

    def creating(key: str, content: bytes) -> None:
        if key.endswith("begun.json"):
            wiring.memory.delete([layout.point("production", point) + layout.COMMIT])
        create(key, content)

    wiring.memory.create = creating  # type: ignore[method-assign]
    wish = RestoreWish(point, "other", RestoreRequest(Selection(), {}))
    with pytest.raises(NotFound, match="was deleted by a gc meanwhile"):
        restore_use_case.restore(wiring, wish, lambda _: None, lambda _: True)
    assert wiring.clusters["other"].databases == set()
    assert restores.in_use(wiring.memory, ["other"]) == {}


def test_a_gc_that_is_asked_to_stop_deletes_nothing_more(wiring: FakeWiring, points: list[PointListing]) -> None:
    asked = deletions(wiring, lambda _: wiring.clock.stop())
    with pytest.raises(Interrupted):
        gc(wiring)
    assert asked == [[layout.point("production", points[0].id) + layout.COMMIT]]


@pytest.mark.parametrize("who", ["keep", "restore"])
def test_whoever_wants_the_point_at_the_moment_of_its_deletion_gets_it_back(
    wiring: FakeWiring, points: list[PointListing], who: str
) -> None:
    """HOLD, or the journal of a restore, is written just before COMMIT goes; gc looks for them after that."""
    seen: list[bool] = []
    commit = layout.point("production", points[0].id) + layout.COMMIT
    before = keys(wiring, points[0].id)
    delete = wiring.memory.delete

    def deleting(found: list[str]) -> None:
        if commit in found and not seen:
            seen.append(True)
            if who == "keep":
                marking.keep(wiring, PointWish(points[0].id), "needed after all")
            else:
                begin_restore(wiring, points[0])
        delete(found)

    wiring.memory.delete = deleting  # type: ignore[method-assign]
    told: list[Event] = []
    result = gc(wiring, told)

    assert seen
    assert actions(result) == {points[0].id: (Action.SPARED, False)}
    assert any("is not deleted: " in e.text for e in told if isinstance(e, Warned))
    assert set(before) - set(keys(wiring, points[0].id)) <= {
        layout.marks_of("production", points[0].id) + layout.DELETE
    }
    assert history.find(wiring.memory, "production", points[0].id) is None


def test_no_gc_while_a_run_is_under_way_and_no_run_while_a_gc_is(
    wiring: FakeWiring, points: list[PointListing]
) -> None:
    for name in ("run", "gc"):
        key = layout.lock("production", name)
        with (
            leases.held(wiring.memory, key, "something", "aa", wiring.clock),
            pytest.raises(LockBusy, match="something"),
        ):
            gc(wiring)
    busy: list[leases.Lease | None] = []
    key = layout.lock("production", "run")
    deletions(wiring, lambda _: busy.append(leases.current(wiring.memory, key)))
    gc(wiring)
    assert busy
    assert None not in busy
    assert leases.current(wiring.memory, key) is None


class LeaseLostWith(leases.HeldLease):
    """A lease that is lost as soon as an object is gone."""

    def __init__(self, wiring: FakeWiring, key: str) -> None:
        self._memory, self._watched = wiring.memory, key

    def check(self) -> None:
        if not list(self._memory.scan(self._watched)):
            raise leases.LeaseLost("taken over")


def test_a_gc_that_lost_a_lease_deletes_nothing_more(wiring: FakeWiring, points: list[PointListing]) -> None:
    point = points[0]
    before, commit = keys(wiring, point.id), layout.point("production", point.id) + layout.COMMIT
    found = marks.deletion(wiring.memory, "production", point.id)
    assert found is not None
    labels = {"store": frozenset({f"{point.id}_1_sales", f"{point.id}_2_hr"})}
    lease = LeaseLostWith(wiring, commit)
    tools = SweepTools(
        catalog(wiring, wiring.configuration.repository("store")), (lease,), wiring.clock, labels, lambda _: ""
    )
    with pytest.raises(leases.LeaseLost):
        delete_point(tools, "production", point.id, point, found[0])
    assert set(before) - set(keys(wiring, point.id)) == {commit}


# -- cut anywhere


def test_a_gc_that_is_cut_after_any_request_is_finished_by_the_next(wiring: FakeWiring) -> None:
    """Every number of deletions after which the process can die, one after the other."""
    for cut in range(1, 13):
        made = nights(wiring, 4, databases=("sales", "hr"))
        victim = made[0]
        marking.delete(wiring, PointWish(victim.id), "unwanted")
        wiring.clock.pass_by(GRACE)
        delete, done = type(wiring.memory).delete, 0

        def dying(found: list[str], victim: PointListing = victim, cut: int = cut) -> None:
            nonlocal done
            delete(wiring.memory, found)  # noqa: B023
            if any(victim.id in k for k in found):
                done += 1
                if done == cut:
                    raise Interrupted("killed")

        wiring.memory.delete = dying  # type: ignore[method-assign]
        with pytest.raises(Interrupted):
            gc(wiring)
        assert listed(wiring).get(victim.id) in {PointState.EXPIRED, None}, "never a point to restore or to go on with"
        del wiring.memory.delete
        gc(wiring)
        assert keys(wiring, victim.id) == []
        assert history.find(wiring.memory, "production", victim.id) is not None
        assert set(listed(wiring).values()) <= {PointState.COMPLETE}


def test_a_deletion_that_had_begun_waits_for_a_restore_that_reads_what_is_left(
    wiring: FakeWiring, points: list[PointListing]
) -> None:
    gc_is_killed_after_commit(wiring, points[0])
    journal = begin_restore(wiring, points[0])
    assert actions(gc(wiring)) == {points[0].id: (Action.SPARED, False)}
    journal.end(RestoreOver(Ending.UNDONE, wiring.clock.now()))
    assert actions(gc(wiring)) == {points[0].id: (Action.BEGUN, True)}


def gc_is_killed_after_commit(wiring: FakeWiring, point: PointListing) -> None:
    commit = layout.point("production", point.id) + layout.COMMIT

    def die(found: list[str]) -> None:
        if commit in found:
            raise Interrupted("killed")

    deletions(wiring, die)
    with pytest.raises(Interrupted):
        gc(wiring)
    del wiring.memory.delete


def test_what_cannot_be_deleted_keeps_no_other_from_its_turn(wiring: FakeWiring) -> None:
    made = nights(wiring, 5)
    prune_use_case.prune(wiring, None, lambda _: None)
    wiring.clock.pass_by(GRACE)

    def refuse(found: list[str]) -> None:
        if any(made[0].id in k and "__meta" in k for k in found):
            raise NotDeleted("1 of 1 objects could not be deleted from memory: it is locked")

    deletions(wiring, refuse)
    with pytest.raises(Failed, match=f"1 of the points that are due could not be deleted:\n  {made[0].id}: 1 of 1"):
        gc(wiring)
    assert keys(wiring, made[1].id) == []
    del wiring.memory.delete
    assert actions(gc(wiring)) == {made[0].id: (Action.BEGUN, True)}
    assert keys(wiring, made[0].id) == []


# -- interrupted runs


def test_an_interrupted_run_goes_when_nobody_goes_on_with_it_any_more(wiring: FakeWiring) -> None:
    nights(wiring, 2)
    run = put_point(wiring, BEGINNING, commit=False)
    put_snapshot(wiring, f"{run.id}_1_sales_r2")
    stranger = put_point(wiring, BEGINNING, commit=False, policy="weekly")
    wiring.clock.pass_by(timedelta(hours=6 + 24 + 2) - timedelta(minutes=5))
    assert gc(wiring).swept == (), "it could be resumed for 6 h, its jobs may run for 24 h more, its grace is 2 h"
    wiring.clock.pass_by(timedelta(minutes=5))
    result = gc(wiring)
    assert actions(result) == {run.id: (Action.DUE, True)}
    assert keys(wiring, run.id) == []
    assert listed(wiring)[stranger.id] is PointState.INTERRUPTED
    found = history.find(wiring.memory, "production", run.id)
    assert found is not None
    assert (found.commit, found.deletion.reason) == (None, "an interrupted run that nobody goes on with")


def test_an_interrupted_run_in_another_repository_than_its_policys_is_left_alone(tmp_path: Path) -> None:
    wiring = fake_wiring(tmp_path, POLICY + RETENTION)
    run = put_point(wiring, BEGINNING, commit=False)
    (tmp_path / "repositories.yaml").write_text("repositories: {store: {url: 's3://b/p'}, new: {url: 's3://b/n'}}")
    (tmp_path / "nightly.yaml").write_text((POLICY + RETENTION).replace("repository: store", "repository: new"))
    moved = replace(wiring, configuration=load(tmp_path))
    moved.clock.pass_by(timedelta(days=30))
    assert use_case.gc(moved, GcWish(repository="store"), lambda _: None).swept == ()
    assert listed(wiring)[run.id] is PointState.INTERRUPTED


def test_an_interrupted_run_is_marked_before_the_first_of_its_objects_goes(wiring: FakeWiring) -> None:
    """So that a run never goes on with one of which a snapshot is gone."""
    nights(wiring, 1)
    run = put_point(wiring, BEGINNING, commit=False)
    wiring.clock.pass_by(timedelta(days=30))
    seen: list[bool] = []

    def look(found: list[str]) -> None:
        if any("__info" in k for k in found):
            seen.append(marks.of(wiring.memory, "production", run.id).deleted)
            seen.append(listed(wiring)[run.id] is PointState.EXPIRED)

    deletions(wiring, look)
    gc(wiring)
    assert seen == [True, True]


def test_a_cluster_that_the_bucket_does_not_know_is_an_error(wiring: FakeWiring, points: list[PointListing]) -> None:
    with pytest.raises(NotFound, match="nothing of a cluster 'prodution'"):
        use_case.gc(wiring, GcWish(cluster="prodution"), lambda _: None)
