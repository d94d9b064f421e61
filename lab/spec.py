"""What a new lab is to be."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.drivers.base import NodeKind
from lab.drivers.document import DriverKind
from lab.problems import LabProblem
from lab.stores.shelf import StoreKind


@dataclass(frozen=True, slots=True)
class LabSpec:
    """The wishes of one who asks for a lab.

    The tick is StarRocks' backup handler's, 3 s in reality; other waits scale with it.
    """

    name: str = "demo"
    driver: DriverKind = DriverKind.PROCESS
    frontends: int = 3
    backends: int = 3
    starrocks: str = "4.1"
    tick_seconds: float = 3.0
    publish: bool = False
    store: StoreKind | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", self.name) or self.name == "stores":
            raise LabProblem(f"{self.name!r} cannot be the name of a lab", hint="letters, digits, single dashes")
        if not (1 <= self.frontends <= 9 and 0 <= self.backends <= 9):
            raise LabProblem("a lab has 1 to 9 FEs and up to 9 BEs")

    @property
    def names(self) -> dict[NodeKind, list[str]]:
        counts = {NodeKind.FE: self.frontends, NodeKind.BE: self.backends}
        return {k: [f"{self.name}-{k.value}-{n}" for n in range(1, count + 1)] for k, count in counts.items()}
