"""What became of the activities of a policy: one record for each, kept in the bucket between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from srbackup.errors import ExitStatus
from srbackup.model.policy import Activity, Occasion


@dataclass(frozen=True, slots=True)
class Attempt:
    """An activity that came to an end, good or bad.

    `due` is the occurrence of the schedule that it was begun for, None where a person began it; `tries` counts the
    attempts at that occurrence. `transient`: another try may well succeed without anybody's doing.
    """

    started: datetime
    finished: datetime
    status: ExitStatus
    due: datetime | None = None
    tries: int = 1
    transient: bool = False
    message: str = ""
    hint: str = ""
    point: str = ""
    bytes: int = 0

    @property
    def done(self) -> bool:
        return self.status is ExitStatus.DONE

    @property
    def failed(self) -> bool:
        """It came to nothing; a partial point or a drill that finds a difference is something."""
        return self.status not in {ExitStatus.DONE, ExitStatus.PARTIAL, ExitStatus.DIFFERENCE}

    @property
    def cause(self) -> str:
        """The exit status by its name, such as `storage`."""
        return self.status.name.lower()


@dataclass(frozen=True, slots=True)
class ActivityRecord:
    """What is known of one activity of one policy.

    Occurrences up to `since` are accounted for: done, failed, missed or skipped. Counts are of all time; `failures`
    by cause has every attempt that was not done.
    """

    policy: str
    cluster: str
    activity: Activity
    since: datetime
    last: Attempt | None = None
    success: Attempt | None = None
    done: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    missed: int = 0
    skipped: int = 0
    undelivered: int = 0


def occasion(record: ActivityRecord | None, attempt: Attempt) -> Occasion | None:
    """What the attempt is worth telling somebody as, after what is recorded; a further try that fails alike is not."""
    last = record.last if record is not None else None
    if last is not None and attempt.tries > 1 and last.status is attempt.status:
        return None
    match attempt.status:
        case ExitStatus.DONE:
            return Occasion.RECOVERED if last is not None and not last.done else None
        case ExitStatus.PARTIAL:
            return Occasion.PARTIAL
        case ExitStatus.DIFFERENCE:
            return Occasion.DIFFERENCE
        case _:
            return Occasion.FAILURE
