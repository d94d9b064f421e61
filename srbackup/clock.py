"""Time as an argument: whoever needs the time or wants to wait is handed a Clock."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

from srbackup.errors import Interrupted, Terminated


class Clock(Protocol):
    """The time of day for records, the monotonic time for deadlines, and interruptible waiting."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC. For records only: deadlines use `monotonic`."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; raises Interrupted as soon as the process has been asked to stop."""
        ...


class SystemClock:
    """The machine's clock. `stop` makes every present and future `sleep` raise, in all threads."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._terminated = False

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise (Terminated if self._terminated else Interrupted)("Asked to stop")

    def stop(self, *, terminated: bool = False) -> None:
        self._terminated = terminated
        self._stop.set()
