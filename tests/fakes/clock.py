"""A clock that runs faster than the world, for code that waits in several threads."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from srbackup.errors import Interrupted

BEGINNING = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


class FastClock:
    """Every real second is `speed` seconds here; both times and sleeps agree with each other."""

    def __init__(self, speed: float = 100.0) -> None:
        self._speed = speed
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._passed = 0.0

    def pass_by(self, time: timedelta) -> None:
        """So much time passes at once."""
        self._passed += time.total_seconds()

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * self._speed + self._passed

    def sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds / self._speed):
            raise Interrupted("Asked to stop")

    def stop(self) -> None:
        self._stop.set()

    def running_on(self) -> FastClock:
        """The same time, for somebody who was not asked to stop."""
        other = FastClock(self._speed)
        other._began, other._passed = self._began, self._passed
        return other
