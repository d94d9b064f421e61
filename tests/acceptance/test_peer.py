"""The nearest other tool, `starrocks-br` of PyPI, unmodified against the lab: it is held to others' habits, too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.client import Client
from lab.datasets.load import Dataset, load_dataset
from lab.drivers.document import DriverKind
from lab.labs import Labs, LabSpec, client_of
from lab.stores.radosgw import Radosgw


@pytest.fixture(scope="module")
def cluster(labs: Labs, radosgw: Radosgw) -> Iterator[Client]:
    """Three BE, since its control tables have the default number of replicas; and the repository it wants to find."""
    lab = labs.up(LabSpec(f"peer-{os.getpid()}", DriverKind.PROCESS, 1, 3, tick_seconds=0.05))
    access = radosgw.access
    properties = {
        "aws.s3.access_key": access.access_key,
        "aws.s3.secret_key": access.secret_key,
        "aws.s3.endpoint": access.endpoint,
        "aws.s3.enable_ssl": "false",
        "aws.s3.enable_path_style_access": "true",
    }
    try:
        list(load_dataset(lab, Dataset.MODELS))
        client = client_of(lab.frontends[0])
        listed = ", ".join(f"'{key}'='{value}'" for key, value in properties.items())
        place = f"s3://{access.bucket}/peer-{os.getpid()}"
        client.sql(f"CREATE REPOSITORY repo WITH BROKER ON LOCATION '{place}' PROPERTIES({listed})")
        yield client
    finally:
        labs.down(lab.name)


def _starrocks_br(client: Client, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    tables = [{"database": "models", "table": "departures"}, {"database": "models", "table": "types"}]
    config = {
        "host": client.host,
        "port": client.port,
        "user": "root",
        "database": "models",
        "repository": "repo",
        "table_inventory": [{"group": "all", "tables": tables}],
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    return subprocess.run(
        [str(Path(sys.executable).with_name("starrocks-br")), *arguments, "--config", str(folder / "config.yaml")],
        env={**os.environ, "STARROCKS_PASSWORD": ""},
        input="y\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_backs_up_and_fails_to_restore_a_chain_as_it_does_with_starrocks(cluster: Client, tmp_path: Path) -> None:
    init = _starrocks_br(cluster, tmp_path, "init")
    assert init.returncode == 0, init.stdout + init.stderr
    full = _starrocks_br(cluster, tmp_path, "backup", "full", "--group", "all")
    assert full.returncode == 0, full.stdout + full.stderr
    increment = _starrocks_br(cluster, tmp_path, "backup", "incremental", "--group", "all")
    assert increment.returncode == 0, increment.stdout + increment.stderr

    history = cluster.sql("SELECT label, backup_type, status FROM ops.backup_history ORDER BY label").rows
    assert [row[1:] for row in history] == [("full", "FINISHED"), ("incremental", "FINISHED")]
    snapshots = cluster.sql("SHOW SNAPSHOT ON repo").named()
    assert {(s["Snapshot"], s["Status"]) for s in snapshots} == {(row[0], "OK") for row in history}

    # A chain cannot be restored under an alias (RestoreJob.java: the alias is looked up in the next snapshot).
    restore = ("restore", "--target-label", history[1][0], "--group", "all")
    done = _starrocks_br(cluster, tmp_path, *restore)
    assert done.returncode != 0
    assert f"Table departures_restored does not exist in snapshot {history[1][0]}" in done.stdout + done.stderr
