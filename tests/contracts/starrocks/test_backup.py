"""BACKUP: what is accepted, how a job shows itself, what lies in the bucket when it is over."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from srbackup.catalog import layout, snapshots
from srbackup.model.job import BackupState
from srbackup.starrocks import messages, statements
from srbackup.starrocks.base import StatementRefused
from tests.contracts.starrocks.contract import On, contract
from tests.contracts.starrocks.subject import DAY, Subject


@contract("BACKUP", "backup/BackupJob.java", on=On.EVERYTHING)
def test_a_job_goes_through_its_states_in_order(subject: Subject) -> None:
    """PENDING to FINISHED in one order, whatever of it is seen; label and DbName are as given, Status stays [OK]."""
    database = subject.table()
    label = subject.submit_backup(database)
    seen: list[BackupState] = []

    def look() -> bool | None:
        job = subject.starrocks.backup_job(database)
        assert job is not None
        assert (job.label, job.database, job.status) == (label, database, "[OK]")
        seen.append(job.state)
        return True if job.state.over else None

    subject.until(look)
    order = [s for s in BackupState if s is not BackupState.CANCELLED]
    assert [order.index(s) for s in seen] == sorted(order.index(s) for s in seen)
    assert seen[-1] is BackupState.FINISHED


@contract("SHOW BACKUP", "backup/BackupJob.java:914", on=On.LAB_AND_CONTAINERS)
def test_columns_of_a_backup_are_found_by_name(subject: Subject) -> None:
    """JobId, SnapshotName, DbName, State, CreateTime, UnfinishedTasks, Progress, TaskErrMsg, Status and Timeout are
    there."""
    database = subject.table()
    subject.backed_up(database)
    (row,) = [r for r in subject.ask(statements.show_backup(database)) if r["DbName"] == database]
    wanted = "JobId SnapshotName DbName State CreateTime UnfinishedTasks Progress TaskErrMsg Status Timeout"
    assert set(wanted.split()) <= row.keys()
    assert (row["State"], row["Timeout"]) == ("FINISHED", "86400")


@contract("SHOW BACKUP", "backup/BackupJob.java:490", on=On.EVERYTHING)
def test_a_job_has_no_id_before_it_begins(subject: Subject) -> None:
    """JobId is -1 until the first tick, when the job leaves PENDING, and stays the same from then on."""
    database = subject.table()
    subject.submit_backup(database)
    seen = []

    def look() -> bool | None:
        job = subject.starrocks.backup_job(database)
        assert job is not None
        seen.append((job.state, job.id))
        return True if job.state.over else None

    subject.until(look)
    assert all(identity > 0 for state, identity in seen if state is not BackupState.PENDING)
    assert len({identity for _, identity in seen} - {-1}) == 1


@contract("BACKUP", "backup/Repository.java:244; be/src/runtime/snapshot_loader.cpp", on=On.EVERYTHING)
def test_a_finished_backup_is_whole_in_the_bucket(subject: Subject) -> None:
    """Each object's name ends in its content's MD5; there is one __info and one __meta, and objects for every
    tablet."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    snapshot = snapshots.find(subject.store, subject.in_repository, found.label)
    assert snapshot is not None, "find() is None or raises when something is missing"
    for item in snapshot.objects:
        data = b"".join(subject.store.open(item.key))
        assert hashlib.md5(data).hexdigest() == item.key.rpartition(".")[2]
        assert len(data) == item.size


@contract("BACKUP", "backup/BackupJob.java:505; BackupJobInfo.java:571", on=On.EVERYTHING)
def test_the_snapshot_records_the_versions_that_were_visible(subject: Subject) -> None:
    """__info names table id, physical partitions and the visible versions of the moment it was taken."""
    database = subject.table()
    table = subject.described(database)
    found = subject.backed_up(database)
    snapshot = snapshots.find(subject.store, subject.in_repository, found.label)
    assert snapshot is not None
    (taken,) = snapshot.tables
    assert (snapshot.database, taken.name, taken.id) == (database, "t", table.id)
    assert {p.name: dict(p.versions) for p in taken.partitions} == {p.name: p.versions for p in table.partitions}


