"""A StarRocks cluster in memory: tables with versions and rows, jobs that move by its clock, snapshots in a store.

It knows what the unit tests need and nothing more; what it claims of StarRocks, the contract tests hold against the
lab and against real clusters.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from srbackup.clock import Clock
from srbackup.errors import ClusterUnreachable
from srbackup.model.cluster import BackendStatus, ClusterFacts, FrontendStatus, Version
from srbackup.model.inventory import Column, Database, Inventory, Partition, PhysicalPartition, Table, TableKind
from srbackup.model.job import BackupJob, BackupState, RestoreJob, RestoreState, SnapshotRow, StarRocksRepository, Tasks
from srbackup.model.point import DatabaseDefinitions, Definition, Fingerprint
from srbackup.model.policy import FingerprintMode
from srbackup.model.repository import Repository
from srbackup.starrocks.base import StatementRefused
from srbackup.storage.memory import MemoryStore

TICK = 3.0
_BACKUP = [s for s in BackupState if s is not BackupState.CANCELLED]
_RESTORE = [s for s in RestoreState if s is not RestoreState.CANCELLED]


def refused(text: str, code: int = 5064) -> StatementRefused:
    return StatementRefused(code, text, "(fake)")


@dataclass
class Job:
    """A job and when it was submitted; `stuck_in` keeps it in a state, `errors` is its TaskErrMsg from then on."""

    kind: str
    database: str
    label: str
    timestamp: str
    tables: tuple[str, ...]
    submitted: float
    replication_num: int = 1
    state: str = "PENDING"
    stuck_in: str | None = None
    errors: str = ""
    status: str = "[OK]"
    id: int = -1
    taken: dict[str, Table] = field(default_factory=dict)
    rows: dict[tuple[str, str], list[str]] = field(default_factory=dict)


@dataclass
class FakeCluster:
    """The cluster itself; `connect` gives connections. Faults are attributes that tests set."""

    clock: Clock
    store: MemoryStore
    name: str = "fake"
    cluster_id: str = "1001"
    version: str = "4.1.0"
    backends: int = 3
    run_mode: str = "shared_nothing"
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    rows: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    views: dict[tuple[str, str], Definition] = field(default_factory=dict)
    databases: set[str] = field(default_factory=set)
    jobs: dict[str, Job] = field(default_factory=dict)
    known: dict[str, StarRocksRepository] = field(default_factory=dict)
    journal_id: int = 100
    images_wanted: int = 0
    stuck: dict[str, tuple[str, str]] = field(default_factory=dict)  # by database, or what its name ends in
    before_submit: Callable[[str, str], None] | None = None
    unreadable: dict[str, str] = field(default_factory=dict)
    ddl: dict[tuple[str, str], Definition] = field(default_factory=dict)
    properties: dict[tuple[str, str, str], str] = field(default_factory=dict)
    lost_connections: int = 0
    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._ids = itertools.count(10001)

    # -- what tests do to it

    def create_table(
        self, database: str, name: str, partitions: Mapping[str, Sequence[str]], *, replicas: int = 1
    ) -> Table:
        with self.lock:
            self.databases.add(database)
            made = tuple(
                Partition(
                    p, (PhysicalPartition(next(self._ids), 2 if rows else 1, "t"),), replicas, False, len(rows), 10
                )
                for p, rows in partitions.items()
            )
            table = Table(
                database, name, TableKind.OLAP, next(self._ids), "OLAP", "RANGE", made, (Column("k", "varchar(10)"),)
            )
            self.tables[database, name] = table
            for partition, rows in partitions.items():
                self.rows[database, name, partition] = list(rows)
            return table

    def load(self, database: str, name: str, partition: str, *rows: str) -> None:
        """One more visible version."""
        with self.lock:
            self.rows[database, name, partition] += rows
            table = self.tables[database, name]
            self.tables[database, name] = replace(
                table,
                partitions=tuple(
                    replace(p, physical=tuple(replace(x, version=x.version + 1) for x in p.physical))
                    if p.name == partition
                    else p
                    for p in table.partitions
                ),
            )

    def drop_table(self, database: str, name: str) -> None:
        with self.lock:
            del self.tables[database, name]

    def connect(self) -> FakeStarRocks:
        return FakeStarRocks(self)

    # -- jobs

    def tick(self) -> None:
        """Move every job to where the clock says it is."""
        for job in list(self.jobs.values()):
            states = [s.value for s in (_BACKUP if job.kind == "backup" else _RESTORE)]
            steps = int((self.clock.monotonic() - job.submitted) / TICK)
            while job.state in states[:-1] and states.index(job.state) < steps and job.state != job.stuck_in:
                self._enter(job, states[states.index(job.state) + 1])

    def _enter(self, job: Job, state: str) -> None:
        job.state = state
        job.id = job.id if job.id > 0 else next(self._ids)
        match job.kind, state:
            case "backup", "SNAPSHOTING":
                missing = [t for t in job.tables if (job.database, t) not in self.tables]
                if missing:
                    job.state, job.status = "CANCELLED", f"[NOT_FOUND, msg: table {missing[0]} does not exist]"
                    return
                job.taken = {t: self.tables[job.database, t] for t in job.tables}
                job.rows = {
                    (t, p.name): list(self.rows[job.database, t, p.name])
                    for t in job.tables
                    for p in job.taken[t].partitions
                }
            case "backup", "SAVE_META":
                self._upload(job)
            case "backup", "FINISHED":
                self._finish_backup(job)
            case "restore", "FINISHED":
                self._finish_restore(job)

    def _prefix(self, job: Job) -> str:
        repository = next(iter(self.known))
        return f"__starrocks_repository_{repository}/__ss_{job.label}/"

    def _put(self, key: str, data: bytes) -> None:
        self.store.put(f"{key}.{hashlib.md5(data).hexdigest()}", data)

    def _upload(self, job: Job) -> None:
        for table in job.taken.values():
            for partition in table.partitions:
                data = json.dumps(job.rows[table.name, partition.name]).encode()
                for physical in partition.physical:
                    folder = f"__ss_content/__db_1/__tbl_{table.id}/__part_{physical.id}/__idx_1/__{physical.id}7/"
                    self._put(f"{self._prefix(job)}{folder}rows.dat", data)

    def _finish_backup(self, job: Job) -> None:
        objects = {
            t.name: {
                "id": t.id,
                "partitions": {
                    p.name: {
                        "id": p.physical[0].id,
                        "version": p.physical[0].version,
                        "indexes": {},
                        "subPartitions": {
                            str(x.id): {
                                "id": x.id,
                                "version": x.version,
                                "indexes": {t.name: {"id": 1, "tablets": {}, "tablets_order": [int(f"{x.id}7")]}},
                            }
                            for x in p.physical
                        },
                    }
                    for p in t.partitions
                },
            }
            for t in job.taken.values()
        }
        info = {"name": job.label, "database": job.database, "backup_objects": objects}
        self._put(f"{self._prefix(job)}__meta", json.dumps({t: list(r) for (t, _), r in job.rows.items()}).encode())
        self._put(f"{self._prefix(job)}__info_{job.timestamp}", json.dumps(info).encode())

    def _finish_restore(self, job: Job) -> None:
        from srbackup.catalog import snapshots

        repository = next(iter(self.known))
        snapshot = snapshots.find(self.store, repository, job.label)
        assert snapshot is not None
        for name in job.tables:
            taken = snapshot.table(name)
            assert taken is not None
            partitions = []
            for partition in taken.partitions:
                key = next(
                    o.key
                    for o in snapshot.objects
                    if f"__part_{partition.versions[0][0]}/" in o.key and "rows.dat" in o.key
                )
                self.rows[job.database, name, partition.name] = json.loads(self.store.read(key).data)
                physical = tuple(PhysicalPartition(next(self._ids), v, "t") for _, v in partition.versions)
                partitions.append(Partition(partition.name, physical, job.replication_num))
            self.tables[job.database, name] = Table(
                job.database, name, TableKind.OLAP, next(self._ids), "OLAP", "RANGE", tuple(partitions)
            )


class FakeStarRocks:
    """One connection; see srbackup.starrocks.base.StarRocks."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.c = cluster

    def another(self) -> FakeStarRocks:
        return FakeStarRocks(self.c)

    def close(self) -> None: ...

    def _asked(self, statement: str) -> None:
        with self.c.lock:
            self.c.statements.append(statement)
            if self.c.lost_connections:
                self.c.lost_connections -= 1
                raise ClusterUnreachable("The connection was lost")
            self.c.tick()

    # -- what it is

    def facts(self) -> ClusterFacts:
        self._asked("facts")
        leader = FrontendStatus("fe-1", "fe-1", 9030, "LEADER", self.c.cluster_id, True, True, 100, self.c.version, "")
        backends = tuple(
            BackendStatus(i, f"be-{i}", 9050, True, False, 1, "", "") for i in range(1, self.c.backends + 1)
        )
        return ClusterFacts(self.c.cluster_id, Version.parse(self.c.version), self.c.run_mode, (leader,), backends)

    def time(self) -> float:
        return self.c.clock.now().timestamp()

    def leader(self) -> str | None:
        return "fe-1"

    def grants(self) -> tuple[str, ...]:
        return ()

    # -- what it holds

    def databases(self) -> tuple[str, ...]:
        return tuple(sorted(self.c.databases))

    def inventory(
        self, databases: Sequence[str] | None = None, *, columns: bool = True, partition_kinds: bool = False
    ) -> Inventory:
        self._asked("inventory")
        with self.c.lock:
            names = self.databases() if databases is None else [d for d in databases if d in self.c.databases]
            found = []
            for name in names:
                tables = [t for (d, _), t in self.c.tables.items() if d == name]
                tables += [Table(d, v.name, v.kind) for (d, _), v in self.c.views.items() if d == name]
                found.append(Database(name, 1, tuple(sorted(tables, key=lambda t: t.name))))
            return Inventory(tuple(found))

    def columns(self, database: str, table: str) -> tuple[Column, ...]:
        return (Column("k", "varchar(10)"),)

    def partitions(self, database: str, table: str) -> tuple[Partition, ...]:
        self._asked("partitions")
        with self.c.lock:
            if (database, table) not in self.c.tables:
                raise refused(f"Table {table} is not found.", 1064)
            return self.c.tables[database, table].lasting_partitions

    def broken_tablets(self, tables: Sequence[Table]) -> Mapping[str, str]:
        return {}

    def definitions(self, database: str, tables: Sequence[Table]) -> tuple[DatabaseDefinitions, tuple[str, ...]]:
        self._asked("definitions")
        objects = tuple(
            self.c.views.get((database, t.name))
            or self.c.ddl.get((database, t.name))
            or Definition(t.name, t.kind, f"CREATE TABLE `{t.name}` ...")
            for t in tables
        )
        return DatabaseDefinitions(database, f"CREATE DATABASE `{database}`", objects), ()

    def fingerprints(self, table: Table, partitions: Sequence[str], mode: FingerprintMode) -> Mapping[str, Fingerprint]:
        self._asked("fingerprints")
        with self.c.lock:
            if reason := self.c.unreadable.get(table.name):
                raise refused(reason, 1064)
            return {
                p: Fingerprint(
                    len(rows := self.c.rows[table.database, table.name, p]),
                    str(sum(int(hashlib.md5(r.encode()).hexdigest()[:15], 16) for r in rows))
                    if mode is FingerprintMode.CONTENT
                    else None,
                )
                for p in partitions
            }

    def value(self, database: str, select: str) -> str | None:
        """`SELECT count(*) FROM t`, with or without a database before the table; all else is refused."""
        self._asked(select)
        found = re.fullmatch(r"SELECT count\(\*\) FROM (?:`(\w+)`\.)?(\w+)", select)
        if found is None:
            raise refused("the fake only counts", 1064)
        wanted = (found[1] or database, found[2])
        if wanted not in self.c.tables:
            raise refused(f"Unknown table '{'.'.join(wanted)}'", 5502)
        return str(sum(len(rows) for (d, t, _), rows in self.c.rows.items() if (d, t) == wanted))

    # -- repositories, BACKUP and RESTORE

    def repositories(self) -> tuple[StarRocksRepository, ...]:
        return tuple(self.c.known.values())

    def create_repository(self, repository: Repository, *, read_only: bool) -> None:
        self._asked("create repository")
        name = repository.starrocks_name
        self.c.known[name] = StarRocksRepository(name, read_only, repository.location, "")

    def drop_repository(self, name: str) -> None:
        self._asked("drop repository")
        self.c.known.pop(name)

    def snapshot(self, repository: str, label: str) -> SnapshotRow:
        start = f"__starrocks_repository_{repository}/__ss_{label}/__info_"
        stamps = tuple(o.key.removeprefix(start).partition(".")[0] for o in self.c.store.scan(start))
        return SnapshotRow(label, stamps, "OK" if stamps else "ERROR: no snapshot")

    def submit_backup(
        self, repository: str, database: str, label: str, tables: Sequence[str], timeout: timedelta
    ) -> None:
        self._asked(f"backup {database} {label}")
        if self.c.before_submit is not None:
            self.c.before_submit(database, label)
        with self.c.lock:
            self._check_slot(database)
            if (known := self.c.known.get(repository)) is not None and known.read_only:
                raise refused(f"Repository {repository} is read only")
            if missing := [t for t in tables if (database, t) not in self.c.tables]:
                raise refused(f"Incorrect table name '{missing[0]}'", 1064)
            if any(p.temporary for t in tables for p in self.c.tables[database, t].partitions):
                raise refused("Do not support backing up table with temp partitions")
            prefix = f"__starrocks_repository_{repository}/__ss_{label}/"
            if any(True for _ in self.c.store.scan(prefix)):
                raise refused(f"Snapshot with name '{label}' already exist in repository")
            stamp = f"{self.c.clock.now():%Y-%m-%d-%H-%M-%S}-{next(self.c._ids) % 1000:03}"
            self._submit(Job("backup", database, label, stamp, tuple(tables), self.c.clock.monotonic()))

    def _check_slot(self, database: str) -> None:
        job = self.c.jobs.get(database)
        if job is not None and job.state not in {"FINISHED", "CANCELLED"}:
            raise refused("Can only run one backup or restore job of a database at same time")

    def _submit(self, job: Job) -> None:
        if told := next((d for d in self.c.stuck if job.database == d or job.database.endswith(f"_{d}")), None):
            job.stuck_in, job.errors = self.c.stuck.pop(told)
        self.c.jobs[job.database] = job

    def backup_job(self, database: str) -> BackupJob | None:
        self._asked("show backup")
        job = self.c.jobs.get(database)
        if job is None or job.kind != "backup":
            return None
        return BackupJob(
            job.id, job.label, database, BackupState(job.state), "", Tasks(), self._errors(job), job.status, 86400
        )

    def _errors(self, job: Job) -> str:
        return job.errors if job.state == job.stuck_in else ""

    def cancel_backup(self, database: str) -> None:
        self._cancel(database, "backup", "No backup job is currently running")

    def _cancel(self, database: str, kind: str, none: str) -> None:
        self._asked("cancel")
        job = self.c.jobs.get(database)
        if job is None or job.kind != kind:
            raise refused(none)
        if job.state in {"FINISHED", "CANCELLED"}:
            raise refused(f"Failed to cancel job: Job with label {job.label} can not be cancelled. state: {job.state}")
        job.state, job.status = "CANCELLED", "[COMMON_ERROR, msg: user cancelled]"

    def submit_restore(
        self,
        repository: str,
        database: str,
        label: str,
        timestamp: str,
        tables: Sequence[str],
        replication_num: int,
        timeout: timedelta,
    ) -> None:
        self._asked(f"restore {database} {label}")
        with self.c.lock:
            self._check_slot(database)
            job = Job("restore", database, label, timestamp, tuple(tables), self.c.clock.monotonic(), replication_num)
            self._submit(job)

    def restore_job(self, database: str) -> RestoreJob | None:
        self._asked("show restore")
        job = self.c.jobs.get(database)
        if job is None or job.kind != "restore":
            return None
        return RestoreJob(
            job.id,
            job.label,
            job.timestamp,
            job.replication_num,
            database,
            RestoreState(job.state),
            "",
            Tasks(),
            self._errors(job),
            job.status,
            86400,
        )

    def cancel_restore(self, database: str) -> None:
        self._cancel(database, "restore", "No restore is currently running")

    # -- changing a target

    def create_database(self, name: str) -> None:
        self._asked(f"create database {name}")
        self.c.databases.add(name)

    def drop_database(self, name: str, *, force: bool = False) -> None:
        self._asked(f"drop database {name}{' force' if force else ''}")
        self.c.databases.discard(name)
        for key in [k for k in self.c.tables if k[0] == name and force]:
            del self.c.tables[key]

    def drop_table(self, database: str, table: str) -> None:
        self._asked(f"drop table {database}.{table}")
        self.c.tables.pop((database, table), None)

    def set_property(self, database: str, table: str, name: str, value: str) -> None:
        self._asked(f"set {database}.{table} {name}={value}")
        if (database, table) not in self.c.tables:
            raise refused(f"Unknown table '{database}.{table}'", 5502)
        self.c.properties[database, table, name] = value

    def drop_view(self, database: str, name: str, *, materialized: bool) -> None:
        self._asked(f"drop view {database}.{name}")
        self.c.views.pop((database, name), None)

    def create(self, database: str, definition: Definition) -> None:
        self._asked(f"create {definition.name}")
        base = definition.statement.rpartition(" FROM ")[2].rstrip(";")
        if base and (database, base) not in self.c.tables and (database, base) not in self.c.views:
            raise refused(f"Unknown table '{database}.{base}'", 5502)
        self.c.views[database, definition.name] = definition

    def refresh(self, database: str, materialized_view: str) -> None:
        self._asked(f"refresh {materialized_view}")

    # -- FE metadata

    def create_image(self) -> None:
        self._asked("create image")
        self.c.images_wanted += 1

    def leader_journal_id(self) -> int:
        return self.c.journal_id
