"""Small labs of both drivers, for tests that hurt them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.drivers.document import DriverKind, Lab
from lab.labs import Labs
from lab.pytest_plugin import required
from lab.spec import LabSpec


@pytest.fixture(scope="session", params=list(DriverKind), ids=lambda kind: kind.value)
def small(request: pytest.FixtureRequest, labs: Labs) -> Iterator[Lab]:
    """One FE and one BE."""
    with _small(labs, request.param) as lab:
        yield lab


@contextmanager
def _small(labs: Labs, driver: DriverKind) -> Iterator[Lab]:
    name = f"small-{driver.value}-{os.getpid()}"
    try:
        with required(driver.value):
            lab = labs.up(LabSpec(name, driver, frontends=1, backends=1, tick_seconds=0.05))
        yield lab
    finally:
        if name in [lab.name for lab in labs.all()]:
            labs.down(name)
