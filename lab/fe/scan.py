"""Reading a table: its visible rowsets fetched from backends, and the SQL that makes rows of them.

Each tablet is read from one replica that is alive and has the partition's visible version. Rowset files never change
once they are written, so what was fetched is kept and not fetched again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from lab.be.tablets import Rowset
from lab.errors import Refused
from lab.fe.globals import GlobalState
from lab.httpd import Unreachable, exchange
from lab.meta.records import ColumnRecord, KeysType, OlapTable, Partition, Tablet

OP = "__op"  # in the rowsets of Primary Key tables: 1 for a delete
_AGGREGATES = {
    "SUM": "sum({0})",
    "MAX": "max({0})",
    "MIN": "min({0})",
    "REPLACE": "arg_max_null({0}, __version)",
    "REPLACE_IF_NOT_NULL": "arg_max({0}, __version)",
    "HLL_UNION": "hll_union({0})",
    "BITMAP_UNION": "bitmap_union({0})",
    "PERCENTILE_UNION": "percentile_union({0})",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tablet, the version that is visible, and the backends that have it."""

    tablet_id: int
    version: int
    backends: tuple[int, ...]


@dataclass(slots=True)
class Seen:
    """What the backends said: rowsets by tablet, and where their files come from."""

    rowsets: dict[int, list[Rowset]] = field(default_factory=dict)
    source: dict[int, int] = field(default_factory=dict)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


