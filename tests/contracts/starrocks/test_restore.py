"""RESTORE: what comes back, under which ids, and how damage shows."""

from __future__ import annotations

import pytest

from srbackup.catalog import layout
from srbackup.model.job import RestoreState
from srbackup.model.policy import FingerprintMode
from srbackup.starrocks import messages, statements
from srbackup.starrocks.base import StatementRefused
from tests.contracts.starrocks.contract import On, contract
from tests.contracts.starrocks.subject import DAY, Subject


@contract("RESTORE", "backup/RestoreJob.java", on=On.EVERYTHING)
def test_rows_come_back_as_they_were(subject: Subject) -> None:
    """A restored table has the rows of the snapshot, partition by partition, though the table changed since."""
    database = subject.table()
    table = subject.described(database)
    before = subject.starrocks.fingerprints(table, ["p1", "p2"], FingerprintMode.CONTENT)
    snapshot = subject.backed_up(database)
    subject.world.load(database, "t", "p1", ["late"])
    subject.starrocks.drop_table(database, "t")
    subject.restored(snapshot, database)
    again = subject.described(database)
    assert subject.starrocks.fingerprints(again, ["p1", "p2"], FingerprintMode.CONTENT) == before


@contract("RESTORE", "backup/RestoreJob.java:1034", on=On.EVERYTHING)
def test_a_restored_table_has_new_ids_and_the_snapshots_versions(subject: Subject) -> None:
    """Table and partitions get ids of their own; visible versions are those of the snapshot."""
    database = subject.table({"p1": ["a"], "p2": []})
    before = subject.described(database)
    found = subject.backed_up(database)
    target = subject.restored(found)
    after = subject.described(target)
    assert after.id != before.id
    assert {p.name: list(p.versions.values()) for p in after.partitions} == {
        p.name: list(p.versions.values()) for p in before.partitions
    }


@contract("RESTORE SNAPSHOT db.label", "sql/parser/AstBuilder.java:3815", on=On.EVERYTHING)
def test_the_database_before_the_label_is_the_target(subject: Subject) -> None:
    """The snapshot's own database is not looked at: a snapshot of one goes into another."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    target = subject.restored(found)
    assert set(subject.partitions(target)) == {"p1", "p2"}


@contract("RESTORE", "backup/RestoreJob.java, replication_num", on=On.EVERYTHING)
def test_replicas_are_as_many_as_were_asked_for(subject: Subject) -> None:
    """replication_num decides, not the snapshot's own number."""
    if subject.backends < 2:
        pytest.skip("one backend holds one replica")
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    target = subject.restored(found, replicas=2)
    assert {p.replication_num for p in subject.partitions(target).values()} == {2}


@contract("RESTORE", "backup/RestoreJob.java:1084")
def test_more_replicas_than_backends_cancel_the_job(subject: Subject) -> None:
    """With too few alive BEs the job is CANCELLED in words that are known."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    target = subject.database()
    subject.submit_restore(found, target, replicas=subject.backends + 1)
    job = subject.over(lambda: subject.starrocks.restore_job(target))
    assert job.state is RestoreState.CANCELLED
    assert f"failed to find {subject.backends + 1} different hosts to create table: t" in job.status
    assert messages.hint_for(job.status)


@contract("SHOW RESTORE", "backup/RestoreJob.java:2017", on=On.EVERYTHING)
def test_a_restore_is_known_by_label_timestamp_and_replicas(subject: Subject) -> None:
    """The row has label, timestamp and replication number as they were given, and states in one order."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    target = subject.database()
    subject.submit_restore(found, target)
    seen: list[RestoreState] = []

    def look() -> bool | None:
        job = subject.starrocks.restore_job(target)
        assert job is not None
        assert (job.label, (job.timestamp,), job.replication_num) == (found.label, found.timestamps, 1)
        assert job.status == "[OK]"
        seen.append(job.state)
        return True if job.state.over else None

    subject.until(look)
    order = [s for s in RestoreState if s is not RestoreState.CANCELLED]
    assert [order.index(s) for s in seen] == sorted(order.index(s) for s in seen)
    assert seen[-1] is RestoreState.FINISHED


@contract("SHOW RESTORE", "backup/RestoreJob.java:2017", on=On.LAB_AND_CONTAINERS)
def test_columns_of_a_restore_are_found_by_name(subject: Subject) -> None:
    """JobId, Label, Timestamp, DbName, State, ReplicationNum, CreateTime, UnfinishedTasks, Progress, TaskErrMsg,
    Status are there."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    target = subject.restored(found)
    (row,) = [r for r in subject.ask(statements.show_restore(target)) if r["DbName"] == target]
    wanted = "JobId Label Timestamp DbName State ReplicationNum CreateTime UnfinishedTasks Progress TaskErrMsg Status"
    assert set(wanted.split()) <= row.keys()


@contract("RESTORE", "backup/BackupHandler.java; Repository.java:447")
def test_a_wrong_timestamp_is_refused_at_once(subject: Subject) -> None:
    """A timestamp that the snapshot does not have is refused, naming the snapshot."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    with pytest.raises(StatementRefused, match=f"Failed to get info of snapshot '{found.label}' because: "):
        subject.starrocks.submit_restore(
            subject.in_repository, subject.database(), found.label, "2020-01-01-00-00-00-000", ["t"], 1, DAY
        )


