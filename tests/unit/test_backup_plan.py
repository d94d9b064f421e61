"""What a full run takes, what it leaves out and says so, and when it does not begin at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.errors import ClusterUnhealthy, IncompatibleVersion
from srbackup.model.cluster import BackendStatus, ClusterFacts, FrontendStatus, Version
from srbackup.model.inventory import Database, Inventory, Partition, PhysicalPartition, Table, TableKind
from srbackup.model.plan import BackupPlan
from srbackup.model.point import Exclusion, PlannedPart
from srbackup.planning.backup import check_source, in_scope, lists_need_checking, plan_backup
from srbackup.planning.selection import Selection
from srbackup.starrocks import rows
from tests import data

POINT = "nightly-20260105T030000Z-7f3a"
LEADER = FrontendStatus("fe-1", "127.0.0.1", 9030, "LEADER", "1001", True, True, 7, "4.1.0", "")
FOLLOWER = replace(LEADER, name="fe-2", role="FOLLOWER")
BACKEND = BackendStatus(10001, "127.0.0.11", 9050, True, False, 7, "4.1.0", "")


def facts(version: str = "4.1.0") -> ClusterFacts:
    return ClusterFacts("1001", Version.parse(version), "shared_nothing", (LEADER, FOLLOWER), (BACKEND, BACKEND))


def table(qualified: str, kind: TableKind = TableKind.OLAP, type_text: str = "OLAP", **more: object) -> Table:
    database, _, name = qualified.partition(".")
    partition = Partition(name, (PhysicalPartition(10003, 2, "2026-01-05 03:00:00"),), 1)
    return replace(Table(database, name, kind, 10002, type_text, "RANGE", (partition,)), **more)  # type: ignore[arg-type]


def inventory(*tables: Table, empty: tuple[str, ...] = (), unreadable: tuple[tuple[str, str], ...] = ()) -> Inventory:
    names = sorted({t.database for t in tables} | set(empty))
    return Inventory(tuple(Database(n, 1, tuple(t for t in tables if t.database == n)) for n in names), unreadable)


def plan(found: Inventory, selection: Selection | None = None, version: str = "4.1.0", **broken: str) -> BackupPlan:
    reasons = {name.replace("__", "."): reason for name, reason in broken.items()}
    return plan_backup(POINT, selection or Selection(), facts(version), found, reasons)


def test_each_database_with_tables_is_one_backup_and_empty_ones_are_remembered() -> None:
    found = inventory(table("sales.orders"), table("sales.items"), table("hr.people"), empty=("empty",))
    assert plan(found) == BackupPlan(
        point=POINT,
        parts=(PlannedPart(1, "hr", ("people",)), PlannedPart(2, "sales", ("orders", "items"))),
        databases=("empty", "hr", "sales"),
        excluded=(),
        warnings=(),
    )


def test_views_are_in_scope_but_not_given_to_backup() -> None:
    found = inventory(
        table("sales.orders"),
        table("sales.v", TableKind.VIEW, "VIEW"),
        table("sales.mv", TableKind.MATERIALIZED_VIEW, "MATERIALIZED_VIEW"),
        table("views.v", TableKind.VIEW, "VIEW"),
    )
    assert plan(found) == BackupPlan(POINT, (PlannedPart(1, "sales", ("orders",)),), ("sales", "views"), ())
    assert [t.name for t in in_scope(Selection(), found.databases[0])] == ["orders", "v", "mv"]


def test_what_the_policy_does_not_cover_is_neither_taken_nor_reported() -> None:
    found = inventory(
        table("sales.orders"), table("sales.tmp_1"), table("tmp.x", TableKind.EXTERNAL, "MYSQL"), table("hr.people")
    )
    selection = Selection(("sales.*", "tmp.*"), ("*.tmp_*", "tmp.*"))
    assert plan(found, selection) == BackupPlan(POINT, (PlannedPart(1, "sales", ("orders",)),), ("sales",), ())


def test_a_table_that_backup_refuses_is_left_out_named_and_does_not_sink_its_database() -> None:
    temporary = tuple(Partition(f"tp{n}", (PhysicalPartition(n, 1, ""),), 1, temporary=True) for n in (2, 1, 3, 4))
    orders = table("sales.orders")
    found = inventory(
        orders,
        table("sales.overwritten", partitions=orders.partitions + temporary),
        table("sales.mysql", TableKind.EXTERNAL, "MYSQL"),
        table("sales.hive", TableKind.EXTERNAL, ""),
        table("sales.lake", TableKind.CLOUD_NATIVE, "CLOUD_NATIVE"),
        table("sales.sick"),
    )
    planned = plan(found, sales__sick="2 of its tablets have no alive replica (such as tablet 10009)")
    assert planned.parts == (PlannedPart(1, "sales", ("orders",)),)
    assert planned.excluded == (
        Exclusion(
            "sales.overwritten",
            "BACKUP takes no table with temporary partitions (tp1, tp2, tp3)",
            "A load, INSERT OVERWRITE or OPTIMIZE may be at work: the next run takes it. Else drop them.",
        ),
        Exclusion(
            "sales.mysql",
            "BACKUP takes no external tables (type MYSQL)",
            "Its definition is in the point. Exclude it in the policy to have complete points.",
        ),
        Exclusion(
            "sales.hive",
            "BACKUP takes no external tables (type external)",
            "Its definition is in the point. Exclude it in the policy to have complete points.",
        ),
        Exclusion("sales.lake", "BACKUP takes no cloud-native tables (type CLOUD_NATIVE)", "Exclude it in the policy."),
        Exclusion(
            "sales.sick",
            "2 of its tablets have no alive replica (such as tablet 10009)",
            "BACKUP would be cancelled for it. Bring its backend back, or repair the tablets.",
        ),
    )


def test_what_could_not_be_listed_is_left_out_once_and_told() -> None:
    found = inventory(
        table("sales.orders"),
        table("sales.secret"),
        empty=("hidden",),
        unreadable=(("sales.secret", "Access denied"), ("hidden", "3 of its 3 objects"), ("other.t", "gone")),
    )
    planned = plan(found, Selection(("sales.*", "hidden.*")), sales__secret="broken too")
    hint = "Give the user the privileges of docs/how-to/privileges.md."
    assert planned.parts == (PlannedPart(1, "sales", ("orders",)),)
    assert planned.databases == ("hidden", "sales")
    assert planned.excluded == (
        Exclusion("sales.secret", "could not be listed: Access denied", hint),
        Exclusion("hidden", "could not be listed: 3 of its 3 objects", hint),
    )


@pytest.mark.parametrize(
    ("version", "refused"),
    [
        ("3.0.9", True),
        ("3.1.15", True),
        ("3.1.16", False),
        ("3.2.12-abcdef", True),
        ("3.2.13", False),
        ("3.2-dev-test", True),
        ("3.3.7", True),
        ("3.3.8", False),
        ("3.4.0", False),
        ("4.1-dev-test", False),
        ("main-1a2b3c", False),
    ],
)
def test_list_partitioned_tables_are_left_out_where_the_release_refuses_them(version: str, refused: bool) -> None:
    lists = table("sales.by_city", partition_kind="LIST")
    planned = plan(inventory(lists), version=version)
    reason = f"BACKUP of StarRocks {version} takes no list-partitioned tables"
    assert planned.excluded == ((Exclusion("sales.by_city", reason, "Upgrade StarRocks."),) if refused else ())
    assert planned.tables == (0 if refused else 1)
    assert lists_need_checking(Version.parse(version)) is refused


@pytest.mark.parametrize("release", ["3.2", "4.0", "4.1"])
def test_the_tables_of_a_real_database_are_planned_by_what_show_proc_says_of_them(release: str) -> None:
    (identity,) = [r.number("DbId") for r in data.rows(release, "SHOW PROC '/dbs'") if r.text("DbName") == "db1"]
    listed = [
        Table("db1", r.text("TableName"), rows.table_kind(r.text("Type")), partition_kind=r.text("PartitionType"))
        for r in data.rows(release, f"SHOW PROC '/dbs/{identity}'")
    ]
    version = data.rows(release, "SHOW FRONTENDS")[0].text("Version")
    planned = plan(inventory(*listed), version=version)
    refused = release == "3.2"
    assert planned.parts == (PlannedPart(1, "db1", ("t_dup", "t_pk", "t_agg", *(() if refused else ("t_list",)))),)
    assert [e.name for e in planned.excluded] == (["db1.t_list"] if refused else [])


def test_a_pattern_that_matches_nothing_is_a_warning() -> None:
    found = inventory(table("sales.orders"), empty=("empty",))
    planned = plan(found, Selection(("sales.orders", "sales.ordres", "empty.*")))
    assert planned.warnings == ("the include pattern 'sales.ordres' matches nothing in the cluster",)


def test_a_backend_that_is_down_is_a_warning() -> None:
    dead = replace(BACKEND, host="127.0.0.12", alive=False)
    planned = plan_backup(POINT, Selection(), replace(facts(), backends=(BACKEND, dead)), inventory(table("a.b")), {})
    assert planned.warnings == ("backends are down: 127.0.0.12; a BACKUP that needs one of them waits for it",)
    assert planned.tables == 1


def test_a_cluster_without_a_leader_is_not_backed_up() -> None:
    with pytest.raises(ClusterUnhealthy, match="The cluster has no leader"):
        check_source(replace(facts(), frontends=(FOLLOWER,)))


def test_a_cluster_without_a_usable_backend_is_not_backed_up() -> None:
    gone = (replace(BACKEND, alive=False), replace(BACKEND, decommissioned=True))
    with pytest.raises(ClusterUnhealthy, match="The cluster has no alive backend"):
        check_source(replace(facts(), backends=gone))


def test_a_shared_data_cluster_is_not_backed_up() -> None:
    with pytest.raises(IncompatibleVersion, match="shared-data mode"):
        plan_backup(POINT, Selection(), replace(facts(), run_mode="shared_data"), inventory(), {})


tables = st.builds(
    lambda database, name, kind, temporary: table(
        f"{database}.{name}",
        kind,
        partitions=(Partition("p", (PhysicalPartition(1, 1, ""),), 1, temporary=temporary),),
    ),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["t", "u", "v", "tmp"]),
    st.sampled_from(TableKind),
    st.booleans(),
)
selections = st.sampled_from([Selection(), Selection(("a.*", "b.t")), Selection(("*.*",), ("b.*", "*.tmp"))])


@given(
    st.lists(tables, max_size=8, unique_by=lambda t: t.qualified), selections, st.sets(st.sampled_from(["a.t", "b.u"]))
)
def test_every_table_in_scope_is_taken_or_named_as_left_out_and_never_both(
    found: list[Table], selection: Selection, broken: set[str]
) -> None:
    planned = plan_backup(POINT, selection, facts(), inventory(*found), dict.fromkeys(broken, "broken"))
    taken = [f"{p.database}.{t}" for p in planned.parts for t in p.tables]
    left = [e.name for e in planned.excluded]
    views = {TableKind.VIEW, TableKind.MATERIALIZED_VIEW}
    scope = [t.qualified for t in found if selection.covers(t.database, t.name) and t.kind not in views]
    assert sorted(taken + left) == sorted(scope)
    assert [p.number for p in planned.parts] == list(range(1, len(planned.parts) + 1))
    assert len({p.database for p in planned.parts}) == len(planned.parts)
    assert {p.database for p in planned.parts} <= set(planned.databases)
