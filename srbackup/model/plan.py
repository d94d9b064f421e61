"""Plans: what a run or a restore will do, before anything is done. `--dry-run` prints exactly these."""

from __future__ import annotations

from dataclasses import dataclass

from srbackup.model.inventory import Table
from srbackup.model.point import Definition, Exclusion, PlannedPart, TableRecord


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """One run: parts to back up, databases in scope (empty ones too), and what is left out."""

    point: str
    parts: tuple[PlannedPart, ...]
    databases: tuple[str, ...]
    excluded: tuple[Exclusion, ...]
    warnings: tuple[str, ...] = ()

    @property
    def tables(self) -> int:
        return sum(len(p.tables) for p in self.parts)


@dataclass(frozen=True, slots=True)
class RestoreStep:
    """One RESTORE: tables of one snapshot that get the same number of replicas.

    `tables` empty never happens: a step without tables is not planned.
    """

    source_database: str
    target_database: str
    label: str
    backup_timestamp: str
    replication_num: int
    tables: tuple[TableRecord, ...]
    bytes: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(t.name for t in self.tables)


@dataclass(frozen=True, slots=True)
class Lowered:
    """A table that gets fewer replicas than it had, because the target has fewer backends."""

    table: str
    wanted: int
    given: int


@dataclass(frozen=True, slots=True)
class DefinitionStep:
    """A view or materialized view to be created from its text, in the target database."""

    database: str
    definition: Definition
    rewritten: bool = False


@dataclass(frozen=True, slots=True)
class Upkeep:
    """A rule by which StarRocks adds and drops partitions of a table by itself; `off` is the value that stops it.

    `drops`: left on, it would drop what was restored, so it stays off until somebody turns it on.
    """

    database: str
    table: str
    key: str
    value: str
    off: str
    drops: bool = True

    @property
    def statement(self) -> str:
        """What turns it on again."""
        return f'ALTER TABLE `{self.database}`.`{self.table}` SET ("{self.key}" = "{self.value}")'


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """One restore, in its order: databases, then RESTOREs, then views and materialized views."""

    point: str
    source_cluster: str
    target_cluster: str
    starrocks_repository: str
    create_databases: tuple[str, ...]
    databases: tuple[str, ...]
    steps: tuple[RestoreStep, ...]
    definitions: tuple[DefinitionStep, ...]
    lowered: tuple[Lowered, ...]
    missing: tuple[Exclusion, ...]
    warnings: tuple[str, ...] = ()
    upkeep: tuple[Upkeep, ...] = ()

    @property
    def tables(self) -> int:
        return sum(len(s.tables) for s in self.steps)

    @property
    def bytes(self) -> int:
        return sum(s.bytes for s in self.steps)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something in the target that is in the way."""

    name: str
    found: Table
    wanted: str

    def __str__(self) -> str:
        return f"{self.name} exists as a {self.found.kind} (wanted: {self.wanted})"
