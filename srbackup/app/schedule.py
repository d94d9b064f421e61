"""`srbackup schedule`: what will be due, and what a crontab or systemd is to do about it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from srbackup.model.policy import Activity, Overlap, Policy, Schedule
from srbackup.planning.duties import timetable
from srbackup.planning.schedule import Timetable
from srbackup.report.units import Job

_LONGEST_WAIT = timedelta(hours=6)
_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Upcoming:
    """An occurrence to come; `local` is what a clock in the policy's time zone will show."""

    at: datetime
    local: str
    time_zone: str
    policy: str
    cluster: str
    activity: Activity


def upcoming(policies: Iterable[Policy], now: datetime, number: int) -> tuple[Upcoming, ...]:
    """The next occurrences of all schedules of the policies, in the order of their times."""
    each = (_of(*found, now) for policy in policies for found in _scheduled(policy))
    return tuple(itertools.islice(heapq.merge(*each, key=lambda u: (u.at, u.policy, u.activity)), number))


def _of(policy: Policy, activity: Activity, _schedule: Schedule, times: Timetable, now: datetime) -> Iterator[Upcoming]:
    for moment in times.after(now):
        local = times.local(moment).isoformat(timespec="minutes")
        yield Upcoming(moment, local, times.time_zone, policy.name, policy.cluster, activity)


def jobs(policies: Iterable[Policy], now: datetime) -> tuple[Job, ...]:
    """What somebody else than the daemon is to run, and when."""
    return tuple(
        Job(
            policy=policy.name,
            activity=activity,
            times=times,
            commands=tuple(_commands(policy, activity, _wait(schedule, times, now))),
            catch_up=schedule.catch_up,
        )
        for policy in policies
        for policy, activity, schedule, times in _scheduled(policy)
    )


def _commands(policy: Policy, activity: Activity, wait: int) -> Iterator[tuple[str, ...]]:
    """The arguments of srbackup, one command after the other."""
    lock_wait = ("--lock-wait", str(wait))
    match activity:
        case Activity.FULL:
            yield ("run", policy.name, *lock_wait)
        case Activity.METADATA:
            yield ("run", policy.name, "--metadata", *lock_wait)
        case Activity.DRILL:
            yield ("drill", policy.name, *lock_wait)
        case Activity.PRUNE:
            yield ("prune", policy.name, *lock_wait)
            yield ("gc", "--repository", policy.repository, "--cluster", policy.cluster, *lock_wait)


def _wait(schedule: Schedule, times: Timetable, now: datetime) -> int:
    """How many seconds to wait for another one: never until the next of its own kind is due, lest they pile up."""
    if schedule.overlap is Overlap.SKIP:
        return 0
    following = list(itertools.islice(times.after(now), _LOOKED_AT))
    gaps = [b - a for a, b in itertools.pairwise(following)]
    return int((min([_LONGEST_WAIT, *gaps]) - timedelta(seconds=30)).total_seconds())


def _scheduled(policy: Policy) -> Iterator[tuple[Policy, Activity, Schedule, Timetable]]:
    for activity in Activity:
        times = timetable(policy.schedule, activity)
        if policy.schedule is not None and times is not None:
            yield policy, activity, policy.schedule, times
