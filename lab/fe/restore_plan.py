"""What a RESTORE makes of its targets: checks of tables that exist, new tables, partitions and views
(backup/RestoreJob.java:511-865).

A table that exists keeps its ids and its other partitions; those of the snapshot are overwritten, and range partitions
that it lacks are added. A missing one is made anew, with the versions it had when it was backed up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lab.errors import Refused
from lab.fe.backup import remote_path
from lab.fe.globals import GlobalState
from lab.fe.repository import Failed
from lab.fe.tables import rename
from lab.meta import ranges
from lab.meta.jobs import ObjectInJob, RestoredPartition, RestoredTablet, RestoreJob
from lab.meta.records import (
    ColumnRecord,
    Database,
    OlapTable,
    Partition,
    PartitionType,
    PhysicalPartition,
    Replica,
    TableState,
    Tablet,
    View,
)
from lab.meta.state import Change

RANGES = {PartitionType.RANGE, PartitionType.EXPR_RANGE, PartitionType.EXPR_RANGE_V2}
WAITS_FOR_BASE = (
    "Set the materialized view {name} inactive in backup because it's in backup "
    "and will be activated after restore if possible"
)


@dataclass(slots=True)
class Plan:
    """What the job's tick puts into the metadata, and what the backends get to do."""

    tablets: list[RestoredTablet] = field(default_factory=list)
    partitions: list[RestoredPartition] = field(default_factory=list)
    new_tables: list[int] = field(default_factory=list)
    views: list[int] = field(default_factory=list)
    created: list[tuple[OlapTable, list[Partition]]] = field(default_factory=list)


