"""A cluster under contract, whatever it is: how tests make tables on it, run jobs on it, ask it."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import pymysql
import pytest

from srbackup.clock import Clock
from srbackup.model.cluster import Cluster, Version
from srbackup.model.inventory import Partition, Table
from srbackup.model.job import BackupJob, Job, RestoreJob, SnapshotRow
from srbackup.model.repository import Repository
from srbackup.starrocks.base import StarRocks
from srbackup.starrocks.cluster import MySqlStarRocks
from srbackup.storage.base import ObjectStore
from tests.fakes.starrocks import FakeCluster

DAY = timedelta(days=1)
ONE = "DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES('replication_num'='1')"
UNANSWERABLE = 5999  # of those who put a real FE before backends that run no queries: says nothing of StarRocks
T = TypeVar("T")


class Refusal(Exception):
    """A statement was refused: code, SQLSTATE and text as they came over the wire."""

    def __init__(self, code: int, state: str, text: str) -> None:
        super().__init__(f"[{code}] [{state}] {text}")
        self.code, self.state, self.text = code, state, text


@dataclass(frozen=True, slots=True)
class Wire:
    """Statements said to an FE without srbackup in between."""

    host: str
    port: int
    user: str
    password: str

    def ask(self, *statements: str, user: str | None = None, password: str = "") -> list[dict[str, Any]]:
        """The rows of the last statement of a session, by column name. Raises Refusal."""
        name, secret = (self.user, self.password) if user is None else (user, password)
        with pymysql.connect(
            host=self.host, port=self.port, user=name, password=secret, autocommit=True, ssl_disabled=True
        ) as connection, connection.cursor() as cursor:  # fmt: skip
            try:
                for statement in statements:
                    cursor.execute(statement)
            except pymysql.err.MySQLError as error:
                if error.args[0] == UNANSWERABLE:
                    pytest.skip(f"what stands before this FE cannot answer: {error.args[1]}")
                raise Refusal(error.args[0], error.sqlstate or "", error.args[1]) from error
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def refusal(self, *statements: str, user: str | None = None) -> Refusal:
        """How the last statement is refused."""
        with pytest.raises(Refusal) as caught:
            self.ask(*statements, user=user)
        return caught.value


class World(Protocol):
    """What tests do to a cluster in ways that srbackup has no statement for."""

    def make_table(self, database: str, name: str, partitions: Mapping[str, Sequence[str]]) -> None: ...

    def load(self, database: str, name: str, partition: str, rows: Sequence[str]) -> None: ...


@dataclass
class Subject:
    """`kind` says what it is and `release` which; `wire` is none for a fake. Databases are dropped at the end."""

    kind: str
    release: str
    starrocks: StarRocks
    store: ObjectStore
    repository: Repository
    clock: Clock
    world: World
    wire: Wire | None
    backends: int
    cluster: Cluster | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _made: list[str] = field(default_factory=list)
    _shared: dict[str, Any] = field(default_factory=dict)

    # -- asking

    def ask(self, *statements: str, user: str | None = None) -> list[dict[str, Any]]:
        return self._wire().ask(*statements, user=user)

    def refusal(self, *statements: str, user: str | None = None) -> Refusal:
        return self._wire().refusal(*statements, user=user)

    def refused(self, statement: str) -> Refusal | None:
        """How a statement is refused, if it is."""
        try:
            self.ask(statement)
        except Refusal as refusal:
            return refusal
        return None

    def _wire(self) -> Wire:
        if self.wire is None:
            pytest.skip("the fake speaks no SQL")
        return self.wire

    def older_than(self, release: str) -> bool:
        """Whether this is an older release; a build without a number counts as a new one."""
        return Version.parse(self.release).before(*(int(number) for number in release.split(".")))

    # -- making

    def once(self, what: str, make: Callable[[], T]) -> T:
        """Something costly that several contracts look at."""
        if what not in self._shared:
            self._shared[what] = make()
        return self._shared[what]  # type: ignore[no-any-return]

    def database(self) -> str:
        """A new database."""
        name = f"contract_{time.time_ns() // 1_000_000 % 10**9}_{next(self._numbers)}"
        self.starrocks.create_database(name)
        self._made.append(name)
        return name

    def table(
        self, partitions: Mapping[str, Sequence[str]] | None = None, *, name: str = "t", database: str = ""
    ) -> str:
        """A table of one column k with rows in range partitions, in a database of its own, whose name is answered."""
        database = database or self.database()
        self.world.make_table(database, name, partitions or {"p1": ["a", "b"], "p2": ["c"]})
        return database

    def described(self, database: str, name: str = "t") -> Table:
        (found,) = self.starrocks.inventory([database]).databases
        return next(t for t in found.tables if t.name == name)

    def partitions(self, database: str, name: str = "t") -> dict[str, Partition]:
        return {p.name: p for p in self.starrocks.partitions(database, name)}

    def views(self, database: str) -> None:
        """A view and a materialized view over t."""
        self.ask(
            f"USE {database}",
            "CREATE VIEW v AS SELECT k FROM t",
            "CREATE MATERIALIZED VIEW mv DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH MANUAL "
            "PROPERTIES('replication_num'='1') AS SELECT k, count(*) AS n FROM t GROUP BY k",
        )

    def tidy(self) -> None:
        for database in self._made:
            for look, cancel in (
                (self.starrocks.backup_job, self.starrocks.cancel_backup),
                (self.starrocks.restore_job, self.starrocks.cancel_restore),
            ):
                if (job := look(database)) is not None and not job.state.over:
                    cancel(database)
            self.starrocks.drop_database(database, force=True)
        if self.repository.starrocks_name in {r.name for r in self.starrocks.repositories()}:
            self.starrocks.drop_repository(self.repository.starrocks_name)

    # -- jobs

    @property
    def in_repository(self) -> str:
        """The repository that jobs use, made when it is first wanted."""
        name = self.repository.starrocks_name
        if name not in {r.name for r in self.starrocks.repositories()}:
            self.starrocks.create_repository(self.repository, read_only=False)
        return name

    def label(self) -> str:
        return f"l_{time.time_ns() // 1_000_000}_{next(self._numbers)}"

    def submit_backup(self, database: str, label: str = "", tables: Sequence[str] = ("t",)) -> str:
        label = label or self.label()
        self.starrocks.submit_backup(self.in_repository, database, label, tables, DAY)
        return label

    def backed_up(self, database: str, tables: Sequence[str] = ("t",)) -> SnapshotRow:
        """A finished snapshot."""
        label = self.submit_backup(database, tables=tables)
        job = self.over(lambda: self.starrocks.backup_job(database))
        assert job.state.value == "FINISHED", job
        return self.starrocks.snapshot(self.in_repository, label)

    def submit_restore(
        self, snapshot: SnapshotRow, database: str, *, replicas: int = 1, tables: Sequence[str] = ("t",)
    ) -> None:
        (timestamp,) = snapshot.timestamps
        self.starrocks.submit_restore(self.in_repository, database, snapshot.label, timestamp, tables, replicas, DAY)

    def restored(self, snapshot: SnapshotRow, database: str = "", *, replicas: int = 1) -> str:
        """The database of a finished restore."""
        database = database or self.database()
        self.submit_restore(snapshot, database, replicas=replicas)
        job = self.over(lambda: self.starrocks.restore_job(database))
        assert job.state.value == "FINISHED", job
        return database

    def over(self, look: Callable[[], T | None]) -> T:
        """The job's last row."""

        def ended() -> T | None:
            job = look()
            return job if isinstance(job, BackupJob | RestoreJob) and job.state.over else None

        return self.until(ended)

    def until(self, look: Callable[[], T | None]) -> T:
        """The first answer that is something."""
        seconds = float(os.environ.get("SRBACKUP_CONTRACTS_PATIENCE", "120"))
        deadline = time.monotonic() + seconds
        while (found := look()) is None:
            assert time.monotonic() < deadline, f"nothing came of it within {seconds} s"
            self.clock.sleep(0.1)
        return found

    def in_state(self, look: Callable[[], Job | None], *states: str) -> Job:
        return self.until(lambda: job if (job := look()) is not None and job.state.value in states else None)


