"""ALTER TABLE on partitions: add, drop, rename, modify, replace, and the version that an administrator sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.answers import Answer, Ok
from lab.errors import Refused, not_understood
from lab.fe.creating import add_partitions, drop_tablets
from lab.fe.globals import GlobalState
from lab.fe.partitioning import bound_columns, written_partition
from lab.fe.session import Execute, Session
from lab.meta.ranges import overlap, shown_range
from lab.meta.records import OlapTable, Partition, PartitionType, Recycled
from lab.meta.state import Change
from lab.sql.statements import tables as say
from lab.sql.statements.base import Statement
from lab.sql.table_pieces import PartitionSeries


def add_partition(session: Session, statement: say.AddPartition) -> Answer:
    table = session.alterable(statement.table)
    written = statement.partition
    if table.scheme.type is PartitionType.UNPARTITIONED:
        raise Refused(f"Table {table.name} is not partitioned")
    if not isinstance(written, PartitionSeries):
        written = replace(
            written,
            properties={**written.properties, **statement.properties},
            buckets=statement.distribution.buckets if statement.distribution else written.buckets,
        )
        if table.scheme.automatic and written.values is None:
            raise not_understood(
                "Currently, you cannot manually add a single range partition to a table that is automatically partition"
            )
        if table.scheme.automatic and len(written.values or ()) > 1:
            raise not_understood(
                "Automatically partitioned tables does not support multiple values in the same partition"
            )
    with session.state.change() as change:
        now = change.now.get(OlapTable, table.id)
        have = change.now.partitions(now, temporary=statement.temporary)
        names = {one.name.lower() for one in have}
        columns = bound_columns(now)
        below = (
            _end_of_last(now, have)
            if not isinstance(written, PartitionSeries) and written.less_than is not None
            else None
        )
        wanted = []
        for bounds in written_partition(now, written, below):
            if bounds.name.lower() in names:
                if not isinstance(written, PartitionSeries) and written.if_not_exists:
                    continue
                raise not_understood(f"Duplicate partition name {bounds.name}")
            probe = Partition(0, now.id, bounds.name, 1, (), bounds.lower, bounds.upper, bounds.values)
            for other in have:
                if other.is_shadow:
                    continue
                if overlap(probe, other, columns):
                    raise Refused(
                        f"Range {shown_range(probe, columns)} is intersected with range: {shown_range(other, columns)}"
                    )
                if bounds.values is not None and set(bounds.values) & set(other.values or ()):
                    raise not_understood(f"Duplicate partition values exist for partition: {bounds.name}")
            wanted.append(bounds)
        add_partitions(change, session.state, now, wanted, temporary=statement.temporary)
    return Ok()


def _end_of_last(table: OlapTable, have: Sequence[Partition]) -> tuple[str | None, ...] | None:
    """Where a `VALUES LESS THAN` begins: at the end of the partition below."""
    from lab.meta.ranges import sort_key

    columns = bound_columns(table)
    ends = [one.upper for one in have if one.upper is not None and not one.is_shadow]
    return max(ends, key=lambda bound: sort_key(bound, columns), default=None)


def find(session: Session, table: OlapTable, name: str, *, temporary: bool = False) -> Partition:
    """A partition by its name, which does not mind case."""
    for one in session.metadata.partitions(table, temporary=temporary):
        if one.name.lower() == name.lower():
            return one
    raise Refused(
        f"Error in list of partitions to {table.name}"
        if temporary
        else f"Partition {name} does not exist in table {table.name}"
    )


def drop_partition(session: Session, statement: say.DropPartition) -> Answer:
    table = session.alterable(statement.table)
    with session.state.change() as change:
        now = change.now.get(OlapTable, table.id)
        for name in statement.partitions:
            try:
                partition = find(session, table, name, temporary=statement.temporary)
            except Refused:
                if statement.if_exists:
                    continue
                raise Refused(f"Error in list of partitions to {table.name}", code=1507) from None
            if statement.temporary:
                now = replace(now, temp_partitions=tuple(n for n in now.temp_partitions if n != partition.id))
            else:
                now = replace(now, partitions=tuple(n for n in now.partitions if n != partition.id))
            change.put(now)
            change.drop(Partition, partition.id)
            if not statement.force and not statement.temporary:
                change.put(Recycled(partition.id, session.state.clock.now(), partition=partition))
            else:
                forget_tablets(session.state, [partition])
    return Ok()


def forget_tablets(state: GlobalState, partitions: Sequence[Partition]) -> None:
    """Delete the tablets of partitions that nothing refers to any longer."""
    ids, backends = set(), set()
    for partition in partitions:
        for physical in partition.physical:
            for tablets in physical.tablets.values():
                for tablet in tablets:
                    ids.add(tablet.id)
                    backends |= {replica.backend_id for replica in tablet.replicas}
    if ids:
        drop_tablets(state, ids, backends)


def rename_partition(session: Session, statement: say.RenamePartition) -> Answer:
    table = session.alterable(statement.table)
    partition = find(session, table, statement.partition)
    if table.scheme.type is PartitionType.UNPARTITIONED:
        raise Refused(f"Table {table.name} is single partitioned. no need to rename partition name.")
    if any(one.name.lower() == statement.to.lower() for one in session.metadata.partitions(table)):
        raise Refused(f"Partition name[{statement.to}] is already used")
    with session.state.change() as change:
        change.put(replace(partition, name=statement.to))
    return Ok()


def modify_partition(session: Session, statement: say.ModifyPartition) -> Answer:
    table = session.alterable(statement.table)
    if (
        "storage_cooldown_time" in statement.properties
        and statement.properties.get("storage_medium", "HDD").upper() == "HDD"
    ):
        raise not_understood("check properties error: Can not assign cooldown timestamp to HDD storage medium")
    names = statement.partitions or tuple(one.name for one in session.metadata.partitions(table))
    with session.state.change() as change:
        for name in names:
            partition = find(session, table, name)
            if replication := statement.properties.get("replication_num"):
                partition = replace(partition, replication_num=int(replication))
            if medium := statement.properties.get("storage_medium"):
                partition = replace(partition, medium=medium.upper())
            change.put(partition)
    return Ok()


def replace_partition(session: Session, statement: say.ReplacePartition) -> Answer:
    table = session.alterable(statement.table)
    use_temporary_names = statement.properties.get("use_temp_partition_name") == "true"
    with session.state.change() as change:
        replace_with_temporary(
            change,
            session.state,
            table.id,
            list(statement.partitions),
            list(statement.temporary),
            keep_names=not use_temporary_names and len(statement.partitions) == len(statement.temporary),
            strict=statement.properties.get("strict_range", "true") == "true",
        )
    return Ok()


def replace_with_temporary(
    change: Change,
    state: GlobalState,
    table_id: int,
    names: list[str],
    temporary: list[str],
    *,
    keep_names: bool,
    strict: bool = True,
) -> None:
    """Temporary partitions take the place of others: their ids and versions, under the old names or their own."""
    table = change.now.get(OlapTable, table_id)
    by_name = {one.name.lower(): one for one in change.now.partitions(table)}
    temps = {one.name.lower(): one for one in change.now.partitions(table, temporary=True)}
    for name in names:
        if name.lower() not in by_name:
            raise Refused(f"Partition[{name}] does not exist")
    for name in temporary:
        if name.lower() not in temps:
            raise Refused(f"Temp partition[{name}] does not exist")
    old = [by_name[name.lower()] for name in names]
    new = [temps[name.lower()] for name in temporary]
    columns = bound_columns(table)
    if strict and [(one.lower, one.upper) for one in old] != [(one.lower, one.upper) for one in new]:
        olds, news = (", ".join(shown_range(one, columns) for one in some) for some in (old, new))
        raise Refused(f"2 range lists are not strictly matched. [{olds}] vs. [{news}]")
    if keep_names:
        new = [replace(one, name=other.name) for one, other in zip(new, old, strict=True)]
    gone = {one.id for one in old}
    kept = [number for number in table.partitions if number not in gone]
    place = table.partitions.index(old[0].id)
    ids = (*kept[:place], *(one.id for one in new), *kept[place:])
    change.put(
        *new,
        replace(
            table,
            partitions=ids,
            temp_partitions=tuple(n for n in table.temp_partitions if n not in {o.id for o in new}),
        ),
    )
    for one in old:
        change.drop(Partition, one.id)
    forget_tablets(state, old)


def set_version(session: Session, statement: say.SetPartitionVersion) -> Answer:
    """ADMIN SET TABLE ... VERSION TO: only VISIBLE_VERSION moves, DATA_VERSION stays (LocalMetastore.java:5124)."""
    session.access.need_system("OPERATE")
    table = session.olap_table(statement.table)
    chosen = [
        one
        for one in session.metadata.partitions(table)
        if statement.partition in {str(one.id), str(one.main.id), one.name}
    ]
    if not chosen:
        raise Refused(f"Partition not found: {statement.partition}")
    with session.state.change() as change:
        now = session.state.clock.now()
        main = replace(
            chosen[0].main, visible_version=statement.version, visible_time=now, next_version=statement.version + 1
        )
        change.put(replace(chosen[0], physical=(main, *chosen[0].physical[1:])))
    return Ok()


HANDLERS: dict[type[Statement], Execute] = {
    say.AddPartition: add_partition,
    say.DropPartition: drop_partition,
    say.RenamePartition: rename_partition,
    say.ModifyPartition: modify_partition,
    say.ReplacePartition: replace_partition,
    say.SetPartitionVersion: set_version,
}
