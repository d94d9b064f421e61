"""The protocol of a StarRocks cluster: what is asked of it, and the errors it answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from srbackup.errors import CredentialsRejected, SrbackupError
from srbackup.model.cluster import ClusterFacts
from srbackup.model.inventory import Column, Inventory, Partition, Table
from srbackup.model.job import BackupJob, RestoreJob, SnapshotRow, StarRocksRepository
from srbackup.model.point import DatabaseDefinitions, Definition, Fingerprint
from srbackup.model.policy import FingerprintMode
from srbackup.model.repository import Repository


class StatementRefused(SrbackupError):
    """StarRocks refused a statement. `text` is its message without the prefixes that releases put before it.

    Codes are catch-alls (5064, and 1064 for nearly everything in 3.2), so what happened is told by the text:
    see messages.py.
    """

    def __init__(self, code: int, text: str, statement: str, *, hint: str = "") -> None:
        super().__init__(f"StarRocks refused: {text} [{code}]\n  statement: {statement}", hint=hint)
        self.code = code
        self.text = text
        self.statement = statement


class AccessDenied(CredentialsRejected):
    """The user lacks a privilege; the text names which one on what."""


class StarRocks(Protocol):
    """One connection to a cluster, to its leader where it can be told which FE that is.

    Not to be shared between threads: `another` gives one more. A lost connection raises ClusterUnreachable once;
    the next call connects anew, to the leader of that moment. Statements that act are never repeated inside.
    Every method may raise ClusterUnreachable, CredentialsRejected, AccessDenied and StatementRefused.
    """

    def another(self) -> StarRocks:
        """One more connection to the same cluster, for another thread."""
        ...

    def close(self) -> None: ...

    # -- what it is

    def facts(self) -> ClusterFacts:
        """Identity, version, run mode and nodes."""
        ...

    def time(self) -> float:
        """The cluster's time in seconds since 1970."""
        ...

    def leader(self) -> str | None:
        """The configured name of the FE that leads, if the configuration knows it and this connection is to it."""
        ...

    def grants(self) -> tuple[str, ...]:
        """The grants of the connected user, as SHOW GRANTS prints them."""
        ...

    # -- what it holds

    def databases(self) -> tuple[str, ...]:
        """All databases the user may see, those of the system left out."""
        ...

    def inventory(
        self, databases: Sequence[str] | None = None, *, columns: bool = True, partition_kinds: bool = False
    ) -> Inventory:
        """Tables, partitions and versions of all databases (or those named).

        `partition_kinds` asks for Table.partition_kind, which costs one more statement for each database.
        A handful of statements where information_schema answers; else SHOW statements, some for each table.
        What cannot be listed is named in the result rather than left out silently.
        """
        ...

    def columns(self, database: str, table: str) -> tuple[Column, ...]: ...

    def partitions(self, database: str, table: str) -> tuple[Partition, ...]:
        """The lasting partitions of one table with their versions of this moment."""
        ...

    def broken_tablets(self, tables: Sequence[Table]) -> Mapping[str, str]:
        """By qualified table name: why BACKUP would find no replica for a tablet of it. Empty when all is well."""
        ...

    def definitions(self, database: str, tables: Sequence[Table]) -> tuple[DatabaseDefinitions, tuple[str, ...]]:
        """CREATE statements of the database and of `tables`, and what could not be had, in words."""
        ...

    def fingerprints(self, table: Table, partitions: Sequence[str], mode: FingerprintMode) -> Mapping[str, Fingerprint]:
        """Rows, and for CONTENT an order-independent hash, by partition. Reads the partitions whole."""
        ...

    def value(self, database: str, select: str) -> str | None:
        """The one cell that a SELECT of the user's own gives in the session of `database`; Failed if it gives none or
        more than one."""
        ...

    # -- repositories, BACKUP and RESTORE

    def repositories(self) -> tuple[StarRocksRepository, ...]: ...

    def create_repository(self, repository: Repository, *, read_only: bool) -> None: ...

    def drop_repository(self, name: str) -> None:
        """Make the cluster forget it; nothing is deleted in the store."""
        ...

    def snapshot(self, repository: str, label: str) -> SnapshotRow:
        """The snapshot as the cluster sees it; one row comes even for a label that does not exist."""
        ...

    def submit_backup(
        self, repository: str, database: str, label: str, tables: Sequence[str], timeout: timedelta
    ) -> None:
        """BACKUP of whole tables. Returns when it is accepted, which says nothing of its success."""
        ...

    def backup_job(self, database: str) -> BackupJob | None:
        """The database's last job if it is a BACKUP; None as well when the database is gone."""
        ...

    def cancel_backup(self, database: str) -> None: ...

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
        """RESTORE of whole tables under their own names into `database`, which must exist."""
        ...

    def restore_job(self, database: str) -> RestoreJob | None: ...

    def cancel_restore(self, database: str) -> None: ...

    # -- changing a target

    def create_database(self, name: str) -> None:
        """May be called twice."""
        ...

    def drop_database(self, name: str, *, force: bool = False) -> None:
        """Into the recycle bin, from which RECOVER DATABASE brings it back for a day; with `force` for good."""
        ...

    def drop_table(self, database: str, table: str) -> None:
        """Into the recycle bin."""
        ...

    def set_property(self, database: str, table: str, name: str, value: str) -> None:
        """Change one property of a table; `value` as SHOW CREATE prints it between its quotes."""
        ...

    def drop_view(self, database: str, name: str, *, materialized: bool) -> None: ...

    def create(self, database: str, definition: Definition) -> None:
        """Run a CREATE statement in the session of `database`, to which unqualified names in its text belong."""
        ...

    def refresh(self, database: str, materialized_view: str) -> None:
        """Begin to fill a materialized view; returns before it is filled."""
        ...

    # -- FE metadata

    def create_image(self) -> None:
        """Ask the leader for a new image; it comes within about 90 s, or never."""
        ...

    def leader_journal_id(self) -> int:
        """The highest journal id of the leader."""
        ...
