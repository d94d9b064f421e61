"""A contract: one thing that srbackup relies on, said in a sentence, with where it is known from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., Any])


class On(Enum):
    """The clusters that a contract can be held against, beside real ones."""

    EVERYTHING = "the fake of the unit tests and the lab"
    LAB = "the lab"
    LAB_AND_CONTAINERS = "the lab, in containers as well"


@dataclass(frozen=True, slots=True)
class Contract:
    """`statement` is what is said to StarRocks, as its grammar has it; `source` is a place in StarRocks' source or
    documentation; `since` is the oldest of the lab's releases for which it is said."""

    statement: str
    source: str
    since: str = "3.2"
    on: On = On.LAB

    def covers(self, release: str) -> bool:
        return _numbers(release) >= _numbers(self.since)


def contract(statement: str, source: str, *, since: str = "3.2", on: On = On.LAB) -> Callable[[Test], Test]:
    """Mark a test as a contract; the first sentence of its docstring is what it says."""

    def marked(test: Test) -> Test:
        return pytest.mark.contract(Contract(statement, source, since, on))(test)

    return marked


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))
