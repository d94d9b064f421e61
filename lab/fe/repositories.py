"""CREATE, DROP and SHOW REPOSITORY, and SHOW SNAPSHOT."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from lab.answers import Answer, Ok, shown
from lab.clock import printed
from lab.errors import analyzer_common_error, common_error, not_understood
from lab.fe.repository import CHECKSUM_LENGTH, INFO, LEGACY_PREFIX, PREFIX, Failed, RepositoryFiles, RepositoryInfo
from lab.fe.session import Execute, Session
from lab.fe.snapshot_files import details, read_info
from lab.meta.records import Repository
from lab.sql.pieces import Where
from lab.sql.statements import backup as say
from lab.sql.statements.base import Statement

_NAME = re.compile(r"[a-zA-Z]\w{0,63}|_[a-zA-Z0-9]\w{0,62}")
_HOW_TO_ASK = "Where clause should looks like: SNAPSHOT = 'your_snapshot_name' [AND TIMESTAMP = '2018-04-18-19-19-10']"


def find_repository(session: Session, name: str) -> Repository | None:
    return next((one for one in session.metadata.values(Repository) if one.name == name), None)


def files_of(session: Session, repository: Repository) -> RepositoryFiles:
    return RepositoryFiles(repository, session.state.release.aws_sdk)


def create_repository(session: Session, statement: say.CreateRepository) -> Answer:
    """Attach to what is there, else write __repo_info: a test of the FE's way to the store, not of the BEs'."""
    session.access.need_system("REPOSITORY")
    if not _NAME.fullmatch(statement.name):
        raise not_understood(f"Incorrect repository name '{statement.name}'", code=5063, state="42000")
    if not statement.location:
        raise not_understood("You must specify a location on the repository")
    if statement.broker:
        raise not_understood(f"Unknown broker name({statement.broker})")
    if find_repository(session, statement.name):
        raise common_error(f"Failed to create repository: repository with same name already exist: {statement.name}")
    number, now = session.state.next_id(), session.state.clock.now()
    repository = Repository(
        number, statement.name, now, statement.read_only, statement.location, "", statement.properties
    )
    try:
        prefix, info = _attached(session, repository)
    except Failed as error:
        raise common_error(f"Failed to create repository: {error}") from error
    with session.state.change() as change:
        change.put(replace(repository, name=info.name, created=info.created, prefix=prefix))
    return Ok()


def _attached(session: Session, repository: Repository) -> tuple[str, RepositoryInfo]:
    """The prefix and __repo_info of a repository that is there under the old prefix or the new one, or of a new one."""
    old, new = (replace(repository, prefix=prefix + repository.name) for prefix in (LEGACY_PREFIX, PREFIX))
    with suppress(Failed):  # Repository.genPrefixRepo ignores what goes wrong here
        info = files_of(session, old).info()
        if info is not None:
            return old.prefix, info
    files = files_of(session, new)
    info = files.info()
    if info is None:
        info = RepositoryInfo(new.name, new.created)
        files.write_info(info)
    return new.prefix, info


def drop_repository(session: Session, statement: say.DropRepository) -> Answer:
    """Only the FE forgets it."""
    session.access.need_system("REPOSITORY")
    found = find_repository(session, statement.name)
    if found is None:
        raise analyzer_common_error("Repository does not exist")
    if session.services.backup.uses(found.id):
        raise common_error("Backup or restore job is running on this repository. Can not drop it")
    with session.state.change() as change:
        change.drop(Repository, found.id)
    return Ok()


def show_repositories(session: Session, _statement: say.ShowRepositories) -> Answer:
    rows = [
        (one.id, one.name, printed(one.created, session.show_zone), one.read_only, one.location, "", None)
        for one in sorted(session.metadata.values(Repository), key=lambda one: one.id)
    ]
    return shown("RepoId RepoName CreateTime IsReadOnly Location Broker ErrMsg", rows)


# -- snapshots


def show_snapshot(session: Session, statement: say.ShowSnapshot) -> Answer:
    """Read from the store, every time."""
    session.access.need_system("REPOSITORY")
    repository = find_repository(session, statement.repository)
    if repository is None:
        raise analyzer_common_error(f"Repository [{statement.repository}] does not exist")
    asked = _asked(statement.where)
    files = files_of(session, repository)
    if asked.timestamp is not None:
        return shown("Snapshot Timestamp Database Details Status", [_detailed(files, asked.labels[0], asked.timestamp)])
    labels = asked.labels
    if not asked.is_one:
        try:
            there = files.labels()
        except Failed as error:
            raise not_understood(f"Failed to list snapshot in repo: {repository.name}, err: {error}") from error
        labels = tuple(label for label in there if not labels or label in labels)
    return shown("Snapshot Timestamp Status", [_row(files, label) for label in labels])


def _row(files: RepositoryFiles, label: str) -> Sequence[str | None]:
    """A label with all its timestamps; what has no checksum in its name is `Invalid`, the row OK all the same."""
    try:
        found = files.infos(label)
    except Failed as error:
        return label, None, f"ERROR: Failed to get info: {error}"
    if not found:
        return label, "", "ERROR: no snapshot"
    return label, "\n".join(_timestamp(name) for name in found), "OK"


def _timestamp(name: str) -> str:
    plain, _, checksum = name.rpartition(".")
    return plain.removeprefix(INFO) if len(checksum) == CHECKSUM_LENGTH else f"Invalid: {name}"


def _detailed(files: RepositoryFiles, label: str, timestamp: str) -> Sequence[str | None]:
    try:
        document = read_info(files.read(label, f"{INFO}{timestamp}"))
    except Failed as error:
        return label, timestamp, None, None, f"Failed to get info: {error}"
    return label, timestamp, document["database"], details(document), "OK"


@dataclass(frozen=True, slots=True)
class _Asked:
    """Labels (none means all), whether it is one that gets its row whether it exists or not, and a timestamp."""

    labels: tuple[str, ...] = ()
    is_one: bool = False
    timestamp: str | None = None


def _asked(where: Where | None) -> _Asked:
    """What a WHERE asks for by StarRocks' rules: != counts as =, LIKE as nothing (ShowSnapshotAnalyzer)."""
    if where is None:
        return _Asked()
    if where.odd or len(where.conditions) > 2:
        raise not_understood(_HOW_TO_ASK)
    first = where.conditions[0]
    if first.operator == "IN":
        if first.column.lower() != "snapshot":
            raise not_understood("Left expr of should be snapshot")
        if not first.quoted:
            raise not_understood("Child of in predicate should be string value")
        return _Asked(first.values)
    named = {condition.column.lower(): condition for condition in where.conditions}
    if "snapshot" not in named or set(named) - {"snapshot", "timestamp"} or len(named) < len(where.conditions):
        raise not_understood(_HOW_TO_ASK)
    if named["snapshot"].operator == "LIKE":
        return _Asked()
    timestamp = named["timestamp"].values[0] if "timestamp" in named else None
    return _Asked(named["snapshot"].values, is_one=True, timestamp=timestamp)


HANDLERS: dict[type[Statement], Execute] = {
    say.CreateRepository: create_repository,
    say.DropRepository: drop_repository,
    say.ShowRepositories: show_repositories,
    say.ShowSnapshot: show_snapshot,
}
