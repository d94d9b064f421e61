"""Retention: which points of a policy are kept and by which rule, and which expire.

Every rule is asked of all points by itself, so more rules never keep less; and it is asked twice: of the sound points
alone, then of all of them. So a point that lacks something, or that a drill found different, is kept beside the sound
ones and never instead of one. A rule that is not filled yet keeps the oldest point too, so that it can be filled.

Full points and points of FE metadata alone are judged apart: many of the one never push out the other.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby, islice
from zoneinfo import ZoneInfo

from srbackup.model.point import Finding, PointKind, PointListing, PointState
from srbackup.model.policy import Policy, Retention

AHEAD = timedelta(minutes=15)
"""By how much a host's clock may be ahead of the store's: S3 refuses requests that are further off."""


class Rule(StrEnum):
    """Why a point is kept or left alone."""

    WITHIN = "within"
    LAST = "last"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"
    MINIMUM = "minimum"

    HELD = "held"
    NEWEST = "newest"
    NEWEST_SOUND = "newest sound one"
    NEWEST_PROVEN = "newest proven one"
    NEWEST_METADATA = "newest with FE metadata"
    IN_USE = "in use"
    FUTURE = "from the future"

    NO_RETENTION = "no retention"
    NO_POLICY = "no policy"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    MARKED = "marked already"


class Fate(StrEnum):
    """What becomes of a point."""

    KEPT = "kept"
    EXPIRES = "expires"
    EXPIRED = "expired"
    LEFT_ALONE = "left alone"


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule and the point's number under it (0 where it does not count); `note` says more."""

    rule: Rule
    number: int = 0
    note: str = ""

    def __str__(self) -> str:
        text = f"{self.rule} {self.number}" if self.number else str(self.rule)
        return f"{text} ({self.note})" if self.note else text


@dataclass(frozen=True, slots=True)
class Decision:
    """A point, what becomes of it, and all the rules that say so; a point that expires has none."""

    point: PointListing
    fate: Fate
    reasons: tuple[Reason, ...] = ()


def decide(
    points: Iterable[PointListing], policies: Mapping[str, Policy], in_use: Mapping[str, str], now: datetime
) -> tuple[Decision, ...]:
    """What becomes of every point of a cluster, oldest first.

    `policies` are those that write to this cluster's part of the repository, `in_use` says of a point what reads it
    at this moment, `now` is the store's time. Nothing but what this function says `expires` may be marked.
    """
    ordered = sorted(points, key=lambda p: (p.created, p.id))
    kept: dict[str, list[Reason]] = {p.id: [] for p in ordered}
    judged: set[str] = set()
    for name, policy in policies.items():
        own = [p for p in ordered if p.policy == name and p.state.restorable]
        present = [p for p in own if p.created <= now + AHEAD]
        for point, reason in _never(own, present, in_use, now):
            kept[point.id].append(reason)
        if policy.retention is None:
            continue
        judged.update(p.id for p in own)
        zone = policy_zone(policy)
        for kind in PointKind:
            for point, reason in _by_rules([p for p in present if p.kind is kind], policy.retention, zone, now):
                kept[point.id].append(reason)
    return tuple(_decision(p, tuple(kept[p.id]), p.policy in policies, p.id in judged) for p in ordered)


def _decision(point: PointListing, reasons: tuple[Reason, ...], has_policy: bool, judged: bool) -> Decision:
    match point.state:
        case PointState.RUNNING:
            return Decision(point, Fate.LEFT_ALONE, (Reason(Rule.RUNNING),))
        case PointState.INTERRUPTED:
            return Decision(point, Fate.LEFT_ALONE, (Reason(Rule.INTERRUPTED),))
        case PointState.EXPIRED:
            return Decision(point, Fate.EXPIRED, (Reason(Rule.MARKED),))
        case PointState.COMPLETE | PointState.PARTIAL:
            if not has_policy:
                return Decision(point, Fate.LEFT_ALONE, (Reason(Rule.NO_POLICY),))
            if not judged:
                return Decision(point, Fate.LEFT_ALONE, (Reason(Rule.NO_RETENTION), *reasons))
            return Decision(point, Fate.KEPT if reasons else Fate.EXPIRES, reasons)


# -- what no rule can drop


def _never(
    own: Sequence[PointListing], present: Sequence[PointListing], in_use: Mapping[str, str], now: datetime
) -> Iterator[tuple[PointListing, Reason]]:
    """Points that stay whatever the rules say. Those from the future are no one's newest: a clock was off."""
    for point in own:
        if point.held:
            yield point, Reason(Rule.HELD)
        if point.id in in_use:
            yield point, Reason(Rule.IN_USE, note=in_use[point.id])
        if point.created > now + AHEAD:
            yield point, Reason(Rule.FUTURE, note="its clock or the store's was wrong")
    yield from ((point, Reason(rule)) for point, rule in newest(present))


