"""prune, keep and delete against a store in memory: what gets a mark, what is refused, and who can take it back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from srbackup.app import marking
from srbackup.app import prune as use_case
from srbackup.app import restore as restore_use_case
from srbackup.app import run as run_use_case
from srbackup.app.marking import PointWish
from srbackup.app.restore import RestoreWish
from srbackup.app.wiring import catalog
from srbackup.catalog import index, layout, leases, marks, restores
from srbackup.errors import ExitStatus, LockBusy, NotFound, RefusedForSafety
from srbackup.model.events import Event, Warned
from srbackup.model.plan import RestorePlan
from srbackup.model.point import Finding, PointListing, PointState
from srbackup.model.restore import RestoreBegun
from srbackup.planning.restore import RestoreRequest
from srbackup.planning.retention import Fate
from srbackup.planning.selection import Selection
from tests.fakes.clock import BEGINNING
from tests.fakes.points import judge, keys, put_point
from tests.fakes.wiring import POLICY, FakeWiring, fake_wiring

RETENTION = "components: [data]\nretention: {keep: {last: 3}, grace: 2h}\n"
DAY = timedelta(days=1)


@pytest.fixture
def wiring(tmp_path: Path) -> FakeWiring:
    return fake_wiring(tmp_path, POLICY + RETENTION)


def nights(wiring: FakeWiring, count: int, **differently: object) -> list[PointListing]:
    """One point a night, the newest last."""
    return [put_point(wiring, BEGINNING - n * DAY, **differently) for n in reversed(range(count))]  # type: ignore[arg-type]


def prune(wiring: FakeWiring, *, force: bool = False, told: list[Event] | None = None) -> list[str]:
    """The points that were marked."""
    plans = use_case.prune(wiring, None, (told if told is not None else []).append, force=force)
    return [d.point.id for plan in plans for d in plan.expiring]


def states(wiring: FakeWiring) -> dict[str, PointState]:
    points = catalog(wiring, wiring.configuration.repository("store")).points()
    return {p.id: p.state for p in points}


def begin_restore(wiring: FakeWiring, point: PointListing, cluster: str = "other") -> restores.RestoreJournal:
    plan = RestorePlan(point.id, "production", cluster, "store", (), (), (), (), (), ())
    return restores.begin(wiring.memory, wiring.ulid(), RestoreBegun(plan, "", "2002", wiring.clock.now()))


# -- prune


def test_what_no_rule_keeps_is_marked_and_nothing_is_deleted(wiring: FakeWiring) -> None:
    points = nights(wiring, 5)
    before = {p.id: keys(wiring, p.id) for p in points}

    assert prune(wiring) == [points[0].id, points[1].id]

    assert list(states(wiring).values()) == [PointState.EXPIRED] * 2 + [PointState.COMPLETE] * 3
    found = marks.deletion(wiring.memory, "production", points[0].id)
    assert found is not None
    assert (found[0].reason, found[0].grace) == ("no rule of policy nightly keeps it", timedelta(hours=2))
    assert all(set(before[p.id]) <= set(keys(wiring, p.id)) for p in points)
    assert prune(wiring) == [], "what is marked is not marked again"


def test_a_dry_run_writes_nothing(wiring: FakeWiring) -> None:
    points = nights(wiring, 5)
    before = [(o.key, o.modified) for o in wiring.memory.scan("")]
    (plan,) = use_case.plan(wiring, None)
    assert [d.point.id for d in plan.expiring] == [points[0].id, points[1].id]
    assert [(o.key, o.modified) for o in wiring.memory.scan("")] == before


def test_points_of_a_policy_that_is_not_in_the_configuration_stay(wiring: FakeWiring) -> None:
    nights(wiring, 4)
    strangers = nights(wiring, 5, policy="weekly")
    assert not set(prune(wiring)) & {p.id for p in strangers}


def test_losing_most_days_at_once_is_refused_unless_forced(wiring: FakeWiring) -> None:
    nights(wiring, 7)
    with pytest.raises(RefusedForSafety, match="of the 7 days with full points, 4 would keep none") as raised:
        prune(wiring)
    assert raised.value.status is ExitStatus.REFUSED
    assert set(states(wiring).values()) == {PointState.COMPLETE}
    assert len(prune(wiring, force=True)) == 4
    assert list(states(wiring).values()).count(PointState.EXPIRED) == 4


def test_the_newest_proven_point_is_not_marked(wiring: FakeWiring) -> None:
    points = nights(wiring, 5)
    judge(wiring, points[0])
    judge(wiring, points[4], Finding.DIFFERENT)
    assert prune(wiring) == [], "the first is the only proven one, the second the third newest that is sound"


def test_what_a_restore_into_any_cluster_reads_is_not_marked(wiring: FakeWiring) -> None:
    points = nights(wiring, 5)
    begin_restore(wiring, points[1], "a-cluster-nobody-configured")
    assert prune(wiring) == [points[0].id]


def test_a_point_that_only_the_index_knows_keeps_no_other_from_its_place(wiring: FakeWiring) -> None:
    """The newest point's COMMIT is lost, but the copy in the index is not: so three others are to be kept."""
    points = nights(wiring, 5)
    index.refresh(wiring.memory, "production", [*points, *nights(wiring, 40, policy="gone")])
    assert points[4].id in index.read(wiring.memory, "production")
    wiring.memory.delete([layout.point("production", points[4].id) + layout.COMMIT])

    assert prune(wiring) == [points[0].id]


