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


@dataclass(frozen=True, slots=True)
class Schedule:
    """When full runs are due: a cron expression in a time zone (an IANA name)."""

    full: str
    time_zone: str = "UTC"


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
    """How old the newest point may be (`rpo`), and how long a restore may take (`rto`)."""

    rpo: timedelta | None = None
    rto: timedelta | None = None


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
    objectives: Objectives = field(default_factory=Objectives)
    limits: Limits = field(default_factory=Limits)