@contract("BACKUP", "backup/BackupJob.java:505", on=On.EVERYTHING)
def test_what_is_loaded_during_the_upload_is_not_in_the_snapshot(subject: Subject) -> None:
    """A load after the snapshot was taken changes nothing in it, and is not refused."""
    database = subject.table()
    before = subject.partitions(database)
    label = subject.submit_backup(database)
    job = subject.in_state(
        lambda: subject.starrocks.backup_job(database), *(s.value for s in BackupState if s.snapshot_taken)
    )
    assert job.label == label
    subject.world.load(database, "t", "p1", ["late"])
    subject.over(lambda: subject.starrocks.backup_job(database))
    snapshot = snapshots.find(subject.store, subject.in_repository, label)
    assert snapshot is not None
    assert {p.name: dict(p.versions) for t in snapshot.tables for p in t.partitions} == {
        name: p.versions for name, p in before.items()
    }


@contract("BACKUP", "backup/BackupJobInfo.java:571")
def test_the_objects_of_a_label_begin_with_its_prefix(subject: Subject) -> None:
    """Everything of a snapshot lies below __starrocks_repository_<name>/__ss_<label>/, the data by its ids."""
    database = subject.table()
    table = subject.described(database)
    found = subject.backed_up(database)
    prefix = layout.snapshot(subject.in_repository, found.label)
    keys = [o.key.removeprefix(prefix) for o in subject.store.scan(prefix)]
    data = [key for key in keys if key.startswith("__ss_content/")]
    parts = {i for p in table.partitions for i in p.versions}
    assert {key.split("/")[2] for key in data} == {f"__tbl_{table.id}"}
    assert {int(key.split("/")[3].removeprefix("__part_")) for key in data} == parts


