"""Faults, first class and named: one table of (point, match, skip, times, action).

A node asks the table at the points below; `POST /fault` on its admin port adds a row, `DELETE /fault` empties it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count


class Point(StrEnum):
    """Where a fault can strike; what `match` is compared with stands behind it."""

    STATEMENT = "fe.statement"  # the text of a statement, before it runs
    REPLY = "fe.reply"  # the text of a statement, after it took effect
    JOB = "fe.job"  # "<db>.<label> <state>": a tick of a backup or restore job
    HEARTBEAT = "fe.heartbeat"  # the host of a backend
    CREATE = "be.create"  # the tablet id
    SNAPSHOT = "be.snapshot"
    UPLOAD = "be.upload"
    DOWNLOAD = "be.download"
    MOVE = "be.move"
    WRITE = "be.write"
    DISK = "be.disk"  # the path written to


class Action(StrEnum):
    """What happens then."""

    FAIL = "fail"  # an error with `message` (and `code` for a statement)
    SLOW = "slow"  # `seconds` later
    HANG = "hang"  # not before the fault is lifted
    LOSE_REPLY = "lose_reply"  # the connection is closed instead of an answer


@dataclass(frozen=True, slots=True)
class Fault:
    """One row: the first `skip` hits of `match` pass, the next `times` strike (for ever without a number)."""

    point: Point
    action: Action
    match: str = ""
    skip: int = 0
    times: int | None = None
    seconds: float = 0.0
    message: str = "a fault of the lab"
    code: int = 1064


class FaultStruck(Exception):
    """A fault with the action `fail` or `lose_reply`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Faults:
    """The table of one node."""

    def __init__(self) -> None:
        self._rows: dict[int, Fault] = {}
        self._numbers = count(1)
        self._changed = threading.Condition()

    def add(self, fault: Fault) -> int:
        with self._changed:
            number = next(self._numbers)
            self._rows[number] = fault
            return number

    def lift(self, number: int | None = None) -> None:
        """Take one row away, or all; what hangs goes on."""
        with self._changed:
            for key in [number] if number is not None else list(self._rows):
                self._rows.pop(key, None)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[tuple[int, Fault]]:
        with self._changed:
            return iter(list(self._rows.items()))

    def strike(self, point: Point, subject: str) -> None:
        """Let the first matching row strike: raise FaultStruck, or wait."""
        with self._changed:
            hit = self._take(point, subject)
            if hit is None:
                return
            number, fault = hit
            match fault.action:
                case Action.SLOW:
                    self._changed.wait_for(lambda: False, timeout=fault.seconds)
                case Action.HANG:
                    self._changed.wait_for(lambda: number not in self._rows)
                case Action.FAIL | Action.LOSE_REPLY:
                    raise FaultStruck(fault)

    def _take(self, point: Point, subject: str) -> tuple[int, Fault] | None:
        for number, fault in self._rows.items():
            if fault.point is not point or not re.search(fault.match, subject):
                continue
            if fault.skip:
                self._rows[number] = replace(fault, skip=fault.skip - 1)
                continue
            if fault.times == 0:
                continue
            if fault.times is not None:
                self._rows[number] = replace(fault, times=fault.times - 1)
            return number, fault
        return None
