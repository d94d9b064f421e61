"""BACKUP, RESTORE, CANCEL, SHOW BACKUP and SHOW RESTORE: what is checked at submission, in StarRocks' order
(BackupRestoreAnalyzer, AuthorizerStmtVisitor, BackupHandler)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab.answers import Answer, Ok, shown
from lab.clock import printed
from lab.errors import Refused, analyzer_common_error, common_error, not_understood, unknown_database
from lab.fe.backup import Backup
from lab.fe.jobs import Watch
from lab.fe.repositories import files_of, find_repository
from lab.fe.repository import INFO, Failed, RepositoryFiles
from lab.fe.restore import Restore
from lab.fe.session import Execute, Session
from lab.fe.snapshot_files import read_info, read_meta
from lab.meta.hash_order import hash_order
from lab.meta.records import (
    BackupJob,
    BackupMeta,
    Database,
    JobState,
    ObjectInJob,
    OlapTable,
    Repository,
    RestoreJob,
    View,
)
from lab.meta.state import Table
from lab.sql.statements import backup as say
from lab.sql.statements.base import Statement
from lab.sql.table_pieces import BackupObject

_NO_DEFAULT = "Do not support Backup/Restore the entire default catalog"
_BACKUP = (
    "JobId SnapshotName DbName State BackupObjs CreateTime SnapshotFinishedTime UploadFinishedTime FinishedTime "
    "UnfinishedTasks "
    "Progress TaskErrMsg Status Timeout"
)
_RESTORE = (
    "JobId Label Timestamp DbName State AllowLoad ReplicationNum RestoreObjs CreateTime MetaPreparedTime "
    "SnapshotFinishedTime "
    "DownloadFinishedTime FinishedTime UnfinishedTasks Progress TaskErrMsg Status Timeout"
)


# -- BACKUP


def backup(session: Session, statement: say.Backup) -> Answer:
    if statement.catalogs or statement.all_catalogs:
        return _backup_catalogs(session, statement)
    database = _source_database(session, statement)
    repository = find_repository(session, statement.repository)
    if repository is None:
        raise analyzer_common_error(f"Repository [{statement.repository}] does not exist")
    if not statement.label:
        raise not_understood("Incorrect label name ''", code=5082, state="42000")
    chosen = _chosen(session, database, statement.objects)
    timeout = _timeout(session, _properties(statement.properties, {"timeout", "type"}, "backup"))
    kind = statement.properties.get("type", "full").lower()
    if kind not in {"full", "incremental"}:
        raise analyzer_common_error(f"Invalid backup job type: {kind}")
    functions = [entry.name for entry in statement.objects or () if entry.kind == "FUNCTION" and not entry.is_all]
    if not chosen and not functions:
        raise not_understood(f"Database: {database.name} is empty")
    if functions:
        raise analyzer_common_error(f"Invalid backup function(s), function name: {functions[0]}")
    _may_back_up(session, (table for table, _ in chosen))
    if not statement.database and not statement.label_db:
        if not session.state.release.typed_backup_objects:
            raise Refused("Unknown database 'null'")
        raise Refused('Cannot read field "dbName" because "jobInfo" is null')
    with session.services.backup.submission(database.id):
        if repository.read_only:
            raise common_error(f"Repository {repository.name} is read only")
        _check_tables(session, chosen)
        _check_label(session, repository, statement.label, incremental=kind == "incremental")
        job = BackupJob(
            db_id=database.id,
            job_id=-1,
            label=statement.label,
            db_name=database.name,
            repository_id=repository.id,
            state=JobState.PENDING,
            objects=tuple(ObjectInJob(table.name, partitions) for table, partitions in chosen),
            timeout=timeout,
            created=session.state.clock.now(),
        )
        handler = session.services.backup
        handler.add(Backup(session.state, handler.agent, job))
    return Ok()


def _backup_catalogs(session: Session, statement: say.Backup) -> Answer:
    """The lab has no external catalogs; with one, StarRocks ends in a null pointer."""
    if find_repository(session, statement.repository) is None:
        raise analyzer_common_error(f"Repository [{statement.repository}] does not exist")
    for name in statement.catalogs:
        raise analyzer_common_error(
            _NO_DEFAULT if name == "default_catalog" else f"external catalog {name} does not existed."
        )
    raise analyzer_common_error("No external catalog can be backed up")


def _source_database(session: Session, statement: say.Backup) -> Database:
    name = statement.database or statement.label_db or session.database_name
    found = session.metadata.databases.get(name)
    if found is None:
        raise unknown_database(name)
    return found


def _chosen(
    session: Session, database: Database, objects: tuple[BackupObject, ...] | None
) -> list[tuple[Table, tuple[str, ...]]]:
    """The tables and views of a BACKUP, by name, materialized views behind the others."""
    known = session.metadata.tables(database)
    chosen: dict[str, tuple[Table, tuple[str, ...]]] = {}
    whole = objects is None
    for entry in objects or ():
        if entry.kind == "FUNCTION" or entry.is_all:
            continue
        table = known.get(entry.name)
        if table is None:
            raise not_understood(f"Incorrect table name '{entry.name}'")
        if entry.name in chosen:
            start = entry.at.partition(" to line")[0].replace(" from ", " at ")
            at = entry.at if session.state.release.duplicates_have_a_range else start
            raise not_understood(f"Duplicated table: {entry.name}", at=at)
        chosen[entry.name] = (table, _named_partitions(session, table, entry))
    kinds = {entry.kind for entry in objects or () if entry.is_all}
    for table in known.values():
        if (
            table.name not in chosen
            and (whole or _is_of(table, kinds))
            and not _is_left_out(session, table, whole=whole)
        ):
            chosen[table.name] = (table, ())
    _check_bases(session, [table for table, _ in chosen.values()])
    ordered: dict[str, tuple[Table, tuple[str, ...]]] = {}
    for name in sorted(chosen):
        _put_behind_bases(session, name, chosen, ordered)
    return list(ordered.values())


def _put_behind_bases(
    session: Session,
    name: str,
    chosen: Mapping[str, tuple[Table, tuple[str, ...]]],
    ordered: dict[str, tuple[Table, tuple[str, ...]]],
) -> None:
    """A materialized view comes behind its base tables, everything else in the order of names."""
    if name not in chosen or name in ordered:
        return
    table = chosen[name][0]
    for number in table.refresh.base_tables if isinstance(table, OlapTable) and table.refresh else ():
        base = session.metadata.table(number)
        if base is not None:
            _put_behind_bases(session, base.name, chosen, ordered)
    ordered[name] = chosen[name]


def _is_of(table: Table, kinds: set[str]) -> bool:
    """What is neither table nor view is of every kind there is, which is why it makes the backup fail."""
    match table:
        case View():
            return "VIEW" in kinds
        case OlapTable():
            return ("MATERIALIZED VIEW" if table.refresh else "TABLE") in kinds
        case _:
            return bool(kinds)


def _is_left_out(session: Session, table: Table, *, whole: bool) -> bool:
    if not isinstance(table, OlapTable):
        return False
    views_too = session.state.config.flag("enable_backup_materialized_view")
    return table.temporary or (whole and table.refresh is not None and not views_too)


def _named_partitions(session: Session, table: Table, entry: BackupObject) -> tuple[str, ...]:
    if not entry.partitions:
        return ()
    if not isinstance(table, OlapTable):
        raise not_understood(f"Incorrect table name '{entry.name}'", code=1104, state="42000")
    names = {one.name.lower(): one.name for one in session.metadata.partitions(table)}
    for name in entry.partitions:
        if name.lower() not in names:
            raise not_understood(f"partition[{name}] does not exist  in table{table.name}", at=entry.partitions_at)
    return tuple(names[name.lower()] for name in entry.partitions)


def _check_bases(session: Session, tables: Iterable[Table]) -> None:
    for table in tables:
        for number in table.refresh.base_tables if isinstance(table, OlapTable) and table.refresh else ():
            if session.metadata.table(number) is None:
                raise not_understood(
                    f"Base table {number} doest not existed in materialized view {table.name} when backup/restore"
                )


def _may_back_up(session: Session, tables: Iterable[Table]) -> None:
    session.access.need_system("REPOSITORY")
    for table in tables:
        session.access.need_as_table("EXPORT", table)


def _check_tables(session: Session, chosen: Sequence[tuple[Table, tuple[str, ...]]]) -> None:
    """BackupHandler.backup: what can be backed up at all."""
    release = session.state.release
    for table, _ in chosen:
        if isinstance(table, View):
            if not release.views_in_backup:
                raise Refused(f"Table '{table.name}' is not a OLAP table", code=5000)
            continue
        if not isinstance(table, OlapTable):
            if not release.views_in_backup:
                raise Refused(f"Table '{table.name}' is not a OLAP table", code=5000)
            raise common_error(f"Table: {table.name} can not support backup restore, type: {table.type}")
        if table.scheme.type.value == "LIST" and not release.list_partitions_in_backup:
            raise not_understood("List partition table does not support backup/restore job")
        if table.temp_partitions:
            raise common_error("Do not support backing up table with temp partitions")


def _check_label(session: Session, repository: Repository, label: str, *, incremental: bool) -> None:
    try:
        labels = files_of(session, repository).labels()
    except Failed as error:
        raise common_error(str(error)) from error
    if label in labels:
        raise common_error(
            "Currently does not support incremental backup"
            if incremental
            else f"Snapshot with name '{label}' already exist in repository"
        )


# -- properties


def _properties(given: Mapping[str, str], known: set[str], kind: str) -> Mapping[str, str]:
    unknown = {name: value for name, value in given.items() if name not in known}
    if unknown:
        raise analyzer_common_error(f"Unknown {kind} job properties: [{', '.join(hash_order(unknown))}]")
    return given


def _timeout(session: Session, properties: Mapping[str, str]) -> int:
    text = properties.get("timeout")
    if text is None:
        return session.state.config.number("backup_job_default_timeout_ms") // 1000
    try:
        seconds = int(text)
    except ValueError as error:
        raise analyzer_common_error(f"Invalid timeout format: {text}") from error
    if seconds < 600:
        raise analyzer_common_error("timeout must be at least 10 min")
    return seconds


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise analyzer_common_error(f"Invalid meta version format: {text}") from error


# -- RESTORE

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
    properties = _properties(statement.properties, _RESTORE_PROPERTIES, "restore")
    allow = properties.get("allow_load", "false").lower()
    if allow not in {"true", "false"}:
        raise analyzer_common_error(f"Invalid allow load value: {properties['allow_load']}")
    replication = _number(properties.get("replication_num") or session.state.config["default_replication_num"])
    for name in ("meta_version", "starrocks_meta_version"):
        _number(properties.get(name, "0"))
    timestamp = properties.get("backup_timestamp")
    if timestamp is None:
        raise analyzer_common_error("Missing backup_timestamp property")
    timeout = _timeout(session, properties)
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


# -- CANCEL


def cancel_backup(session: Session, statement: say.CancelBackup) -> Answer:
    return _cancel(session, statement.database, BackupJob)


def cancel_restore(session: Session, statement: say.CancelRestore) -> Answer:
    return _cancel(session, statement.database, RestoreJob)


def _cancel(session: Session, name: str, kind: type[BackupJob] | type[RestoreJob]) -> Answer:
    """Works at once: the job is CANCELLED when the statement answers."""
    missing = common_error(
        "No backup job is currently running" if kind is BackupJob else "No restore is currently running"
    )
    if not name:
        session.access.need_system("REPOSITORY")
        raise missing
    database = session.metadata.databases.get(name)
    if database is None:
        raise unknown_database(name)
    job = session.services.backup.job(database.id)
    record = job.record if job else None
    session.access.need_system("REPOSITORY")
    if isinstance(record, BackupJob):
        known = session.metadata.tables(database)
        _may_back_up(session, (known[one.name] for one in record.objects if one.name in known))
    if job is None or not isinstance(record, kind):
        raise missing
    if record.state.is_done:
        raise common_error(
            f"Failed to cancel job: Job with label {record.label} can not be cancelled. state: {record.state}"
        )
    job.cancel()
    return Ok()


# -- SHOW


def show_backup(session: Session, statement: say.ShowBackup) -> Answer:
    """One table without EXPORT for this user empties the whole answer (ShowExecutor.java:2022)."""
    session.access.need_system("REPOSITORY")
    wanted = _asked(session, statement.database)
    rows = []
    for record, watch in session.services.backup.records():
        if not isinstance(record, BackupJob) or (wanted is not None and record.db_id != wanted.id):
            continue
        if not _may_see(session, record):
            return shown(_BACKUP)
        rows.append(_backup_row(session, record, watch))
    return shown(_BACKUP, rows)


def _asked(session: Session, name: str) -> Database | None:
    if not name:
        return None
    found = session.metadata.databases.get(name)
    if found is None:
        raise unknown_database(name)
    return found


def _may_see(session: Session, record: BackupJob) -> bool:
    known = session.metadata.tables(session.metadata.get(Database, record.db_id))
    for one in record.objects:
        table = known.get(one.name)
        if table is not None and not session.access.as_table("EXPORT", table):
            return False
    return True


def _backup_row(session: Session, record: BackupJob, watch: Watch) -> Sequence[object]:
    alias = session.state.release.backup_objects_have_alias
    objects = []
    for one in record.objects:
        named = f"PARTITIONS ({', '.join(one.partitions)})" if one.partitions else ""
        objects.append(f"[{record.db_name}.{one.name}{named}{f' AS {one.name}' if alias else ''}]")
    times = (record.created, record.snapshot_finished, record.upload_finished, record.finished)
    return (
        record.job_id, record.label, record.db_name, record.state, ", ".join(objects),
        *(printed(time, session.show_zone) for time in times), *watch.columns(), record.status, record.timeout,
    )  # fmt: skip


def show_restore(session: Session, statement: say.ShowRestore) -> Answer:
    """What this FE knows: on a follower the states that are journaled, without tasks."""
    session.access.need_system("REPOSITORY")
    wanted = _asked(session, statement.database)
    rows = [
        _restore_row(session, record, watch)
        for record, watch in session.services.backup.records()
        if isinstance(record, RestoreJob) and (wanted is None or record.db_id == wanted.id)
    ]
    return shown(_RESTORE, rows)


def _restore_row(session: Session, record: RestoreJob, watch: Watch) -> Sequence[object]:
    objects = []
    for one in record.objects:
        named = [name for name in one.partitions if name != one.name]
        objects.append(f"{one.name} PARTITIONS [{', '.join(named)}]" if named else one.name)
    times = (record.created, record.meta_prepared, record.snapshot_finished, record.download_finished, record.finished)
    return (
        record.job_id, record.label, record.timestamp, record.db_name, record.state, record.allow_load,
        record.replication_num,
        ", ".join(objects), *(printed(time, session.show_zone) for time in times), *watch.columns(),
        record.status, record.timeout,
    )  # fmt: skip


HANDLERS: dict[type[Statement], Execute] = {
    say.Backup: backup,
    say.Restore: restore,
    say.CancelBackup: cancel_backup,
    say.CancelRestore: cancel_restore,
    say.ShowBackup: show_backup,
    say.ShowRestore: show_restore,
}
