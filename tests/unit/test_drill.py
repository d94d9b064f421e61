"""A drill on clusters in memory: restored beside what is there, compared, asked, dropped again, its verdict stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from srbackup.app import drill as use_case
from srbackup.app import listing
from srbackup.app import restore as restore_use_case
from srbackup.app import run as run_use_case
from srbackup.app.drill import PREFIX, DrillResult, DrillWish
from srbackup.app.restore import RestoreWish
from srbackup.app.wiring import catalog
from srbackup.catalog import restores
from srbackup.errors import ClusterUnreachable, Interrupted, NotFound, RefusedForSafety, UsageProblem
from srbackup.model.events import Event, JobSubmitted, StepStarted
from srbackup.model.point import Finding, PointListing
from srbackup.model.verdict import Outcome, Purpose
from srbackup.planning.restore import RestoreRequest
from tests.fakes.wiring import POLICY, FakeWiring, fake_wiring

DRILL = """
components: [data]
drill:
  on: other
  checks:
    - {name: orders, database: sales, sql: SELECT count(*) FROM orders, expect: 3}
    - {name: people by name, database: sales, sql: "SELECT count(*) FROM {hr}.people", expect: "1.0"}
"""


@pytest.fixture
def wiring(tmp_path: Path) -> FakeWiring:
    """A cluster that was backed up once, and another one that holds something of somebody's."""
    wiring = fake_wiring(tmp_path, POLICY + DRILL, speed=300)
    cluster = wiring.clusters["production"]
    cluster.create_table("sales", "orders", {"p1": ["a", "b"], "p2": ["c"]}, replicas=3)
    cluster.create_table("hr", "people", {"people": ["x"]})
    wiring.clusters["other"].create_table("sales", "orders", {"mine": ["q"]})
    back_up(wiring)
    return wiring


def back_up(wiring: FakeWiring) -> str:
    return run_use_case.run(wiring, wiring.configuration.policy(None), lambda _: None).commit.point


def drill(wiring: FakeWiring, wish: DrillWish | None = None, told: list[Event] | None = None) -> DrillResult:
    result = use_case.drill(wiring, wish or DrillWish(), (told if told is not None else []).append)
    assert result is not None
    return result


def newest(wiring: FakeWiring) -> PointListing:
    return listing.points(wiring, None, None, everything=False)[-1]


def scratch_databases(wiring: FakeWiring) -> list[str]:
    return sorted(d for d in wiring.clusters["other"].databases if d.startswith(PREFIX))


def test_a_point_is_proven_beside_what_the_scratch_cluster_holds(wiring: FakeWiring) -> None:
    result = drill(wiring)

    verdict = result.verdict
    assert (verdict.finding, verdict.purpose, verdict.whole) == (Finding.PROVEN, Purpose.DRILL, True)
    assert (verdict.partitions(), verdict.partitions(Outcome.EQUAL)) == (3, 3)
    assert [(c.name, c.found, c.passed) for c in verdict.checks] == [
        ("orders", "3", True),
        ("people by name", "1", True),
    ]
    assert [p.name for p in verdict.phases] == ["restore", "views", "compare", "checks", "drop"]
    other = wiring.clusters["other"]
    assert other.databases == {"sales"}
    assert other.rows["sales", "orders", "mine"] == ["q"]
    assert newest(wiring).proven is not None


def test_the_verdict_is_beside_the_point(wiring: FakeWiring) -> None:
    verdict = drill(wiring).verdict
    assert listing.details(wiring, None, None, "latest").verdicts == (verdict,)


