"""What the journal of a restore says: what was begun, which steps are done, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from srbackup.model.plan import RestorePlan
from srbackup.model.verdict import Purpose


@dataclass(frozen=True, slots=True)
class RestoreBegun:
    """A restore and the plan it carries out; `request` is its selection and mapping in words, to tell it again."""

    plan: RestorePlan
    request: str
    cluster_id: str
    started: datetime
    purpose: Purpose = Purpose.RESTORE


@dataclass(frozen=True, slots=True)
class StepDone:
    """A RESTORE whose tables were seen in the target, with the ids they got."""

    label: str
    database: str
    tables: tuple[tuple[str, int], ...]
    finished: datetime


class Ending(StrEnum):
    FINISHED = "finished"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class RestoreOver:
    """How a restore ended: everything is in place, or all that it created was dropped again."""

    ending: Ending
    finished: datetime
    note: str = ""