@contract("RESTORE", "backup/BackupHandler.java:733")
def test_a_table_that_the_snapshot_lacks_is_refused_at_once(subject: Subject) -> None:
    """A name that is not in the snapshot is refused, naming it."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    with pytest.raises(StatementRefused, match=f"Table gone does not exist in snapshot {found.label}"):
        subject.submit_restore(found, subject.database(), tables=("gone",))


@contract("RESTORE", "be/src/runtime/snapshot_loader.cpp:184", on=On.LAB_AND_CONTAINERS)
@pytest.mark.parametrize("how", ["changed", "gone"])
def test_damage_shows_in_task_errors_and_never_ends_the_job(subject: Subject, how: str) -> None:
    """What is wrong with an object is told in TaskErrMsg in known words; State stays DOWNLOADING and Status [OK]."""
    found = subject.backed_up(subject.table())
    keys = [o.key for o in subject.store.scan(layout.snapshot(subject.in_repository, found.label))]
    key = next(k for k in keys if ".dat." in k or k.endswith(".dat") or "/meta." in k)
    if how == "changed":
        subject.store.put(key, b"x" + b"".join(subject.store.open(key)))
    else:
        folder = key.rpartition("/")[0]
        subject.store.delete([k for k in keys if k.startswith(folder)])
    target = subject.database()
    subject.submit_restore(found, target)

    def complained() -> str | None:
        job = subject.starrocks.restore_job(target)
        assert job is not None
        assert (job.status, job.state.over) == ("[OK]", False)
        return job.task_errors or None

    told = subject.until(complained)
    damage = messages.DAMAGED.search(told)
    assert damage is not None, told
    if how == "changed":
        assert damage["md5"] == key.rpartition(".")[2]
    job = subject.starrocks.restore_job(target)
    assert job is not None
    assert job.state is RestoreState.DOWNLOADING
    subject.starrocks.cancel_restore(target)


@contract("CANCEL RESTORE", "backup/RestoreJob.java:2092")
def test_a_cancelled_restore_leaves_none_of_its_new_tables(subject: Subject) -> None:
    """CANCEL removes the tables that the job made; the database stays."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    begun = [s for s in RestoreState if s not in {RestoreState.PENDING, RestoreState.CANCELLED}]
    for _ in range(9):
        target = subject.database()
        subject.submit_restore(found, target)
        seen = subject.in_state(lambda target=target: subject.starrocks.restore_job(target), *begun)
        if seen.state is not RestoreState.FINISHED:
            break
    assert len(subject.ask(statements.show_tables(target))) == 1
    subject.starrocks.cancel_restore(target)
    job = subject.starrocks.restore_job(target)
    assert job is not None
    assert job.state is RestoreState.CANCELLED
    assert job.status.startswith("[COMMON_ERROR, msg: user cancelled")
    assert subject.ask(statements.show_tables(target)) == []


@contract("RESTORE", "backup/RestoreJob.java:633 (ClassCastException)", since="4.0")
def test_a_view_in_the_way_holds_a_job_up_for_ever(subject: Subject) -> None:
    """A table whose name is a view in the target: PENDING and [OK] under ids that change, while other jobs wait,
    until CANCEL."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    target, other = subject.database(), subject.table()
    subject.ask(f"CREATE VIEW {target}.t AS SELECT 1 AS k")
    subject.submit_restore(found, target)
    subject.submit_backup(other)
    ids: set[int] = set()

    def changed_often() -> bool | None:
        job = subject.starrocks.restore_job(target)
        assert job is not None
        assert (job.state, job.status) == (RestoreState.PENDING, "[OK]")
        ids.add(job.id)
        return True if len(ids) > 4 else None

    subject.until(changed_often)
    subject.starrocks.cancel_restore(target)
    assert subject.over(lambda: subject.starrocks.backup_job(other)).state.value == "FINISHED"


@contract("RESTORE", "backup/BackupHandler.java:321; 3.2: BackupHandler.java:307")
def test_a_restore_goes_into_a_database_that_is_there(subject: Subject) -> None:
    """The target may be made before the restore by CREATE DATABASE, in every release (3.2 refuses a missing one)."""
    found = subject.once("snapshot", lambda: subject.backed_up(subject.table()))
    target = subject.restored(found)
    assert subject.described(target).id > 0
    if subject.older_than("3.3"):
        with pytest.raises(StatementRefused, match=messages.NO_DATABASE):
            subject.submit_restore(found, "contract_never_made")