def test_a_kept_copy_that_was_changed_is_told_by_table_and_partition(wiring: FakeWiring) -> None:
    kept = drill(wiring, DrillWish(keep=True))
    assert sorted(kept.databases) == scratch_databases(wiring)
    assert newest(wiring).proven is not None

    copy = next(d for d in kept.databases if d.endswith("_sales"))
    wiring.clusters["other"].rows[copy, "orders", "p2"] = ["changed"]
    again = drill(wiring, DrillWish(kept=True)).verdict

    (table,) = again.different
    assert (table.source, [p.partition for p in table.partitions if p.outcome is Outcome.DIFFERENT]) == (
        "sales.orders",
        ["p2"],
    )
    assert again.finding is Finding.DIFFERENT
    assert newest(wiring).proven is None, "a later look found a difference"
    assert scratch_databases(wiring) == []


def test_without_a_kept_copy_there_is_nothing_to_compare(wiring: FakeWiring) -> None:
    with pytest.raises(NotFound, match="no kept copy"):
        drill(wiring, DrillWish(kept=True))


def test_a_failed_check_is_a_difference(wiring: FakeWiring, tmp_path: Path) -> None:
    (tmp_path / "checks").mkdir()
    policy = POLICY + DRILL.replace("expect: 3", "expect: 4").replace("{hr}.people", "{hr}.nobody")
    failing = fake_wiring(tmp_path / "checks", policy, speed=300)
    failing.memory, failing.clusters = wiring.memory, wiring.clusters
    verdict = drill(failing).verdict
    assert verdict.finding is Finding.DIFFERENT
    assert [(c.found, c.passed) for c in verdict.checks] == [("3", False), ("", False)]
    assert "Unknown table" in verdict.checks[1].problem
    assert scratch_databases(wiring) == []


