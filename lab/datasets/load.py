"""Loading a data set into a lab, step by step."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from string import Template
from typing import assert_never

from lab.datasets.flights import flights
from lab.datasets.models import models
from lab.datasets.steps import CsvFile, Statement, Step
from lab.datasets.tpch import tpch
from lab.drivers.base import FE_HTTP_PORT
from lab.drivers.document import Lab
from lab.labs import client
from lab.stream_load import StreamLoader


class Dataset(Enum):
    """What there is to load."""

    TPCH = "tpch"
    FLIGHTS = "flights"
    MODELS = "models"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table that a file was loaded into."""

    database: str
    table: str
    rows: int


def load_dataset(lab: Lab, dataset: Dataset, *, scale: float = 0.05) -> Iterator[Loaded]:
    """Create the data set's databases in the lab and load them, telling of each file that is in. `scale` is TPC-H's.

    As root at the first FE that answers. Raises SqlRefused where a database is there already.
    """
    root = client(lab)
    addresses = {node.place.known_as: node.place.host for node in lab.nodes}
    loader = StreamLoader(root.host, FE_HTTP_PORT, root.user, root.password, addresses)
    replicas = {f"replicas_{wanted}": min(wanted, len(lab.backends)) for wanted in (1, 2, 3)}
    with tempfile.TemporaryDirectory(prefix="srlab-") as directory:
        for step in _steps(dataset, Path(directory), scale):
            match step:
                case Statement(text):
                    root.sql(Template(text).substitute(replicas))
                case CsvFile():
                    yield _load_file(loader, step)
                case _:
                    assert_never(step)


def _steps(dataset: Dataset, directory: Path, scale: float) -> Iterator[Step]:
    match dataset:
        case Dataset.TPCH:
            return tpch(directory, scale)
        case Dataset.FLIGHTS:
            return flights(directory)
        case Dataset.MODELS:
            return models(directory)
        case _:
            assert_never(dataset)


def _load_file(loader: StreamLoader, file: CsvFile) -> Loaded:
    result = loader.load(file.database, file.table, file.path, column_separator="|")
    file.path.unlink()
    return Loaded(file.database, file.table, result["NumberLoadedRows"])
