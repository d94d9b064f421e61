"""A restore against clusters in memory: into place, compared, undone, gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from srbackup.app import restore as use_case
from srbackup.app import run as run_use_case
from srbackup.app.restore import RestoreResult, RestoreWish
from srbackup.catalog import restores
from srbackup.errors import ClusterUnreachable, Failed, NotFound, RefusedForSafety
from srbackup.model.events import Event, JobSubmitted, Warned
from srbackup.model.inventory import TableKind
from srbackup.model.plan import RestorePlan
from srbackup.model.point import Definition
from srbackup.model.verdict import Outcome
from srbackup.planning.restore import RestoreRequest
from srbackup.planning.selection import Selection
from tests.fakes.wiring import POLICY, FakeWiring, fake_wiring


@pytest.fixture
def wiring(tmp_path: Path) -> FakeWiring:
    """A cluster that was backed up once."""
    wiring = fake_wiring(tmp_path, POLICY + "components: [data]\n", speed=300)
    cluster = wiring.clusters["production"]
    cluster.create_table("sales", "orders", {"p1": ["a", "b"], "p2": ["c"]}, replicas=3)
    cluster.create_table("sales", "items", {"items": ["i"]}, replicas=1)
    cluster.create_table("hr", "people", {"people": ["x"]})
    cluster.databases.add("empty")
    cluster.views["sales", "b_view"] = Definition(
        "b_view", TableKind.VIEW, "CREATE VIEW `b_view` AS SELECT k FROM orders"
    )
    cluster.views["sales", "a_view"] = Definition(
        "a_view", TableKind.VIEW, "CREATE VIEW `a_view` AS SELECT k FROM b_view"
    )
    cluster.views["sales", "mv"] = Definition(
        "mv",
        TableKind.MATERIALIZED_VIEW,
        'CREATE MATERIALIZED VIEW `mv` PROPERTIES ("replication_num" = "3") AS SELECT k FROM orders',
    )
    run_use_case.run(wiring, wiring.configuration.policy(None), lambda _: None)
    return wiring


def wish(target: str = "other", request: RestoreRequest | None = None, *, discard: bool = False) -> RestoreWish:
    return RestoreWish("latest", target, request or RestoreRequest(), discard=discard)


def restore(wiring: FakeWiring, asked: RestoreWish | None = None, told: list[Event] | None = None) -> RestoreResult:
    notify = (told if told is not None else []).append
    result = use_case.restore(wiring, asked or wish(), notify, lambda _plan: True)
    assert result is not None
    return result


def plan(wiring: FakeWiring, asked: RestoreWish) -> RestorePlan:
    seen: list[RestorePlan] = []
    use_case.restore(wiring, asked, lambda _: None, lambda plan: bool(seen.append(plan)))
    return seen[0]


def test_everything_comes_back_in_a_new_cluster_and_is_compared(wiring: FakeWiring) -> None:
    result = restore(wiring)

    other = wiring.clusters["other"]
    assert result.verdict.outcome is Outcome.EQUAL
    assert result.verdict.partitions(Outcome.EQUAL) == 4
    assert other.rows["sales", "orders", "p1"] == ["a", "b"]
    assert other.databases == {"sales", "hr", "empty"}
    assert set(other.views) == {("sales", "a_view"), ("sales", "b_view"), ("sales", "mv")}
    assert "refresh mv" in other.statements
    assert other.known["store"].read_only is True


def test_there_is_one_restore_for_each_snapshot_and_number_of_replicas(wiring: FakeWiring) -> None:
    steps = plan(wiring, wish()).steps
    assert [(s.target_database, s.names, s.replication_num) for s in steps] == [
        ("hr", ("people",), 1),
        ("sales", ("orders",), 3),
        ("sales", ("items",), 1),
    ]


def test_replicas_are_lowered_to_the_backends_that_are_there_and_said_so(wiring: FakeWiring) -> None:
    wiring.clusters["other"].backends = 1
    found = plan(wiring, wish())
    assert {s.replication_num for s in found.steps} == {1}
    assert [(x.table, x.wanted, x.given) for x in found.lowered] == [("sales.orders", 3, 1), ("sales.mv", 3, 1)]
    assert '"replication_num" = "1"' in found.definitions[-1].definition.statement
    assert restore(wiring).verdict.outcome is Outcome.EQUAL


def test_a_table_or_view_of_the_same_name_refuses_the_whole_restore(wiring: FakeWiring) -> None:
    other = wiring.clusters["other"]
    other.create_table("sales", "items", {"items": ["mine"]})
    other.views["sales", "orders"] = Definition("orders", TableKind.VIEW, "CREATE VIEW `orders` AS SELECT 1")
    with pytest.raises(RefusedForSafety, match="2 names are taken") as caught:
        restore(wiring)
    assert "sales.items exists as a table" in caught.value.message
    assert "sales.orders exists as a view" in caught.value.message
    assert other.rows["sales", "items", "items"] == ["mine"]
    assert "create database hr" not in other.statements


def test_a_mapped_database_goes_beside_the_one_that_is_there(wiring: FakeWiring) -> None:
    production = wiring.clusters["production"]
    request = RestoreRequest(Selection(("sales.*",)), {"sales": "sales_copy"})
    result = restore(wiring, wish("production", request))
    assert result.verdict.outcome is Outcome.EQUAL
    assert production.rows["sales_copy", "orders", "p1"] == ["a", "b"]
    assert production.rows["sales", "orders", "p1"] == ["a", "b"]


def test_only_what_is_chosen_is_restored(wiring: FakeWiring) -> None:
    restore(wiring, wish(request=RestoreRequest(Selection(("sales.orders",)))))
    assert list(wiring.clusters["other"].tables) == [("sales", "orders")]
    with pytest.raises(NotFound, match=r"sales\.oders"):
        restore(wiring, wish(request=RestoreRequest(Selection(("sales.oders",)))))


def test_a_changed_row_is_found_and_its_partition_named(wiring: FakeWiring) -> None:
    other = wiring.clusters["other"]
    finish = other._finish_restore

    def corrupting(job) -> None:  # type: ignore[no-untyped-def]
        finish(job)
        if "orders" in job.tables:
            other.rows["sales", "orders", "p2"] = ["X"]

    other._finish_restore = corrupting  # type: ignore[method-assign]
    verdict = restore(wiring).verdict
    assert verdict.outcome is Outcome.DIFFERENT
    (different,) = verdict.different
    (partition,) = [p for p in different.partitions if p.outcome is Outcome.DIFFERENT]
    assert (different.target, partition.partition) == ("sales.orders", "p2")
    assert partition.reason == "the content of its 1 rows differs"


def test_a_damaged_object_is_named_and_everything_is_undone(wiring: FakeWiring) -> None:
    (key,) = [o.key for o in wiring.memory.scan("") if "sales" in o.key and "rows.dat" in o.key][:1] or [""]
    data = wiring.memory.read(key).data
    md5 = key.rpartition(".")[2]
    wiring.memory.put(key, data[:-1] + b"!")
    other = wiring.clusters["other"]
    other.stuck["sales"] = ("DOWNLOADING", f"[7: invalid md5 of downloaded file: rows.dat, expected: {md5}, get: 00]")

    with pytest.raises(Failed, match="is damaged") as caught:
        restore(wiring)

    assert key in caught.value.message
    assert "invalid md5 of downloaded file" in caught.value.message
    assert other.tables == {}
    assert other.databases == set()
    assert other.jobs["sales"].state == "CANCELLED"
    assert not list(restores.interrupted(wiring.memory, "other"))


def test_a_complaint_about_an_object_that_is_intact_is_waited_out(wiring: FakeWiring) -> None:
    (key, *_) = [o.key for o in wiring.memory.scan("") if "sales" in o.key and "rows.dat" in o.key]
    md5 = key.rpartition(".")[2]
    other = wiring.clusters["other"]
    other.stuck["sales"] = ("DOWNLOADING", f"[7: invalid md5 of downloaded file: rows.dat, expected: {md5}, get: 00]")
    submitted = other.connect

    def unstick() -> None:
        job = other.jobs.get("sales")
        if (
            job is not None
            and job.state == "DOWNLOADING"
            and job.stuck_in
            and other.clock.monotonic() > job.submitted + 30
        ):
            job.stuck_in = None

    tick = other.tick

    def ticking() -> None:
        unstick()
        tick()

    other.tick = ticking  # type: ignore[method-assign]
    assert submitted is not None
    assert restore(wiring).verdict.outcome is Outcome.EQUAL


def test_undoing_spares_a_table_that_somebody_made_meanwhile(wiring: FakeWiring) -> None:
    other = wiring.clusters["other"]
    create = other.connect().create_database

    def meddle(database: str) -> None:
        create(database)

    tick, done = other.tick, []

    def ticking() -> None:
        tick()
        job = other.jobs.get("sales")
        if job is not None and "orders" in job.tables and job.state == "FINISHED" and not done:
            done.append(True)
            other.create_table("sales", "items", {"items": ["mine"]})

    other.tick = ticking  # type: ignore[method-assign]
    assert meddle is not None
    with pytest.raises(RefusedForSafety, match=r"sales\.items appeared in the target"):
        restore(wiring)
    assert other.rows["sales", "items", "items"] == ["mine"]
    assert ("sales", "orders") not in other.tables
    assert "sales" in other.databases


def test_an_interrupted_restore_goes_on_without_doing_a_finished_part_twice(wiring: FakeWiring) -> None:
    other = wiring.clusters["other"]

    class Killed(BaseException):
        pass

    tick = other.tick

    def dying() -> None:
        tick()
        job = other.jobs.get("sales")
        if job is not None and job.tables == ("items",) and job.state == "DOWNLOADING":
            other.tick = tick  # type: ignore[method-assign]
            raise Killed

    other.tick = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        restore(wiring)
    before = [s for s in other.statements if s.startswith("restore ")]

    with pytest.raises(RefusedForSafety, match="was interrupted and left things there"):
        restore(wiring, wish(request=RestoreRequest(Selection(("hr.*",)))))
    result = restore(wiring)

    assert result.resumed
    assert result.verdict.outcome is Outcome.EQUAL
    assert [s for s in other.statements if s.startswith("restore ")] == before


def test_what_an_interrupted_restore_left_can_be_discarded(wiring: FakeWiring) -> None:
    other = wiring.clusters["other"]

    class Killed(BaseException):
        pass

    tick = other.tick

    def dying() -> None:
        tick()
        if other.views:
            other.tick = tick  # type: ignore[method-assign]
            raise Killed

    other.tick = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        restore(wiring)
    assert other.tables

    request = RestoreRequest(Selection(("hr.*",)))
    result = restore(wiring, wish(request=request, discard=True))
    assert not result.resumed
    assert list(other.tables) == [("hr", "people")]


def test_a_view_that_cannot_be_made_is_missing_in_the_verdict(wiring: FakeWiring) -> None:
    request = RestoreRequest(Selection(("sales.*",), ("sales.orders",)))
    told: list[Event] = []
    verdict = restore(wiring, wish(request=request), told).verdict
    assert verdict.missing == ("sales.a_view", "sales.b_view", "sales.mv")
    assert verdict.outcome is Outcome.DIFFERENT
    assert sum("could not be created from its text" in e.text for e in told if isinstance(e, Warned)) == 3


def test_a_point_that_was_never_committed_cannot_be_restored(wiring: FakeWiring) -> None:
    (commit,) = [o.key for o in wiring.memory.scan("") if o.key.endswith("/COMMIT")]
    point = commit.split("/")[-2]
    wiring.memory.delete([commit])
    with pytest.raises(NotFound, match="no restorable point"):
        restore(wiring)
    with pytest.raises(NotFound, match="never committed"):
        restore(wiring, RestoreWish(point, "other", RestoreRequest()))


def test_a_manifest_that_was_tampered_with_is_not_believed(wiring: FakeWiring) -> None:
    (key,) = [o.key for o in wiring.memory.scan("") if o.key.endswith("/manifest.json")]
    wiring.memory.put(key, wiring.memory.read(key).data.replace(b"sales", b"slaes"))
    with pytest.raises(Failed, match="is damaged"):
        restore(wiring)


def test_a_target_that_dies_is_no_reason_to_undo_and_the_same_command_goes_on(wiring: FakeWiring) -> None:
    def dies(event: Event) -> None:
        if isinstance(event, JobSubmitted):
            wiring.clusters["other"].lost_connections = 10_000

    with pytest.raises(ClusterUnreachable, match="is not finished") as caught:
        use_case.restore(wiring, wish(), dies, lambda _plan: True)
    assert "Go on with it" in caught.value.hint

    wiring.clusters["other"].lost_connections = 0
    result = restore(wiring)
    assert (result.resumed, result.verdict.outcome) == (True, Outcome.EQUAL)


def _ruled(name: str, *properties: str) -> Definition:
    listed = ",\n".join(properties)
    return Definition(name, TableKind.OLAP, f"CREATE TABLE `{name}` ...\nPROPERTIES (\n{listed}\n);")


def test_rules_that_drop_partitions_are_off_before_a_restored_table_counts_as_done(wiring: FakeWiring) -> None:
    cluster = wiring.clusters["production"]
    cluster.ddl["sales", "orders"] = _ruled(
        "orders", '"dynamic_partition.enable" = "true"', '"dynamic_partition.start" = "-3"'
    )
    cluster.ddl["hr", "people"] = _ruled("people", '"dynamic_partition.enable" = "true"')
    run_use_case.run(wiring, wiring.configuration.policy(None), lambda _: None)

    told: list[Event] = []
    restore(wiring, told=told)

    other = wiring.clusters["other"]
    assert other.properties == {
        ("sales", "orders", "dynamic_partition.enable"): "false",
        ("hr", "people", "dynamic_partition.enable"): "true",
    }
    off = other.statements.index("set sales.orders dynamic_partition.enable=false")
    assert off < other.statements.index("create a_view")
    (warned,) = [e for e in told if isinstance(e, Warned)]
    assert warned.hint.endswith('ALTER TABLE `sales`.`orders` SET ("dynamic_partition.enable" = "true")')
