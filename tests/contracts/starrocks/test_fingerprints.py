"""Whether two partitions hold the same, told by the cluster itself."""

from __future__ import annotations

import pytest

from srbackup.model.inventory import Column
from srbackup.model.policy import FingerprintMode
from srbackup.starrocks import statements
from tests.contracts.starrocks.contract import On, contract
from tests.contracts.starrocks.subject import ONE, Subject

FINGERPRINT = "SELECT COUNT(*), SUM(xx_hash3_64(...)) FROM ... PARTITION (...)"
VALUES = {
    "boolean": "true", "tinyint": "1", "bigint": "7", "largeint": "170141183460469231731687303715884105727",
    "double": "0.1", "decimal(20,3)": "1.5", "date": "'2026-01-05'", "datetime": "'2026-01-05 03:00:00.5'",
    "varchar(20)": "'x'", "char(5)": "'ab'", "varbinary": "'x'", "json": "'{\"a\": 1}'", "array<int>": "[1, 2]",
}  # fmt: skip


@contract(FINGERPRINT, "be/src/exprs/hash_functions.h", on=On.EVERYTHING)
def test_the_same_rows_give_the_same_sum_in_any_order(subject: Subject) -> None:
    """Two tables with the same rows, loaded in another order, have the same count and sum; another value gives
    another."""
    database = subject.table({"p1": ["a", "b"], "p2": ["c"]})
    subject.table({"p1": ["b"], "p2": ["d"]}, name="u", database=database)
    subject.world.load(database, "u", "p1", ["a"])
    first, second = (
        subject.starrocks.fingerprints(subject.described(database, name), ["p1", "p2"], FingerprintMode.CONTENT)
        for name in ("t", "u")
    )
    assert first["p1"] == second["p1"]
    assert first["p1"].rows == 2
    assert first["p2"].rows == second["p2"].rows == 1
    assert first["p2"].checksum != second["p2"].checksum


@contract(FINGERPRINT, "be/src/exprs/agg/sum.h", on=On.EVERYTHING)
def test_an_empty_partition_has_no_rows_and_no_sum(subject: Subject) -> None:
    """COUNT of an empty partition is 0, and SUM is NULL."""
    database = subject.table({"p1": ["a"], "p2": []})
    found = subject.starrocks.fingerprints(subject.described(database), ["p2"], FingerprintMode.CONTENT)
    assert (found["p2"].rows, found["p2"].checksum) == (0, "0")


@contract(FINGERPRINT, "be/src/exprs/hash_functions.h")
@pytest.mark.parametrize("kind", VALUES)
def test_values_of_each_type_are_told_from_null(subject: Subject, kind: str) -> None:
    """A value and NULL hash differently, for each type; no argument of the hash is ever NULL."""
    database = subject.database()
    for name, value in (("a", VALUES[kind]), ("b", "NULL"), ("c", VALUES[kind])):
        subject.ask(
            f"CREATE TABLE {database}.{name} (k INT, v {kind}) DUPLICATE KEY(k) {ONE}",
            f"INSERT INTO {database}.{name} VALUES (1, {value})",
        )

    def hashed(name: str) -> object:
        columns = [Column("k", "int"), Column("v", kind)]
        statement = statements.fingerprints(database, name, columns, [name], FingerprintMode.CONTENT)
        (row,) = subject.ask(statement)
        assert row["h"] is not None
        return row["n"], row["h"]

    assert hashed("a") == hashed("c")
    assert hashed("a") != hashed("b")
