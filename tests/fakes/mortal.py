"""A process that can be killed: from one moment on, nothing that it does reaches the world any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from srbackup.model.cluster import Cluster
from srbackup.nodes.base import Node
from srbackup.starrocks.base import StarRocks
from tests.fakes.wiring import FakeWiring


class Killed(BaseException):
    """What a thread of a killed process gets instead of an answer."""


class Life:
    """Of one process."""

    def __init__(self) -> None:
        self.over = False

    def end(self) -> None:
        self.over = True


class Mortal:
    """Something of the world as a process sees it: every call is its last one after its life is over."""

    def __init__(self, real: Any, life: Life) -> None:
        self._real, self._life = real, life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            if self._life.over:
                raise Killed
            result = found(*arguments, **named)
            if self._life.over:
                raise Killed
            return Mortal(result, self._life) if name == "another" else result

        return call


@dataclass
class MortalWiring(FakeWiring):
    """The wiring of one process; the world behind it is that of all the others."""

    life: Life = field(default_factory=Life)

    def starrocks(self, cluster: Cluster) -> StarRocks:
        return Mortal(super().starrocks(cluster), self.life)  # type: ignore[return-value]

    def nodes(self, cluster: Cluster) -> Mapping[str, Node]:
        return {name: Mortal(node, self.life) for name, node in super().nodes(cluster).items()}  # type: ignore[misc]


def process(world: FakeWiring) -> MortalWiring:
    """A new process in that world."""
    life = Life()
    parts = {f.name: getattr(world, f.name) for f in fields(FakeWiring)}
    parts |= {"memory": Mortal(world.memory, life), "clock": Mortal(world.clock, life)}
    return MortalWiring(**parts, life=life)
