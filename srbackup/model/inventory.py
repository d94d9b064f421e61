"""What a cluster holds: databases, tables, partitions and their visible versions, as the cluster listed them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class TableKind(StrEnum):
    """What a name in a database is, as far as BACKUP cares."""

    OLAP = "table"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized view"
    CLOUD_NATIVE = "cloud-native table"
    EXTERNAL = "external table"


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its type as the cluster prints it, lower case."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class PhysicalPartition:
    """What a version belongs to: a table with random distribution has several of them in one partition.

    `version_time` is the text that the cluster printed; it is compared for equality, never with a clock.
    """

    id: int
    version: int
    version_time: str


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition by name. `rows` and `bytes` are the cluster's own statistics, up to 5 minutes old, all replicas."""

    name: str
    physical: tuple[PhysicalPartition, ...]
    replication_num: int
    temporary: bool = False
    rows: int | None = None
    bytes: int | None = None

    @property
    def versions(self) -> dict[int, int]:
        return {p.id: p.version for p in self.physical}


@dataclass(frozen=True, slots=True)
class Table:
    """A table, view or materialized view. `partition_kind`: UNPARTITIONED, RANGE, LIST, ... or '' where not told."""

    database: str
    name: str
    kind: TableKind
    id: int = 0
    type_text: str = ""
    partition_kind: str = ""
    partitions: tuple[Partition, ...] = ()
    columns: tuple[Column, ...] = ()

    @property
    def qualified(self) -> str:
        return f"{self.database}.{self.name}"

    @property
    def lasting_partitions(self) -> tuple[Partition, ...]:
        return tuple(p for p in self.partitions if not p.temporary)

    @property
    def replication_num(self) -> int:
        """The highest of its partitions; 1 for what has none."""
        return max((p.replication_num for p in self.lasting_partitions), default=1)


@dataclass(frozen=True, slots=True)
class Database:
    """A database and all that it holds."""

    name: str
    id: int
    tables: tuple[Table, ...]

    def of_kind(self, *kinds: TableKind) -> tuple[Table, ...]:
        return tuple(t for t in self.tables if t.kind in kinds)


@dataclass(frozen=True, slots=True)
class Inventory:
    """All databases of one listing. `unreadable` names what could not be listed, with the reason."""

    databases: tuple[Database, ...]
    unreadable: tuple[tuple[str, str], ...] = ()

    def tables(self) -> Iterator[Table]:
        for database in self.databases:
            yield from database.tables

    def database(self, name: str) -> Database | None:
        return next((d for d in self.databases if d.name == name), None)

    def table(self, database: str, name: str) -> Table | None:
        found = self.database(database)
        return None if found is None else next((t for t in found.tables if t.name == name), None)


SYSTEM_DATABASES = frozenset({"information_schema", "sys", "_statistics_", "mysql"})