def newest(points: Sequence[PointListing]) -> Iterator[tuple[PointListing, Rule]]:
    """The last resorts of a policy: its newest points of every sort that matters. `points` are ordered oldest first."""
    full = [p for p in points if p.kind is PointKind.FULL]
    for rule, group in (
        (Rule.NEWEST, full),
        (Rule.NEWEST_SOUND, [p for p in full if sound(p)]),
        (Rule.NEWEST_PROVEN, [p for p in points if p.proven is not None]),
        (Rule.NEWEST_METADATA, [p for p in points if p.commit is not None and p.commit.metadata]),
    ):
        if group:
            yield group[-1], rule


def sound(point: PointListing) -> bool:
    """Whether nothing is known to be missing from the point or wrong with it."""
    if point.commit is None or point.commit.state is not PointState.COMPLETE:
        return False
    looks = [v for v in point.verdicts if v.finding is not Finding.PART]
    last = max(looks, key=lambda v: v.at, default=None)
    return last is None or last.finding is not Finding.DIFFERENT


# -- the rules of a policy


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A point, its time on the policy's clock, and whether it is sound."""

    point: PointListing
    local: datetime
    sound: bool


_Period = Callable[[_Candidate], Hashable]


def _by_rules(
    points: Sequence[PointListing], retention: Retention, zone: ZoneInfo, now: datetime
) -> Iterator[tuple[PointListing, Reason]]:
    """Points that rules keep, each with the reason, once for each rule. `points` are ordered oldest first."""
    if retention.within is not None:
        for point in points:
            if point.created > now - retention.within:
                yield point, Reason(Rule.WITHIN)
    newest_first = [_Candidate(p, p.created.astimezone(zone), sound(p)) for p in reversed(points)]
    for rule, limit, period in _counted(retention):
        if limit and newest_first:
            yield from _newest_of_each(rule, limit, period, newest_first)


def _newest_of_each(
    rule: Rule, limit: int, period: _Period, newest_first: Sequence[_Candidate]
) -> Iterator[tuple[PointListing, Reason]]:
    """The newest of each of the newest `limit` periods that have a sound point, and of those that have any."""
    good = [c for c in newest_first if c.sound]
    chosen: dict[str, tuple[PointListing, Reason]] = {}
    for group in (good, newest_first):
        for number, (_, members) in enumerate(islice(groupby(group, period), limit), 1):
            first, *others = members
            best = next((c for c in (first, *others) if c.sound), first)
            chosen.setdefault(best.point.id, (best.point, Reason(rule, number)))
    filled = good or newest_first
    if len(list(islice(groupby(filled, period), limit))) < limit:
        oldest = filled[-1].point
        chosen.setdefault(oldest.id, (oldest, Reason(rule, note="oldest")))
    yield from chosen.values()


def _counted(retention: Retention) -> tuple[tuple[Rule, int, _Period], ...]:
    """The rules that count periods: their limits, and the period in which a point lies.

    Weeks and their years are those of ISO 8601; the hour that comes twice when clocks are put back is two hours.
    """
    return (
        (Rule.LAST, retention.last, lambda c: c.point.id),
        (Rule.HOURLY, retention.hourly, lambda c: (c.local.date(), c.local.hour, c.local.fold)),
        (Rule.DAILY, retention.daily, lambda c: c.local.date()),
        (Rule.WEEKLY, retention.weekly, lambda c: c.local.isocalendar()[:2]),
        (Rule.MONTHLY, retention.monthly, lambda c: (c.local.year, c.local.month)),
        (Rule.YEARLY, retention.yearly, lambda c: c.local.year),
        (Rule.MINIMUM, retention.minimum, lambda c: c.point.id),
    )


# -- a bound on what one prune may do


def overreach(decisions: Iterable[Decision], policy: Policy) -> str:
    """Why these decisions are too much to be carried out unasked; empty where they are not.

    A policy that thins its points out leaves most days with one of them; a typing error in its rules does not. So
    what is measured is days, not points: of the days that have a point, at most half may lose all they have.
    """
    zone = policy_zone(policy)
    for kind in PointKind:
        own = [d for d in decisions if d.point.policy == policy.name and d.point.kind is kind]
        days = {d.point.created.astimezone(zone).date() for d in own if d.fate in {Fate.KEPT, Fate.EXPIRES}}
        left = {d.point.created.astimezone(zone).date() for d in own if d.fate is Fate.KEPT}
        if (lost := len(days - left)) * 2 > len(days):
            return f"of the {len(days)} days with {kind} points, {lost} would keep none"
    return ""


def policy_zone(policy: Policy) -> ZoneInfo:
    """The time zone in which a policy counts days."""
    return ZoneInfo(policy.schedule.time_zone if policy.schedule is not None else "UTC")
