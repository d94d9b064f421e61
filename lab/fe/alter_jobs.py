"""Schema changes and rollups that take time: what the alter scheduler does with their jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.errors import Refused
from lab.fe.alter import with_indexes
from lab.fe.creating import schema_hash
from lab.fe.globals import GlobalState
from lab.httpd import Unreachable
from lab.meta.records import (
    AlterJob,
    MaterializedIndex,
    OlapTable,
    PhysicalPartition,
    Replica,
    TableState,
    Tablet,
)
from lab.meta.state import Change


class AlterScheduler:
    """Moves alter jobs on, one state a round (alter_scheduler_interval_millisecond)."""

    def __init__(self, state: GlobalState) -> None:
        self._state = state

    def run(self) -> None:
        for job in list(self._state.metadata.values(AlterJob)):
            match job.state:
                case "PENDING":
                    self._to(job, "WAITING_TXN")
                case "WAITING_TXN":
                    self._to(job, "RUNNING")
                case "RUNNING":
                    self._finish(job)

    def _to(self, job: AlterJob, state: str) -> None:
        with self._state.change() as change:
            change.put(replace(job, state=state))

    def _finish(self, job: AlterJob) -> None:
        """Make the new tablets on the backends, and put the new index in its place."""
        with self._state.change() as change:
            table = change.now.find(OlapTable, job.table_id)
            finished = self._state.clock.now()
            if table is None:
                change.put(replace(job, state="CANCELLED", finished=finished, message="table does not exist"))
                return
            hash_ = int(job.schema.partition(":")[2]) if job.schema else schema_hash(job.columns, job.index_name)
            made = self._new_tablets(change, table)
            self._convert(table, made, hash_)
            dropped = {table.base_index.id} if job.kind == "COLUMN" else set()
            for partition in change.now.partitions(table) + change.now.partitions(table, temporary=True):
                added = {one.id: {job.index_id: made[one.id]} for one in partition.physical}
                change.put(with_indexes(partition, added, dropped))
            change.put(replace(job, state="FINISHED", finished=finished), self._changed(table, job, hash_))

    def _changed(self, table: OlapTable, job: AlterJob, hash_: int) -> OlapTable:
        if job.kind == "ROLLUP":
            names = tuple(column.name for column in job.columns)
            rollup = MaterializedIndex(job.index_id, job.index_name, table.base_index.schema_version, hash_, names)
            return replace(table, indexes=(*table.indexes, rollup), state=TableState.NORMAL)
        base = replace(
            table.base_index, id=job.index_id, schema_version=int(job.schema.partition(":")[0]), schema_hash=hash_
        )
        return replace(
            table,
            columns=job.columns,
            index_specs=job.index_specs,
            properties={**table.properties, **job.properties},
            indexes=(base, *table.indexes[1:]),
            state=TableState.NORMAL,
        )

    def _new_tablets(self, change: Change, table: OlapTable) -> dict[int, tuple[Tablet, ...]]:
        """New tablets beside the old ones, on the same backends."""
        found: dict[int, tuple[Tablet, ...]] = {}
        for partition in change.now.partitions(table) + change.now.partitions(table, temporary=True):
            for physical in partition.physical:
                found[physical.id] = tuple(
                    Tablet(
                        change.next_id(),
                        tuple(Replica(change.next_id(), r.backend_id, r.version, r.bad) for r in tablet.replicas),
                    )
                    for tablet in physical.tablets[table.base_index.id]
                )
        return found

    def _convert(self, table: OlapTable, made: dict[int, tuple[Tablet, ...]], hash_: int) -> None:
        wanted: dict[int, list[dict[str, Any]]] = {}
        for physical in self._physical(table):
            for old, new in zip(physical.tablets[table.base_index.id], made[physical.id], strict=True):
                for replica in old.replicas:
                    wanted.setdefault(replica.backend_id, []).append(
                        {"from": old.id, "id": new.id, "schema_hash": hash_}
                    )
        answers = self._state.backends.post_all(
            [(b, "/tablets/convert", {"tablets": items}) for b, items in wanted.items()]
        )
        for answer in answers:
            if isinstance(answer, Unreachable) or answer["failed"]:
                raise Refused(f"schema change tasks failed: {answer}")

    def _physical(self, table: OlapTable) -> list[PhysicalPartition]:
        metadata = self._state.metadata
        partitions = metadata.partitions(table) + metadata.partitions(table, temporary=True)
        return [physical for partition in partitions for physical in partition.physical]
