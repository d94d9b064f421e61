"""Loads: rows become rowsets on a majority of each tablet's replicas, a committed transaction, and a visible version.

Only partitions that got rows move to a new version, all tablets of theirs do. A transaction is journaled as committed
before backends publish it and as visible afterwards; what a leader left committed, the next one publishes.
"""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import Refused, not_understood
from lab.fe.creating import add_partitions
from lab.fe.globals import GlobalState
from lab.fe.partitioning import bound_columns
from lab.fe.query import QueryEngine
from lab.fe.routing import automatic_key, automatic_partitions, bucket_of, partition_of
from lab.fe.session import Session
from lab.fe.staging import STAGE, Source, file_columns, stage
from lab.fe.translation import Translation
from lab.httpd import Unreachable, exchange
from lab.meta.records import (
    OlapTable,
    Partition,
    PartitionType,
    PhysicalPartition,
    TableState,
    Tablet,
    Transaction,
)
from lab.meta.state import Change

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one tablet: a Parquet file, or a delete predicate."""

    physical_id: int
    tablet: Tablet
    path: Path | None
    rows: int
    size: int
    predicate: str = ""


@dataclass(slots=True)
class Written:
    """Which backends hold what of a transaction."""

    backends: dict[int, set[int]] = field(default_factory=dict)  # tablet id -> backends that have it

    def add(self, backend: int, tablets: Iterable[int]) -> None:
        for number in tablets:
            self.backends.setdefault(number, set()).add(backend)


class Loads:
    """Writes to tables for one FE, which must be the leader."""

    def __init__(self, state: GlobalState, query: QueryEngine) -> None:
        self._state = state
        self._query = query
        self._publishing = threading.Lock()
        self._work = state.settings.root / "spill" / "loads"

    def next_transaction_id(self) -> int:
        return self._state.transaction_id()

    # -- loading

    def load(
        self, session: Session, table: OlapTable, source: Source, names: Sequence[str] = (), *, temporary: bool = False
    ) -> tuple[int, int]:
        """Load rows into a table (or into the named partitions); rows and the transaction's id."""
        transaction = self.next_transaction_id()
        work = self._work / str(transaction)
        with self._query.connection() as connection:
            rows, numbered = stage(session, connection, table, source)
            self._make_partitions(connection, table, names)
            table = self._current(table)
            partitions = self._targets(table, names, temporary)
            try:
                pieces = self._split(session, connection, table, partitions, work)
                if pieces:
                    self.commit(table, transaction, pieces, numbered)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        return rows, transaction

    def delete(self, table: OlapTable, partitions: Sequence[Partition], predicate: str) -> int:
        """A delete predicate on all tablets of some partitions."""
        transaction = self.next_transaction_id()
        pieces = [
            Piece(physical.id, tablet, None, 0, 0, predicate)
            for partition in partitions
            for physical in partition.physical
            for tablet in physical.tablets[table.base_index.id]
        ]
        self.commit(table, transaction, pieces, 0)
        return transaction

    def _current(self, table: OlapTable) -> OlapTable:
        found = self._state.metadata.find(OlapTable, table.id)
        if found is None:
            raise Refused(f"table {table.id} has been dropped")
        return found

    def _targets(self, table: OlapTable, names: Sequence[str], temporary: bool) -> list[Partition]:
        pool = self._state.metadata.partitions(table, temporary=temporary)
        if not names:
            return pool
        wanted = {name.lower() for name in names}
        found = [partition for partition in pool if partition.name.lower() in wanted]
        if len(found) < len(wanted):
            missing = wanted - {partition.name.lower() for partition in found}
            raise not_understood(f"Unknown partition '{missing.pop()}' in table '{table.name}'")
        return found

    def _make_partitions(self, connection: duckdb.DuckDBPyConnection, table: OlapTable, names: Sequence[str]) -> None:
        """An automatic table gets the partitions that the rows need, with StarRocks' names."""
        if not table.scheme.automatic or names:
            return
        keys = ", ".join(automatic_key(table))
        wanted = connection.execute(f"SELECT DISTINCT {keys} FROM {STAGE} ORDER BY ALL").fetchall()
        with self._state.change() as change:
            now = change.now.get(OlapTable, table.id)
            have = change.now.partitions(now)
            bounds = automatic_partitions(now, wanted, [partition.name for partition in have])
            known_ranges = {(partition.lower, partition.upper) for partition in have}
            known_values = {value for partition in have for value in partition.values or ()}
            new = [
                one for one in bounds
                if (one.values[0] not in known_values if one.values else (one.lower, one.upper) not in known_ranges)
            ]  # fmt: skip
            add_partitions(change, self._state, now, new)

    def _split(
        self,
        session: Session,
        connection: duckdb.DuckDBPyConnection,
        table: OlapTable,
        partitions: Sequence[Partition],
        work: Path,
    ) -> list[Piece]:
        """Write the staged rows as one file or more for each tablet that gets any."""
        expression = ""
        if table.scheme.type is PartitionType.EXPR_RANGE_V2:
            sql = Translation(session, lambda _read: "").sql(f"SELECT {table.scheme.expression}")
            expression = f"CAST({sql.removeprefix('SELECT ')} AS TIMESTAMP)"
        where = partition_of(table, partitions, bound_columns(table), expression)
        routed = f"SELECT *, CAST({where} AS INTEGER) AS __partition FROM {STAGE}"
        if connection.execute(f"SELECT count(*) FROM ({routed}) WHERE __partition IS NULL").fetchall()[0][0]:
            raise Refused("Insert has filtered data")
        columns = ", ".join(f"CAST({name} AS {type_}) AS {file_name}" for name, file_name, type_ in file_columns(table))
        bucket = bucket_of(table, partitions)
        query = (
            f"SELECT {columns}, __partition, {bucket} AS __bucket FROM ({routed}) ORDER BY __partition, __bucket, __row"
        )
        work.mkdir(parents=True)
        options = "FORMAT parquet, PARTITION_BY (__partition, __bucket), RETURN_STATS true, OVERWRITE_OR_IGNORE true"
        stats = connection.execute(f"COPY ({query}) TO '{work}' ({options})").fetchall()
        pieces = []
        for path, count, size, _, _, keys, *_ in stats:
            physical = partitions[int(keys["__partition"])].main
            tablet = physical.tablets[table.base_index.id][int(keys["__bucket"])]
            pieces.append(Piece(physical.id, tablet, Path(path), count, size))
        return pieces

    # -- committing

    def commit(self, table: OlapTable, transaction: int, pieces: Sequence[Piece], numbered: int) -> None:
        """Write to backends, commit, publish, make visible; the load has happened when this returns."""
        self._check_quorum(table, pieces)
        written = self._write(table, transaction, pieces)
        try:
            self._check_written(table, pieces, written)
            with self._publishing:
                committed = self._commit(table, transaction, pieces, numbered)
                self.publish(committed, written)
        except Refused:
            self._forget(transaction, written)
            raise

    def _quorum(self, table: OlapTable, replicas: int) -> int:
        match table.properties.get("write_quorum", "MAJORITY").upper():
            case "ONE":
                return 1
            case "ALL":
                return replicas
            case _:
                return replicas // 2 + 1

    def _check_quorum(self, table: OlapTable, pieces: Sequence[Piece]) -> None:
        """OlapTableSink refuses a load that can not reach its quorum."""
        for piece in pieces:
            quorum = self._quorum(table, len(piece.tablet.replicas))
            alive = [replica for replica in piece.tablet.replicas if self._state.backends.is_alive(replica.backend_id)]
            if len(alive) < quorum:
                raise self._lost(piece, alive_count=len(alive), quorum=quorum)

    def _lost(self, piece: Piece, *, alive_count: int, quorum: int) -> Refused:
        alive = self._state.backends.is_alive
        replicas = ""
        for replica in piece.tablet.replicas:
            version, life = replica.version or 1, "ALIVE" if alive(replica.backend_id) else "DEAD"
            replicas += f"{replica.backend_id}:{version}/-1/{version}/0:NORMAL:{life},"
        return not_understood(
            f"Tablet lost replicas. Check if any backend is down or not. tablet_id: {piece.tablet.id}, replicas: "
            f"{replicas}. "
            f"Check quorum number failed(OlapTableSink): BeReplicaSize:{alive_count}, quorum:{quorum}"
        )

    def _write(self, table: OlapTable, transaction: int, pieces: Sequence[Piece]) -> Written:
        """Send every piece to the backends of its tablet's replicas."""
        by_backend: dict[int, list[Piece]] = {}
        for piece in pieces:
            for replica in piece.tablet.replicas:
                if self._state.backends.is_alive(replica.backend_id):
                    by_backend.setdefault(replica.backend_id, []).append(piece)
        written = Written()
        columns = {name: type_ for _, name, type_ in file_columns(table)}
        for backend, mine in by_backend.items():
            failed = self._send(backend, transaction, mine, columns)
            written.add(backend, (piece.tablet.id for piece in mine if str(piece.tablet.id) not in failed))
        return written

    def _send(self, backend: int, transaction: int, pieces: Sequence[Piece], columns: dict[str, str]) -> dict[str, str]:
        described = [
            {
                "tablet": p.tablet.id,
                "rows": p.rows,
                "size": p.size,
                "predicate": p.predicate,
                "columns": {} if p.predicate else columns,
            }
            for p in pieces
        ]
        head = json.dumps({"transaction": transaction, "rowsets": described}).encode() + b"\n"
        body = b"".join([head, *(piece.path.read_bytes() for piece in pieces if piece.path)])
        try:
            host, port = self._state.backends.address(backend)
            answer = json.loads(exchange(host, port, "POST", "/load", body, timeout=120))
        except Unreachable as error:
            return {str(piece.tablet.id): str(error) for piece in pieces}
        return dict(answer["failed"])

    def _check_written(self, table: OlapTable, pieces: Sequence[Piece], written: Written) -> None:
        for piece in pieces:
            have = len(written.backends.get(piece.tablet.id, ()))
            quorum = self._quorum(table, len(piece.tablet.replicas))
            if have < quorum:
                raise self._lost(piece, alive_count=have, quorum=quorum)

    def _commit(self, table: OlapTable, transaction: int, pieces: Sequence[Piece], numbered: int) -> Transaction:
        """Give the transaction a version of each partition, in the journal."""
        with self._state.change() as change:
            now = change.now.find(OlapTable, table.id)
            if now is None:
                raise Refused(f"table {table.id} has been dropped")
            if now.state is TableState.RESTORE:
                raise Refused(f'Cannot write RESTORE state table "{now.name}"')
            wanted = {piece.physical_id for piece in pieces}
            versions: dict[int, int] = {}
            for partition in _with_physical(change, now, wanted):
                physical = tuple(
                    replace(one, next_version=one.next_version + 1) if one.id in wanted else one
                    for one in partition.physical
                )
                versions |= {one.id: one.next_version for one in partition.physical if one.id in wanted}
                change.put(replace(partition, physical=physical))
            if len(versions) < len(wanted):
                raise Refused("partition does not exist any longer")
            if numbered and now.auto_increment is not None:
                change.put(replace(now, auto_increment=now.auto_increment + numbered))
            rows = {number: sum(piece.rows for piece in pieces if piece.physical_id == number) for number in wanted}
            sizes = {number: sum(piece.size for piece in pieces if piece.physical_id == number) for number in wanted}
            made = Transaction(
                transaction, f"insert_{uuid.uuid4()}", now.db_id, now.id, self._state.clock.now(), versions, rows, sizes
            )
            change.put(made)
        return made

    def publish(self, transaction: Transaction, written: Written | None = None) -> None:
        """Have backends make the versions visible, then the metadata. A replica that fails lags from now on."""
        metadata = self._state.metadata
        table = metadata.find(OlapTable, transaction.table_id)
        partitions = (
            _partitions_of(metadata.partitions(table) + metadata.partitions(table, temporary=True), transaction)
            if table
            else []
        )
        wanted: dict[int, dict[int, int]] = {}
        for partition in partitions:
            for physical in partition.physical:
                version = transaction.versions.get(physical.id)
                for tablet in (
                    (tablet for tablets in physical.tablets.values() for tablet in tablets) if version else ()
                ):
                    for replica in tablet.replicas:
                        if self._state.backends.is_alive(replica.backend_id):
                            wanted.setdefault(replica.backend_id, {})[tablet.id] = version  # type: ignore[assignment]
        failed: set[tuple[int, int]] = set()
        requests = [
            (backend, "/publish", {"transaction": transaction.id, "tablets": tablets})
            for backend, tablets in wanted.items()
        ]
        for (backend, _, _), answer in zip(requests, self._state.backends.post_all(requests), strict=True):
            missing = wanted[backend] if isinstance(answer, Unreachable) else answer["failed"]
            failed |= {(backend, int(number)) for number in missing}
        with self._state.change() as change:
            change.drop(Transaction, transaction.id)
            for partition in partitions:
                fresh = change.now.find(Partition, partition.id)
                if fresh is not None:
                    change.put(self._visible(fresh, transaction, wanted, failed, written))

    def _visible(
        self,
        partition: Partition,
        transaction: Transaction,
        asked: dict[int, dict[int, int]],
        failed: set[tuple[int, int]],
        written: Written | None,
    ) -> Partition:
        def lagging(physical: PhysicalPartition, tablet: Tablet) -> Tablet:
            replicas = []
            for replica in tablet.replicas:
                held = (
                    written is None
                    or tablet.id not in written.backends
                    or replica.backend_id in written.backends[tablet.id]
                )
                published = (
                    tablet.id in asked.get(replica.backend_id, {}) and (replica.backend_id, tablet.id) not in failed
                )
                behind = (
                    None
                    if held and published and replica.version is None
                    else replica.version or physical.visible_version
                )
                replicas.append(replica if behind == replica.version else replace(replica, version=behind))
            return replace(tablet, replicas=tuple(replicas))

        done = []
        for physical in partition.physical:
            version = transaction.versions.get(physical.id)
            if version is None:
                done.append(physical)
                continue
            tablets = {
                index: tuple(lagging(physical, tablet) for tablet in some) for index, some in physical.tablets.items()
            }
            done.append(
                replace(
                    physical,
                    visible_version=version,
                    visible_time=transaction.committed,
                    data_version=version,
                    tablets=tablets,
                    rows=physical.rows + transaction.rows.get(physical.id, 0),
                    data_size=physical.data_size + transaction.sizes.get(physical.id, 0),
                )
            )
        return replace(partition, physical=tuple(done))

    def finish_committed(self) -> None:
        """A new leader publishes what the old one committed."""
        for transaction in sorted(self._state.metadata.values(Transaction), key=lambda one: one.id):
            with self._publishing:
                self.publish(transaction)

    def _forget(self, transaction: int, written: Written) -> None:
        by_backend: dict[int, list[int]] = {}
        for tablet, backends in written.backends.items():
            for backend in backends:
                by_backend.setdefault(backend, []).append(tablet)
        self._state.backends.post_all(
            [(b, "/forget", {"transaction": transaction, "ids": ids}) for b, ids in by_backend.items()]
        )


def _partitions_of(partitions: Iterable[Partition], transaction: Transaction) -> list[Partition]:
    return [one for one in partitions if any(physical.id in transaction.versions for physical in one.physical)]


def _with_physical(change: Change, table: OlapTable, wanted: set[int]) -> list[Partition]:
    everything = change.now.partitions(table) + change.now.partitions(table, temporary=True)
    return [one for one in everything if any(physical.id in wanted for physical in one.physical)]
