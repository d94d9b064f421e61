"""A protected cluster with data, a new cluster to restore into, and a bucket: the lab on radosgw, in processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.client import Client, SqlRefused
from lab.datasets.load import Dataset, load_dataset
from lab.drivers.document import DriverKind, Lab
from lab.labs import Labs, LabSpec, client_of
from lab.pytest_plugin import required
from lab.stores.base import S3Access
from lab.stores.radosgw import Radosgw

SYSTEM = {"information_schema", "sys", "_statistics_"}


@dataclass
class Srbackup:
    """The command as a user has it: a configuration folder and an environment with the secrets."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run it; `status` is the exit status that it must have (None: any)."""
        done = subprocess.run(
            self._command(arguments), capture_output=True, text=True, env=self._environment(), timeout=300, check=False
        )
        if status is not None:
            assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self(*arguments, "-o", "json", status=status).stdout)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Run it in the background, in a process group of its own."""
        return subprocess.Popen(
            self._command(arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment(),
            start_new_session=True,
        )

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [str(Path(sys.executable).with_name("srbackup")), "-c", str(self.folder), *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "COLUMNS": "200", **self.environment}


def frontends(lab: Lab) -> list[dict[str, Any]]:
    driver_is_docker = lab.driver is DriverKind.DOCKER
    return [
        {
            "name": node.name,
            "host": node.place.host,
            "port": 9030,
            **({"container": node.name} if driver_is_docker else {"directory": str(node.place.root)}),
        }
        for node in lab.frontends
    ]


def write_configuration(
    folder: Path,
    clusters: Mapping[str, Lab],
    access: S3Access,
    policy: str = "",
    *,
    prefix: str | None = None,
    cluster_endpoint: str | None = None,
) -> Srbackup:
    """clusters.yaml, repositories.yaml and the policy nightly.yaml of cluster `production`."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {name: {"frontends": frontends(lab)} for name, lab in clusters.items()}
    (folder / "clusters.yaml").write_text(json.dumps({"clusters": described}))
    repository = {
        "url": f"s3://{access.bucket}/{prefix or uuid.uuid4().hex}",
        "endpoint": access.endpoint,
        "path_style": True,
        "access_key": "${KEY}",
        "secret_key": "${SECRET}",
        **({"cluster_endpoint": cluster_endpoint} if cluster_endpoint else {}),
    }
    (folder / "repositories.yaml").write_text(json.dumps({"repositories": {"store": repository}}))
    limits = "limits: {stall: 20s, checkpoint: 2m}"
    (folder / "nightly.yaml").write_text(f"cluster: production\nrepository: store\n{policy}\n{limits}\n")
    return Srbackup(folder, {"KEY": access.access_key, "SECRET": access.secret_key})


@pytest.fixture(scope="session")
def production(labs: Labs) -> Iterator[Lab]:
    """Three FE and three BE with tables of every model, sixty times faster than life."""
    with required("process"):
        lab = labs.up(LabSpec(f"prod-{os.getpid()}", DriverKind.PROCESS, tick_seconds=0.05))
    try:
        list(load_dataset(lab, Dataset.MODELS))
        yield lab
    finally:
        labs.down(lab.name)


@pytest.fixture(scope="session")
def _target(labs: Labs) -> Iterator[Lab]:
    lab = labs.up(LabSpec(f"new-{os.getpid()}", DriverKind.PROCESS, frontends=1, backends=2, tick_seconds=0.05))
    try:
        yield lab
    finally:
        labs.down(lab.name)


@pytest.fixture
def target(_target: Lab) -> Lab:
    """One FE and two BE, empty."""
    empty(client_of(_target.frontends[0]))
    return _target


@pytest.fixture
def srbackup(tmp_path: Path, production: Lab, target: Lab, radosgw: Radosgw) -> Srbackup:
    """Configured for the protected cluster, the new one, and a place of its own in the bucket."""
    forget_repositories(client_of(production.frontends[0]))
    return write_configuration(tmp_path / "policies", {"production": production, "new": target}, radosgw.access)


def empty(client: Client) -> None:
    """Drop everything that users made, and the repositories."""
    for row in client.sql("SHOW DATABASES").rows:
        if row[0] not in SYSTEM:
            client.sql(f"DROP DATABASE `{row[0]}` FORCE")
    forget_repositories(client)


def forget_repositories(client: Client) -> None:
    """So that the next test can put its own place under the same name; what an earlier test left running is ended."""
    for verb in ("BACKUP", "RESTORE"):
        for row in client.sql(f"SHOW {verb}").named():
            if row["State"] not in {"FINISHED", "CANCELLED"}:
                with suppress(SqlRefused):  # it ended by itself meanwhile
                    client.sql(f"CANCEL {verb} FROM `{row['DbName']}`")
    for row in client.sql("SHOW REPOSITORIES").named():
        client.sql(f"DROP REPOSITORY `{row['RepoName']}`")


def content(client: Client, names: Mapping[str, str] | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables and views, sorted, by qualified name; `names` maps databases back to what they were."""
    found = {}
    for (database,) in client.sql("SHOW DATABASES").rows:
        if database in SYSTEM:
            continue
        original = (names or {}).get(database, database)
        for row in client.sql(f"SHOW FULL TABLES FROM `{database}`").rows:
            table = row[0]
            rows = client.sql(f"SELECT * FROM `{database}`.`{table}`").rows
            found[f"{original}.{table}"] = sorted(tuple(map(str, r)) for r in rows)
    return found
