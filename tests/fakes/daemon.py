"""A daemon in a thread of the test, what it told, and waiting for something to become true."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from srbackup.catalog import activities
from srbackup.daemon.daemon import Daemon
from srbackup.daemon.lane import Duty
from srbackup.errors import Interrupted
from srbackup.model.activity import ActivityRecord
from srbackup.model.events import Event, Notify
from srbackup.model.policy import Activity
from tests.fakes.wiring import FakeWiring

_SECONDS = 60.0
_Event = TypeVar("_Event", bound=Event)


@dataclass
class Told:
    """All events with the duty they are about; None for those of the daemon itself."""

    events: list[tuple[Duty | None, Event]] = field(default_factory=list)

    def by(self, duty: Duty | None) -> Notify:
        return lambda event: self.events.append((duty, event))

    def of(self, kind: type[_Event], activity: Activity | None = None) -> list[_Event]:
        return [
            e for d, e in self.events if isinstance(e, kind) and (activity is None or (d and d.activity is activity))
        ]


def until(condition: Callable[[], object]) -> None:
    """Look until it is true."""
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        threading.Event().wait(0.01)


@dataclass
class Running:
    """A daemon at work. `end` waits for its end and gives what was cut short."""

    daemon: Daemon
    told: Told
    thread: threading.Thread
    result: list[tuple[Interrupted, ...]]

    def end(self) -> tuple[Interrupted, ...]:
        self.thread.join(_SECONDS)
        assert not self.thread.is_alive()
        return self.result[0]


@contextmanager
def running(load: Callable[[], FakeWiring]) -> Iterator[Running]:
    """A daemon for the time of a block; it is stopped at the end of it, if it has not ended by then."""
    told = Told()
    daemon = Daemon(load, told.by, told.by(None))
    result: list[tuple[Interrupted, ...]] = []
    thread = threading.Thread(target=lambda: result.append(daemon.run()), daemon=True)
    thread.start()
    try:
        yield Running(daemon, told, thread, result)
    finally:
        daemon.finish()
        daemon.wiring.clock.stop()  # type: ignore[attr-defined]
        thread.join(_SECONDS)


def recorded(wiring: FakeWiring, activity: Activity, policy: str = "nightly") -> ActivityRecord | None:
    """What the bucket says of an activity."""
    return activities.read(wiring.memory, wiring.configuration.policy(policy).cluster, policy, activity)
