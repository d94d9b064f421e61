"""A policy: what to back up, when, where to, and how sure to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Component(StrEnum):
    """What a run captures: table data through BACKUP, FE metadata from inside the leader."""

    DATA = "data"
    METADATA = "metadata"


class FingerprintMode(StrEnum):
    """What is recorded of each partition to compare a restore with.

    `content`: row count and an order-independent hash over all columns (reads every column once);
    `rows`: row count only; `off`: nothing, a restore is then compared by visible versions alone.
    """

    CONTENT = "content"
    ROWS = "rows"
    OFF = "off"


class Activity(StrEnum):
    """What a schedule can make due."""

    FULL = "full"
    METADATA = "metadata"
    DRILL = "drill"
    PRUNE = "prune"


class Overlap(StrEnum):
    """What becomes of an activity that is due while another one of the cluster is under way."""

    WAIT = "wait"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When what is due: cron expressions in one time zone (an IANA name); None is never.

    `catch_up`: what was due while nobody was there to do it is done once, as soon as somebody is.
    """

    full: str | None = None
    metadata: str | None = None
    drill: str | None = None
    prune: str | None = None
    time_zone: str = "UTC"
    overlap: Overlap = Overlap.WAIT
    catch_up: bool = True

    def cron(self, activity: Activity) -> str | None:
        match activity:
            case Activity.FULL:
                return self.full
            case Activity.METADATA:
                return self.metadata
            case Activity.DRILL:
                return self.drill
            case Activity.PRUNE:
                return self.prune


@dataclass(frozen=True, slots=True)
class Retention:
    """Which points are kept: the newest `last`, the newest of each of so many hours, days, weeks, months and years,
    and all younger than `within`; whatever the rules say, at least `minimum` stay.

    A point that no rule keeps is marked; `grace` later its objects may be deleted.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: timedelta | None = None
    minimum: int = 1
    grace: timedelta = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Check:
    """A question of the user's own to restored data: SQL in a database, and the value its one cell must have.

    `{name}` in the SQL stands for the drill's copy of database `name`.
    """

    name: str
    database: str
    sql: str
    expect: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class DrillPlan:
    """Where drills of a policy take place, on what part of a point, and what is asked of the copy."""

    on: str
    include: tuple[str, ...] = ("*.*",)
    exclude: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


class Occasion(StrEnum):
    """What is worth telling somebody of."""

    FAILURE = "failure"
    PARTIAL = "partial"
    DIFFERENCE = "difference"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Notification:
    """Somebody to tell: a webhook (its URL is a secret reference) or a command that reads the JSON from stdin."""

    on: frozenset[Occasion]
    webhook: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a run. `timeout` bounds each BACKUP or RESTORE job, StarRocks accepts no less than 10 minutes."""

    parallel: int = 4
    timeout: timedelta = timedelta(hours=24)
    stall: timedelta = timedelta(minutes=10)
    pending: timedelta = timedelta(seconds=90)
    checkpoint: timedelta = timedelta(minutes=10)
    resume: timedelta = timedelta(hours=6)
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Objectives:
    """How old the newest point may be (`rpo`), how long a restore may take (`rto`), how old the newest point may be
    that a drill or restore has proven (`proof`)."""

    rpo: timedelta | None = None
    rto: timedelta | None = None
    proof: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of the configuration; its name is its file's."""

    name: str
    cluster: str
    repository: str
    include: tuple[str, ...] = ("*.*",)
    exclude: tuple[str, ...] = ()
    components: frozenset[Component] = frozenset({Component.DATA, Component.METADATA})
    fingerprint: FingerprintMode = FingerprintMode.CONTENT
    schedule: Schedule | None = None
    retention: Retention | None = None
    drill: DrillPlan | None = None
    notifications: tuple[Notification, ...] = ()
    objectives: Objectives = field(default_factory=Objectives)
    limits: Limits = field(default_factory=Limits)
