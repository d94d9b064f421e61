"""SHOW PROC: the tree of internals (common/proc/ProcService.java), as far as a backup looks into it."""

from __future__ import annotations

from collections.abc import Sequence

from lab.answers import Answer, Rows, shown
from lab.errors import not_understood
from lab.fe.session import Execute, Session
from lab.fe.show_partitions import locate, partitions, path_hash, replica_status, short_size, tablet_rows
from lab.fe.show_state import quotas
from lab.fe.system import nodes, size
from lab.fe.system_names import NAMES, SYSTEM_DATABASES
from lab.meta.records import Backend, Database, OlapTable, Partition, View
from lab.meta.state import Table
from lab.sql.statements.base import Statement
from lab.sql.statements.show import ShowProc

_ROOT = (
    "brokers frontends routine_loads catalog load_error_hub transactions stream_loads monitor current_queries "
    "colocation_group cluster_balance historical_nodes backends warehouses statistic tasks jobs resources "
    "compactions compute_nodes dbs meta_recovery current_backend_instances global_current_queries replications"
)
_JOBS = ("load", "rollup", "schema_change", "export")


def show_proc(session: Session, statement: ShowProc) -> Answer:  # noqa: PLR0912 - one case a path
    path = [part for part in statement.path.split("/") if part]
    single_tablet = len(path) == 7 and path[0] == "dbs"
    if not single_tablet:
        session.access.need_system("OPERATE")
    match path:
        case []:
            return shown("name", [(name,) for name in _ROOT.split()])
        case ["frontends"]:
            return nodes(session, "FRONTENDS")
        case ["backends"]:
            return nodes(session, "BACKENDS")
        case ["backends", number]:
            return _disks(session, number)
        case ["compute_nodes"]:
            return nodes(session, "COMPUTE")
        case ["brokers"]:
            return nodes(session, "BROKER")
        case ["dbs", *rest]:
            return _dbs(session, statement.path, rest)
        case ["statistic"]:
            return _statistic(session)
        case ["statistic", number]:
            return _unhealthy(session, number)
        case ["meta_recovery"]:
            return shown("Database Table Partition PartitionId Reason Advise")
        case ["jobs"]:
            return shown("DbId DbName", [(number, name) for number, name in _database_ids(session)])
        case ["jobs", number]:
            _database(session, statement.path, number)
            return shown("JobType Pending Running Finished Cancelled Total", [(name, 0, 0, 0, 0, 0) for name in _JOBS])
        case ["jobs", _, kind]:
            raise _unknown(statement.path, f"Invalid job type: {kind}")
        case ["tasks"]:
            counts = session.services.backup.agent.counts()
            totals = [(name, 0, sum(counts.get(name, {}).values())) for name in session.state.release.task_types]
            return shown("TaskType FailedNum TotalNum", [*totals, ("Total", 0, sum(total for _, _, total in totals))])
        case ["tasks", kind]:
            counted = session.services.backup.agent.counts().get(kind, {})
            rows = [(be.id, 0, counted.get(be.id, 0)) for be in session.metadata.values(Backend)]
            return shown("BackendId FailedNum TotalNum", rows)
        case ["monitor"]:
            return shown("Name Info", [("jvm", " ")])
        case _:
            raise _unknown(statement.path, f"{statement.path} is not a directory")


def _unknown(path: str, reason: str) -> Exception:
    return not_understood(f"Unknown proc node path: {path}. msg: {reason}")


def _database_ids(session: Session) -> list[tuple[int, str]]:
    made_up = [(number, name) for name, number in SYSTEM_DATABASES.items()]
    return sorted([*made_up, *((database.id, database.name) for database in session.metadata.databases.values())])


def _database(session: Session, path: str, key: str) -> Database | str:
    """By id or by name."""
    for name, number in SYSTEM_DATABASES.items():
        if key in {name, str(number)}:
            return name
    for database in session.metadata.databases.values():
        if key in {str(database.id), database.name}:
            return database
    raise _unknown(path, f"Database[{key}] does not exist.")


