"""The clusters that contracts are held against, and a note of which held where."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.drivers.document import DriverKind, Lab
from lab.labs import Labs
from lab.pytest_plugin import required
from lab.spec import LabSpec
from lab.stores.base import S3Server
from srbackup.clock import SystemClock
from srbackup.model.cluster import Cluster, Frontend
from srbackup.model.repository import Repository
from srbackup.model.secret import Secret
from srbackup.storage.memory import MemoryStore
from srbackup.storage.s3 import s3_store
from tests.contracts.starrocks.contract import Contract, On
from tests.contracts.starrocks.seen import Sight, note
from tests.contracts.starrocks.subject import FakeWorld, SqlWorld, Subject, sql_starrocks
from tests.fakes.clock import FastClock
from tests.fakes.starrocks import FakeCluster

FAKE, CONTAINERS, LIVE = "fake", "containers 4.1", "real"
LABS = {f"lab {release}": release for release in ("3.2", "4.0", "4.1")}
BACKENDS = 3


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each contract on every cluster that it speaks of."""
    marker = metafunc.definition.get_closest_marker("contract")
    if marker is None or "subject" not in metafunc.fixturenames:
        return
    (contract,) = marker.args
    names = [FAKE] if contract.on is On.EVERYTHING else []
    names += [name for name, release in LABS.items() if contract.covers(release)]
    names += [CONTAINERS] if contract.on is On.LAB_AND_CONTAINERS else []
    names += [LIVE] if "SRBACKUP_LIVE_FE" in os.environ else []
    if only := os.environ.get("SRBACKUP_CONTRACTS_ON"):
        names = [name for name in names if name == only]
    marks = {CONTAINERS: pytest.mark.docker, FAKE: ()}
    parameters = [pytest.param(name, marks=marks.get(name, pytest.mark.lab)) for name in names]
    metafunc.parametrize("subject", parameters, indirect=True, scope="session")


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """The cluster under contract."""
    match request.param:
        case "fake":
            made = _fake()
        case "real":
            made = _live()
        case str(name):
            server: S3Server = request.getfixturevalue("rclone_store")
            release = name.rpartition(" ")[2]
            driver = DriverKind.DOCKER if name == CONTAINERS else DriverKind.PROCESS
            with _lab(request.getfixturevalue("labs"), driver, release) as lab:
                made = _of_lab(name, lab, server)
                yield made
                made.starrocks.close()
            return
    yield made
    made.tidy()
    made.starrocks.close()


@contextmanager
def _lab(labs: Labs, driver: DriverKind, release: str) -> Iterator[Lab]:
    name = f"contract-{driver.value}-{release.replace('.', '-')}-{os.getpid()}"
    spec = LabSpec(name, driver, frontends=1, backends=BACKENDS, starrocks=release, tick_seconds=0.05)
    with required(driver.value):
        lab = labs.up(spec)
    try:
        yield lab
    finally:
        labs.down(name)


def _of_lab(kind: str, lab: Lab, server: S3Server) -> Subject:
    access = server.access
    repository = Repository(
        name="store",
        url=f"s3://{access.bucket}/{uuid.uuid4().hex}",
        starrocks_name="contracts",
        endpoint=access.endpoint,
        cluster_endpoint=access.endpoint,
        region=access.region,
        path_style=True,
        access_key=Secret(access.access_key),
        secret_key=Secret(access.secret_key),
    )
    host = lab.frontends[0].place.host
    cluster = Cluster("contracts", (Frontend("fe", host, 9030),), "root", Secret(""))
    return _of_cluster(kind, lab.starrocks, cluster, repository, len(lab.backends))


def _live() -> Subject:
    """The cluster of the environment."""
    host, _, port = os.environ["SRBACKUP_LIVE_FE"].rpartition(":")
    endpoint = os.environ.get("SRBACKUP_LIVE_ENDPOINT")
    repository = Repository(
        name="store",
        url=f"{os.environ['SRBACKUP_LIVE_REPOSITORY']}/{uuid.uuid4().hex}",
        starrocks_name=f"contracts_{os.getpid()}",
        endpoint=endpoint,
        cluster_endpoint=os.environ.get("SRBACKUP_LIVE_CLUSTER_ENDPOINT", endpoint),
        path_style=True,
        access_key=Secret(os.environ["SRBACKUP_LIVE_ACCESS_KEY"]),
        secret_key=Secret(os.environ["SRBACKUP_LIVE_SECRET_KEY"]),
    )
    user, password = os.environ.get("SRBACKUP_LIVE_USER", "root"), os.environ.get("SRBACKUP_LIVE_PASSWORD", "")
    cluster = Cluster("contracts", (Frontend("fe", host, int(port)),), user, Secret(password))
    starrocks, _ = sql_starrocks(cluster)
    facts = starrocks.facts()
    starrocks.close()
    return _of_cluster(LIVE, facts.version.text, cluster, repository, facts.usable_backends)


def _of_cluster(kind: str, release: str, cluster: Cluster, repository: Repository, backends: int) -> Subject:
    starrocks, wire = sql_starrocks(cluster)
    store, world = s3_store(repository), SqlWorld(wire)
    return Subject(
        kind, release, starrocks, store, repository, SystemClock(), world, wire, backends, cluster
    )  # fmt: skip


def _fake() -> Subject:
    clock = FastClock(1000)
    store = MemoryStore(clock)
    fake = FakeCluster(clock, store)
    repository = Repository("store", "s3://bucket/prefix", "contracts")
    return Subject(FAKE, "4.1", fake.connect(), store, repository, clock, FakeWorld(fake), None, fake.backends)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """With SRBACKUP_SEEN, write down what held."""
    report = yield
    marker = item.get_closest_marker("contract")
    if call.when == "call" and report.passed and marker is not None and "SRBACKUP_SEEN" in os.environ:
        subject: Subject = item.funcargs["subject"]  # type: ignore[attr-defined]
        contract: Contract = marker.args[0]
        assert contract.source
        sight = Sight(subject.kind.partition(" ")[0], subject.release, f"{datetime.now(UTC):%Y-%m-%d}")
        note(item.originalname, sight)  # type: ignore[attr-defined]
    return report
