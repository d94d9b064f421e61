"""Several pieces of work at a time, in threads that never keep the process from ending.

An interrupted run must be able to end while a query of hours is still being answered, so the threads are daemons and
the caller waits for them through the clock, which raises when the process is asked to stop.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from srbackup.catalog.leases import Guard
from srbackup.clock import Clock
from srbackup.errors import SrbackupError

_Result = TypeVar("_Result")
_LOOK_SECONDS = 0.05


class Work(Generic[_Result]):
    """A piece of work in a thread of its own."""

    def __init__(self, work: Callable[[], _Result], name: str) -> None:
        self._work = work
        self._result: list[_Result] = []
        self._error: BaseException | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def begin(self) -> Work[_Result]:
        self._thread.start()
        return self

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def wait(self, clock: Clock) -> _Result:
        """Its result, or its error; raises Interrupted when the process is asked to stop meanwhile."""
        self.join(clock)
        if self._error is not None:
            raise self._error
        return self._result[0]

    def join(self, clock: Clock) -> None:
        """Wait for its end, whatever it was."""
        while not self._over.wait(_LOOK_SECONDS):
            clock.sleep(0)

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:  # noqa: BLE001  raised again where the result is waited for
            self._error = error
        finally:
            self._over.set()


class Abandoned(SrbackupError):
    """Another piece of the same work failed: this one is to end before it does anything more."""


@dataclass(frozen=True, slots=True)
class Together:
    """What several pieces of work ask before they act: a guard of them all, and whether one of them has failed."""

    guard: Guard
    failed: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        if self.failed.is_set():
            raise Abandoned("another part of the work failed")
        self.guard.check()


def all_of(
    works: Iterable[tuple[str, Callable[[], _Result]]], limit: int, clock: Clock, together: Together
) -> list[_Result]:
    """All results in order, at most `limit` pieces at a time.

    The first error is raised, after all others have ended: they are told by `together`, which they ask before they
    act. So nobody acts any more when the caller begins to clear up. Interrupted is raised at once.
    """
    waiting: queue.SimpleQueue[Work[_Result]] = queue.SimpleQueue()
    pieces = [Work(work, name) for name, work in works]
    for piece in pieces:
        waiting.put(piece)
    running: list[Work[_Result]] = []
    while running or not waiting.empty():
        while len(running) < limit and not waiting.empty():
            running.append(waiting.get().begin())
        for piece in [p for p in running if p.over]:
            running.remove(piece)
            try:
                piece.wait(clock)
            except BaseException:
                together.failed.set()
                for other in running:
                    other.join(clock)
                raise
        clock.sleep(_LOOK_SECONDS)
    return [p.wait(clock) for p in pieces]
