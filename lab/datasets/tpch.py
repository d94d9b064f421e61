"""TPC-H by its generator: orders, their lines and all they refer to, at any scale."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab.daemon import python
from lab.datasets.steps import CsvFile, Step, statements
from lab.problems import NotAvailable

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")


def tpch(directory: Path, scale: float) -> Iterator[Step]:
    """The database `tpch`. At scale 0.05: 300 000 lines of 75 000 orders, 53 MB of text."""
    yield from statements("tpch.sql")
    generator = Path(python()).with_name("tpchgen-cli")
    if not generator.exists():
        raise NotAvailable("tpchgen-cli is not installed", hint="pip install tpchgen-cli, or make setup")
    for table in TABLES:
        where = ("--output-dir", str(directory), "--tables", table)
        subprocess.run([str(generator), "tbl", "--quiet", "--scale-factor", str(scale), *where], check=True)
        generated = directory / f"{table}.tbl"
        # Every line of the .tbl format ends with a separator, which would begin one more column.
        path = directory / f"{table}.csv"
        path.write_bytes(generated.read_bytes().replace(b"|\n", b"\n"))
        generated.unlink()
        yield CsvFile("tpch", table, path)
