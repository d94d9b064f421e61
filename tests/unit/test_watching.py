"""Which jobs move, and which never will: the rules, and what they say of jobs that real FEs carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.execution.watching import Going, Gone, Over, Sight, Stuck, Watch, interval
from srbackup.model.job import BackupJob, BackupState, Job, RestoreJob, RestoreState, Tasks
from srbackup.model.policy import Limits
from srbackup.starrocks import rows
from srbackup.starrocks.rows import Row
from tests import data

LIMITS = Limits(timeout=timedelta(hours=2), stall=timedelta(seconds=60), pending=timedelta(seconds=30))
JOB = BackupJob(10580, "l", "db1", BackupState.UPLOADING, "2026-01-05 03:00:00", Tasks(2), "", "[OK]", 7200)
NEW = replace(JOB, id=-1, state=BackupState.PENDING, tasks=Tasks())
RESTORE = RestoreJob(10593, "l", "ts", 1, "db1", RestoreState.DOWNLOADING, "", Tasks(2), "", "[OK]", 7200)


def watch(limits: Limits = LIMITS, started: float = 0.0, label: str = "l") -> Watch:
    return Watch(label, limits, started)


def sights(looks: list[tuple[float, Job | None]], limits: Limits = LIMITS) -> list[Sight]:
    own = watch(limits, looks[0][0])
    return [own.look(job, now) for now, job in looks]


# -- rules


def test_a_job_that_moves_is_going_however_long_it_takes() -> None:
    looks: list[tuple[float, Job | None]] = [(now, replace(JOB, tasks=Tasks(1000 - now))) for now in range(0, 600, 50)]
    assert sights(looks) == [Going()] * 12


def test_a_job_that_is_over_is_over_whatever_it_reports() -> None:
    for state in (BackupState.FINISHED, BackupState.CANCELLED):
        job = replace(JOB, state=state, task_errors="[1: old news]")
        assert watch().look(job, 10_000.0) == Over(job)
    restored = replace(RESTORE, state=RestoreState.FINISHED)
    assert watch().look(restored, 10_000.0) == Over(restored)


def test_no_row_or_a_row_of_another_job_means_that_ours_is_gone() -> None:
    assert sights([(0.0, JOB), (1.0, None)]) == [Going(), Gone()]
    assert sights([(0.0, JOB), (1.0, replace(JOB, label="other", state=BackupState.FINISHED))]) == [Going(), Gone()]


def test_a_still_job_with_errors_is_stuck_after_the_patience_of_the_policy() -> None:
    failing = replace(JOB, task_errors="[13423: S3: fail to put object: AccessDenied]")
    assert sights([(0.0, failing), (60.0, failing), (61.0, failing)]) == [
        Going(),
        Going(),
        Stuck(failing, "nothing moved for 61 s, and its nodes report: [13423: S3: fail to put object: AccessDenied]"),
    ]


def test_a_still_job_without_errors_gets_six_times_that_patience() -> None:
    assert sights([(0.0, JOB), (360.0, JOB), (361.0, JOB)]) == [
        Going(),
        Going(),
        Stuck(JOB, "nothing moved for 361 s in state UPLOADING"),
    ]


@pytest.mark.parametrize(
    "moved", [{"tasks": Tasks(1)}, {"tasks": Tasks(2, 1, 9)}, {"state": BackupState.SAVE_META}, {"tasks": Tasks(3)}]
)
def test_any_change_of_state_or_tasks_starts_the_patience_anew(moved: dict[str, object]) -> None:
    failing = replace(JOB, task_errors="[1: x]")
    after = replace(failing, **moved)  # type: ignore[arg-type]
    assert sights([(0.0, failing), (50.0, after), (110.0, after)]) == [Going()] * 3
    assert isinstance(sights([(0.0, failing), (50.0, after), (111.0, after)])[-1], Stuck)


@pytest.mark.parametrize("still", [{"id": 11}, {"task_errors": "[2: other]"}, {"status": "[COMMON_ERROR, msg: x]"}])
def test_other_ids_and_other_errors_are_no_movement(still: dict[str, object]) -> None:
    failing = replace(JOB, task_errors="[1: x]")
    changed = replace(failing, **still)  # type: ignore[arg-type]
    assert isinstance(sights([(0.0, failing), (50.0, changed), (61.0, changed)])[-1], Stuck)


def test_a_job_that_was_never_begun_is_stuck_since_it_may_hold_up_all_others() -> None:
    assert sights([(0.0, NEW), (30.0, NEW), (31.0, NEW)]) == [
        Going(),
        Going(),
        Stuck(NEW, "it was not begun within 31 s, and may be holding up all other jobs"),
    ]


def test_a_job_that_was_begun_in_time_is_not_taken_for_a_pending_one() -> None:
    begun = replace(JOB, state=BackupState.SNAPSHOTING)
    assert sights([(0.0, NEW), (29.0, replace(NEW, id=7)), (50.0, begun), (100.0, begun)]) == [Going()] * 4


def test_a_pending_job_that_has_an_id_was_begun_and_gets_the_patience_of_a_still_one() -> None:
    begun = replace(NEW, id=7)
    assert sights([(0.0, begun), (300.0, begun)]) == [Going(), Going()]


def test_no_id_yet_is_not_counted_as_one_of_several() -> None:
    looks: list[tuple[float, Job | None]] = [(float(i), replace(NEW, id=i or -1)) for i in range(4)]
    assert sights(looks) == [Going()] * 4


def test_four_ids_of_a_pending_job_tell_a_change_of_leader() -> None:
    looks: list[tuple[float, Job | None]] = [(float(i), replace(NEW, id=15000 + i)) for i in range(4)]
    assert sights(looks) == [
        Going(),
        Going(),
        Going(),
        Stuck(
            replace(NEW, id=15003),
            "it stays PENDING under changing ids, as after a change of leader: it would never begin",
        ),
    ]


def test_ids_are_counted_only_while_the_job_stays_pending() -> None:
    states = [BackupState.PENDING] * 3 + [BackupState.SNAPSHOTING] + [BackupState.PENDING] * 3
    looks: list[tuple[float, Job | None]] = [
        (float(i), replace(NEW, id=15000 + i, state=state)) for i, state in enumerate(states)
    ]
    assert sights(looks) == [Going()] * 7


def test_a_job_that_takes_longer_than_its_limit_is_stuck_though_it_moves() -> None:
    own = watch(started=100.0)
    moving = [replace(JOB, tasks=Tasks(n)) for n in range(3)]
    assert own.look(moving[0], 100.0 + 7200) == Going()
    assert own.look(moving[1], 100.0 + 7201) == Stuck(moving[1], "it took longer than the limit of 7200 s")


def test_a_job_that_is_found_running_gets_its_whole_patience() -> None:
    own = watch(started=5_000.0)
    failing = replace(JOB, task_errors="[1: x]")
    assert own.look(failing, 5_050.0) == Going()
    assert own.look(failing, 5_110.0) == Going()


@given(st.lists(st.tuples(st.floats(0, 59), st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_no_job_is_stuck_before_its_patience_is_over(steps: list[tuple[float, int, bool]]) -> None:
    now, moved, last = 0.0, 0.0, None
    own = watch()
    for pause, unfinished, errors in steps:
        now += pause
        job = replace(JOB, tasks=Tasks(unfinished), task_errors="[1: x]" if errors else "")
        if unfinished != last:
            moved, last = now, unfinished
        sight = own.look(job, now)
        assert isinstance(sight, Stuck) is (now - moved > (60 if errors else 360) or now > 7200)


# -- jobs of real FEs, look by look


def real(database: str, read: Callable[[Row], Job]) -> list[tuple[float, Job | None]]:
    return [(seconds, read(row)) for seconds, row in data.looks(database)]


def outcome(looks: list[tuple[float, Job | None]], stall: float) -> Sight:
    """What is seen at the first look at which the job is not going any more."""
    started, first = looks[0]
    own = watch(replace(LIMITS, stall=timedelta(seconds=stall)), started, first.label if first else "")
    return next(sight for now, job in looks if (sight := own.look(job, now)) != Going())


def test_an_upload_that_failed_and_was_tried_again_is_over_with_old_errors_in_its_row() -> None:
    looks = real("f_up", rows.backup_job)
    over = outcome(looks, stall=10)
    assert isinstance(over, Over)
    assert (over.job.state, over.job.status) == (BackupState.FINISHED, "[OK]")
    assert over.job.task_errors == "[13423: S3: fail to put object: AccessDenied]"


@pytest.mark.parametrize("database", ["g_repl3", "m_beh0"])
def test_a_restore_is_going_until_it_is_finished(database: str) -> None:
    over = outcome(real(database, rows.restore_job), stall=10)
    assert isinstance(over, Over)
    assert over.job.state is RestoreState.FINISHED


@pytest.mark.parametrize(
    ("database", "errors"),
    [
        ("g_corr", "[13427: invalid md5 of downloaded file: "),
        ("g_miss", "[13428: get nothing from remote path: "),
        ("z_extra", "[16003: invalid tablet file name: junk.txt]"),
    ],
)
def test_a_restore_of_a_damaged_snapshot_is_stuck_with_the_backends_words(database: str, errors: str) -> None:
    looks = [look for look in real(database, rows.restore_job) if look[1] and look[1].state.value == "DOWNLOADING"]
    failing = [look for look in looks if look[1] and look[1].task_errors]
    (first, job), last = failing[0], failing[-1][1]
    own = watch(replace(LIMITS, stall=timedelta(seconds=10)), first, job.label if job else "")
    assert own.look(job, first) == Going()
    sight = own.look(last, first + 11)
    assert isinstance(sight, Stuck)
    assert sight.reason.startswith(f"nothing moved for 11 s, and its nodes report: {errors}")


def test_tasks_that_are_sent_again_under_new_numbers_are_no_movement() -> None:
    looks = real("z_extra", rows.restore_job)
    assert {row.text("UnfinishedTasks") for _, row in data.looks("z_extra")} >= {"14026=10003", "16003=10003"}
    stuck = outcome(looks, stall=60)
    assert isinstance(stuck, Stuck)
    assert stuck.reason.startswith("nothing moved for 324 s, and its nodes report: [16003: ")


def test_a_backup_that_a_change_of_leader_left_pending_is_stuck_at_its_fourth_id() -> None:
    looks = real("o_snap", rows.backup_job)
    stuck = outcome(looks, stall=3600)
    assert isinstance(stuck, Stuck)
    assert "under changing ids" in stuck.reason
    pending = list(dict.fromkeys(job.id for _, job in looks if job and job.state is BackupState.PENDING))
    assert stuck.job.id == pending[3]


def test_a_backup_that_goes_on_after_a_change_of_leader_is_left_alone() -> None:
    over = outcome(real("o_upl", rows.backup_job), stall=600)
    assert isinstance(over, Over)
    assert over.job.state is BackupState.FINISHED


def test_a_restore_of_a_table_over_a_view_is_stuck() -> None:
    looks = real("m_tview", rows.restore_job)
    assert {job.state for _, job in looks[:-1] if job} == {RestoreState.PENDING}
    assert isinstance(outcome(looks, stall=3600), Stuck)


# -- how often to look


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_looks_are_frequent_at_first_and_never_rarer_than_starrocks_tick(sooner: float, later: float) -> None:
    first, then = sorted((sooner, later))
    assert 0.2 <= interval(first) <= interval(then) <= 3.0


def test_the_pause_between_looks_is_an_eighth_of_the_time_so_far() -> None:
    assert [interval(seconds) for seconds in (0, 1, 1.6, 8, 16, 17, 1000)] == [0.2, 0.2, 0.2, 1.0, 2.0, 2.0, 2.0]
