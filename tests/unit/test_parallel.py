"""Pieces of work side by side: the first failure is told to the others, and they have ended when it is raised."""

from __future__ import annotations

import threading

import pytest

from srbackup.errors import Failed
from srbackup.execution.parallel import Abandoned, Together, all_of
from tests.fakes.clock import FastClock


class _Free:
    def check(self) -> None: ...


def test_results_come_in_order_and_never_more_at_a_time_than_allowed() -> None:
    running: list[int] = []
    most = 0
    lock = threading.Lock()

    def work(number: int) -> int:
        nonlocal most
        with lock:
            running.append(number)
            most = max(most, len(running))
        threading.Event().wait(0.02)
        with lock:
            running.remove(number)
        return number

    works = [(str(n), lambda n=n: work(n)) for n in range(8)]
    assert all_of(works, 3, FastClock(100), Together(_Free())) == list(range(8))
    assert 1 < most <= 3


def test_nobody_acts_any_more_when_a_failure_is_raised() -> None:
    together = Together(_Free())
    acts: list[str] = []
    begun = threading.Barrier(2)

    def failing() -> None:
        begun.wait()
        raise Failed("this one")

    def going_on() -> None:
        begun.wait()
        while True:
            together.check()
            acts.append("act")
            threading.Event().wait(0.01)

    with pytest.raises(Failed, match="this one"):
        all_of([("a", failing), ("b", going_on)], 2, FastClock(100), together)
    before = len(acts)
    threading.Event().wait(0.1)
    assert len(acts) == before
    with pytest.raises(Abandoned):
        together.check()