class Scanner:
    """Reads tables for one FE."""

    def __init__(self, state: GlobalState, cache: Path) -> None:
        self._state = state
        self._cache = cache
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(parents=True)

    def relation(self, table: OlapTable, partitions: Iterable[Partition], *, empty: bool = False) -> str:
        """A parenthesized query that yields the rows of some partitions, with the table's columns."""
        if empty:
            return self._nothing(table)
        seen = self._see(list(self._wanted(table, partitions)))
        data: dict[tuple[tuple[str, str], ...], list[tuple[str, int, int]]] = {}
        deletes: list[tuple[int, int, str]] = []
        for tablet_id, rowsets in seen.rowsets.items():
            for rowset in rowsets:
                if rowset.predicate:
                    deletes.append((tablet_id, rowset.version, rowset.predicate))
                for name in rowset.files:
                    columns = tuple(sorted(rowset.columns.items()))
                    data.setdefault(columns, []).append((str(self._cache / name), rowset.version, tablet_id))
        if not data:
            return self._nothing(table)
        parts = [self._group(table, columns, files, deletes) for columns, files in data.items()]
        return f"({self._merged(table, ' UNION ALL '.join(parts))})"

    def _wanted(self, table: OlapTable, partitions: Iterable[Partition]) -> Iterable[Wanted]:
        for partition in partitions:
            for physical in partition.physical:
                for tablet in physical.tablets[table.base_index.id]:
                    yield Wanted(
                        tablet.id, physical.visible_version, tuple(self._readable(tablet, physical.visible_version))
                    )

    def _readable(self, tablet: Tablet, version: int) -> Iterable[int]:
        for replica in tablet.replicas:
            current = replica.version is None or replica.version >= version
            if current and not replica.bad and self._state.backends.is_alive(replica.backend_id):
                yield replica.backend_id

    # -- fetching

    def _see(self, wanted: Sequence[Wanted]) -> Seen:
        """Ask the backends, each tablet's first choice first, and go on with the next where one fails."""
        seen, failed = Seen(), set[int]()
        waiting = list(wanted)
        while waiting:
            by_backend: dict[int, list[Wanted]] = {}
            for tablet in waiting:
                backend = next((number for number in tablet.backends if number not in failed), None)
                if backend is None:
                    raise Refused(f"Failed to get scan range, no queryable replica found in tablet: {tablet.tablet_id}")
                by_backend.setdefault(backend, []).append(tablet)
            waiting = []
            for backend, tablets in by_backend.items():
                if not self._ask(backend, tablets, seen):
                    failed.add(backend)
                    waiting += tablets
        return seen

    def _ask(self, backend: int, tablets: Sequence[Wanted], seen: Seen) -> bool:
        """Rowsets of some tablets of one backend, with their files; False if it cannot give them all."""
        body = {"tablets": {tablet.tablet_id: tablet.version for tablet in tablets}}
        try:
            answer = self._state.backends.post(backend, "/scan", body)
            if "error" in answer:
                return False
            found = {
                int(number): msgspec.convert(rowsets, list[Rowset]) for number, rowsets in answer["tablets"].items()
            }
            self._fetch(
                backend,
                [(number, name) for number, rowsets in found.items() for rowset in rowsets for name in rowset.files],
            )
        except Unreachable:
            return False
        seen.rowsets.update(found)
        return True

    def _fetch(self, backend: int, files: Sequence[tuple[int, str]]) -> None:
        missing = [(number, name) for number, name in files if not (self._cache / name).exists()]
        for start in range(0, len(missing), 200):
            batch = missing[start : start + 200]
            host, port = self._state.backends.address(backend)
            asked = msgspec.json.encode({"files": batch})
            content = exchange(host, port, "POST", "/files", asked, timeout=120)
            self._keep(batch, content)

    def _keep(self, batch: Sequence[tuple[int, str]], content: bytes) -> None:
        """Cut the files apart: the size of each stands before it."""
        at = 0
        for _, name in batch:
            size = int.from_bytes(content[at : at + 8], "big")
            part = self._cache / f"{name}.part"
            part.write_bytes(content[at + 8 : at + 8 + size])
            part.rename(self._cache / name)
            at += 8 + size

    # -- SQL

    def _nothing(self, table: OlapTable) -> str:
        columns = ", ".join(f"CAST(NULL AS {column.type.duckdb}) AS {quoted(column.name)}" for column in table.columns)
        return f"(SELECT {columns} WHERE FALSE)"

    def _group(
        self,
        table: OlapTable,
        columns: tuple[tuple[str, str], ...],
        files: Sequence[tuple[str, int, int]],
        deletes: Sequence[tuple[int, int, str]],
    ) -> str:
        """The rows of files with one schema, under the table's present column names."""
        there = dict(columns)
        select = [f"{self._value(column, there)} AS {quoted(column.name)}" for column in table.columns]
        names = ", ".join(literal(path) for path, _, _ in files)
        source = f"read_parquet([{names}], filename = true, hive_partitioning = false)"
        if table.keys_type is KeysType.DUP_KEYS and not deletes:
            return f"SELECT {', '.join(select)} FROM {source}"
        places = ", ".join(f"({literal(path)}, {version}, {tablet})" for path, version, tablet in files)
        select += ["v.version AS __version", f"{'r.' + OP if OP in there else '0'} AS {OP}"]
        of_files = f"{source} r JOIN (VALUES {places}) v(file, version, tablet) ON r.filename = v.file"
        query = f"SELECT {', '.join(select)} FROM {of_files}"
        conditions = [
            f"NOT (v.tablet = {tablet} AND v.version < {version} AND coalesce({text}, FALSE))"
            for tablet, version, text in deletes
        ]
        return f"{query} WHERE {' AND '.join(conditions)}" if conditions else query

    def _value(self, column: ColumnRecord, there: dict[str, str]) -> str:
        """A column's value in a file that may be older than the column."""
        name = f"c{column.unique_id}"
        if name in there:
            return f"CAST({name} AS {column.type.duckdb})"
        default = "NULL" if column.default is None else literal(column.default)
        return f"CAST({default} AS {column.type.duckdb})"

    def _merged(self, table: OlapTable, rows: str) -> str:
        """One row a key: the last version, or the aggregate."""
        columns = ", ".join(quoted(column.name) for column in table.columns)
        keys = ", ".join(quoted(name) for name in table.keys)
        match table.keys_type:
            case KeysType.DUP_KEYS:
                return f"SELECT {columns} FROM ({rows})"
            case KeysType.UNIQUE_KEYS | KeysType.PRIMARY_KEYS:
                order = f"row_number() OVER (PARTITION BY {keys} ORDER BY __version DESC)"
                last = f"SELECT * FROM ({rows}) QUALIFY {order} = 1"
                return f"SELECT {columns} FROM ({last}) WHERE {OP} = 0"
            case KeysType.AGG_KEYS:
                values = ", ".join(aggregated(column) for column in table.columns)
                return f"SELECT {values} FROM ({rows}) GROUP BY {keys}"


def aggregated(column: ColumnRecord) -> str:
    """A column of an aggregate table, out of the rows of one key."""
    name = quoted(column.name)
    if not column.aggregation:
        return name
    return f"CAST({_AGGREGATES[column.aggregation].format(name)} AS {column.type.duckdb}) AS {name}"
