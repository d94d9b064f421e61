"""A run against a cluster and a store in memory: what becomes a point, and what never does."""

from __future__ import annotations

from pathlib import Path

import pytest

from srbackup.app import run as use_case
from srbackup.app.wiring import catalog
from srbackup.catalog import layout
from srbackup.catalog.catalog import Catalog
from srbackup.errors import ClusterUnhealthy, Failed, IncompatibleVersion, LockBusy, RefusedForSafety
from srbackup.model.events import Event, JobFailed, Warned
from srbackup.model.job import StarRocksRepository
from srbackup.model.point import Fingerprint, PointState
from tests.fakes.wiring import POLICY, FakeWiring, fake_wiring

DATA_ONLY = POLICY + "components: [data]\n"


@pytest.fixture
def wiring(tmp_path: Path) -> FakeWiring:
    wiring = fake_wiring(tmp_path, DATA_ONLY)
    cluster = wiring.clusters["production"]
    cluster.create_table("sales", "orders", {"p1": ["a", "b"], "p2": ["c"]}, replicas=3)
    cluster.create_table("sales", "items", {"items": []})
    cluster.create_table("hr", "people", {"people": ["x"]})
    cluster.databases.add("empty")
    return wiring


def run(wiring: FakeWiring, told: list[Event] | None = None) -> use_case.RunResult:
    return use_case.run(wiring, wiring.configuration.policy(None), (told if told is not None else []).append)


def points(wiring: FakeWiring) -> Catalog:
    return catalog(wiring, wiring.configuration.repository("store"))


def test_a_run_makes_one_point_of_all_databases(wiring: FakeWiring) -> None:
    result = run(wiring)

    (listed,) = points(wiring).points()
    assert listed.state is PointState.COMPLETE
    assert listed.commit == result.commit
    assert result.manifest.databases == ("empty", "hr", "sales")
    assert [(p.database, p.tables, p.partitions, p.rows) for p in result.manifest.parts] == [
        ("hr", 1, 1, 1),
        ("sales", 2, 3, 3),
    ]
    part = points(wiring).part(result.manifest.parts[1])
    orders = part.table("orders")
    assert orders is not None
    assert orders.replication_num == 3
    assert [(p.name, p.fingerprint and p.fingerprint.rows) for p in orders.partitions] == [("p1", 2), ("p2", 1)]
    assert part.objects == len(points(wiring).objects(result.manifest.parts[1])) == 5


def test_commit_is_the_last_object_that_is_written(wiring: FakeWiring) -> None:
    written: list[str] = []
    create = wiring.memory.create

    def recording(key: str, data: bytes) -> None:
        written.append(key)
        create(key, data)

    wiring.memory.create = recording  # type: ignore[method-assign]
    point = run(wiring).commit.point

    place = layout.point("production", point)
    own = [k.removeprefix(place) for k in written if k.startswith(place)]
    assert own[0] == "intent.json"
    assert own[-2:] == ["manifest.json", "COMMIT"]


def test_a_load_during_the_upload_is_not_in_the_point_and_its_fingerprint_is_not_claimed(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]
    loaded = False

    def load_once(statement: str) -> None:
        nonlocal loaded
        job = cluster.jobs.get("sales")
        if job is not None and job.state == "UPLOAD_SNAPSHOT" and not loaded:
            loaded = True
            cluster.load("sales", "orders", "p2", "d")

    tick = cluster.tick

    def ticking() -> None:
        tick()
        load_once("")

    cluster.tick = ticking  # type: ignore[method-assign]
    result = run(wiring)

    orders = points(wiring).part(result.manifest.parts[1]).table("orders")
    assert orders is not None
    first, second = orders.partitions
    assert first.fingerprint is not None
    assert (second.version, second.fingerprint) == (2, None)
    assert "p2: changed since the snapshot was taken" in orders.note
    assert result.commit.state is PointState.COMPLETE


def test_a_table_that_cannot_be_read_is_backed_up_without_fingerprints_and_says_so(wiring: FakeWiring) -> None:
    wiring.clusters["production"].unreadable["people"] = "Backend node not found."
    result = run(wiring)

    people = points(wiring).part(result.manifest.parts[0]).table("people")
    assert people is not None
    assert people.partitions[0].fingerprint is None
    assert "Backend node not found." in people.note
    assert any("hr: people cannot be compared" in w for w in result.manifest.warnings)


def test_a_table_that_vanishes_before_its_snapshot_does_not_sink_its_database(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]
    cluster.before_submit = lambda database, label: (
        cluster.drop_table("sales", "items") if ("sales", "items") in cluster.tables and database == "sales" else None
    )
    result = run(wiring)

    assert result.commit.state is PointState.COMPLETE
    assert [t.name for t in points(wiring).part(result.manifest.parts[1]).tables] == ["orders"]


def test_a_stuck_job_is_cancelled_and_tried_again_under_a_new_label(wiring: FakeWiring) -> None:
    wiring.clusters["production"].stuck["sales"] = ("UPLOADING", "[1: S3: fail to list]")
    told: list[Event] = []
    result = run(wiring, told)

    assert result.commit.state is PointState.COMPLETE
    assert result.manifest.parts[1].label.endswith("_2_sales_r2")
    reasons = [e.reason for e in told if isinstance(e, JobFailed) and e.again]
    assert len(reasons) == 1
    assert "S3: fail to list" in reasons[0]


def test_a_job_that_is_never_begun_is_cancelled_since_it_may_hold_up_all_others(wiring: FakeWiring) -> None:
    wiring.clusters["production"].stuck["sales"] = ("PENDING", "")
    told: list[Event] = []
    result = run(wiring, told)

    assert result.commit.state is PointState.COMPLETE
    assert any("was not begun" in e.reason for e in told if isinstance(e, JobFailed))


