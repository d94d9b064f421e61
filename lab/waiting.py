"""Waiting for something to become true, with a deadline on the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from lab.problems import LabProblem

T = TypeVar("T")


def wait_for(
    look: Callable[[], T | None], what: str, *, seconds: float, every: float = 0.02, explain: Callable[[], str] = str
) -> T:
    """Ask `look` until it answers something, or raise a LabProblem that names `what` and adds what `explain` says."""
    deadline = time.monotonic() + seconds
    while (answer := look()) is None:
        if time.monotonic() > deadline:
            raise LabProblem(f"{what} did not happen within {seconds:g} s", hint=explain())
        time.sleep(every)
    return answer
