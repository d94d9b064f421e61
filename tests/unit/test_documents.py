"""What users are told: documents for programs, and numbers for people."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.errors import ExitStatus
from srbackup.model.inventory import Table, TableKind
from srbackup.model.policy import Component, Policy, Schedule
from srbackup.model.secret import Secret
from srbackup.report import words
from srbackup.report.documents import document, dumps, plain
from tests.data.format_1 import EXPECTED

BERLIN = timezone(timedelta(hours=1))


class Size(Enum):
    SMALL = 1


class Word(StrEnum):
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Inner:
    when: datetime
    bytes: int = 5


@dataclass(frozen=True, slots=True)
class Outer:
    inner: Inner
    password: Secret
    took: timedelta = timedelta(minutes=1, milliseconds=500)
    tags: frozenset[str] = frozenset({"b", "a"})
    by_name: dict[str, Inner | None] = field(default_factory=dict)


# -- documents


def test_a_value_becomes_a_document_with_its_api_and_kind_first() -> None:
    inner = Inner(datetime(2026, 1, 5, 4, 0, 0, 999999, tzinfo=BERLIN))
    value = Outer(inner, Secret("hunter2"), by_name={"x": inner, "y": None})
    shown = {"when": "2026-01-05T03:00:00Z", "bytes": 5}
    found = document("Outer", value)
    assert found == {
        "api": "srbackup/v1",
        "kind": "Outer",
        "inner": shown,
        "password": "***",
        "took": 60.5,
        "tags": ["a", "b"],
        "by_name": {"x": shown, "y": None},
    }
    assert list(found)[:2] == ["api", "kind"]


def test_a_list_becomes_a_document_with_items() -> None:
    assert document("List", [Word.GOOD, 1]) == {"api": "srbackup/v1", "kind": "List", "items": ["good", 1]}
    assert document("List", ()) == {"api": "srbackup/v1", "kind": "List", "items": []}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1, 1),
        (2**70, 2**70),
        (0.5, 0.5),
        ("text", "text"),
        (Size.SMALL, 1),
        (Word.GOOD, "good"),
        (ExitStatus.PARTIAL, 3),
        (TableKind.MATERIALIZED_VIEW, "materialized view"),
        (timedelta(hours=26), 93600.0),
        (datetime(2026, 1, 5, 3, 0, 0, tzinfo=UTC), "2026-01-05T03:00:00Z"),
        (datetime(2026, 7, 5, 0, 30, tzinfo=BERLIN), "2026-07-04T23:30:00Z"),
        (Path("/etc/ca.pem"), "/etc/ca.pem"),
        (Secret("hunter2"), "***"),
        ((1, (2,)), [1, [2]]),
        ({"a": (1,), 2: None}, {"a": [1], "2": None}),
        (frozenset({Component.METADATA, Component.DATA}), ["data", "metadata"]),
        ((x for x in (1, 2)), [1, 2]),
    ],
)
def test_each_kind_of_value_has_one_form(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected) or isinstance(value, ExitStatus)


def test_what_has_no_form_is_an_error() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        plain({"x": [object()]})


def test_a_policy_is_shown_whole() -> None:
    shown = document("Policy", Policy("nightly", "prod", "minio", schedule=Schedule("0 3 * * *")))
    assert shown["components"] == ["data", "metadata"]
    assert (shown["schedule"]["full"], shown["schedule"]["time_zone"]) == ("0 3 * * *", "UTC")
    assert shown["objectives"] == {"rpo": None, "rto": None, "proof": None}
    assert shown["limits"]["timeout"] == 86400


@pytest.mark.parametrize("name", EXPECTED)
def test_everything_that_the_catalog_holds_can_be_shown(name: str) -> None:
    shown = document(name, EXPECTED[name][1])
    assert shown["kind"] == name
    assert json.loads(dumps(shown)) == shown


scalars = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(values)
def test_what_is_plain_already_stays_and_is_json(value: Any) -> None:
    assert plain(value) == value
    assert json.loads(dumps(plain(value))) == value
    assert "\n" not in dumps(value)


@given(st.datetimes(timezones=st.timezones()))
def test_a_time_is_told_in_utc_to_the_second(moment: datetime) -> None:
    try:
        expected = moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        return
    shown = plain(moment)
    assert shown.endswith("Z")
    assert datetime.fromisoformat(shown) == expected


def test_letters_of_all_languages_are_written_as_they_are() -> None:
    assert dumps({"a": "größer 中"}) == '{"a": "größer 中"}'
    assert dumps({"a": 1}, indent=1) == '{\n "a": 1\n}'


# -- words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (17, "17 s"),
        (59.6, "1 min"),
        (250, "4 min 10 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
        (timedelta(seconds=90), "1 min 30 s"),
    ],
)
def test_a_duration_is_told_in_its_two_greatest_units(seconds: float | timedelta | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "?"), (0, "0 Bytes"), (1, "1 Byte"), (1023, "1023 Bytes"), (1024, "1.0 KiB"), (5 << 30, "5.0 GiB")],
)
def test_a_size_is_told_in_powers_of_1024(count: int | None, text: str) -> None:
    assert words.size(count) == text


def test_numbers_and_nouns_go_together() -> None:
    assert [words.count(n, "table") for n in (0, 1, 2, 1234567)] == [
        "0 tables",
        "1 table",
        "2 tables",
        "1,234,567 tables",
    ]
    assert [words.number(n) for n in (None, 1234)] == ["?", "1,234"]


def test_a_time_is_told_in_utc() -> None:
    assert words.time(datetime(2026, 1, 5, 4, 0, 7, tzinfo=BERLIN)) == "2026-01-05 03:00:07Z"


# -- what was once a bug


def test_bytes_have_no_form() -> None:
    with pytest.raises(TypeError):
        plain(b"ab")


def test_a_field_of_the_value_cannot_hide_the_documents_kind() -> None:
    assert document("Table", Table("sales", "orders", TableKind.OLAP))["kind"] == "Table"


def test_a_duration_has_no_gap_between_its_units() -> None:
    assert words.duration(timedelta(days=1, minutes=5)) == "1 d"
