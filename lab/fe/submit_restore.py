"""RESTORE as it is submitted: what is checked at once, in which order, and the job that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.answers import Answer, Ok
from lab.errors import Refused, analyzer_common_error, common_error, not_understood
from lab.fe.job_properties import checked_properties, number_of, timeout_of
from lab.fe.repositories import files_of, find_repository
from lab.fe.repository import INFO, Failed, RepositoryFiles
from lab.fe.restore import Restore
from lab.fe.session import Execute, Session
from lab.fe.snapshot_files import read_info, read_meta
from lab.meta.hash_order import hash_order
from lab.meta.jobs import BackupMeta, JobState, ObjectInJob, RestoreJob
from lab.meta.records import Database
from lab.sql.statements import backup as say
from lab.sql.table_pieces import BackupObject

_RESTORE_PROPERTIES = {
    "backup_timestamp",
    "replication_num",
    "allow_load",
    "timeout",
    "meta_version",
    "starrocks_meta_version",
}


def restore(session: Session, statement: say.Restore) -> Answer:
    _check_duplicates(statement.objects or ())
    properties = checked_properties(statement.properties, _RESTORE_PROPERTIES, "restore")
    allow = properties.get("allow_load", "false").lower()
    if allow not in {"true", "false"}:
        raise analyzer_common_error(f"Invalid allow load value: {properties['allow_load']}")
    replication = number_of(properties.get("replication_num") or session.state.config["default_replication_num"])
    for name in ("meta_version", "starrocks_meta_version"):
        number_of(properties.get(name, "0"))
    timestamp = properties.get("backup_timestamp")
    if timestamp is None:
        raise analyzer_common_error("Missing backup_timestamp property")
    timeout = timeout_of(session, properties)
    _may_restore(session, statement)
    repository = find_repository(session, statement.repository)
    if repository is None:
        raise common_error(f"Repository {statement.repository} does not exist")
    files = files_of(session, repository)
    if not session.state.release.restore_creates_database:
        _existing_target(session, statement)
    info = _info(files, statement.label, timestamp)
    database = _target_database(session, statement, info)
    with session.services.backup.submission(database.id):
        content = _content(files, info)
        job = RestoreJob(
            db_id=database.id,
            job_id=-1,
            label=statement.label,
            timestamp=timestamp,
            db_name=database.name,
            repository_id=repository.id,
            state=JobState.PENDING,
            objects=_wanted(statement, info, content),
            timeout=timeout,
            created=session.state.clock.now(),
            replication_num=replication,
            source_db_id=info["id"],
            allow_load=allow == "true",
            content=content,
        )
        handler = session.services.backup
        handler.add(Restore(session.state, handler.agent, job))
    return Ok()


def _check_duplicates(objects: Sequence[BackupObject]) -> None:
    names: set[str] = set()
    for entry in objects:
        if entry.name in names:
            raise not_understood(f"Duplicated table: {entry.name}", at=entry.at)
        names |= {entry.name} - {""}
    for entry in objects:
        if entry.alias in names:
            raise not_understood(f"Duplicated alias name: {entry.alias}", at=entry.at)
        names |= {entry.alias} - {""}


def _may_restore(session: Session, statement: say.Restore) -> None:
    session.access.need_system("REPOSITORY")
    if statement.objects is None:
        session.access.need_catalog("CREATE DATABASE")
        return
    target = session.metadata.databases.get(statement.as_database or statement.database or statement.label_db)
    if target is None:
        return
    session.access.need_database("CREATE TABLE", target)
    known = session.metadata.tables(target)
    for entry in statement.objects:
        if not entry.is_all and entry.name in known:
            session.access.need_as_table("INSERT", known[entry.name])


def _info(files: RepositoryFiles, label: str, timestamp: str) -> dict[str, Any]:
    try:
        return read_info(files.read(label, f"{INFO}{timestamp}"))
    except Failed as error:
        raise common_error(
            f"Failed to get info of snapshot '{label}' because: {error}. Maybe specified wrong backup timestamp"
        ) from error


def _target_database(session: Session, statement: say.Restore, info: Mapping[str, Any]) -> Database:
    """The database that the statement or the snapshot names; it is made if it is missing, before anything else is
    checked, and stays if the RESTORE is refused after all."""
    if statement.database and statement.database != info["database"]:
        raise common_error(f"target database: {statement.database} is not existed in snapshot")
    if statement.catalogs or statement.all_catalogs:
        raise common_error(f"This is not a snapshot for external catalog restore, snapshot: {statement.label}")
    if not session.state.release.restore_creates_database:
        return _existing_target(session, statement)
    name = statement.as_database or statement.database or statement.label_db or info["database"]
    found = session.metadata.databases.get(name)
    if found is not None:
        return found
    with session.state.change() as change:
        made = Database(change.next_id(), name)
        change.put(made)
    return made


def _existing_target(session: Session, statement: say.Restore) -> Database:
    """Before 3.4 the label has to be qualified, and the database to be there."""
    found = session.metadata.databases.get(statement.label_db)
    if found is None:
        raise Refused(f"Unknown database '{statement.label_db or 'null'}'")
    return found


def _content(files: RepositoryFiles, info: Mapping[str, Any]) -> BackupMeta | None:
    """__meta of the label that __info names. A failure is swallowed here and ends the job at its first tick."""
    try:
        return read_meta(files.read(info["name"], "__meta"))
    except Failed:
        return None


def _wanted(statement: say.Restore, info: Mapping[str, Any], content: BackupMeta | None) -> tuple[ObjectInJob, ...]:
    """The objects of the snapshot that ON asks for, with all their partitions or the named ones."""
    there = info["backup_objects"]
    partitions = {name: tuple(hash_order(entry["partitions"])) for name, entry in there.items()}
    if statement.objects is None:
        return tuple(ObjectInJob(name, partitions[name]) for name in hash_order(there))
    chosen: dict[str, ObjectInJob] = {}
    kinds = {entry.kind for entry in statement.objects if entry.is_all}
    for name in _of_kinds(content, kinds):
        if name in there:
            chosen[name] = ObjectInJob(name, partitions[name])
    for entry in statement.objects:
        if entry.is_all:
            continue
        if entry.kind == "FUNCTION":
            raise common_error(f"Can not find restore function: {entry.name}")
        if entry.name not in there:
            raise common_error(f"Table {entry.name} does not exist in snapshot {statement.label}")
        if entry.temporary:
            raise common_error("Do not support restoring temporary partitions")
        for name in entry.partitions:
            if name not in partitions[entry.name]:
                raise common_error(
                    f"Partition {name} of table {entry.name} does not exist in snapshot {statement.label}"
                )
        named = tuple(name for name in partitions[entry.name] if not entry.partitions or name in entry.partitions)
        chosen[entry.name] = ObjectInJob(entry.name, named, entry.alias)
    return tuple(chosen[name] for name in hash_order(chosen))


def _of_kinds(content: BackupMeta | None, kinds: set[str]) -> list[str]:
    if content is None:
        return []
    views = [view.name for view in content.views if "VIEW" in kinds]
    return [
        *views,
        *(table.name for table in content.tables if ("MATERIALIZED VIEW" if table.refresh else "TABLE") in kinds),
    ]


HANDLERS: dict[type[Any], Execute] = {
    say.Restore: restore,
}