def test_a_database_that_fails_every_time_makes_the_point_partial_and_names_its_tables(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]

    def refuse(database: str, label: str) -> None:
        if database == "sales":
            cluster.stuck["sales"] = ("UPLOADING", "[1: disk broken]")

    cluster.before_submit = refuse
    result = run(wiring)

    assert result.commit.state is PointState.PARTIAL
    assert sorted(e.name for e in result.manifest.excluded) == ["sales.items", "sales.orders"]
    assert all("disk broken" in e.reason for e in result.manifest.excluded)


def test_when_nothing_can_be_backed_up_there_is_no_point(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]
    cluster.before_submit = lambda database, label: cluster.stuck.update({database: ("UPLOADING", "[1: no]")})

    with pytest.raises(Failed, match="Nothing could be backed up"):
        run(wiring)
    assert [p.state for p in points(wiring).points()] == [PointState.INTERRUPTED]


def test_a_lost_answer_to_backup_is_looked_for_before_anything_is_repeated(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]
    submitted: list[str] = []

    def lose(database: str, label: str) -> None:
        submitted.append(label)
        if len(submitted) == 1:
            cluster.lost_connections = 1

    cluster.before_submit = lose
    assert run(wiring).commit.state is PointState.COMPLETE


def test_another_job_of_the_database_is_waited_out(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]
    connection = cluster.connect()
    connection.create_repository(wiring.configuration.repository("store"), read_only=False)
    from datetime import timedelta

    connection.submit_backup("store", "sales", "somebody_elses", ["orders"], timedelta(hours=1))
    assert run(wiring).commit.state is PointState.COMPLETE


def test_a_snapshot_without_its_info_object_is_no_backup_whatever_the_state_says(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]
    finish = cluster._finish_backup

    def forgetful(job) -> None:  # type: ignore[no-untyped-def]
        finish(job)
        wiring.memory.delete([o.key for o in wiring.memory.scan("") if "__info_" in o.key])

    cluster._finish_backup = forgetful  # type: ignore[method-assign]
    with pytest.raises(Failed, match=r"FINISHED, but left no __info_"):
        run(wiring)
    assert not any(p.state.restorable for p in points(wiring).points())


def test_an_interrupted_run_is_gone_on_with_and_adopts_its_jobs(wiring: FakeWiring, tmp_path: Path) -> None:
    cluster = wiring.clusters["production"]
    old = cluster.tick

    class Killed(BaseException):
        pass

    def die_in_upload() -> None:
        old()
        job = cluster.jobs.get("sales")
        if job is not None and job.state == "UPLOADING":
            cluster.tick = old  # type: ignore[method-assign]
            raise Killed

    cluster.tick = die_in_upload  # type: ignore[method-assign]
    with pytest.raises(Killed):
        run(wiring)
    (interrupted,) = points(wiring).points()
    assert interrupted.state is PointState.INTERRUPTED
    submissions = [s for s in cluster.statements if s.startswith("backup ")]

    result = run(wiring)

    assert result.resumed
    assert result.commit.point == interrupted.id
    again = [s for s in cluster.statements if s.startswith("backup ")][len(submissions) :]
    assert not [s for s in again if s.startswith("backup sales")]


def test_two_runs_of_one_cluster_do_not_run_at_the_same_time(wiring: FakeWiring) -> None:
    from srbackup.catalog import leases

    with (
        leases.held(wiring.memory, layout.lock("production", "run"), "test", "ff", wiring.clock),
        pytest.raises(LockBusy, match="holds the lease"),
    ):
        run(wiring)


def test_a_repository_of_the_same_name_at_another_place_is_refused(wiring: FakeWiring) -> None:
    wiring.clusters["production"].known["store"] = StarRocksRepository("store", False, "s3a://elsewhere/x", "")
    with pytest.raises(RefusedForSafety, match="s3a://elsewhere/x"):
        run(wiring)


def test_a_read_only_repository_is_attached_again_to_be_written(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]
    cluster.known["store"] = StarRocksRepository("store", True, "s3a://bucket/prefix", "")
    told: list[Event] = []
    run(wiring, told)
    assert cluster.known["store"].read_only is False
    assert any("READ ONLY" in e.text for e in told if isinstance(e, Warned))


def test_shared_data_and_clusters_without_backends_are_refused_before_anything_is_written(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]
    cluster.run_mode = "shared_data"
    with pytest.raises(IncompatibleVersion):
        run(wiring)
    cluster.run_mode, cluster.backends = "shared_nothing", 0
    with pytest.raises(ClusterUnhealthy):
        run(wiring)
    assert list(wiring.memory.scan("")) == []


def test_rows_only_fingerprints_do_not_read_content(tmp_path: Path) -> None:
    wiring = fake_wiring(tmp_path, DATA_ONLY + "verification: {fingerprint: rows}\n")
    wiring.clusters["production"].create_table("sales", "orders", {"p1": ["a", "b"]})
    result = run(wiring)
    table = points(wiring).part(result.manifest.parts[0]).table("orders")
    assert table is not None
    assert table.partitions[0].fingerprint == Fingerprint(2, None)


def test_a_dry_run_writes_nothing_anywhere(wiring: FakeWiring) -> None:
    plan = use_case.plan(wiring, wiring.configuration.policy(None))
    assert [(p.database, p.tables) for p in plan.parts] == [("hr", ("people",)), ("sales", ("items", "orders"))]
    assert list(wiring.memory.scan("")) == []
    assert wiring.clusters["production"].known == {}
