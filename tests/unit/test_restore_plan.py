"""How a point gets into a cluster: in what order, with how many replicas, and what refuses it before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.errors import ClusterUnhealthy, IncompatibleVersion, NotFound, RefusedForSafety
from srbackup.model.cluster import BackendStatus, ClusterFacts, FrontendStatus, Version
from srbackup.model.inventory import Column, Database, Inventory, Table, TableKind
from srbackup.model.plan import DefinitionStep, Lowered, RestorePlan, RestoreStep
from srbackup.model.point import (
    DatabaseDefinitions,
    Definition,
    Exclusion,
    Manifest,
    Part,
    PartitionRecord,
    TableRecord,
)
from srbackup.planning.restore import RestoreRequest, check_target, plan_restore
from srbackup.planning.selection import Selection

TIME = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
LEADER = FrontendStatus("fe-1", "127.0.0.1", 9030, "LEADER", "2002", True, True, 7, "4.1.0", "")
BACKEND = BackendStatus(10001, "127.0.0.11", 9050, True, False, 7, "4.1.0", "", 1.0, 1 << 40)
EMPTY = Inventory(())


def facts(backends: int = 3, version: str = "4.1.0") -> ClusterFacts:
    return ClusterFacts("2002", Version.parse(version), "shared_nothing", (LEADER,), (BACKEND,) * backends)


def record(name: str, replicas: int = 1, partitions: int = 1) -> TableRecord:
    made = tuple(PartitionRecord(f"p{n}", n, ((n, 2),)) for n in range(partitions))
    return TableRecord(name, 1, replicas, (Column("k", "int"),), made)


def part(database: str, *tables: TableRecord, size: int = 1200) -> Part:
    return Part(database, f"nightly_{database}", f"ts-{database}", tables, 9, size)


def view(name: str, text: str) -> Definition:
    return Definition(name, TableKind.VIEW, text)


def mv(name: str, text: str) -> Definition:
    return Definition(name, TableKind.MATERIALIZED_VIEW, text)


def definitions(database: str, *objects: Definition) -> DatabaseDefinitions:
    return DatabaseDefinitions(database, f"CREATE DATABASE `{database}`", objects)


def manifest(*databases: str, excluded: tuple[Exclusion, ...] = (), version: str = "4.1.0") -> Manifest:
    return Manifest(
        point="nightly-20260105T030000Z-7f3a",
        policy="nightly",
        cluster="production",
        cluster_id="1001",
        starrocks_version=version,
        starrocks_repository="minio",
        created=TIME,
        completed=TIME,
        parts=(),
        definitions=(),
        databases=databases,
        metadata=None,
        metadata_note="",
        excluded=excluded,
        warnings=(),
        tool_version="0.1.0",
    )


SALES = part("sales", record("orders", replicas=3, partitions=3), record("items"), record("log", replicas=3))
HR = part("hr", record("people"), size=100)
VIEWS = definitions(
    "sales",
    Definition("orders", TableKind.OLAP, "CREATE TABLE `orders` (...)"),
    mv("daily", 'CREATE MATERIALIZED VIEW `daily` PROPERTIES ("replication_num" = "3") AS SELECT k FROM sales.orders'),
    view("v", "CREATE VIEW `v` AS SELECT * FROM sales.orders"),
    Definition("mysql", TableKind.EXTERNAL, "CREATE EXTERNAL TABLE `mysql` (...)"),
)
POINT = manifest("empty", "hr", "sales")


def plan(
    request: RestoreRequest | None = None,
    *,
    point: Manifest = POINT,
    parts: Sequence[Part] = (HR, SALES),
    views: Sequence[DatabaseDefinitions] = (VIEWS,),
    cluster: ClusterFacts | None = None,
    target: Inventory = EMPTY,
) -> RestorePlan:
    return plan_restore(point, parts, views, cluster or facts(), target, "recovery", request or RestoreRequest())


def holding(*names: str, kind: TableKind = TableKind.OLAP) -> Inventory:
    tables = [Table(n.partition(".")[0], n.partition(".")[2], kind) for n in names]
    databases = sorted({t.database for t in tables})
    return Inventory(tuple(Database(d, 1, tuple(t for t in tables if t.database == d)) for d in databases))


# -- the plan


def test_a_whole_point_is_one_restore_for_each_database_and_number_of_replicas_then_the_views() -> None:
    orders, items, log = SALES.tables
    assert plan() == RestorePlan(
        point="nightly-20260105T030000Z-7f3a",
        source_cluster="production",
        target_cluster="recovery",
        starrocks_repository="minio",
        create_databases=("empty", "hr", "sales"),
        databases=("empty", "hr", "sales"),
        steps=(
            RestoreStep("hr", "hr", "nightly_hr", "ts-hr", 1, HR.tables, 100),
            RestoreStep("sales", "sales", "nightly_sales", "ts-sales", 3, (log, orders), 960),
            RestoreStep("sales", "sales", "nightly_sales", "ts-sales", 1, (items,), 240),
        ),
        definitions=(DefinitionStep("sales", VIEWS.objects[2]), DefinitionStep("sales", VIEWS.objects[1])),
        lowered=(),
        missing=(),
    )


def test_replicas_are_lowered_to_the_usable_backends_and_said_so() -> None:
    dead = replace(BACKEND, alive=False)
    leaving = replace(BACKEND, decommissioned=True)
    planned = plan(cluster=replace(facts(), backends=(BACKEND, BACKEND, dead, leaving)))
    assert [(s.names, s.replication_num) for s in planned.steps] == [
        (("people",), 1),
        (("log", "orders"), 2),
        (("items",), 1),
    ]
    assert planned.lowered == (
        Lowered("sales.orders", 3, 2),
        Lowered("sales.log", 3, 2),
        Lowered("sales.daily", 3, 2),
    )
    assert '"replication_num" = "2"' in planned.definitions[1].definition.statement


def test_with_one_backend_a_database_is_one_restore() -> None:
    assert [(s.target_database, s.names, s.replication_num, s.bytes) for s in plan(cluster=facts(1)).steps] == [
        ("hr", ("people",), 1, 100),
        ("sales", ("items", "log", "orders"), 1, 1200),
    ]


def test_only_what_is_asked_for_is_restored_and_only_its_databases() -> None:
    planned = plan(RestoreRequest(Selection(("sales.*",), ("sales.log", "*.daily"))))
    assert planned.databases == ("sales",)
    assert [s.names for s in planned.steps] == [("orders",), ("items",)]
    assert [d.definition.name for d in planned.definitions] == ["v"]


def test_a_single_table_brings_no_empty_database_and_no_view_with_it() -> None:
    planned = plan(RestoreRequest(Selection(("hr.people",))))
    assert (planned.databases, planned.tables, planned.bytes, planned.definitions) == (("hr",), 1, 100, ())


def test_an_empty_database_is_restored_when_all_of_it_is_asked_for() -> None:
    assert plan(RestoreRequest(Selection(("empty.*",)))).create_databases == ("empty",)


def test_databases_are_mapped_in_steps_and_in_the_text_of_views() -> None:
    planned = plan(RestoreRequest(mapping={"sales": "sales_copy"}))
    assert planned.databases == ("empty", "hr", "sales_copy")
    assert [(s.source_database, s.target_database) for s in planned.steps] == [
        ("hr", "hr"),
        ("sales", "sales_copy"),
        ("sales", "sales_copy"),
    ]
    assert planned.definitions[0] == DefinitionStep(
        "sales_copy", view("v", "CREATE VIEW `v` AS SELECT * FROM `sales_copy`.orders"), rewritten=True
    )


def test_databases_that_are_there_are_not_created() -> None:
    planned = plan(target=holding("sales.other", "hr.other"))
    assert (planned.create_databases, planned.databases) == (("empty",), ("empty", "hr", "sales"))


def test_what_the_point_lacks_is_told_as_far_as_it_is_asked_for() -> None:
    excluded = (
        Exclusion("sales.mysql", "external"),
        Exclusion("hr", "could not be listed"),
        Exclusion("FE metadata", "no container"),
    )
    point = manifest("empty", "hr", "sales", excluded=excluded)
    assert plan(point=point).missing == excluded
    assert plan(RestoreRequest(Selection(("sales.*",))), point=point).missing == excluded[:1]
    assert plan(RestoreRequest(Selection(("hr.*",))), point=point).missing == excluded[1:2]


# -- what refuses it


def refusal(request: RestoreRequest | None = None, **more: Inventory) -> RefusedForSafety:
    with pytest.raises(RefusedForSafety) as raised:
        plan(request, **more)  # type: ignore[arg-type]
    return raised.value


def test_names_that_are_taken_refuse_the_whole_restore_and_are_all_told() -> None:
    views = holding("sales.orders", kind=TableKind.VIEW).databases[0].tables
    tables = holding("sales.v", "sales.unrelated").databases[0].tables
    error = refusal(target=Inventory((Database("sales", 1, views + tables),)))
    assert error.message.splitlines() == [
        "2 names are taken in the target, and nothing is ever overwritten:",
        "  sales.orders exists as a view (wanted: table)",
        "  sales.v exists as a table (wanted: view)",
    ]


def test_what_is_mapped_beside_the_taken_names_is_not_refused() -> None:
    target = holding("sales.orders", "sales.v")
    assert plan(RestoreRequest(mapping={"sales": "sales_2"}), target=target).databases == ("empty", "hr", "sales_2")
    assert plan(RestoreRequest(Selection(("hr.*",))), target=target).databases == ("hr",)


def test_two_databases_may_not_be_mapped_onto_the_same_names() -> None:
    crm = part("crm", record("people"))
    with pytest.raises(RefusedForSafety) as raised:
        plan(RestoreRequest(mapping={"crm": "hr"}), point=manifest("crm", "hr"), parts=(crm, HR), views=())
    assert "  hr.people would come from two databases of the point: check --map" in raised.value.message


def test_many_conflicts_are_counted_and_twenty_shown() -> None:
    many = part("sales", *(record(f"t{n:02}") for n in range(23)))
    target = holding(*(f"sales.t{n:02}" for n in range(23)))
    with pytest.raises(RefusedForSafety) as raised:
        plan(parts=(many,), views=(), target=target)
    lines = raised.value.message.splitlines()
    assert (lines[0].split()[0], len(lines), lines[-1]) == ("23", 22, "  ... and 3 more")


def test_a_restore_that_would_fill_the_backends_disks_is_refused() -> None:
    small = replace(BACKEND, available_bytes=1000)
    full = replace(small, alive=False, available_bytes=10**9)
    with pytest.raises(RefusedForSafety) as raised:
        plan(cluster=replace(facts(), backends=(small, small, small, full)))
    needed = 100 + 960 * 3 + 240
    assert raised.value.message == f"The restore needs {needed} bytes on the backends' disks, 3000 are free"
    roomy = replace(small, available_bytes=needed // 3 + 1)
    assert plan(cluster=replace(facts(), backends=(roomy,) * 3)).tables == 4
    unknown = replace(small, available_bytes=None)
    assert plan(cluster=replace(facts(), backends=(unknown,) * 3)).tables == 4


def test_a_selection_that_matches_nothing_is_named() -> None:
    with pytest.raises(NotFound) as raised:
        plan(RestoreRequest(Selection(("sales.*", "sale.orders", "hr.peple"))))
    assert raised.value.message == (
        "Point nightly-20260105T030000Z-7f3a holds nothing that matches 'sale.orders', 'hr.peple'"
    )


def test_a_mapping_of_a_database_that_the_point_has_not_is_named() -> None:
    with pytest.raises(NotFound) as raised:
        plan(RestoreRequest(mapping={"sale": "x", "sales": "y"}))
    assert raised.value.message == "Point nightly-20260105T030000Z-7f3a has no database sale to be mapped"
    assert raised.value.hint == "It holds: empty, hr, sales."


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [
        ("4.1.0", "4.1.3", True),
        ("4.1.3", "4.1.0", True),
        ("3.2.11", "4.0.0", True),
        ("4.1.0", "4.0.9", False),
        ("4.0.0", "3.5.9", False),
        ("main-1a2b3c", "3.2.0", True),
        ("4.1.0", "main-1a2b3c", True),
        ("4.1-dev-test", "4.0-test", False),
    ],
)
def test_a_snapshot_does_not_go_back_to_an_older_release(source: str, target: str, fits: bool) -> None:
    if fits:
        check_target(facts(version=target), Version.parse(source))
        return
    with pytest.raises(IncompatibleVersion) as raised:
        check_target(facts(version=target), Version.parse(source))
    assert raised.value.message == (
        f"The point is of StarRocks {source}, the target runs {target}: snapshots do not go back"
    )


def test_a_target_that_cannot_be_restored_into_is_refused() -> None:
    source = Version.parse("4.1.0")
    with pytest.raises(ClusterUnhealthy, match="The target cluster has no leader"):
        check_target(replace(facts(), frontends=(replace(LEADER, role="FOLLOWER"),)), source)
    with pytest.raises(ClusterUnhealthy, match="The target cluster has no alive backend"):
        check_target(facts(0), source)
    with pytest.raises(IncompatibleVersion, match="shared-data mode"):
        check_target(replace(facts(), run_mode="shared_data"), source)


# -- laws

records = st.builds(record, st.sampled_from("abcdef"), st.integers(1, 5), st.integers(0, 4))
parts = st.builds(
    lambda name, tables, size: part(name, *tables, size=size),
    st.sampled_from(["x", "y"]),
    st.lists(records, min_size=1, max_size=6, unique_by=lambda t: t.name),
    st.integers(0, 10**6),
)


@given(st.lists(parts, max_size=2, unique_by=lambda p: p.database), st.integers(1, 4))
def test_every_table_is_restored_once_with_as_many_replicas_as_fit(found: list[Part], backends: int) -> None:
    planned = plan(point=manifest("x", "y"), parts=found, views=(), cluster=facts(backends))
    restored = sorted((s.source_database, t.name, s.replication_num) for s in planned.steps for t in s.tables)
    assert restored == sorted((p.database, t.name, min(t.replication_num, backends)) for p in found for t in p.tables)
    assert all(s.tables and 1 <= s.replication_num <= backends for s in planned.steps)
    assert len({(s.source_database, s.replication_num) for s in planned.steps}) == len(planned.steps)
    lowered = {(low.table, low.wanted, low.given) for low in planned.lowered}
    assert lowered == {
        (f"{p.database}.{t.name}", t.replication_num, backends)
        for p in found
        for t in p.tables
        if t.replication_num > backends
    }
    for p in found:
        assert sum(s.bytes for s in planned.steps if s.source_database == p.database) <= p.bytes


# -- what was once a bug


def test_the_hint_names_the_database_whose_names_are_taken() -> None:
    assert "--map sales=NEW_NAME" in refusal(target=holding("sales.orders")).hint


def test_the_hint_names_a_database_of_the_point() -> None:
    request = RestoreRequest(Selection(("sales.v",)), {"sales": "copy"})
    assert "--map sales=NEW_NAME" in refusal(request, target=holding("copy.v")).hint


def test_a_definition_that_the_point_lacks_is_told_when_its_database_is_asked_for() -> None:
    lost = Exclusion("definition of sales.w", "its CREATE statement could not be had")
    point = manifest("empty", "hr", "sales", excluded=(lost,))
    assert plan(RestoreRequest(Selection(("sales.*",))), point=point).missing == (lost,)


# -- rules by which StarRocks drops partitions by itself

TABLE = """CREATE TABLE `t` (
  `d` date NULL COMMENT "\\nPROPERTIES (\\"partition_live_number\\" = \\"9\\")"
) ENGINE=OLAP
PARTITION BY RANGE(`d`)
()
DISTRIBUTED BY HASH(`d`) BUCKETS 2
PROPERTIES (
"compression" = "LZ4",
{}
"replication_num" = "1"
);"""


@pytest.mark.parametrize(
    ("properties", "rules"),
    [
        ("", []),
        ('"dynamic_partition.enable" = "false",\n"dynamic_partition.start" = "-3",', []),
        (
            '"dynamic_partition.enable" = "true",\n"dynamic_partition.start" = "-3",',
            [("dynamic_partition.enable", "true", "false", True)],
        ),
        (
            '"dynamic_partition.enable" = "true",\n"dynamic_partition.start" = "-2147483648",',
            [("dynamic_partition.enable", "true", "false", False)],
        ),
        ('"dynamic_partition.enable" = "true",', [("dynamic_partition.enable", "true", "false", False)]),
        ('"partition_live_number" = "5",', [("partition_live_number", "5", "-1", True)]),
        ('"partition_live_number" = "-1",', []),
        ('"partition_ttl" = "3 day",', [("partition_ttl", "3 day", "1000 years", True)]),
        (
            '"partition_retention_condition" = "d >= CURRENT_DATE() - INTERVAL 3 MONTH",',
            [("partition_retention_condition", "d >= CURRENT_DATE() - INTERVAL 3 MONTH", "", True)],
        ),
    ],
)
def test_rules_that_drop_partitions_are_found_in_the_properties_alone(
    properties: str, rules: list[tuple[str, str, str, bool]]
) -> None:
    statement = TABLE.format(properties)
    given = definitions("sales", Definition("t", TableKind.OLAP, statement))
    request = RestoreRequest(mapping={"sales": "sales_2"})
    made = plan_restore(manifest("sales"), [part("sales", record("t"))], [given], facts(), EMPTY, "other", request)
    assert [(u.database, u.table) for u in made.upkeep] == [("sales_2", "t")] * len(rules)
    assert [(u.key, u.value, u.off, u.drops) for u in made.upkeep] == rules