class Planner:
    """Goes through the objects of one job, within one change."""

    def __init__(self, state: GlobalState, change: Change, job: RestoreJob, database: Database) -> None:
        self._state = state
        self._change = change
        self._job = job
        self._database = database
        self._plan = Plan()

    def plan(self) -> Plan:
        content = self._job.content
        assert content is not None
        tables = {table.name: table for table in content.tables}
        views = {view.name: view for view in content.views}
        for wanted in self._job.objects:
            if wanted.name in tables:
                self._table(wanted, tables[wanted.name])
        for wanted in self._job.objects:
            if wanted.name in views:
                self._view(wanted, views[wanted.name])
        return self._plan

    def _table(self, wanted: ObjectInJob, remote: OlapTable) -> None:
        content = self._job.content
        assert content is not None
        chosen = {name.lower() for name in wanted.partitions}
        partitions = [one for one in content.partitions if one.table_id == remote.id and one.name.lower() in chosen]
        name = wanted.alias or wanted.name
        local = self._change.now.tables(self._database).get(name)
        if local is None:
            self._new_table(name, remote, partitions)
            return
        if not isinstance(local, OlapTable):
            if self._state.release.view_in_the_way_poisons:
                raise TypeError(
                    f"class com.starrocks.catalog.View cannot be cast to class com.starrocks.catalog.OlapTable: {name}"
                )
            raise Failed(f"Only support restore OLAP table: {name}")
        if local.refresh is not None:
            inactive = replace(
                local.refresh, active=False, inactive_reason=f"metadata backup/restore mv corrupted:{name}"
            )
            self._change.put(replace(local, refresh=inactive, state=TableState.NORMAL))
            return
        self._check(local, remote, {one.name.lower() for one in partitions})
        for partition in partitions:
            self._into(local, remote, partition)

    # -- a table that exists

    def _check(self, local: OlapTable, remote: OlapTable, names: set[str]) -> None:
        """Whether the snapshot's table is the same, as far as StarRocks looks."""
        if local.scheme.type is not remote.scheme.type:
            raise Failed("Table's partition type is different")
        different = f"Table {local.name} already exist but with different schema, "
        reason = self._unlike(local, remote, names)
        if reason is not None:
            raise Failed(f"{different}errMsg: {reason}")
        if local.keys_type is not remote.keys_type:
            raise Failed(f"Table {local.name} already exist but with different key type")
        for mine, theirs in zip(local.columns, remote.columns, strict=True):
            if not _same_column(mine, theirs):
                raise Failed(
                    f"{different}column: {mine.name} in existed table is different from the column in backup "
                    f"snapshot, column: {theirs.name}"
                )

    def _unlike(self, local: OlapTable, remote: OlapTable, names: set[str]) -> str | None:
        """The first thing in which the signatures differ (OlapTable.checkSignature); not all of them have a name."""
        if local.name != remote.name:
            return "Table name is inconsistent"
        if [index.name for index in local.indexes] != [index.name for index in remote.indexes]:
            return "index name is inconsistent"
        if local.properties.get("bloom_filter_columns") != remote.properties.get("bloom_filter_columns"):
            return "bloom filter is inconsistent"
        if local.scheme.columns != remote.scheme.columns:
            return "partition columns is inconsistent"
        if len(local.columns) != len(remote.columns) or local.random != remote.random:
            return ""
        if local.distribution_columns != remote.distribution_columns:
            return "partition distribution col hash is inconsistent"
        content = self._job.content
        assert content is not None
        theirs = {one.name.lower(): one.main.buckets for one in content.partitions if one.table_id == remote.id}
        for mine in self._change.now.partitions(local):
            if mine.name.lower() in names and not local.random and mine.main.buckets != theirs[mine.name.lower()]:
                return "bucket num is inconsistent"
        return None

    def _into(self, local: OlapTable, remote: OlapTable, partition: Partition) -> None:
        """Overwrite a partition, or add it."""
        have = self._change.now.partitions(local)
        mine = next((one for one in have if one.name.lower() == partition.name.lower()), None)
        columns = [column for name in local.scheme.columns if (column := local.column(name))]
        if mine is None:
            if local.scheme.type not in RANGES:
                raise Failed(f"No partition exist in single partitioned table {local.name}")
            if any(ranges.overlap(one, partition, columns) for one in have):
                raise Failed(
                    f"Partition {partition.name} in table {local.name} has conflict range with existing ranges"
                )
            self._add_partition(local, remote, partition)
            return
        if len(mine.physical) > 1:
            raise Failed(
                f"Partition {partition.name} in table {local.name} is automatic bucket partition, can not be restored"
            )
        if local.scheme.type in RANGES and (mine.lower, mine.upper) != (partition.lower, partition.upper):
            raise Failed(
                f"Partition {partition.name} in table {local.name} has different range with partition in repository"
            )
        if mine.replication_num != self._job.replication_num:
            raise Failed(
                f"Partition {partition.name} in table {local.name} has different replication num "
                f"'{mine.replication_num}' "
                f"with partition in repository, which is {self._job.replication_num}"
            )
        self._plan.partitions.append(RestoredPartition(local.id, mine.id, partition.main.visible_version, new=False))
        self._fill(local, remote, mine.main, partition.main)

    def _add_partition(self, local: OlapTable, remote: OlapTable, partition: Partition) -> None:
        number = self._change.next_id()
        made = self._copied(local, remote, partition, number, self._change.next_id())
        self._change.put(
            made, replace(self._change.now.get(OlapTable, local.id), partitions=(*local.partitions, number))
        )
        self._plan.partitions.append(RestoredPartition(local.id, number, made.main.visible_version, new=True))
        self._plan.created.append((local, [made]))

    # -- a table that is missing

    def _new_table(self, name: str, remote: OlapTable, partitions: Sequence[Partition]) -> None:
        """New ids throughout; replicas as many as the job says, wherever there is room."""
        if self._job.replication_num <= 0:
            raise ValueError("IllegalArgumentException: replication num must be positive")
        next_id = self._change.next_id
        table_id = next_id()
        indexes = tuple(replace(index, id=next_id()) for index in remote.indexes)
        ids = [next_id() for _ in partitions]
        physical_ids = [next_id() for _ in partitions]
        properties = {**remote.properties, "replication_num": str(self._job.replication_num)}
        if self._state.release.restore_drops_colocation and not self._state.config.flag("enable_colocate_restore"):
            properties.pop("colocate_with", None)
        table = replace(
            remote,
            id=table_id,
            db_id=self._database.id,
            indexes=indexes,
            partitions=tuple(ids),
            temp_partitions=(),
            properties=properties,
            state=TableState.RESTORE,
            created=self._state.clock.now(),
            refresh=remote.refresh
            and replace(remote.refresh, active=False, inactive_reason=WAITS_FOR_BASE.format(name=name)),
        )
        made = [
            self._copied(table, remote, partition, number, physical)
            for partition, number, physical in zip(partitions, ids, physical_ids, strict=True)
        ]
        self._change.put(table, *made)
        rename(self._change, table, name)
        self._plan.new_tables.append(table_id)
        self._plan.partitions += [
            RestoredPartition(table_id, one.id, one.main.visible_version, new=True) for one in made
        ]
        self._plan.created.append((table, made))

    def _copied(
        self, table: OlapTable, remote: OlapTable, partition: Partition, number: int, physical_id: int
    ) -> Partition:
        """A partition of the snapshot under new ids, with its old version, time and epoch."""
        theirs = partition.main
        tablets: dict[int, tuple[Tablet, ...]] = {}
        for index, remote_index in zip(table.indexes, remote.indexes, strict=True):
            tablets[index.id] = tuple(
                Tablet(self._change.next_id(), self._replicas(table)) for _ in theirs.tablets[remote_index.id]
            )
        physical = replace(theirs, id=physical_id, next_version=theirs.visible_version + 1, tablets=tablets)
        self._fill(table, remote, physical, theirs)
        return replace(
            partition,
            id=number,
            table_id=table.id,
            replication_num=self._job.replication_num,
            physical=(physical,),
            medium="HDD",
        )

    def _replicas(self, table: OlapTable) -> tuple[Replica, ...]:
        try:
            chosen = self._state.backends.choose(self._job.replication_num, table.name)
        except Refused as error:
            raise Failed(error.text) from error
        return tuple(Replica(self._change.next_id(), backend) for backend in chosen)

    def _fill(self, local: OlapTable, remote: OlapTable, mine: PhysicalPartition, theirs: PhysicalPartition) -> None:
        """Tablets match by their place."""
        for index, remote_index in zip(local.indexes, remote.indexes, strict=True):
            for tablet, source in zip(mine.tablets[index.id], theirs.tablets[remote_index.id], strict=True):
                remote_directory = remote_path(
                    self._job.label, self._job.source_db_id, remote.id, theirs.id, remote_index.id, source.id
                )
                for replica in tablet.replicas:
                    self._plan.tablets.append(RestoredTablet(replica.backend_id, tablet.id, remote_directory))

    # -- views

    def _view(self, wanted: ObjectInJob, remote: View) -> None:
        """A view in the way is replaced. Its text keeps the names it had."""
        name = wanted.alias or wanted.name
        local = self._change.now.tables(self._database).get(name)
        if isinstance(local, View):
            self._change.drop(View, local.id)
        elif local is not None:
            raise Failed(f"Table: {name} has existed and it is not a View", "BAD_REPLACE")
        number = self._change.next_id()
        self._change.put(
            replace(remote, id=number, db_id=self._database.id, name=name, created=self._state.clock.now())
        )
        self._plan.views.append(number)


