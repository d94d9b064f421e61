"""What an execution tells its listeners: a closed set of facts, never texts to be printed as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from srbackup.model.activity import Attempt
from srbackup.model.job import Tasks
from srbackup.model.verdict import CheckResult, TableComparison


class Verb(StrEnum):
    BACKUP = "backup"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Began:
    """A run or restore began, or is gone on with after an interruption."""

    verb: Verb
    point: str
    cluster: str
    jobs: int
    tables: int
    bytes: int
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step outside the jobs: preflight, inventory, audit, commit, ..."""

    step: str


@dataclass(frozen=True, slots=True)
class JobSubmitted:
    verb: Verb
    job: str
    database: str
    label: str
    tables: int
    bytes: int


@dataclass(frozen=True, slots=True)
class JobMoved:
    """A job was looked at. `error` is StarRocks' own TaskErrMsg, which may be old news; `bytes` is what has arrived."""

    job: str
    database: str
    state: str
    tasks: Tasks
    error: str
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class JobDone:
    """The job's outcome was read from the bucket or the tables, not from its state."""

    job: str
    database: str
    tables: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class JobFailed:
    job: str
    database: str
    reason: str
    again: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """A table's partitions were fingerprinted."""

    database: str
    table: str
    partitions: int
    rows: int


@dataclass(frozen=True, slots=True)
class MetadataMoved:
    """The metadata component: `detail` is the journal id waited for, the file copied, ..."""

    frontend: str
    step: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Created:
    """A database, view or materialized view was created in the target."""

    what: str
    name: str


@dataclass(frozen=True, slots=True)
class Compared:
    table: TableComparison


@dataclass(frozen=True, slots=True)
class Checked:
    """A check of the user's own was asked of a drill's copy."""

    result: CheckResult


@dataclass(frozen=True, slots=True)
class Warned:
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Committed:
    """The point exists from now on."""

    point: str
    state: str
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Missed:
    """Occurrences of a schedule that will not be done: `reason` says why not."""

    due: tuple[datetime, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """Occurrences that are left out since something else is under way, as the policy wants it."""

    due: tuple[datetime, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """An activity of a schedule came to its end, good or bad."""

    attempt: Attempt


Event = (
    Began
    | StepStarted
    | JobSubmitted
    | JobMoved
    | JobDone
    | JobFailed
    | Counted
    | MetadataMoved
    | Created
    | Compared
    | Checked
    | Warned
    | Committed
    | Missed
    | Skipped
    | Ended
)
Notify = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """A listener for whoever does not want to know."""
