"""Who is in the group of FEs, and what one of them is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Address: TypeAlias = tuple[str, int]


class Role(StrEnum):
    """What an FE is in its group; INIT knows no leader yet."""

    INIT = "INIT"
    FOLLOWER = "FOLLOWER"
    LEADER = "LEADER"


class NotDecided(Exception):
    """No majority took the entry in time."""


class NotLeader(Exception):
    """Only the leader writes."""


@dataclass(slots=True)
class Peer:
    """What the leader knows of another member."""

    matched: int = 0
    answered: float = 0.0
