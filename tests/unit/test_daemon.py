"""The daemon on a fast clock: turns, clocks that jump, stops, configurations and stores that come and go."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from srbackup.app import run as use_case
from srbackup.app.wiring import catalog
from srbackup.catalog import layout
from srbackup.catalog.leases import Lease
from srbackup.errors import ExitStatus, StorageUnreachable
from srbackup.model.events import Began, Ended, Missed, Skipped, StepStarted, Warned, ignore
from srbackup.model.policy import Activity
from srbackup.storage.memory import MemoryStore
from tests.fakes.daemon import recorded, running, until
from tests.fakes.wiring import PATIENT, FakeWiring, fake_wiring

OTHER = PATIENT.replace("production", "other")


def scheduled(folder: Path, schedule: str, *, speed: float = 500) -> FakeWiring:
    """A world in which `nightly` is scheduled so. It is 03:00 there."""
    wiring = fake_wiring(folder, f"{PATIENT}schedule: {{{schedule}}}\n", speed=speed)
    for name in ("production", "other"):
        wiring.clusters[name].create_table("sales", "orders", {"p1": ["a", "b"]})
    wiring.node.put_image(wiring.clusters["production"].journal_id, b"image")
    return wiring


def points(wiring: FakeWiring) -> list[Any]:
    return list(catalog(wiring, wiring.configuration.repository("store")).points())


def ended(told: list[Ended]) -> list[ExitStatus]:
    return [e.attempt.status for e in told]


def somebody_begins(wiring: FakeWiring) -> str:
    """A run on another host, whose lease outlives any fast clock; where the lease is."""
    key = layout.lock("production", "run")
    lease = Lease("ada@elsewhere", "elsewhere", 1, "a run by hand", "ff", 1, seconds=10**6)
    wiring.memory.put(key, json.dumps(asdict(lease)).encode())
    return key


# -- turns


def test_what_comes_due_is_done_and_recorded(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '5 * * * *'")
    with running(lambda: wiring) as run:
        until(lambda: run.told.of(Ended))
    (point,) = points(wiring)
    found = recorded(wiring, Activity.FULL)
    assert found is not None
    assert found.last is not None
    assert (found.last.point, found.last.status, found.done) == (point.id, ExitStatus.DONE, 1)
    assert f"{found.last.due:%H:%M}" == "03:05"
    assert found.since == point.created


def test_activities_of_one_cluster_take_turns_and_those_of_another_run_beside_them(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '2 * * * *', metadata: '2 * * * *'")
    (tmp_path / "elsewhere.yaml").write_text(f"{OTHER}components: [data]\nschedule: {{full: '2 * * * *'}}\n")
    wiring.clusters["production"].stuck["sales"] = ("UPLOADING", "")
    with running(wiring.reloaded) as run:
        until(lambda: [d for d, e in run.told.events if isinstance(e, Ended) and d and d.policy == "elsewhere"])
        assert [str(lane.running) for lane in run.daemon.health if lane.running] == ["nightly full"]
        assert not run.told.of(Began, Activity.METADATA)
        until(lambda: run.told.of(Ended, Activity.METADATA))
    order = [d.activity for d, e in run.told.events if isinstance(e, Began) and d and d.policy == "nightly"]
    assert order[:2] == [Activity.FULL, Activity.METADATA]


def test_runs_that_take_longer_than_their_interval_do_not_keep_others_from_their_turn(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '* * * * *', metadata: '2 3 * * *'")
    with running(lambda: wiring) as run:
        until(lambda: run.told.of(Ended, Activity.METADATA))
    assert len(run.told.of(Began, Activity.FULL)) <= 3


def test_what_is_due_beside_another_is_skipped_told_and_counted_where_the_policy_skips(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '2 * * * *', metadata: '2,4 * * * *', overlap: skip")
    with running(lambda: wiring) as run:
        until(lambda: run.told.of(Ended, Activity.METADATA))
    (skipped,) = run.told.of(Skipped)
    assert [f"{moment:%H:%M}" for moment in skipped.due] == ["03:02"]
    found = recorded(wiring, Activity.METADATA)
    assert found is not None
    assert (found.skipped, found.done, found.missed) == (1, 1, 0)


@pytest.mark.parametrize(("overlap", "statuses"), [("wait", [ExitStatus.DONE]), ("skip", [])])
def test_somebody_elses_run_is_waited_for_or_the_own_one_skipped(
    tmp_path: Path, overlap: str, statuses: list[ExitStatus]
) -> None:
    wiring = scheduled(tmp_path, f"full: '2 3 * * *', overlap: {overlap}")
    lease = somebody_begins(wiring)
    with running(lambda: wiring) as run:
        until(lambda: run.told.of(Warned) or run.told.of(Skipped))
        until(lambda: wiring.clock.now().minute >= 4)
        wiring.memory.delete([lease])
        until(lambda: run.told.of(Ended) or run.told.of(Skipped))
    assert ended(run.told.of(Ended)) == statuses
    assert len(run.told.of(Warned)) + len(run.told.of(Skipped)) == 1
    found = recorded(wiring, Activity.FULL)
    assert found is not None
    assert (found.skipped, dict(found.failures)) == (1 - len(statuses), {})


# -- time


@pytest.mark.parametrize(("catch_up", "done"), [("true", 1), ("false", 0)])
def test_what_was_due_while_no_daemon_was_there_is_done_once_or_reported(
    tmp_path: Path, catch_up: str, done: int
) -> None:
    wiring = scheduled(tmp_path, f"full: '30 * * * *', catch_up: {catch_up}")
    with running(lambda: wiring) as run:
        until(lambda: recorded(wiring, Activity.FULL))
        run.daemon.finish()
        assert run.end() == ()
    wiring.clock.pass_by(timedelta(hours=3))
    again = wiring.anew()
    with running(lambda: again) as run:
        until(lambda: run.told.of(Missed) and (not done or run.told.of(Ended)))
    (missed,) = run.told.of(Missed)
    assert len(missed.due) == 3 - done
    assert len(points(wiring)) == done
    found = recorded(again, Activity.FULL)
    assert found is not None
    assert (found.done, found.missed) == (done, 3 - done)


@pytest.mark.parametrize(("catch_up", "done"), [("true", 1), ("false", 0)])
def test_a_host_that_was_suspended_counts_as_nobody_there(tmp_path: Path, catch_up: str, done: int) -> None:
    wiring = scheduled(tmp_path, f"full: '30 * * * *', catch_up: {catch_up}")
    with running(lambda: wiring) as run:
        until(lambda: recorded(wiring, Activity.FULL))
        wiring.clock.pass_by(timedelta(hours=3))
        until(lambda: run.told.of(Missed) and (not done or run.told.of(Ended)))
    assert len(points(wiring)) == done


def test_a_clock_that_is_set_back_makes_nothing_due_twice(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '*/5 * * * *'")
    with running(lambda: wiring) as run:
        until(lambda: run.told.of(Ended))
        wiring.clock.pass_by(timedelta(minutes=-4))
        until(lambda: len(run.told.of(Ended)) == 2)
    assert [f"{e.attempt.due:%H:%M}" for e in run.told.of(Ended)] == ["03:05", "03:10"]


# -- stops


def test_a_daemon_that_is_stopped_leaves_its_run_to_the_next_one(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '2 3 * * *'")
    with running(lambda: wiring) as run:
        until(lambda: run.told.of(Began))
        wiring.clock.stop()
        (cut,) = run.end()
    assert (cut.status, cut.hint) == (ExitStatus.INTERRUPTED, "Go on with it: srbackup run nightly")
    (left,) = points(wiring)
    again = wiring.anew()
    with running(lambda: again) as run:
        until(lambda: run.told.of(Ended))
    assert [b.resumed for b in run.told.of(Began)] == [True]
    assert [p.id for p in points(again)] == [left.id]
    assert ended(run.told.of(Ended)) == [ExitStatus.DONE]


def test_a_daemon_that_finishes_begins_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '2 3 * * *', metadata: '2 3 * * *'")
    with running(lambda: wiring) as run:
        until(lambda: run.told.of(Began))
        run.daemon.finish()
        assert run.end() == ()
    assert ended(run.told.of(Ended)) == [ExitStatus.DONE]
    assert not run.told.of(Began, Activity.METADATA)


# -- configurations


def test_a_configuration_is_read_again_when_it_is_asked_for(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '0 0 1 1 *'")
    with running(wiring.reloaded) as run:
        (tmp_path / "elsewhere.yaml").write_text(f"{OTHER}components: [data]\nschedule: {{full: '* * * * *'}}\n")
        (tmp_path / "nightly.yaml").write_text(PATIENT)
        run.daemon.reload()
        until(lambda: [d for d, e in run.told.events if isinstance(e, Ended) and d and d.policy == "elsewhere"])
        until(lambda: [lane.cluster for lane in run.daemon.health] == ["other"])


def test_a_broken_configuration_is_told_and_the_old_one_stays(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '5 * * * *'")
    with running(wiring.reloaded) as run:
        (tmp_path / "nightly.yaml").write_text("cluster: [\n")
        run.daemon.reload()
        until(lambda: run.told.of(Warned))
        until(lambda: run.told.of(Ended))
    assert "the old one stays:\n" in run.told.of(Warned)[0].text
    assert "nightly.yaml:" in run.told.of(Warned)[0].text
    assert run.daemon.reading.succeeded is False
    assert ended(run.told.of(Ended)) == [ExitStatus.DONE]


def test_a_daemon_without_schedules_says_so_and_waits(tmp_path: Path) -> None:
    wiring = fake_wiring(tmp_path)
    with running(wiring.reloaded) as run:
        until(lambda: run.told.of(Warned))
        (tmp_path / "nightly.yaml").write_text(f"{PATIENT}components: [data]\nschedule: {{full: '* * * * *'}}\n")
        wiring.clusters["production"].create_table("sales", "orders", {"p1": ["a"]})
        run.daemon.reload()
        until(lambda: run.told.of(Ended))
    assert "No policy has a schedule" in run.told.of(Warned)[0].text


# -- what is not there


class Unsteady(MemoryStore):
    """A store that can be away."""

    away = False

    def read(self, key: str):  # type: ignore[no-untyped-def]
        self._look()
        return super().read(key)

    def create(self, key: str, data: bytes) -> None:
        self._look()
        super().create(key, data)

    def replace(self, key: str, data: bytes, etag: str) -> None:
        self._look()
        super().replace(key, data, etag)

    def _look(self) -> None:
        if self.away:
            raise StorageUnreachable("memory cannot be reached: it is away")


def test_a_store_that_is_away_is_told_of_once_and_waited_for_and_what_was_due_is_done_then(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '30 * * * *'")
    wiring.memory = wiring.clusters["production"].store = Unsteady(wiring.clock)
    use_case.run(wiring, wiring.configuration.policy("nightly"), ignore)
    with running(lambda: wiring) as run:
        until(lambda: recorded(wiring, Activity.FULL))
        run.daemon.finish()
        run.end()
    wiring.memory.away = True
    wiring.clock.pass_by(timedelta(hours=1))
    again = wiring.anew()
    with running(lambda: again) as run:
        until(lambda: run.told.of(Ended))
        again.memory.away = False  # type: ignore[attr-defined]
        until(lambda: ExitStatus.DONE in ended(run.told.of(Ended)))
        until(lambda: (recorded(again, Activity.FULL) or 0).done)  # type: ignore[union-attr]
    *failed, done = [e.attempt for e in run.told.of(Ended)]
    assert {a.status for a in failed} == {ExitStatus.STORAGE}
    assert sum("cannot be read" in w.text for w in run.told.of(Warned)) == 1
    found = recorded(again, Activity.FULL)
    assert found is not None
    assert (found.done, found.last, dict(found.failures)) == (1, done, {"storage": len(failed)})


def test_a_run_that_fails_is_recorded_and_the_next_one_is_begun_all_the_same(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '*/5 * * * *'")
    wiring.clusters["production"].run_mode = "shared_data"
    with running(lambda: wiring) as run:
        until(lambda: run.told.of(Ended))
        wiring.clusters["production"].run_mode = "shared_nothing"
        until(lambda: len(run.told.of(Ended)) == 2)
    assert ended(run.told.of(Ended)) == [ExitStatus.INCOMPATIBLE, ExitStatus.DONE]


def test_a_bug_in_one_activity_is_told_with_its_place_and_ends_nothing(tmp_path: Path) -> None:
    wiring = scheduled(tmp_path, "full: '*/5 * * * *'")
    cluster = wiring.clusters.pop("production")
    with running(lambda: wiring) as run:
        until(lambda: run.told.of(Ended))
        wiring.clusters["production"] = cluster
        until(lambda: len(run.told.of(Ended)) == 2)
    assert ended(run.told.of(Ended)) == [ExitStatus.FAILED, ExitStatus.DONE]
    assert run.told.of(Ended)[0].attempt.message == "A bug in srbackup: KeyError: 'production'"
    assert "Traceback" in run.told.of(Warned)[0].text
    assert any("due at" in s.step for s in run.told.of(StepStarted))
