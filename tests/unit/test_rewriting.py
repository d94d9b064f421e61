"""A view's text in a new place: the mapped databases and the number of replicas change, and not a character more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.planning.rewriting import with_databases, with_replicas
from tests import data


def text(release: str, statement: str) -> str:
    """The CREATE statement that a real FE printed."""
    (row,) = data.rows(release, statement)
    return next(row.text(c) for c in row.values if c.startswith("create "))


# -- texts of real FEs


REWRITTEN = "SELECT `new-1`.`t_dup`.`k`, `new-1`.`t_dup`.`v`\nFROM `new-1`.`t_dup`;"


@pytest.mark.parametrize(
    ("release", "security", "query"),
    [
        ("3.2", "", REWRITTEN),
        ("4.0", "SECURITY NONE ", REWRITTEN),
        ("4.1", "SECURITY NONE ", "SELECT k, v FROM `new-1`.t_dup;"),
    ],
)
def test_a_view_of_each_release_is_bound_to_the_new_database(release: str, security: str, query: str) -> None:
    after = with_databases(text(release, "SHOW CREATE TABLE db1.v1"), {"db1": "new-1"})
    assert after == f"CREATE VIEW `v1` (`k`, `v`) {security}AS {query}"


@pytest.mark.parametrize("release", ["3.2", "4.0", "4.1"])
def test_a_materialized_view_of_each_release_keeps_all_but_the_database(release: str) -> None:
    before = text(release, "SHOW CREATE MATERIALIZED VIEW db1.mv1")
    after = with_databases(before, {"db1": "db1r"})
    assert after == before.replace("`db1`.", "`db1r`.").replace("db1.", "`db1r`.")
    assert after != before


def test_aliases_and_their_columns_stay() -> None:
    before = text("4.1", "SHOW CREATE VIEW ob.v2")
    assert with_databases(before, {"ob": "ob2"}) == (
        "CREATE VIEW `v2` (`a`, `b`, `s`) SECURITY INVOKER AS "
        "SELECT a.*, 'x' AS s FROM `ob2`.v1 a JOIN `ob2`.t b ON a.a = b.k;"
    )


# -- what is touched, and what is not


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SELECT * FROM sales.orders", "SELECT * FROM `new`.orders"),
        ("SELECT * FROM `sales`.`orders`", "SELECT * FROM `new`.`orders`"),
        ("SELECT * FROM sales . orders", "SELECT * FROM `new` . orders"),
        ("SELECT * FROM sales\n.orders", "SELECT * FROM `new`\n.orders"),
        ("SELECT sales.orders.id FROM sales.orders", "SELECT `new`.orders.id FROM `new`.orders"),
        ("SELECT * FROM sales.orders, hr.people", "SELECT * FROM `new`.orders, hr.people"),
        ("SELECT * FROM sales.sales", "SELECT * FROM `new`.sales"),
        ("SELECT f(sales.orders.id)FROM sales.orders", "SELECT f(`new`.orders.id)FROM `new`.orders"),
    ],
)
def test_a_mapped_database_before_a_dot_is_replaced(before: str, after: str) -> None:
    assert with_databases(before, {"sales": "new"}) == after


@pytest.mark.parametrize(
    "kept",
    [
        "SELECT sales FROM orders",
        "SELECT id AS sales FROM t",
        "SELECT orders.sales FROM orders",
        "SELECT hr.sales.id FROM hr.sales",
        "SELECT o . sales . x FROM o",
        "SELECT * FROM Sales.orders",
        "SELECT * FROM sales_2.orders, my_sales.orders, $sales.orders",
        "SELECT 'sales.orders', \"sales.orders\"",
        "SELECT 'it''s sales.orders', 'it\\'s sales.orders', \"a\\\"sales.orders\"",
        "SELECT 1 -- sales.orders\n",
        "SELECT 1 /* sales.orders\n sales.items */",
        "SELECT 1 # sales.orders\n",
        'PROPERTIES ("comment" = "of sales.orders")',
        "SELECT 1.5, 1.e5, .5",
    ],
)
def test_columns_other_names_strings_and_comments_stay(kept: str) -> None:
    assert with_databases(kept, {"sales": "new"}) == kept


def test_databases_that_change_places_are_replaced_once() -> None:
    assert with_databases("SELECT * FROM a.t JOIN b.t", {"a": "b", "b": "a"}) == "SELECT * FROM `b`.t JOIN `a`.t"


@given(st.text())
def test_without_a_mapping_every_text_stays_as_it_is(before: str) -> None:
    assert with_databases(before, {}) == before
    assert with_databases(before, {"no such database": "x"}) == before


words = st.sampled_from(
    ["SELECT", "sales", "`sales`", "hr", ".", ".", " ", "\n", ",", "(", "'sales.t'", "-- sales.t\n", "/*sales.t*/", "1"]
)


@given(st.lists(words).map("".join))
def test_a_text_that_was_rewritten_has_nothing_left_to_rewrite(before: str) -> None:
    once = with_databases(before, {"sales": "target"})
    assert with_databases(once, {"sales": "target"}) == once
    assert with_databases(once, {"target": "target"}) == once
    assert once.replace("`target`", "sales").replace("`", "") == before.replace("`", "")


# -- replicas


def test_replicas_are_lowered_to_what_there_is_and_the_number_before_is_told() -> None:
    before = text("4.1", "SHOW CREATE MATERIALIZED VIEW ob.mmv").replace(
        '"replication_num" = "1"', '"replication_num" = "3"'
    )
    lowered = before.replace('"replication_num" = "3"', '"replication_num" = "2"')
    assert with_replicas(before, 2) == (lowered, 3)
    assert with_replicas(lowered, 2) == (lowered, None)


@pytest.mark.parametrize(
    "kept", ['PROPERTIES ("replication_num" = "1")', 'PROPERTIES ("replicated_storage" = "true")', "SELECT 1"]
)
def test_a_text_with_few_enough_replicas_or_none_stays(kept: str) -> None:
    assert with_replicas(kept, 1) == (kept, None)


@given(st.integers(1, 20), st.integers(1, 20))
def test_a_text_never_asks_for_more_replicas_than_there_are_nor_than_it_had(wanted: int, available: int) -> None:
    after, before = with_replicas(f'("replication_num" = "{wanted}", "x" = "3")', available)
    assert after == f'("replication_num" = "{min(wanted, available)}", "x" = "3")'
    assert before == (wanted if wanted > available else None)


# -- what was once a bug


@pytest.mark.parametrize("catalog", ["default_catalog", "`default_catalog`"])
def test_a_database_behind_its_catalog_is_replaced_too(catalog: str) -> None:
    before = f"SELECT * FROM {catalog}.sales.orders"
    assert with_databases(before, {"sales": "new"}) == f"SELECT * FROM {catalog}.`new`.orders"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SELECT `sales`.`k` FROM `sales`.`sales`;", "SELECT `sales`.`k` FROM `new`.`sales`;"),
        ("SELECT sales.k FROM hr.people sales", "SELECT sales.k FROM hr.people sales"),
    ],
)
def test_a_table_or_alias_of_the_databases_name_stays(before: str, after: str) -> None:
    """3.2 and 4.0 print a materialized view's columns with their table: a table named like its database is enough."""
    assert with_databases(before, {"sales": "new"}) == after
