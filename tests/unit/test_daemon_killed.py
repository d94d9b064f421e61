"""The daemon is killed at any instant, again and again: whatever came due is done once or reported as missed."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from srbackup.app.wiring import catalog
from srbackup.daemon.daemon import Daemon
from srbackup.daemon.lane import Duty
from srbackup.model.events import Event, Missed, Notify, ignore
from srbackup.model.point import PointKind
from srbackup.model.policy import Activity
from srbackup.planning.schedule import Timetable
from tests.fakes.daemon import recorded, until
from tests.fakes.mortal import Killed, process
from tests.fakes.wiring import PATIENT, FakeWiring, fake_wiring

SEED, KILLS = 20260105, 50
CRONS = {Activity.FULL: "*/20 * * * *", Activity.METADATA: "*/10 * * * *"}
SCHEDULE = f"""
schedule:
  full: "{CRONS[Activity.FULL]}"
  metadata: "{CRONS[Activity.METADATA]}"
"""


@pytest.fixture
def world(tmp_path: Path) -> FakeWiring:
    world = fake_wiring(tmp_path, PATIENT + SCHEDULE, speed=1000)
    world.clusters["production"].create_table("sales", "orders", {"p1": ["a", "b"]})
    world.node.put_image(world.clusters["production"].journal_id, b"image")
    return world


class Missing:
    """What was reported as missed, by activity."""

    def __init__(self) -> None:
        self.found: dict[Activity, set[datetime]] = {activity: set() for activity in Activity}

    def listener(self, duty: Duty) -> Notify:
        def notify(event: Event) -> None:
            if isinstance(event, Missed):
                self.found[duty.activity] |= set(event.due)

        return notify


def live(world: FakeWiring, missing: Missing, seconds: float, *, at_work: bool = False) -> bool:
    """One daemon, killed after so many real seconds (`at_work`: of work); whether that was in the middle of it."""
    mortal = process(world)
    daemon = Daemon(lambda: mortal, missing.listener, ignore)
    ends = list[BaseException]()

    def run() -> None:
        try:
            daemon.run()
        except Killed as killed:
            ends.append(killed)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if at_work:
        until(lambda: any(lane.running for lane in daemon.health))
    threading.Event().wait(seconds)  # this very moment is what the test is about
    cut = any(lane.running for lane in daemon.health)
    mortal.life.end()
    thread.join(30)
    assert ends
    return cut


def test_killed_fifty_times_every_due_run_is_done_once_or_reported_as_missed(world: FakeWiring) -> None:
    chance, missing = random.Random(SEED), Missing()
    start = world.clock.now()
    cut = 0
    for number in range(KILLS):
        if number % 2:
            cut += live(world, missing, chance.uniform(0.02, 0.6))
        else:
            cut += live(world, missing, chance.uniform(0.0, 0.1), at_work=True)
    last = process(world)
    daemon = Daemon(lambda: last, missing.listener, ignore)
    thread = threading.Thread(target=daemon.run, daemon=True)
    thread.start()
    settled = world.clock.now()
    until(lambda: all(since(world, a) > settled + timedelta(minutes=20) for a in CRONS))
    daemon.finish()
    thread.join(30)
    assert not thread.is_alive()

    assert cut >= KILLS / 10
    for activity, kind in ((Activity.FULL, PointKind.FULL), (Activity.METADATA, PointKind.METADATA)):
        times = Timetable(CRONS[activity]).due(start, world.clock.now())
        done = Counter(bucket(times, p.created) for p in points(world) if p.kind is kind and p.commit is not None)
        reported = missing.found[activity]
        wrong = [(t, done[t], t in reported) for t in times if t <= settled and done[t] + (t in reported) != 1]
        assert wrong == [], activity
        found = recorded(world, activity)
        assert found is not None
        assert (found.done, found.missed) == (sum(done.values()), len(reported)), activity


def points(world: FakeWiring):  # type: ignore[no-untyped-def]
    return catalog(world, world.configuration.repository("store")).points()


def bucket(times: tuple[datetime, ...], created: datetime) -> datetime | None:
    """The occurrence that a point stands for: the last one before it was begun."""
    return max((t for t in times if t <= created), default=None)


def since(world: FakeWiring, activity: Activity) -> datetime:
    found = recorded(world, activity)
    assert found is not None
    return found.since
