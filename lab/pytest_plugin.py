"""The servers and labs that tests share: each starts on first use, lasts for the session, and ends with it.

A test whose server this machine lacks is skipped, unless SRBACKUP_TEST_REQUIRE names it (docker, radosgw, localstack,
rclone, separated by commas): then it fails, so that a CI run that promises a server cannot pass without it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.daemon import python
from lab.drivers.document import DriverKind, Lab
from lab.labs import Labs
from lab.problems import NotAvailable
from lab.spec import LabSpec
from lab.stores.base import S3Server
from lab.stores.radosgw import Radosgw
from lab.stores.shelf import Shelf, StoreKind


@contextmanager
def required(what: str) -> Iterator[None]:
    """Turn NotAvailable inside into a skip, or into a failure where `what` was promised."""
    try:
        yield
    except NotAvailable as missing:
        reason = f"{missing.message} ({missing.hint})"
        if what in os.environ.get("SRBACKUP_TEST_REQUIRE", "").split(","):
            pytest.fail(f"SRBACKUP_TEST_REQUIRE names {what}: {reason}")
        pytest.skip(reason)


@pytest.fixture(scope="session")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labs]:
    """The folder of this session's labs and stores. What is left in it goes when the session ends, in whatever way:
    a process beside it waits for the end of a pipe that only this one holds, which SIGKILL ends too."""
    home = tmp_path_factory.mktemp("labs")
    srlab = Path(python()).with_name("srlab")
    clear = ["sh", "-c", 'cat >/dev/null; exec "$0" --dir "$1" down --all', str(srlab), str(home)]
    with (home.parent / f"{home.name}-down.log").open("w") as log:
        keeper = subprocess.Popen(clear, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
    yield Labs(home)
    keeper.communicate()


@pytest.fixture(scope="session")
def rclone_store(labs: Labs) -> Iterator[S3Server]:
    """`rclone serve s3`, which needs neither root nor Debian."""
    with _store(labs, StoreKind.RCLONE) as server:
        yield server


@pytest.fixture(scope="session")
def radosgw(labs: Labs) -> Iterator[Radosgw]:
    """Debian's radosgw, which has users, quotas, versions and locks, and conditional writes."""
    with _store(labs, StoreKind.RADOSGW) as server:
        assert isinstance(server, Radosgw)
        yield server


@pytest.fixture(scope="session")
def localstack(labs: Labs) -> Iterator[S3Server]:
    """localstack's S3, which has checksums; its first start ever takes 20 s."""
    with _store(labs, StoreKind.LOCALSTACK) as server:
        yield server


@pytest.fixture(scope="session")
def lab_process(labs: Labs) -> Iterator[Lab]:
    """A lab of three FEs and three BEs as plain processes, sixty times faster than life."""
    with _lab(labs, DriverKind.PROCESS) as lab:
        yield lab


@pytest.fixture(scope="session")
def lab_docker(labs: Labs) -> Iterator[Lab]:
    """The same in containers."""
    with _lab(labs, DriverKind.DOCKER) as lab:
        yield lab


@contextmanager
def _store(labs: Labs, kind: StoreKind) -> Iterator[S3Server]:
    shelf = Shelf(labs.home)
    with required(kind.value):
        store = shelf.up(kind.value, kind, labs.store_address())
    try:
        yield store.server
    finally:
        shelf.down(store.name)


@contextmanager
def _lab(labs: Labs, driver: DriverKind) -> Iterator[Lab]:
    name = f"test-{driver.value}-{os.getpid()}"
    try:
        with required(driver.value):
            lab = labs.up(LabSpec(name, driver, tick_seconds=0.05))
        yield lab
    finally:
        if name in [lab.name for lab in labs.all()]:
            labs.down(name)
