"""The metadata as one value: all records at one journal id, and the change that leads to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import msgspec

from lab.meta.accounts import ExternalGroup, Role, User
from lab.meta.jobs import BackupJob, RestoreJob
from lab.meta.records import (
    AlterJob,
    Backend,
    Database,
    ExternalTable,
    Frontend,
    GlobalVariable,
    IdBatch,
    OlapTable,
    Partition,
    Recycled,
    Repository,
    Transaction,
    View,
)

R = TypeVar("R")
Key: TypeAlias = "int | str"
Table: TypeAlias = OlapTable | View | ExternalTable

# Every kind of record, by the name it has in the journal, and what identifies one.
KINDS: dict[str, tuple[type[Any], Callable[[Any], Key]]] = {
    "database": (Database, lambda record: record.id),
    "table": (OlapTable, lambda record: record.id),
    "view": (View, lambda record: record.id),
    "external_table": (ExternalTable, lambda record: record.id),
    "partition": (Partition, lambda record: record.id),
    "recycled": (Recycled, lambda record: record.id),
    "transaction": (Transaction, lambda record: record.id),
    "alter_job": (AlterJob, lambda record: record.id),
    "repository": (Repository, lambda record: record.id),
    "backup_job": (BackupJob, lambda record: record.db_id),
    "restore_job": (RestoreJob, lambda record: record.db_id),
    "frontend": (Frontend, lambda record: record.id),
    "backend": (Backend, lambda record: record.id),
    "role": (Role, lambda record: record.name),
    "user": (User, lambda record: record.identity),
    "external_group": (ExternalGroup, lambda record: record.name),
    "variable": (GlobalVariable, lambda record: record.name),
    "ids": (IdBatch, lambda record: record.name),
}
_NAMES = {kind: name for name, (kind, _) in KINDS.items()}


class Metadata:
    """All records. Immutable, so that a statement reads one state while others change it."""

    def __init__(self, records: Mapping[type[Any], Mapping[Key, Any]] | None = None, journal_id: int = 0) -> None:
        self._records = records or {}
        self.journal_id = journal_id

    def all(self, kind: type[R]) -> Mapping[Key, R]:
        return self._records.get(kind, {})

    def values(self, kind: type[R]) -> Iterable[R]:
        return self.all(kind).values()

    def find(self, kind: type[R], key: Key) -> R | None:
        return self.all(kind).get(key)

    def get(self, kind: type[R], key: Key) -> R:
        return self.all(kind)[key]

    @cached_property
    def databases(self) -> Mapping[str, Database]:
        return {database.name: database for database in self.values(Database)}

    @cached_property
    def _tables(self) -> Mapping[int, Mapping[str, Table]]:
        found: dict[int, dict[str, Table]] = {}
        everything: tuple[Iterable[Table], ...] = (
            self.values(OlapTable),
            self.values(View),
            self.values(ExternalTable),
        )
        for tables in everything:
            for table in tables:
                found.setdefault(table.db_id, {})[table.name] = table
        return found

    def tables(self, database: Database) -> Mapping[str, Table]:
        """The tables and views of a database, by name."""
        return self._tables.get(database.id, {})

    def table(self, table_id: int) -> Table | None:
        """A table or view by id."""
        kinds: tuple[type[Any], ...] = (OlapTable, View, ExternalTable)
        return next((found for kind in kinds if (found := self.find(kind, table_id)) is not None), None)

    def partitions(self, table: OlapTable, *, temporary: bool = False) -> list[Partition]:
        """The partitions of a table in their order, with the shadow of an automatic one."""
        ids = table.temp_partitions if temporary else table.partitions
        return [self.get(Partition, number) for number in ids]

    def with_records(self, puts: Iterable[Any], drops: Iterable[tuple[type[Any], Key]], journal_id: int) -> Metadata:
        """This state after a change."""
        records = dict(self._records)
        copied: dict[type[Any], dict[Key, Any]] = {}

        def of(kind: type[Any]) -> dict[Key, Any]:
            if kind not in copied:
                records[kind] = copied[kind] = dict(records.get(kind, {}))
            return copied[kind]

        for record in puts:
            of(type(record))[KINDS[_NAMES[type(record)]][1](record)] = record
        for kind, key in drops:
            of(kind).pop(key, None)
        return Metadata(records, journal_id)

    def numbered(self, journal_id: int) -> Metadata:
        """The same records under another journal id."""
        return Metadata(self._records, journal_id)

    def encoded(self) -> list[tuple[str, list[Any]]]:
        """All records, kind by kind, as an image holds them."""
        return [(name, list(self.values(kind))) for name, (kind, _) in KINDS.items()]


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal entry: what became of which records, under which leader term."""

    id: int
    epoch: int
    puts: list[tuple[str, msgspec.Raw]]
    drops: list[tuple[str, str | int]]

    def applied_to(self, metadata: Metadata) -> Metadata:
        """Replay."""
        puts = [msgspec.json.decode(raw, type=KINDS[name][0]) for name, raw in self.puts]
        return metadata.with_records(puts, [(KINDS[name][0], key) for name, key in self.drops], self.id)


class Change:
    """What one statement does to the metadata: it happens whole, once the journal has it, or not at all.

    Reads through a change see what it did so far.
    """

    def __init__(self, before: Metadata, next_id: Callable[[], int]) -> None:
        self.now = before
        self.next_id = next_id
        self._puts: dict[tuple[type[Any], Key], Any] = {}
        self._drops: dict[tuple[type[Any], Key], None] = {}

    def put(self, *records: Any) -> None:
        """Add records, or put them in the place of their former selves."""
        for record in records:
            key = (type(record), KINDS[_NAMES[type(record)]][1](record))
            self._puts[key] = record
            self._drops.pop(key, None)
        self.now = self.now.with_records(records, (), self.now.journal_id)

    def drop(self, kind: type[Any], key: Key) -> None:
        self._puts.pop((kind, key), None)
        self._drops[(kind, key)] = None
        self.now = self.now.with_records((), [(kind, key)], self.now.journal_id)

    @property
    def is_empty(self) -> bool:
        return not self._puts and not self._drops

    def entry(self, journal_id: int, epoch: int) -> Entry:
        """As the journal keeps it."""
        puts = [(_NAMES[kind], msgspec.Raw(msgspec.json.encode(record))) for (kind, _), record in self._puts.items()]
        return Entry(journal_id, epoch, puts, [(_NAMES[kind], key) for kind, key in self._drops])