@dataclass(frozen=True, slots=True)
class FakeWorld:
    """Tables of the fake."""

    cluster: FakeCluster

    def make_table(self, database: str, name: str, partitions: Mapping[str, Sequence[str]]) -> None:
        self.cluster.create_table(database, name, partitions)

    def load(self, database: str, name: str, partition: str, rows: Sequence[str]) -> None:
        self.cluster.load(database, name, partition, *rows)


@dataclass(frozen=True, slots=True)
class SqlWorld:
    """Tables of a cluster that speaks SQL: partition pN holds the rows whose p is N."""

    wire: Wire

    def make_table(self, database: str, name: str, partitions: Mapping[str, Sequence[str]]) -> None:
        ranges = ", ".join(
            f"PARTITION {partition} VALUES LESS THAN ('{number + 1}')"
            for partition, number in ((partition, int(partition[1:])) for partition in partitions)
        )
        self.wire.ask(
            f"CREATE TABLE {database}.{name} (k VARCHAR(10), p INT) DUPLICATE KEY(k) PARTITION BY RANGE(p) ({ranges}) "
            "DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES('replication_num'='1')"
        )
        for partition, rows in partitions.items():
            if rows:
                self.load(database, name, partition, rows)

    def load(self, database: str, name: str, partition: str, rows: Sequence[str]) -> None:
        values = ", ".join(f"('{row}', {partition[1:]})" for row in rows)
        self.wire.ask(f"INSERT INTO {database}.{name} VALUES {values}")


def sql_starrocks(cluster: Cluster) -> tuple[MySqlStarRocks, Wire]:
    """srbackup's own connection, and one beside it."""
    (frontend,) = cluster.frontends
    wire = Wire(frontend.host, frontend.port, cluster.user, cluster.password.reveal())
    return MySqlStarRocks(cluster, {}, lambda _statement: None), wire