def _same_column(mine: ColumnRecord, theirs: ColumnRecord) -> bool:
    """Column.equals: not the comment, not the place in files."""
    ignored = {"unique_id": 0, "comment": ""}
    return replace(mine, **ignored) == replace(theirs, **ignored)  # type: ignore[arg-type]


def prepare_targets(change: Change, database: Database, job: RestoreJob) -> None:
    """Put the tables that are to be overwritten into state RESTORE."""
    content = job.content
    assert content is not None
    views = {view.name for view in content.views}
    known = change.now.tables(database)
    for wanted in job.objects:
        local = known.get(wanted.alias or wanted.name)
        if not isinstance(local, OlapTable) or wanted.name in views:
            if local is not None and not isinstance(local, (OlapTable, View)):
                raise Failed(
                    f"Table: {local.name} can not support backup restore, type: {{}}{local.type}", "UNSUPPORTED"
                )
            continue
        if local.state is not TableState.NORMAL:
            raise Failed(f"Table {local.name}'s state is not NORMAL: {local.state}")
        if local.temp_partitions:
            raise Failed("Do not support restoring table with temp partitions")
        change.put(replace(local, state=TableState.RESTORE))


def bases_are_there(table: OlapTable, job: RestoreJob, tables: Mapping[str, object]) -> bool:
    """Whether the base tables of a restored materialized view are in the target database, under their names."""
    content = job.content
    assert content is not None
    names = {one.id: one.name for one in content.tables}
    return table.refresh is not None and all(names.get(number) in tables for number in table.refresh.base_tables)