@contract("BACKUP", "backup/BackupHandler.java:465", on=On.EVERYTHING)
def test_a_label_can_be_used_once(subject: Subject) -> None:
    """A label under which anything was written is refused, in words that are known."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    with pytest.raises(StatementRefused) as refused:
        subject.submit_backup(subject.table(), found.label)
    assert messages.LABEL_EXISTS.search(refused.value.text)


@contract("BACKUP; RESTORE", "backup/BackupHandler.java:353", on=On.EVERYTHING)
def test_a_database_has_one_job_at_a_time(subject: Subject) -> None:
    """While one is unfinished, a second BACKUP or RESTORE of the database is refused; other databases go on."""
    snapshot = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    database, other = subject.table(), subject.table()
    subject.submit_backup(database)
    for again in (lambda: subject.submit_backup(database), lambda: subject.submit_restore(snapshot, database)):
        with pytest.raises(StatementRefused, match=messages.ONE_JOB):
            again()
    subject.submit_backup(other)
    for name in (database, other):
        assert subject.over(lambda name=name: subject.starrocks.backup_job(name)).state is BackupState.FINISHED


@contract("SHOW BACKUP; SHOW RESTORE", "backup/BackupHandler.java, dbIdToBackupOrRestoreJob", on=On.EVERYTHING)
def test_a_databases_last_job_alone_is_shown(subject: Subject) -> None:
    """A restore takes the place of the backup before it, and the other way round."""
    database = subject.table()
    snapshot = subject.backed_up(database)
    assert subject.starrocks.restore_job(database) is None
    subject.starrocks.drop_table(database, "t")
    subject.restored(snapshot, database)
    assert subject.starrocks.backup_job(database) is None
    subject.submit_backup(database)
    assert subject.starrocks.restore_job(database) is None
    subject.over(lambda: subject.starrocks.backup_job(database))


@contract("CANCEL BACKUP", "backup/BackupJob.java:407", on=On.EVERYTHING)
def test_a_running_backup_can_be_cancelled_at_once(subject: Subject) -> None:
    """When CANCEL returns the job is CANCELLED; a second CANCEL is refused in words that are known."""
    database = subject.table()
    subject.submit_backup(database)
    subject.starrocks.cancel_backup(database)
    job = subject.starrocks.backup_job(database)
    assert job is not None
    assert (job.state, job.status) == (BackupState.CANCELLED, "[COMMON_ERROR, msg: user cancelled]")
    with pytest.raises(StatementRefused) as refused:
        subject.starrocks.cancel_backup(database)
    assert messages.NO_JOB.search(refused.value.text)


@contract("CANCEL BACKUP", "backup/BackupHandler.java:786", on=On.EVERYTHING)
def test_cancelling_nothing_is_refused_in_known_words(subject: Subject) -> None:
    """Without a job of the kind, CANCEL BACKUP and CANCEL RESTORE are refused."""
    database = subject.database()
    for cancel in (subject.starrocks.cancel_backup, subject.starrocks.cancel_restore):
        with pytest.raises(StatementRefused) as refused:
            cancel(database)
        assert messages.NO_JOB.search(refused.value.text)


@contract("BACKUP", "sql/analyzer/BackupRestoreAnalyzer.java:469", on=On.EVERYTHING)
def test_a_table_that_is_missing_sinks_the_whole_job_at_submit(subject: Subject) -> None:
    """One name that is not there, and BACKUP is refused, naming it."""
    with pytest.raises(StatementRefused, match="Incorrect table name 'gone'"):
        subject.submit_backup(subject.table(), tables=("gone", "t"))


@contract("BACKUP", "backup/BackupJob.java:488", on=On.EVERYTHING)
def test_a_table_dropped_before_the_job_begins_cancels_it(subject: Subject) -> None:
    """A job whose table went away before its first tick is CANCELLED, naming the table."""
    for _ in range(9):
        database = subject.table()
        subject.submit_backup(database)
        subject.starrocks.drop_table(database, "t")
        job = subject.over(lambda database=database: subject.starrocks.backup_job(database))
        if job.state is BackupState.CANCELLED:
            assert job.status == "[NOT_FOUND, msg: table t does not exist]"
            return
    pytest.fail("nine times the first tick came between the two statements")


@contract("BACKUP", "backup/BackupHandler.java:416")
def test_temporary_partitions_are_refused(subject: Subject) -> None:
    """A table with a temporary partition is refused in words that are known."""
    database = subject.table()
    subject.ask(f"ALTER TABLE {database}.t ADD TEMPORARY PARTITION tp VALUES LESS THAN ('2')")
    with pytest.raises(StatementRefused, match="Do not support backing up table with temp partitions") as refused:
        subject.submit_backup(database)
    assert messages.hint_for(refused.value.text)


@contract("BACKUP", "sql/analyzer/BackupRestoreAnalyzer.java:455")
def test_an_unknown_repository_is_named(subject: Subject) -> None:
    """A repository that the cluster does not know is refused."""
    with pytest.raises(StatementRefused, match=r"nowhere.* does not exist"):
        subject.starrocks.submit_backup("nowhere", subject.table(), subject.label(), ["t"], DAY)


@contract("BACKUP; SHOW BACKUP", "ErrorCode.ERR_BAD_DB_ERROR")
def test_an_unknown_database_is_said_to_be_unknown(subject: Subject) -> None:
    """BACKUP, SHOW BACKUP, SHOW RESTORE and CANCEL say `Unknown database`, whatever their code is."""
    name = "contract_never_made"
    assert subject.starrocks.backup_job(name) is None
    assert subject.starrocks.restore_job(name) is None
    with pytest.raises(StatementRefused, match=messages.NO_DATABASE):
        subject.submit_backup(name)
    with pytest.raises(StatementRefused, match=messages.NO_DATABASE):
        subject.starrocks.cancel_backup(name)


@contract("BACKUP", "sql/analyzer/BackupRestoreAnalyzer.java:203")
def test_a_timeout_is_at_least_ten_minutes(subject: Subject) -> None:
    """The property timeout is in seconds, and refused below 600."""
    database = subject.table()
    with pytest.raises(StatementRefused, match="timeout must be at least 10 min"):
        subject.starrocks.submit_backup(
            subject.in_repository, database, subject.label(), ["t"], timedelta(seconds=599)
        )  # fmt: skip


@contract("DROP DATABASE", "ShowExecutor.java:1995")
def test_a_dropped_database_takes_its_job_row_with_it(subject: Subject) -> None:
    """SHOW BACKUP of a database that was dropped says nothing of its job, as if there had been none."""
    database = subject.table()
    subject.submit_backup(database)
    subject.starrocks.drop_database(database, force=True)
    assert subject.starrocks.backup_job(database) is None


@contract("BACKUP", "backup/BackupJob.java:488", since="4.0")
def test_views_need_not_be_named(subject: Subject) -> None:
    """A BACKUP of a table alone holds nothing of the views over it."""
    database = subject.table()
    subject.views(database)
    found = subject.backed_up(database)
    snapshot = snapshots.find(subject.store, subject.in_repository, found.label)
    assert snapshot is not None
    assert [t.name for t in snapshot.tables] == ["t"]