def test_prune_writes_the_index_when_it_lacks_many_points(wiring: FakeWiring) -> None:
    points = [put_point(wiring, BEGINNING - n * timedelta(hours=1)) for n in range(40)]
    prune(wiring, force=True)
    assert set(index.read(wiring.memory, "production")) == {p.id for p in points}


def test_a_point_from_the_future_is_kept_and_said_so(wiring: FakeWiring) -> None:
    points = nights(wiring, 4)
    future = put_point(wiring, BEGINNING + 300 * DAY)
    told: list[Event] = []
    assert prune(wiring, told=told) == [points[0].id]
    assert [e.text for e in told if isinstance(e, Warned)] == [
        f"Point {future.id} is from the future: it is kept, and counts for no rule"
    ]


def test_two_prunes_at_once_are_one_too_many(wiring: FakeWiring) -> None:
    nights(wiring, 4)
    key = layout.lock("production", "prune")
    with leases.held(wiring.memory, key, "prune", "aa", wiring.clock), pytest.raises(LockBusy):
        prune(wiring)


def test_an_expired_point_is_not_restored_before_it_is_rescued(wiring: FakeWiring) -> None:
    points = nights(wiring, 4)
    prune(wiring)
    wish = RestoreWish(points[0].id, "other", RestoreRequest(Selection(), {}))
    with pytest.raises(NotFound, match="is expired") as raised:
        restore_use_case.restore(wiring, wish, lambda _: None, lambda _: False)
    assert raised.value.hint.startswith(f"Rescue it first: srbackup keep {points[0].id}")


def test_a_point_that_is_half_deleted_is_not_gone_on_with_by_a_run(wiring: FakeWiring) -> None:
    wiring.clusters["production"].create_table("sales", "t", {"p": ["a"]})
    point = put_point(wiring, wiring.clock.now())
    marking.delete(wiring, PointWish(point.id), "a test", force=True)
    wiring.memory.delete([layout.point("production", point.id) + layout.COMMIT])
    assert states(wiring)[point.id] is PointState.EXPIRED
    result = run_use_case.run(wiring, wiring.configuration.policy(None), lambda _: None)
    assert (result.resumed, result.commit.point == point.id) == (False, False)


# -- keep


def test_a_held_point_is_kept_until_it_is_released(wiring: FakeWiring) -> None:
    points = nights(wiring, 4)
    held = marking.keep(wiring, PointWish(points[0].id), "before the migration")
    assert (held.held, held.state) == (True, PointState.COMPLETE)
    assert prune(wiring) == []
    found = marks.held(wiring.memory, "production", points[0].id)
    assert found is not None
    assert found.reason == "before the migration"
    assert marking.release(wiring, PointWish(points[0].id)).held is False
    assert prune(wiring) == [points[0].id]


def test_keep_rescues_an_expired_point_and_a_release_gives_it_a_new_grace(wiring: FakeWiring) -> None:
    points = nights(wiring, 4)
    prune(wiring)
    mark = marks.deletion(wiring.memory, "production", points[0].id)
    assert mark is not None
    assert marking.keep(wiring, PointWish(points[0].id), "needed").state is PointState.COMPLETE
    assert marks.deletion(wiring.memory, "production", points[0].id) is None
    marks.delete(wiring.memory, "production", mark[0])  # by a prune that looked before the HOLD was there
    assert marking.release(wiring, PointWish(points[0].id)).state is PointState.COMPLETE
    assert marks.deletion(wiring.memory, "production", points[0].id) is None


