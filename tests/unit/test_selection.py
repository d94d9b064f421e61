"""Which tables patterns choose."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.planning.selection import Selection

NAMES = [
    ("sales", "orders"),
    ("sales", "orders_2026"),
    ("sales", "tmp_orders"),
    ("sales", "odd.name"),
    ("Sales", "orders"),
    ("hr", "people"),
    ("hr-2", "people"),
]

words = st.text("ab*?.", min_size=1, max_size=4)
names = st.text("ab", min_size=1, max_size=3)
patterns = st.builds(lambda left, right: f"{left}.{right}", st.text("ab*?", min_size=1, max_size=3), words)
selections = st.builds(
    Selection, st.lists(patterns, min_size=1, max_size=3).map(tuple), st.lists(patterns, max_size=3).map(tuple)
)


def chosen(*include: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return [f"{d}.{t}" for d, t in NAMES if Selection(include, exclude).covers(d, t)]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("*.*", [f"{d}.{t}" for d, t in NAMES]),
        ("sales.orders", ["sales.orders"]),
        ("sales.orders*", ["sales.orders", "sales.orders_2026"]),
        ("sales.orders_20??", ["sales.orders_2026"]),
        ("?ales.orders", ["sales.orders", "Sales.orders"]),
        ("[st]ales.orders", ["sales.orders"]),
        ("[!s]ales.orders", ["Sales.orders"]),
        ("hr*.people", ["hr.people", "hr-2.people"]),
        ("sales.odd.name", ["sales.odd.name"]),
        ("sales.odd", []),
    ],
)
def test_patterns_are_globs_over_database_and_table_and_case_counts(include: str, expected: list[str]) -> None:
    assert chosen(include) == expected


def test_what_is_excluded_is_not_chosen_whatever_includes_it() -> None:
    assert chosen("sales.*", "hr.*", exclude=("*.tmp_*", "hr.*")) == [
        "sales.orders",
        "sales.orders_2026",
        "sales.odd.name",
    ]


def test_a_selection_of_nothing_chooses_nothing() -> None:
    nothing = Selection((), ())
    assert not any(nothing.covers(d, t) or nothing.covers_database(d) for d, t in NAMES)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), True),
        (Selection(("sales.*",)), True),
        (Selection(("sales.orders",)), True),
        (Selection(("hr.*",)), False),
        (Selection(("*.*",), ("sales.*",)), False),
        (Selection(("*.*",), ("s*.*",)), False),
        (Selection(("*.*",), ("sales.orders",)), True),
        (Selection(("*.*",), ("*.tmp_*",)), True),
    ],
)
def test_a_database_is_in_scope_when_some_table_of_it_could_be(selection: Selection, expected: bool) -> None:
    assert selection.covers_database("sales") is expected


def test_patterns_that_match_nothing_are_named_in_their_order() -> None:
    selection = Selection(("sale.*", "sales.orders", "hr.peple", "*.*"), ("nothing.*",))
    assert selection.unmatched(NAMES) == ("sale.*", "hr.peple")
    assert selection.unmatched([]) == ("sale.*", "sales.orders", "hr.peple", "*.*")


def test_an_empty_database_matches_a_pattern_of_all_its_tables() -> None:
    assert Selection(("sales.*", "sales.orders")).unmatched([("sales", "*")]) == ("sales.orders",)


@given(selections, names, names)
def test_covering_is_one_include_pattern_and_no_exclude_pattern(
    selection: Selection, database: str, table: str
) -> None:
    def fits(pattern: str) -> bool:
        left, right = pattern.split(".", 1)
        return fnmatchcase(database, left) and fnmatchcase(table, right)

    expected = any(map(fits, selection.include)) and not any(map(fits, selection.exclude))
    assert selection.covers(database, table) is expected


@given(selections, names, names)
def test_a_database_of_a_chosen_table_is_in_scope(selection: Selection, database: str, table: str) -> None:
    if selection.covers(database, table):
        assert selection.covers_database(database)


@given(selections, st.lists(st.tuples(names, names)))
def test_a_pattern_that_chose_something_is_never_called_unmatched(
    selection: Selection, found: list[tuple[str, str]]
) -> None:
    unmatched = selection.unmatched(found)
    assert set(unmatched) <= set(selection.include)
    assert not any(Selection(unmatched).covers(d, t) for d, t in found)