def _dbs(session: Session, path: str, rest: list[str]) -> Rows:
    if not rest:
        rows: list[Sequence[object]] = []
        for number, name in _database_ids(session):
            own = session.metadata.find(Database, number)
            count = len(session.metadata.tables(own)) if own else len(NAMES[name])
            quota, replicas = quotas(own)
            rows.append((number, name, count, quota, None, replicas))
        return shown("DbId DbName TableNum Quota LastConsistencyCheckTime ReplicaQuota", rows)
    database = _database(session, path, rest[0])
    tables = {} if isinstance(database, str) else session.metadata.tables(database)
    if len(rest) == 1:
        names = (
            "TableId TableName IndexNum PartitionColumnName PartitionNum State Type LastConsistencyCheckTime "
            "ReplicaCount "
            "PartitionType StoragePath"
        )
        return shown(names, [_table(session, table) for table in sorted(tables.values(), key=lambda table: table.id)])
    table = next((table for table in tables.values() if rest[1] in {str(table.id), table.name}), None)
    if not isinstance(table, OlapTable):
        raise _unknown(path, f"Table[{rest[1]}] does not exist.")
    return _in_table(session, path, table, rest[2:])


def _table(session: Session, table: Table) -> Sequence[object]:
    if not isinstance(table, OlapTable):
        kind = "VIEW" if isinstance(table, View) else table.engine.upper()
        return (table.id, table.name, None, None, 1, None, kind, None, 0, "UNPARTITIONED", None)
    everything = session.metadata.partitions(table) + session.metadata.partitions(table, temporary=True)
    replicas = sum(
        len(t.replicas) for one in everything for p in one.physical for tablets in p.tablets.values() for t in tablets
    )
    columns = ", ".join(table.scheme.columns)
    if session.state.release.nearly_all_errors_are_1064 and not columns:
        columns = None  # type: ignore[assignment]
    return (
        table.id, table.name, len(table.indexes), columns, len(table.partitions), table.state.value, table.type,
        None, replicas,
        table.scheme.type.value, None,
    )  # fmt: skip


def _in_table(session: Session, path: str, table: OlapTable, rest: list[str]) -> Rows:
    match rest:
        case []:
            return shown("Nodes", [("partitions",), ("temp_partitions",), ("index_schema",)])
        case ["index_schema"]:
            return _index_schema(table)
        case ["partitions"]:
            return partitions(session, table)
        case ["temp_partitions"]:
            return partitions(session, table, temporary=True)
        case ["partitions" | "temp_partitions" as kind, key, *deeper]:
            pool = session.metadata.partitions(table, temporary=kind == "temp_partitions")
            found = next(
                (one for one in pool if key in {one.name, str(one.id), *(str(p.id) for p in one.physical)}), None
            )
            if found is None:
                raise _unknown(path, f"Partition[{key}] does not exist.")
            return _in_partition(session, path, table, found, deeper)
        case _:
            raise _unknown(path, f"Not implemented yet: {rest[0]}")


def _index_schema(table: OlapTable) -> Rows:
    rows = []
    for index in table.indexes:
        names = (
            table.keys
            if not index.columns
            else tuple(name for name in index.columns if name in table.keys) or index.columns
        )
        if index.columns and table.keys_type.value == "DUP_KEYS":
            names = index.columns
        keys = f"{table.keys_type.value}({', '.join(names)})"
        rows.append((index.id, index.name, index.schema_version, index.schema_hash, min(3, len(names)), "COLUMN", keys))
    return shown("IndexId IndexName SchemaVersion SchemaHash ShortKeyColumnCount StorageType Keys", rows)


def _in_partition(session: Session, path: str, table: OlapTable, one: Partition, rest: list[str]) -> Rows:
    physical = one.main
    if not rest:
        balance = '{"balanced":true}'
        rows = [
            (index.id, index.name, "NORMAL", None, balance, len(physical.tablets[index.id])) for index in table.indexes
        ]
        names = ["IndexId", "IndexName", "State", "LastConsistencyCheckTime", "TabletBalanceStat", "Tablets"]
        if session.state.release.nearly_all_errors_are_1064:
            return shown(names[:4], [row[:4] for row in rows])
        if session.state.release.virtual_buckets:
            return shown([*names[:-1], "VirtualBuckets", names[-1]], [(*row, row[-1]) for row in rows])
        return shown(names, rows)
    index = next((index for index in table.indexes if rest[0] in {str(index.id), index.name}), None)
    if index is None:
        raise _unknown(path, f"MaterializedIndex[{rest[0]}] does not exist.")
    if len(rest) == 1:
        return shown(session.state.release.tablet_columns, tablet_rows(session, physical, physical.tablets[index.id]))
    return _replicas(session, path, rest[1])