def test_a_part_of_a_point_proves_a_part(wiring: FakeWiring, tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    part = fake_wiring(tmp_path / "part", POLICY + "drill: {on: other, include: [hr.*]}\n", speed=300)
    part.memory, part.clusters = wiring.memory, wiring.clusters
    assert drill(part).verdict.finding is Finding.PART
    assert newest(wiring).proven is None


def test_a_damaged_snapshot_is_a_verdict_that_names_the_object(wiring: FakeWiring) -> None:
    key = next(o.key for o in wiring.memory.scan("") if "sales" in o.key and "rows.dat" in o.key)
    data, md5 = wiring.memory.read(key).data, key.rpartition(".")[2]
    wiring.memory.put(key, data[:-1] + b"!")
    told = f"[7: invalid md5 of downloaded file: rows.dat, expected: {md5}, get: 00]"
    wiring.clusters["other"].stuck["sales"] = ("DOWNLOADING", told)

    verdict = drill(wiring).verdict
    assert verdict.finding is Finding.DIFFERENT
    assert key in verdict.problem
    assert scratch_databases(wiring) == []
    assert [v.finding for v in newest(wiring).verdicts] == [Finding.DIFFERENT]


def test_a_damaged_document_of_the_point_is_a_verdict_too(wiring: FakeWiring) -> None:
    key = next(o.key for o in wiring.memory.scan("") if o.key.endswith("parts/sales.json"))
    wiring.memory.put(key, wiring.memory.read(key).data.replace(b"orders", b"ORDERS"))
    verdict = drill(wiring).verdict
    assert (verdict.finding, verdict.tables) == (Finding.DIFFERENT, ())
    assert "parts/sales.json is damaged" in verdict.problem


def test_what_a_killed_drill_left_is_dropped_by_the_next(wiring: FakeWiring) -> None:
    def killed(event: Event) -> None:
        if isinstance(event, JobSubmitted):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use_case.drill(wiring, DrillWish(), killed)
    left = scratch_databases(wiring)
    assert left

    told: list[Event] = []
    assert drill(wiring, told=told).verdict.finding is Finding.PROVEN
    assert any(isinstance(e, StepStarted) and "left behind" in e.step for e in told)
    assert scratch_databases(wiring) == []
    assert not list(restores.interrupted(wiring.memory, "other"))


def test_a_restore_into_the_scratch_cluster_drops_a_drill_that_was_left(wiring: FakeWiring) -> None:
    drill(wiring, DrillWish(keep=True))
    request = RestoreRequest(mapping={"sales": "sales_2", "hr": "hr_2"})
    restore_use_case.restore(wiring, RestoreWish("latest", "other", request), lambda _: None, lambda _: True)
    assert wiring.clusters["other"].databases == {"sales", "sales_2", "hr_2"}


def test_an_interrupted_restore_of_somebody_is_left_alone(wiring: FakeWiring) -> None:
    def stopped(event: Event) -> None:
        if isinstance(event, JobSubmitted):
            raise Interrupted("stopped")

    request = RestoreRequest(mapping={"sales": "sales_2", "hr": "hr_2"})
    with pytest.raises(Interrupted):
        restore_use_case.restore(wiring, RestoreWish("latest", "other", request), stopped, lambda _: True)
    drill(wiring)
    assert {"sales_2", "hr_2"} & wiring.clusters["other"].databases
    assert len(list(restores.interrupted(wiring.memory, "other"))) == 1


def test_a_scratch_cluster_that_dies_gives_an_error_and_no_verdict(wiring: FakeWiring) -> None:
    def dies(event: Event) -> None:
        if isinstance(event, JobSubmitted):
            wiring.clusters["other"].lost_connections = 10_000

    with pytest.raises(ClusterUnreachable) as caught:
        use_case.drill(wiring, DrillWish(), dies)
    assert "the next drill drops it" in caught.value.hint
    assert newest(wiring).verdicts == ()

    wiring.clusters["other"].lost_connections = 0
    assert drill(wiring).verdict.finding is Finding.PROVEN
    assert scratch_databases(wiring) == []


def test_the_newest_point_of_the_policy_is_drilled_unless_one_is_named(wiring: FakeWiring) -> None:
    first = newest(wiring).id
    second = back_up(wiring)
    assert drill(wiring).verdict.point == second
    assert drill(wiring, DrillWish(policy="nightly")).verdict.point == second
    assert drill(wiring, DrillWish(point=first, on="other")).verdict.point == first


def test_the_protected_cluster_is_no_scratch_cluster(wiring: FakeWiring) -> None:
    with pytest.raises(RefusedForSafety, match="is the cluster that the point was taken from"):
        drill(wiring, DrillWish(on="production"))
    wiring.clusters["other"].cluster_id = "1001"
    with pytest.raises(RefusedForSafety, match="has the cluster id 1001"):
        drill(wiring)


def test_a_drill_needs_to_know_where(wiring: FakeWiring) -> None:
    with pytest.raises(UsageProblem, match="No scratch cluster is named"):
        drill(wiring, DrillWish(point="latest"))
    with pytest.raises(NotFound):
        drill(wiring, DrillWish(on="nowhere"))


def test_a_plan_that_is_declined_changes_nothing(wiring: FakeWiring) -> None:
    before = [o.key for o in wiring.memory.scan("clusters/")]
    assert use_case.drill(wiring, DrillWish(), lambda _: None, lambda _plan: False) is None
    assert scratch_databases(wiring) == []
    after = [o.key for o in wiring.memory.scan("clusters/")]
    assert {k for k in after if "/locks/" not in k} == {k for k in before if "/locks/" not in k}


def test_a_point_is_found_by_its_proof_and_by_its_time(wiring: FakeWiring) -> None:
    first = newest(wiring)
    assert first.commit is not None
    drill(wiring)
    second = back_up(wiring)
    points = catalog(wiring, wiring.configuration.repository("store"))
    assert points.find("latest").id == second
    assert points.find("latest-proven").id == first.id
    assert points.find(f"@{first.commit.completed.isoformat()}").id == first.id
    assert points.find("@2100-01-01T00:00:00+00:00").id == second
    with pytest.raises(NotFound, match="no point that was complete at 2020"):
        points.find("@2020-01-01T00:00:00+00:00")
