"""Retention: what rules keep, in examples, and what no rules can do, as laws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from srbackup.model.point import Commit, Finding, PointKind, PointListing, PointState, VerdictMark
from srbackup.model.policy import Policy, Retention, Schedule
from srbackup.planning.retention import Decision, Fate, Rule, decide, overreach

NOW = datetime(2016, 1, 1, 12, tzinfo=UTC)


def made(
    created: datetime,
    *,
    policy: str = "nightly",
    state: PointState = PointState.COMPLETE,
    committed: PointState | None = None,
    metadata: bool = False,
    kind: PointKind = PointKind.FULL,
    finding: Finding | None = None,
    held: bool = False,
    number: int = 0,
) -> PointListing:
    """A committed point; METADATA points hold metadata in any case."""
    name = f"{policy}-{created:%Y%m%dT%H%M%SZ}-{number:04x}"
    commit = Commit(
        point=name,
        policy=policy,
        cluster="c",
        state=committed or (state if state.restorable else PointState.COMPLETE),
        manifest_sha256="",
        epoch=1,
        nonce="",
        created=created,
        completed=created,
        databases=1 if kind is PointKind.FULL else 0,
        tables=1,
        bytes=1,
        excluded=0,
        metadata=metadata or kind is PointKind.METADATA,
    )
    verdicts = () if finding is None else (VerdictMark("u", finding, created),)
    unfinished = state in {PointState.RUNNING, PointState.INTERRUPTED}
    return PointListing(name, "c", policy, created, state, None if unfinished else commit, verdicts=verdicts, held=held)


def keeping(retention: Retention | None, zone: str = "UTC") -> dict[str, Policy]:
    return {"nightly": Policy("nightly", "c", "r", retention=retention, schedule=Schedule(time_zone=zone))}


def decided(
    points: Iterable[PointListing], retention: Retention | None, now: datetime = NOW, zone: str = "UTC"
) -> dict[datetime, Decision]:
    return {d.point.created: d for d in decide(points, keeping(retention, zone), {}, now)}


def kept(points: Iterable[PointListing], retention: Retention, now: datetime = NOW, zone: str = "UTC") -> set[datetime]:
    return {c for c, d in decided(points, retention, now, zone).items() if d.fate is Fate.KEPT}


def rules(decision: Decision) -> list[str]:
    return [str(r) for r in decision.reasons]


# -- borg's documented examples

YEAR = [
    made(datetime(2015, 1, 1, 23, tzinfo=UTC) + timedelta(days=n))
    for n in range(365)
    if date(2015, 1, 1) + timedelta(days=n) != date(2015, 12, 19)
]
"""borg, docs/misc/prune-example.txt: a backup on each day of 2015 but one; it is 2016-01-01."""

DECEMBER = {date(2015, 12, n) for n in range(17, 32) if n != 19}


def ends(*months: int) -> set[date]:
    return {date(2015 + m // 12, m % 12 + 1, 1) - timedelta(days=1) for m in months}


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        pytest.param(Retention(daily=14), DECEMBER, id="a day without a backup does not count"),
        pytest.param(
            # borg: 6 more months and the oldest, for it counts only what no rule before has kept
            Retention(daily=14, monthly=7, yearly=2),
            DECEMBER | ends(6, 7, 8, 9, 10, 11) | {date(2015, 1, 1)},
            id="borg's year, with our numbers: each rule counts for itself",
        ),
        pytest.param(
            Retention(daily=14, monthly=6, yearly=1),
            DECEMBER | ends(7, 8, 9, 10, 11),
            id="borg's own numbers keep one month less, and not the oldest: December fills a month and a year",
        ),
        pytest.param(
            Retention(daily=7, weekly=4),
            {date(2015, 12, n) for n in (25, 26, 27, 28, 29, 30, 31)} | {date(2015, 12, n) for n in (20, 13)},
            id="7 end of day, 4 end of week, the running week among them",
        ),
        pytest.param(
            Retention(within=timedelta(days=10), weekly=4),
            {date(2015, 12, n) for n in range(22, 32)} | {date(2015, 12, n) for n in (27, 20, 13)},
            id="10 days, and 4 ends of week",
        ),
        pytest.param(
            Retention(monthly=99), ends(*range(1, 13)) | {date(2015, 1, 1)}, id="an end of month for every month"
        ),
        pytest.param(Retention(yearly=1), {date(2015, 12, 31)}, id="one year"),
        pytest.param(Retention(last=3), {date(2015, 12, 29), date(2015, 12, 30), date(2015, 12, 31)}, id="last"),
        pytest.param(Retention(minimum=2), {date(2015, 12, 30), date(2015, 12, 31)}, id="the minimum alone"),
    ],
)
def test_a_year_of_days_as_borg_documents_it(retention: Retention, expected: set[date]) -> None:
    assert {c.date() for c in kept(YEAR, retention)} == expected


def test_borgs_half_year_thins_out_and_keeps_the_first_point_until_there_are_two_years() -> None:
    """borg, docs/misc/prune-example-interval.txt. Ours counts periods where borg measures intervals: 6 months of ends,
    since June is one of them, and 6 weeks, since two of them are in the week of days."""
    missed = {date(2026, 3, 31), date(2026, 5, 24), date(2026, 6, 3)}
    days = [date(2025, 11, 15) + timedelta(days=n) for n in range(202)]
    points = [made(datetime(d.year, d.month, d.day, 16, tzinfo=UTC)) for d in days if d not in missed]
    now = datetime(2026, 6, 4, 16, 12, tzinfo=UTC)
    retention = Retention(daily=7, weekly=6, monthly=7, yearly=3)
    week = {date(2026, 6, 4), date(2026, 6, 2), date(2026, 6, 1), *(date(2026, 5, n) for n in (28, 29, 30, 31))}
    weeks = {date(2026, 5, 23), date(2026, 5, 17), date(2026, 5, 10), date(2026, 5, 3)}
    months = {date(2026, 4, 30), date(2026, 3, 30), date(2026, 2, 28), date(2026, 1, 31), date(2025, 12, 31)}
    assert {c.date() for c in kept(points, retention, now)} == week | weeks | months | {date(2025, 11, 15)}


# -- every rule


def hours(*numbers: float) -> list[PointListing]:
    return [made(datetime(2015, 10, 25, tzinfo=UTC) + timedelta(hours=n)) for n in numbers]


def test_every_rule_that_keeps_a_point_is_named_with_its_number() -> None:
    found = decided(YEAR, Retention(last=1, daily=2, weekly=2, monthly=2, yearly=1, within=timedelta(days=1)))
    newest, second = found[YEAR[-1].created], found[YEAR[-2].created]
    assert rules(newest) == [
        "newest", "newest sound one", "within", "last 1", "daily 1", "weekly 1", "monthly 1", "yearly 1", "minimum 1",
    ]  # fmt: skip
    assert rules(second) == ["daily 2"]
    assert rules(found[datetime(2015, 11, 30, 23, tzinfo=UTC)]) == ["monthly 2"]
    assert found[YEAR[0].created] == Decision(YEAR[0], Fate.EXPIRES)


def test_days_are_those_of_the_policys_time_zone() -> None:
    """23:30 and 00:30 in Berlin are one day in UTC and two there."""
    points = [made(datetime(2015, 6, 1, 21, 30, tzinfo=UTC)), made(datetime(2015, 6, 1, 22, 30, tzinfo=UTC))]
    assert len(kept(points, Retention(daily=2), zone="Europe/Berlin")) == 2
    assert kept([*points, made(datetime(2015, 6, 1, 20, tzinfo=UTC))], Retention(daily=1)) == {points[1].created}


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    """Berlin, 2015-10-25: 02:30 summer time is 00:30 UTC, 02:30 winter time 01:30 UTC."""
    points = hours(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5)
    assert kept(points, Retention(hourly=3), zone="Europe/Berlin") == {p.created for p in points[3:]}


def test_weeks_are_those_of_iso_8601_also_at_new_year() -> None:
    """2016-01-01 and 2015-12-31 are in one week, 53 of 2015."""
    points = [made(datetime(2015, 12, 27, tzinfo=UTC)), *(made(datetime(2015, 12, n, tzinfo=UTC)) for n in (28, 31))]
    points.append(made(datetime(2016, 1, 1, tzinfo=UTC)))
    assert kept(points, Retention(weekly=2)) == {points[0].created, points[3].created}


def test_a_rule_that_is_not_filled_keeps_the_oldest_point_too() -> None:
    points = YEAR[:10]
    found = decided(points, Retention(monthly=3))
    assert rules(found[points[0].created]) == ["monthly (oldest)"]
    assert [d.fate for d in found.values()].count(Fate.KEPT) == 2


def test_a_point_that_is_marked_already_counts_for_no_rule() -> None:
    points = [*YEAR[:5], replace(YEAR[5], state=PointState.EXPIRED), replace(YEAR[6], state=PointState.EXPIRED)]
    assert kept(points, Retention(last=1, daily=1)) == {YEAR[4].created}


# -- points that lack something


def test_a_rule_that_only_points_with_gaps_could_fill_is_not_filled() -> None:
    points = [*YEAR[:3], *(made(YEAR[n].created, state=PointState.PARTIAL) for n in (40, 70, 100))]
    assert YEAR[0].created in kept(points, Retention(monthly=3))


@pytest.mark.parametrize("worse", [{"state": PointState.PARTIAL}, {"finding": Finding.DIFFERENT}])
@pytest.mark.parametrize(
    "retention", [Retention(daily=3), Retention(last=3), Retention(weekly=1), Retention(minimum=3)]
)
def test_points_that_lack_something_never_push_out_sound_ones(worse: dict[str, object], retention: Retention) -> None:
    good = YEAR[:20]
    bad = [made(p.created + timedelta(days=20), **worse) for p in YEAR[:20]]  # type: ignore[arg-type]
    assert kept(good, retention) <= kept([*good, *bad], retention)


def test_of_a_day_the_sound_point_is_kept_rather_than_a_later_partial_one() -> None:
    day = datetime(2015, 6, 1, tzinfo=UTC)
    points = [made(day), made(day + timedelta(hours=9), state=PointState.PARTIAL), made(day + timedelta(days=1))]
    assert kept(points, Retention(daily=2)) == {points[0].created, points[2].created}


def test_many_points_of_metadata_never_push_out_a_full_one() -> None:
    full = YEAR[:5]
    metadata = [made(NOW - timedelta(hours=n), kind=PointKind.METADATA) for n in range(100)]
    found = decided([*full, *metadata], Retention(last=5))
    assert {p.created for p in full} <= {c for c, d in found.items() if d.fate is Fate.KEPT}
    assert sum(found[p.created].fate is Fate.KEPT for p in metadata) == 5


# -- what no rule can drop


def test_the_newest_proven_point_outlives_all_rules() -> None:
    points = [replace(p, verdicts=(VerdictMark("u", Finding.PROVEN, p.created),)) for p in YEAR[:2]] + YEAR[2:]
    found = decided(points, Retention(last=1))
    assert rules(found[points[1].created]) == ["newest proven one"]
    assert found[points[0].created].fate is Fate.EXPIRES


def test_the_newest_point_with_metadata_outlives_newer_ones_without() -> None:
    points = [made(YEAR[0].created, metadata=True), *YEAR[1:]]
    assert rules(decided(points, Retention(last=1))[points[0].created]) == ["newest with FE metadata"]


def test_what_a_restore_reads_is_kept_and_the_restore_named() -> None:
    decisions = decide(YEAR, keeping(Retention(last=1)), {YEAR[3].id: "drill into scratch"}, NOW)
    assert [rules(d) for d in decisions if d.point is YEAR[3]] == [["in use (drill into scratch)"]]


def test_a_held_point_is_kept() -> None:
    points = [replace(YEAR[0], held=True), *YEAR[1:]]
    assert rules(decided(points, Retention(last=1))[points[0].created]) == ["held"]


def test_points_from_the_future_are_kept_and_count_for_no_rule() -> None:
    future = made(NOW + timedelta(days=400))
    found = decided([*YEAR, future], Retention(last=1, yearly=1))
    assert [r.rule for r in found[future.created].reasons] == [Rule.FUTURE]
    assert found[YEAR[-1].created].fate is Fate.KEPT
    ahead = made(NOW + timedelta(minutes=10))
    assert Rule.FUTURE not in {r.rule for r in decided([ahead], Retention(last=1))[ahead.created].reasons}


@pytest.mark.parametrize(
    ("point", "fate", "rule"),
    [
        (made(NOW, policy="weekly"), Fate.LEFT_ALONE, Rule.NO_POLICY),
        (made(NOW, state=PointState.RUNNING), Fate.LEFT_ALONE, Rule.RUNNING),
        (made(NOW - timedelta(days=99), state=PointState.INTERRUPTED), Fate.LEFT_ALONE, Rule.INTERRUPTED),
        (made(NOW - timedelta(days=99), state=PointState.EXPIRED), Fate.EXPIRED, Rule.MARKED),
    ],
)
def test_what_is_no_point_of_a_policy_of_ours_is_left_alone(point: PointListing, fate: Fate, rule: Rule) -> None:
    (decision,) = decide([point], keeping(Retention(last=1)), {}, NOW)
    assert (decision.fate, [r.rule for r in decision.reasons]) == (fate, [rule])


def test_a_policy_without_retention_expires_nothing() -> None:
    found = decided(YEAR, None)
    assert {d.fate for d in found.values()} == {Fate.LEFT_ALONE}


# -- a bound on one prune


def days_of(*numbers: int) -> list[PointListing]:
    return [YEAR[n] for n in numbers]


@pytest.mark.parametrize(
    ("points", "retention", "refused"),
    [
        (YEAR[:15], Retention(daily=14), ""),
        (YEAR[:15], Retention(last=1), "of the 15 days with full points, 14 would keep none"),
        (YEAR[:2], Retention(last=1), ""),
        (YEAR[:3], Retention(last=1), "of the 3 days with full points, 2 would keep none"),
        ([made(NOW - timedelta(minutes=5 * n)) for n in range(400)], Retention(hourly=24), ""),
    ],
)
def test_losing_most_days_at_once_is_too_much(points: list[PointListing], retention: Retention, refused: str) -> None:
    policies = keeping(retention)
    assert overreach(decide(points, policies, {}, NOW), policies["nightly"]) == refused


# -- laws

counts = st.integers(0, 5)
retentions = st.builds(
    Retention,
    last=counts,
    hourly=counts,
    daily=counts,
    weekly=counts,
    monthly=counts,
    yearly=counts,
    within=st.none() | st.timedeltas(timedelta(0), timedelta(days=400)),
    minimum=st.integers(1, 5),
)
points_of_policies = st.lists(
    st.builds(
        made,
        st.integers(0, 24 * 4 * 790).map(lambda n: datetime(2014, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * n)),
        policy=st.sampled_from(["nightly", "nightly", "nightly", "gone"]),
        state=st.sampled_from([*PointState, PointState.COMPLETE, PointState.COMPLETE]),
        metadata=st.booleans(),
        kind=st.sampled_from(PointKind),
        finding=st.none() | st.sampled_from(Finding),
        held=st.booleans(),
        number=st.integers(0, 0xFFFF),
    ),
    unique_by=lambda p: p.id,
    max_size=30,
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


def expiring(points: Sequence[PointListing], retention: Retention, zone: str) -> set[str]:
    return {d.point.id for d in decide(points, keeping(retention, zone), {}, NOW) if d.fate is Fate.EXPIRES}


@given(points_of_policies, retentions, zones)
def test_no_rules_drop_the_newest_the_newest_proven_or_a_held_point(
    points: list[PointListing], retention: Retention, zone: str
) -> None:
    gone = expiring(points, retention, zone)
    own = sorted(
        (p for p in points if p.policy == "nightly" and p.state.restorable and p.created <= NOW),
        key=lambda p: (p.created, p.id),
    )
    for mattering in (
        [p for p in own if p.kind is PointKind.FULL],
        [p for p in own if p.kind is PointKind.FULL and p.state is PointState.COMPLETE and not p.verdicts],
        [p for p in own if p.proven is not None],
        [p for p in own if p.commit is not None and p.commit.metadata],
    ):
        assert not mattering or mattering[-1].id not in gone
    assert not gone & {p.id for p in points if p.held}
    assert gone <= {p.id for p in own}, "nothing else is ever touched"
    for kind in PointKind:
        left = [p for p in own if p.kind is kind and p.id not in gone]
        assert len(left) >= min(retention.minimum, sum(p.kind is kind for p in own))


@given(points_of_policies, retentions, zones)
def test_to_prune_twice_is_to_prune_once(points: list[PointListing], retention: Retention, zone: str) -> None:
    gone = expiring(points, retention, zone)
    assert expiring([p for p in points if p.id not in gone], retention, zone) == set()
    marked = [replace(p, state=PointState.EXPIRED) if p.id in gone else p for p in points]
    assert expiring(marked, retention, zone) == set()


@given(points_of_policies, retentions, retentions, zones)
def test_more_rules_never_keep_less(
    points: list[PointListing], retention: Retention, other: Retention, zone: str
) -> None:
    more = Retention(
        **{
            rule: max(getattr(retention, rule), getattr(other, rule))
            for rule in ("last", "hourly", "daily", "weekly", "monthly", "yearly", "minimum")
        },
        within=max((w for w in (retention.within, other.within) if w is not None), default=None),
    )
    assert expiring(points, more, zone) <= expiring(points, retention, zone)


@given(points_of_policies, retentions, st.randoms(use_true_random=False))
def test_the_order_in_which_points_are_listed_does_not_matter(
    points: list[PointListing], retention: Retention, random: object
) -> None:
    shuffled = points.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    policies = keeping(retention)
    assert decide(shuffled, policies, {}, NOW) == decide(points, policies, {}, NOW)


@given(points_of_policies, points_of_policies, retentions, zones)
def test_no_number_of_unsound_points_drops_a_sound_one(
    points: list[PointListing], more: list[PointListing], retention: Retention, zone: str
) -> None:
    known = {p.id for p in points}
    assume(not known & {p.id for p in more})
    worse = [replace(p, verdicts=(VerdictMark("u", Finding.DIFFERENT, NOW),), held=False) for p in more]
    sound = {p.id for p in points if p.state is PointState.COMPLETE and p.proven is not None}
    before = expiring(points, retention, zone) & sound
    metadata = {p.id for p in points if p.commit is not None and p.commit.metadata}
    assert expiring([*points, *worse], retention, zone) & sound - metadata <= before
