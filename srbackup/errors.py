"""What can go wrong, named for what happened; each error knows its exit status and a way out."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses of the command: a contract with scripts, see docs/reference/exit-statuses.md."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    DIFFERENCE = 4
    OBJECTIVE_MISSED = 5
    NOT_FOUND = 10
    LOCK_BUSY = 11
    CREDENTIALS = 12
    CLUSTER = 13
    STORAGE = 14
    INCOMPATIBLE = 15
    REFUSED = 16
    INTERRUPTED = 130
    TERMINATED = 143


class SrbackupError(Exception):
    """An error that an operator can read: what happened to what and why, and in `hint` what to do next."""

    status: ExitStatus = ExitStatus.FAILED
    transient: bool = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def brief(self) -> str:
        """What happened, without the statement and the details below it."""
        return self.message.partition("\n")[0]


class Failed(SrbackupError):
    """The work was tried and did not succeed."""


class UsageProblem(SrbackupError):
    """The command's own words are off."""

    status = ExitStatus.USAGE


class ConfigurationError(SrbackupError):
    """The configuration cannot be used; `problems` are all of them, one line each."""

    status = ExitStatus.USAGE

    def __init__(self, problems: Sequence[str], *, hint: str = "") -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = tuple(problems)


class NotFound(SrbackupError):
    """A repository, a recovery point or an object that was asked for does not exist."""

    status = ExitStatus.NOT_FOUND


class LockBusy(SrbackupError):
    """Somebody else holds the lease."""

    status = ExitStatus.LOCK_BUSY
    transient = True


class CredentialsRejected(SrbackupError):
    """The cluster or the store does not accept the user, the key or what they may do."""

    status = ExitStatus.CREDENTIALS


class ClusterUnreachable(SrbackupError):
    """No connection to the cluster, or it was lost."""

    status = ExitStatus.CLUSTER
    transient = True


class ClusterUnhealthy(SrbackupError):
    """The cluster answers but cannot do what is needed."""

    status = ExitStatus.CLUSTER


class StorageUnreachable(SrbackupError):
    """The object store does not answer, or not with sense."""

    status = ExitStatus.STORAGE
    transient = True


class IncompatibleVersion(SrbackupError):
    """A format or a StarRocks release that this srbackup cannot handle."""

    status = ExitStatus.INCOMPATIBLE


class RefusedForSafety(SrbackupError):
    """It could be done, and would destroy or endanger something."""

    status = ExitStatus.REFUSED


class Interrupted(SrbackupError):
    """Ctrl-C: what was begun is left in a state that can be gone on with."""

    status = ExitStatus.INTERRUPTED


class Terminated(Interrupted):
    """SIGTERM: as Interrupted."""

    status = ExitStatus.TERMINATED