def _replicas(session: Session, path: str, number: str) -> Rows:
    found = locate(session, int(number)) if number.isdigit() else None
    if found is None:
        raise _unknown(path, f"Tablet[{number}] does not exist.")
    _, table, _, physical, index = found
    session.access.need_table("ANY", table)
    tablet = next(tablet for tablet in physical.tablets[index.id] if str(tablet.id) == number)
    rows: list[Sequence[object]] = []
    for replica in tablet.replicas:
        host, port = session.state.backends.address(replica.backend_id)
        version = replica.version or physical.visible_version
        failed = -1 if replica.version is None else physical.visible_version
        status = f"http://{host}:{port}/api/compaction/show?tablet_id={number}&schema_hash={index.schema_hash}"
        rows.append((
            replica.id, replica.backend_id, version, 0, version, 0, failed, 0, None, index.schema_hash, 0, 0,
            "NORMAL", replica.bad, False, version, path_hash(host), f"http://{host}:{port}/api/meta/header/{number}",
            status, False
        ))  # fmt: skip
    names = (
        "ReplicaId BackendId Version VersionHash LstSuccessVersion LstSuccessVersionHash LstFailedVersion "
        "LstFailedVersionHash "
        "LstFailedTime SchemaHash DataSize RowCount State IsBad IsSetBadForce VersionCount PathHash MetaUrl "
        "CompactionStatus IsErrorState"
    )
    return shown(names, rows)


def _statistic(session: Session) -> Rows:
    """UnhealthyTabletNum does not count the replicas of a backend that has just died (seen running 4.1-dev)."""
    names = (
        "DbId DbName TableNum PartitionNum IndexNum TabletNum ReplicaNum UnhealthyTabletNum InconsistentTabletNum "
        "CloningTabletNum "
        "ErrorStateTabletNum"
    )
    rows: list[Sequence[object]] = []
    for number, name in sorted(_database_ids(session), key=lambda item: item[1]):
        database = session.metadata.find(Database, number)
        tables = [t for t in session.metadata.tables(database).values() if isinstance(t, OlapTable)] if database else []
        everything = [one for table in tables for one in session.metadata.partitions(table)]
        tablets = [t for one in everything for p in one.physical for some in p.tablets.values() for t in some]
        indexes = sum(len(p.tablets) for one in everything for p in one.physical)
        sick = sum(any(r.version is not None or r.bad for r in tablet.replicas) for tablet in tablets)
        rows.append(
            (
                number,
                name,
                len(tables),
                len(everything),
                indexes,
                len(tablets),
                sum(len(t.replicas) for t in tablets),
                sick,
                0,
                0,
                0,
            )
        )
    totals = [sum(int(str(row[place])) for row in rows) for place in range(2, 11)]
    return shown(names, [*rows, ("Total", len(rows), *totals)])


def _unhealthy(session: Session, key: str) -> Rows:
    database = _database(session, f"/statistic/{key}", key)
    sick = []
    for table in session.metadata.tables(database).values() if not isinstance(database, str) else ():
        if isinstance(table, OlapTable):
            for one in session.metadata.partitions(table):
                for tablets in one.main.tablets.values():
                    sick += [
                        t.id for t in tablets if any(replica_status(session, r) == "VERSION_ERROR" for r in t.replicas)
                    ]
    return shown(
        "UnhealthyTablets InconsistentTablets CloningTablets ErrorStateTablets", [(str(sick), "[]", "[]", "[]")]
    )


def _disks(session: Session, number: str) -> Rows:
    names = (
        "RootPath DataUsedCapacity OtherUsedCapacity AvailCapacity TotalCapacity TotalUsedPct State PathHash "
        "StorageMedium TabletNum "
        "DataTotalCapacity DataUsedPct"
    )
    backend = session.metadata.find(Backend, int(number)) if number.isdigit() else None
    if backend is None:
        raise _unknown(f"/backends/{number}", f"Backend[{number}] does not exist.")
    view = session.state.backends.view(backend.id)
    row = (
        view.storage, size(view.used), "0.000 B", "1.000 TB", "1.000 TB", "0.00 %", "ONLINE",
        path_hash(backend.host), "HDD", view.tablets, "1.000 TB", "0.00 %"
    )  # fmt: skip
    return shown(names, [row])


HANDLERS: dict[type[Statement], Execute] = {ShowProc: show_proc}
__all__ = ["HANDLERS", "short_size"]
