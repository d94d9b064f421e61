"""The StarRocks protocol over a MySQL session: each method is a statement or few, and a reader of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from srbackup.errors import ClusterUnhealthy, ClusterUnreachable, Failed, SrbackupError
from srbackup.model.cluster import Cluster, ClusterFacts, Version
from srbackup.model.inventory import Column, Inventory, Partition, Table, TableKind
from srbackup.model.job import BackupJob, RestoreJob, SnapshotRow, StarRocksRepository
from srbackup.model.point import DatabaseDefinitions, Definition, Fingerprint
from srbackup.model.policy import FingerprintMode
from srbackup.model.repository import Repository
from srbackup.starrocks import listing, messages, rows, statements
from srbackup.starrocks.base import AccessDenied, StatementRefused
from srbackup.starrocks.mysql import LONG_PATIENCE, Session, Trace

_PARTITIONS_A_STATEMENT = 100
_CREATE = {
    TableKind.OLAP: ("TABLE", "Create Table"),
    TableKind.EXTERNAL: ("TABLE", "Create Table"),
    TableKind.CLOUD_NATIVE: ("TABLE", "Create Table"),
    TableKind.VIEW: ("VIEW", "Create View"),
    TableKind.MATERIALIZED_VIEW: ("MATERIALIZED VIEW", "Create Materialized View"),
}


class MySqlStarRocks:
    """See srbackup.starrocks.base.StarRocks."""

    def __init__(self, cluster: Cluster, aliases: Mapping[str, frozenset[str]], trace: Trace) -> None:
        self._cluster = cluster
        self._aliases = aliases
        self._trace = trace
        self._session = Session(cluster, aliases, trace)
        self._reader = Session(cluster, aliases, trace, LONG_PATIENCE)

    def another(self) -> MySqlStarRocks:
        return MySqlStarRocks(self._cluster, self._aliases, self._trace)

    def close(self) -> None:
        self._session.close()
        self._reader.close()

    # -- what it is

    def facts(self) -> ClusterFacts:
        frontends = tuple(rows.frontend(r) for r in self._session.ask(statements.SHOW_FRONTENDS))
        backends = tuple(rows.backend(r) for r in self._session.ask(statements.SHOW_BACKENDS))
        leader = next((f for f in frontends if f.is_leader), None)
        version = Version.parse(leader.version if leader else "")
        identity = next((f.cluster_id for f in frontends), "")
        return ClusterFacts(identity, version, self._run_mode(), frontends, backends)

    def _run_mode(self) -> str:
        try:
            found = self._session.ask(statements.RUN_MODE)
        except (StatementRefused, AccessDenied):
            return "unknown"
        return found[0].text("Value") if found else "shared_nothing"  # before 3.0 there was nothing else

    def time(self) -> float:
        return float(self._session.ask(statements.UNIX_TIMESTAMP)[0].number("t"))

    def leader(self) -> str | None:
        self._session.ask(statements.SHOW_FRONTENDS)  # connects anew, to the leader, if the connection was lost
        return self._session.frontend.name if self._session.frontend and self._session.on_leader else None

    def grants(self) -> tuple[str, ...]:
        return tuple(r.text("Grants") for r in self._session.ask(statements.SHOW_GRANTS))

    # -- what it holds

    def databases(self) -> tuple[str, ...]:
        return listing.databases(self._session)

    def inventory(
        self, databases: Sequence[str] | None = None, *, columns: bool = True, partition_kinds: bool = False
    ) -> Inventory:
        return listing.inventory(self._session, databases, columns=columns, partition_kinds=partition_kinds)

    def columns(self, database: str, table: str) -> tuple[Column, ...]:
        return listing.table_columns(self._session, database, table)

    def partitions(self, database: str, table: str) -> tuple[Partition, ...]:
        return rows.partitions(self._session.ask(statements.show_partitions(database, table)))

    def broken_tablets(self, tables: Sequence[Table]) -> Mapping[str, str]:
        backends = [rows.backend(r) for r in self._session.ask(statements.SHOW_BACKENDS)]
        dead = frozenset(b.id for b in backends if not b.alive)
        return listing.broken_tablets(self._session, tables, dead)

    def definitions(self, database: str, tables: Sequence[Table]) -> tuple[DatabaseDefinitions, tuple[str, ...]]:
        try:
            created = self._session.ask(statements.show_create_database(database))[0].text("Create Database")
        except AccessDenied:  # it takes a privilege on the database itself, and says little more than the name
            created = f"CREATE DATABASE {statements.identifier(database)}"
        objects: list[Definition] = []
        problems: list[str] = []
        for table in tables:
            word, column = _CREATE[table.kind]
            try:
                row = self._session.ask(statements.show_create(word, database, table.name))[0]
            except ClusterUnreachable:
                raise
            except SrbackupError as error:
                problems.append(f"{table.qualified}: its CREATE statement could not be had: {error.message}")
                continue
            objects.append(Definition(table.name, table.kind, row.text(column)))
        return DatabaseDefinitions(database, created, tuple(objects)), tuple(problems)

    def fingerprints(self, table: Table, partitions: Sequence[str], mode: FingerprintMode) -> Mapping[str, Fingerprint]:
        self._reader.prepare(statements.READING)
        columns = table.columns or self.columns(table.database, table.name)
        found: dict[str, Fingerprint] = {}
        for start in range(0, len(partitions), _PARTITIONS_A_STATEMENT):
            batch = partitions[start : start + _PARTITIONS_A_STATEMENT]
            statement = statements.fingerprints(table.database, table.name, columns, batch, mode)
            for row in self._reader.ask(statement):
                name, value = rows.fingerprint(row)
                if mode is FingerprintMode.CONTENT and value.checksum is None:
                    value = replace(value, checksum="0")
                found[name] = value
        return found

    def value(self, database: str, select: str) -> str | None:
        self._reader.ask(statements.use(database))
        found = self._reader.ask(select)
        if len(found) != 1 or len(found[0].values) != 1:
            columns = len(found[0].values) if found else 0
            raise Failed(
                f"one cell was expected, not {len(found)} rows of {columns} columns\n  statement: {select}",
                hint="A check is one SELECT of one value, such as SELECT count(*) FROM orders.",
            )
        (column,) = found[0].values
        return None if found[0].values[column] is None else found[0].text(column)

    # -- repositories, BACKUP and RESTORE

    def repositories(self) -> tuple[StarRocksRepository, ...]:
        return tuple(rows.repository(r) for r in self._session.ask(statements.SHOW_REPOSITORIES))

    def create_repository(self, repository: Repository, *, read_only: bool) -> None:
        self._session.ask(statements.create_repository(repository, read_only=read_only))

    def drop_repository(self, name: str) -> None:
        self._session.ask(statements.drop_repository(name))

    def snapshot(self, repository: str, label: str) -> SnapshotRow:
        return rows.snapshot(self._session.ask(statements.show_snapshot(repository, label))[0])

    def submit_backup(
        self, repository: str, database: str, label: str, tables: Sequence[str], timeout: timedelta
    ) -> None:
        self._session.ask(statements.backup(repository, database, label, tables, timeout))

    def backup_job(self, database: str) -> BackupJob | None:
        return next((j for j in map(rows.backup_job, self._jobs(statements.show_backup(database), database))), None)

    def cancel_backup(self, database: str) -> None:
        self._session.ask(statements.cancel_backup(database))

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
        self._session.ask(statements.restore(repository, database, label, timestamp, tables, replication_num, timeout))

    def restore_job(self, database: str) -> RestoreJob | None:
        return next((j for j in map(rows.restore_job, self._jobs(statements.show_restore(database), database))), None)

    def cancel_restore(self, database: str) -> None:
        self._session.ask(statements.cancel_restore(database))

    def _jobs(self, statement: str, database: str) -> list[rows.Row]:
        """Rows of one database: that of an external catalog's job is appended to every answer."""
        try:
            return [r for r in self._session.ask(statement) if r.text("DbName") == database]
        except StatementRefused as error:
            if messages.NO_DATABASE in error.text:
                return []
            raise

    # -- changing a target

    def create_database(self, name: str) -> None:
        self._session.ask(statements.create_database(name))

    def drop_database(self, name: str, *, force: bool = False) -> None:
        self._session.ask(statements.drop_database(name, force=force))

    def drop_table(self, database: str, table: str) -> None:
        self._session.ask(statements.drop_table(database, table))

    def set_property(self, database: str, table: str, name: str, value: str) -> None:
        self._session.ask(statements.set_property(database, table, name, value))

    def drop_view(self, database: str, name: str, *, materialized: bool) -> None:
        self._session.ask(statements.drop_view(database, name, materialized=materialized))

    def create(self, database: str, definition: Definition) -> None:
        self._session.ask(statements.use(database))
        self._session.ask(definition.statement)

    def refresh(self, database: str, materialized_view: str) -> None:
        self._session.ask(statements.refresh(database, materialized_view))

    # -- FE metadata

    def create_image(self) -> None:
        self._session.ask(statements.CREATE_IMAGE)

    def leader_journal_id(self) -> int:
        frontends = [rows.frontend(r) for r in self._session.ask(statements.SHOW_FRONTENDS)]
        leader = next((f for f in frontends if f.is_leader), None)
        if leader is None:
            raise ClusterUnhealthy(f"Cluster {self._cluster.name!r} has no leader at the moment")
        return leader.replayed_journal_id