def test_keep_is_too_late_where_the_deletion_has_begun(wiring: FakeWiring) -> None:
    points = nights(wiring, 4)
    prune(wiring)
    wiring.memory.delete([layout.point("production", points[0].id) + layout.COMMIT])
    with pytest.raises(NotFound, match="half deleted"):
        marking.keep(wiring, PointWish(points[0].id), "needed")
    assert marks.held(wiring.memory, "production", points[0].id) is None


def test_keep_that_meets_a_gc_takes_its_hold_back(wiring: FakeWiring) -> None:
    """COMMIT goes between the look at the point and the HOLD."""
    (point,) = nights(wiring, 1)
    put = wiring.memory.put

    def putting(key: str, data: bytes) -> None:
        put(key, data)
        wiring.memory.delete([layout.point("production", point.id) + layout.COMMIT])

    wiring.memory.put = putting  # type: ignore[method-assign]
    with pytest.raises(NotFound, match="Too late"):
        marking.keep(wiring, PointWish(point.id), "needed")
    assert marks.held(wiring.memory, "production", point.id) is None


def test_a_point_that_is_not_held_cannot_be_released(wiring: FakeWiring) -> None:
    (point,) = nights(wiring, 1)
    with pytest.raises(NotFound, match="is not held"):
        marking.release(wiring, PointWish(point.id))


def test_an_interrupted_run_can_neither_be_kept_nor_deleted(wiring: FakeWiring) -> None:
    point = put_point(wiring, BEGINNING, commit=False)
    with pytest.raises(NotFound, match="is interrupted"):
        marking.keep(wiring, PointWish(point.id), "needed")
    with pytest.raises(NotFound, match="is interrupted"):
        marking.delete(wiring, PointWish(point.id), "unwanted", force=True)


# -- delete


def test_a_point_in_the_middle_is_marked_with_the_grace_of_its_policy(wiring: FakeWiring) -> None:
    points = nights(wiring, 3)
    _, deletion = marking.delete(wiring, PointWish(points[1].id), "too big")
    assert (deletion.grace, deletion.forced, deletion.reason) == (timedelta(hours=2), False, "too big")
    assert states(wiring)[points[1].id] is PointState.EXPIRED
    assert marking.delete(wiring, PointWish(points[1].id), "again")[1] == deletion


def test_a_point_of_a_policy_that_is_gone_has_three_days_of_grace(wiring: FakeWiring) -> None:
    points = nights(wiring, 2, policy="weekly")
    assert marking.delete(wiring, PointWish(points[0].id), "old")[1].grace == timedelta(days=3)


@pytest.mark.parametrize(
    "reason", ["held: for audit", "newest of policy", "newest proven one", "in use: restore", "FE"]
)
def test_what_should_not_go_is_refused_and_can_be_forced(wiring: FakeWiring, reason: str) -> None:
    points = [put_point(wiring, BEGINNING - 3 * DAY, metadata=True), *nights(wiring, 3)]
    point = points[1]
    match reason:
        case "held: for audit":
            marking.keep(wiring, PointWish(point.id), "for audit")
        case "newest of policy":
            point = points[3]
        case "newest proven one":
            judge(wiring, point)
        case "in use: restore":
            begin_restore(wiring, point)
        case "FE":
            point = points[0]
    with pytest.raises(RefusedForSafety, match=reason) as raised:
        marking.delete(wiring, PointWish(point.id), "unwanted")
    assert raised.value.status is ExitStatus.REFUSED
    assert marks.deletion(wiring.memory, "production", point.id) is None
    _, deletion = marking.delete(wiring, PointWish(point.id), "unwanted", force=True)
    assert deletion.forced
    assert states(wiring)[point.id] is PointState.EXPIRED


def test_the_newest_is_what_is_really_there(wiring: FakeWiring) -> None:
    """A point that the index alone knows is nobody's newest, so the one before it is not deleted either."""
    points = nights(wiring, 3)
    index.refresh(wiring.memory, "production", [*points, *nights(wiring, 40, policy="gone")])
    wiring.memory.delete([layout.point("production", points[2].id) + layout.COMMIT])
    with pytest.raises(RefusedForSafety, match="newest of policy nightly"):
        marking.delete(wiring, PointWish(points[1].id), "unwanted")


def test_prune_shows_one_policy_alone_when_it_is_named(wiring: FakeWiring) -> None:
    nights(wiring, 2)
    nights(wiring, 2, policy="weekly")
    (one,) = use_case.plan(wiring, "nightly")
    (both,) = use_case.plan(wiring, None)
    assert {d.point.policy for d in one.decisions} == {"nightly"}
    assert {(d.point.policy, d.fate) for d in both.decisions} == {
        ("nightly", Fate.KEPT),
        ("weekly", Fate.LEFT_ALONE),
    }
