"""Repositories and the snapshots that a cluster sees in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from srbackup.catalog import layout
from srbackup.starrocks import messages
from srbackup.starrocks.base import StatementRefused
from tests.contracts.starrocks.contract import On, contract
from tests.contracts.starrocks.subject import DAY, Subject


@contract("CREATE REPOSITORY; SHOW REPOSITORIES", "backup/Repository.java:571", on=On.EVERYTHING)
def test_a_repository_is_listed_with_its_place(subject: Subject) -> None:
    """RepoName, IsReadOnly, Location and ErrMsg are those it was created with; ErrMsg is empty."""
    name = subject.in_repository
    (found,) = [r for r in subject.starrocks.repositories() if r.name == name]
    assert found.location == subject.repository.location
    assert (found.read_only, found.error) == (False, "")


@contract("CREATE REPOSITORY", "backup/BackupHandler.java:227")
def test_a_name_can_be_given_once(subject: Subject) -> None:
    """A second repository of the name is refused."""
    name = subject.in_repository
    with pytest.raises(StatementRefused, match=f"repository with same name already exist: {name}"):
        subject.starrocks.create_repository(subject.repository, read_only=False)


@contract("DROP REPOSITORY; CREATE REPOSITORY", "backup/Repository.java:176", on=On.EVERYTHING)
def test_a_repository_can_be_forgotten_and_attached_again(subject: Subject) -> None:
    """DROP deletes nothing in the store; CREATE at the same place finds the snapshots again."""
    snapshot = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    before = [o.key for o in subject.store.scan(layout.snapshot(subject.in_repository, snapshot.label))]
    subject.starrocks.drop_repository(subject.in_repository)
    assert subject.repository.starrocks_name not in {r.name for r in subject.starrocks.repositories()}
    assert [o.key for o in subject.store.scan(layout.snapshot(subject.in_repository, snapshot.label))] == before
    assert subject.starrocks.snapshot(subject.in_repository, snapshot.label) == snapshot


@contract("CREATE READ ONLY REPOSITORY", "backup/BackupHandler.java:381", on=On.EVERYTHING)
def test_nothing_is_backed_up_to_a_read_only_repository(subject: Subject) -> None:
    """It is listed as read only, and BACKUP to it is refused."""
    database = subject.table()
    name = f"{subject.repository.starrocks_name}_ro"
    subject.starrocks.create_repository(subject.repository.named(name), read_only=True)
    try:
        assert [r.read_only for r in subject.starrocks.repositories() if r.name == name] == [True]
        with pytest.raises(StatementRefused, match=f"Repository {name} is read only"):
            subject.starrocks.submit_backup(name, database, subject.label(), ["t"], DAY)
    finally:
        subject.starrocks.drop_repository(name)


@contract("CREATE REPOSITORY", "backup/Repository.java:176; fs/hdfs/HdfsFsManager.java")
@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"cluster_endpoint": "http://127.0.0.1:1"}, "cannot reach the store"),
        ({"url": "s3://no-such-bucket-at-all/x"}, "The bucket must exist"),
    ],
    ids=["unreachable", "no bucket"],
)
def test_a_store_that_does_not_work_is_refused_at_once(subject: Subject, change: dict[str, str], hint: str) -> None:
    """CREATE tries the store from the FE, and says in words that are known what is wrong with it."""
    wrong = replace(subject.repository.named("contracts_wrong"), **change)  # type: ignore[arg-type]
    with pytest.raises(StatementRefused, match="Failed to create repository: ") as refused:
        subject.starrocks.create_repository(wrong, read_only=False)
    assert hint in messages.hint_for(refused.value.text)
    assert "contracts_wrong" not in {r.name for r in subject.starrocks.repositories()}


@contract("SHOW SNAPSHOT ON ... WHERE SNAPSHOT = ...", "backup/Repository.java:585", on=On.EVERYTHING)
def test_a_snapshot_that_is_not_there_has_a_row(subject: Subject) -> None:
    """An unknown label has one row without a timestamp, whose Status is not OK."""
    found = subject.starrocks.snapshot(subject.in_repository, "never_made")
    assert (found.label, found.timestamps, found.status) == ("never_made", (), "ERROR: no snapshot")


@contract("SHOW SNAPSHOT ON ... WHERE SNAPSHOT = ...", "backup/Repository.java:585", on=On.EVERYTHING)
def test_a_finished_snapshot_has_the_timestamp_of_its_info_object(subject: Subject) -> None:
    """Timestamp is the one in the name of its only __info object, and Status is OK."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    names = [o.key.rpartition("/")[2] for o in subject.store.scan(layout.snapshot(subject.in_repository, found.label))]
    (info,) = [name for name in names if name.startswith("__info_")]
    assert found.timestamps == (info.removeprefix("__info_").partition(".")[0],)
    assert found.status == "OK"


@contract("DROP REPOSITORY", "backup/BackupHandler.java:247")
def test_a_repository_in_use_cannot_be_dropped(subject: Subject) -> None:
    """While a job that uses it is unfinished, DROP is refused."""
    database = subject.table()
    subject.submit_backup(database)
    with pytest.raises(StatementRefused, match="Backup or restore job is running on this repository"):
        subject.starrocks.drop_repository(subject.in_repository)
    subject.over(lambda: subject.starrocks.backup_job(database))
