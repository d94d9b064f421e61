"""Labs of one FE and three BEs whose jobs move only when a test says so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lab.daemon import free_port
from lab.drivers.document import DriverKind, Lab
from lab.labs import Labs, client_of
from lab.spec import LabSpec
from lab.stores.base import S3Access, S3Server, create_bucket
from lab.stores.proxied import Proxied
from tests.lab.replaying import Cluster


@contextmanager
def running(labs: Labs, name: str, spec: LabSpec) -> Iterator[Lab]:
    """A lab that is gone at the end."""
    try:
        yield labs.up(spec)
    finally:
        if name in [lab.name for lab in labs.all()]:
            labs.down(name)


@pytest.fixture
def replay_cluster(labs: Labs, rclone_store: S3Server, tmp_path: Path) -> Iterator[Callable[[str], Cluster]]:
    """Makes a lab of a release, its store behind a proxy that can fail."""
    with ExitStack() as stack:

        def make(release: str) -> Cluster:
            name = f"replay-{os.getpid()}"
            spec = LabSpec(name, DriverKind.PROCESS, frontends=1, backends=3, starrocks=release, tick_seconds=0)
            lab = stack.enter_context(running(labs, name, spec))
            access = replace(rclone_store.access, bucket=tmp_path.name.replace("_", "-"))
            create_bucket(access)
            proxy = _proxied(access, tmp_path)
            stack.callback(proxy.stop)
            _await_statistics(lab)
            return Cluster(
                lab.frontends[0].place.host,
                tuple(node.place.host for node in lab.backends),
                access.endpoint,
                access.bucket,
                (access.access_key, access.secret_key),
                proxy,
            )

        yield make


def _await_statistics(lab: Lab) -> None:
    """Until the leader has made its own database: whether it came before the replay's first statement would show in
    every id that follows."""
    client, deadline = client_of(lab.frontends[0]), time.monotonic() + 10
    while ("_statistics_",) not in client.sql("SHOW DATABASES").rows:
        assert time.monotonic() < deadline, "the leader makes no _statistics_"
        time.sleep(0.05)


def _proxied(access: S3Access, directory: Path) -> Proxied:
    proxy = Proxied(access, directory / "proxy", "127.0.0.1", free_port("127.0.0.1"), free_port("127.0.0.1"))
    proxy.start()
    return proxy
