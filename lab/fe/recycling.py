"""The recycle bin: what was dropped, until it is recovered or erased."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from lab.answers import Answer, Ok
from lab.errors import Refused, common_error, table_exists, unknown_table
from lab.fe.grants import purge_grants
from lab.fe.session import Execute, Session
from lab.meta.jobs import BackupJob, RestoreJob
from lab.meta.records import (
    Partition,
    PartitionType,
    Recycled,
)
from lab.meta.state import Change
from lab.sql.statements import tables as say


def recover(session: Session, statement: say.Recover) -> Answer:
    """RECOVER needs the name to be free; everything comes back with its ids and versions."""
    match statement.what:
        case "DATABASE":
            return _recover_database(session, statement.database)
        case "TABLE":
            return _recover_table(session, statement)
        case _:
            return _recover_partition(session, statement)


def _latest(_session: Session, found: Iterable[Recycled]) -> Recycled | None:
    return max(found, key=lambda one: one.dropped, default=None)


def _recover_database(session: Session, name: str) -> Answer:
    bin_ = session.metadata.values(Recycled)
    found = _latest(session, (one for one in bin_ if one.database is not None and one.database.name == name))
    if name in session.metadata.databases:
        raise Refused(f"Can't create database '{name}'; database exists", code=1007)
    if found is None or found.database is None:
        raise Refused(f"Unknown database '{name}'", code=5501, state="3F000")
    with session.state.change() as change:
        change.drop(Recycled, found.id)
        change.put(found.database, *found.tables, *found.views)
    return Ok()


def _recover_table(session: Session, statement: say.Recover) -> Answer:
    database = session.database(statement.table.db)
    session.access.need_database("CREATE TABLE", database)
    if statement.table.name in session.metadata.tables(database):
        raise table_exists(statement.table.name)
    wanted = (database.id, statement.table.name)
    candidates = (
        one
        for one in session.metadata.values(Recycled)
        if one.database is None and one.tables and (one.tables[0].db_id, one.tables[0].name) == wanted
    )
    found = _latest(session, candidates)
    if found is None:
        raise unknown_table(statement.table.name)
    with session.state.change() as change:
        change.drop(Recycled, found.id)
        change.put(*found.tables)
    return Ok()


def _recover_partition(session: Session, statement: say.Recover) -> Answer:
    table = session.olap_table(statement.table)
    if table.scheme.type in {PartitionType.LIST, PartitionType.UNPARTITIONED}:
        raise Refused(f"Does not support recover partition of {table.scheme.type} partitioned table")
    if any(one.name == statement.partition for one in session.metadata.partitions(table)):
        raise Refused(f"partition[{statement.partition}] already exist in table[{table.name}]")
    candidates = (
        one for one in session.metadata.values(Recycled)
        if one.partition is not None and (one.partition.table_id, one.partition.name) == (table.id, statement.partition)
    )  # fmt: skip
    found = _latest(session, candidates)
    if found is None or found.partition is None:
        raise common_error(
            f"No partition named '{statement.partition}' in recycle bin that belongs to table '{table.name}'"
        )
    with session.state.change() as change:
        change.drop(Recycled, found.id)
        change.put(found.partition, replace(table, partitions=(*table.partitions, found.partition.id)))
    return Ok()


def empty_recycle_bin(session_less: Change, now_seconds: float, keep_seconds: int) -> list[Partition]:
    """Forget what has been in the bin for too long; the partitions whose tablets may go."""
    gone: list[Partition] = []
    for one in list(session_less.now.values(Recycled)):
        if now_seconds - one.dropped.timestamp() < keep_seconds:
            continue
        session_less.drop(Recycled, one.id)
        for table in one.tables:
            for partition in session_less.now.partitions(table) + session_less.now.partitions(table, temporary=True):
                session_less.drop(Partition, partition.id)
                gone.append(partition)
        if one.partition:
            gone.append(one.partition)
        ids = [one.id, *(table.id for table in one.tables)]
        purge_grants(session_less, ids)
        if one.database:
            session_less.drop(BackupJob, one.id)
            session_less.drop(RestoreJob, one.id)
    return gone


HANDLERS: dict[type[Any], Execute] = {
    say.Recover: recover,
}
