"""BACKUP and CANCEL: what is checked at submission, in StarRocks' order
(BackupRestoreAnalyzer, AuthorizerStmtVisitor, BackupHandler)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lab.answers import Answer, Ok
from lab.errors import Refused, analyzer_common_error, common_error, not_understood, unknown_database
from lab.fe.backup import Backup
from lab.fe.job_properties import checked_properties, timeout_of
from lab.fe.repositories import files_of, find_repository
from lab.fe.repository import Failed
from lab.fe.session import Execute, Session
from lab.meta.jobs import BackupJob, JobState, ObjectInJob, RestoreJob
from lab.meta.records import Database, OlapTable, Repository, View
from lab.meta.state import Table
from lab.sql.statements import backup as say
from lab.sql.statements.base import Statement
from lab.sql.table_pieces import BackupObject

_NO_DEFAULT = "Do not support Backup/Restore the entire default catalog"


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
    timeout = timeout_of(session, checked_properties(statement.properties, {"timeout", "type"}, "backup"))
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


HANDLERS: dict[type[Statement], Execute] = {
    say.Backup: backup,
    say.CancelBackup: cancel_backup,
    say.CancelRestore: cancel_restore,
}
