"""The main job on the older releases: other columns, other error codes, other grammar, the same result."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.drivers.document import DriverKind
from lab.labs import Labs, LabSpec, client_of
from lab.stores.radosgw import Radosgw
from tests.acceptance.conftest import content, write_configuration

DATA = [
    "CREATE DATABASE d",
    "CREATE TABLE d.events (day DATE, k INT, v VARCHAR(20)) DUPLICATE KEY(day, k) PARTITION BY RANGE(day) ("
    "PARTITION p1 VALUES LESS THAN ('2026-01-01'), PARTITION p2 VALUES LESS THAN ('2026-02-01')) "
    "DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES('replication_num'='2')",
    "INSERT INTO d.events VALUES ('2025-12-31', 1, 'a'), ('2026-01-15', 2, NULL), ('2026-01-16', 3, 'ü')",
    "CREATE TABLE d.totals (k INT, n BIGINT SUM DEFAULT '0') AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 "
    "PROPERTIES('replication_num'='1')",
    "INSERT INTO d.totals VALUES (1, 10), (1, 5), (2, 7)",
    "CREATE TABLE d.people (id BIGINT NOT NULL, name VARCHAR(20)) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 "
    "PROPERTIES('replication_num'='1')",
    "INSERT INTO d.people VALUES (1, 'ada'), (2, 'grace')",
    "INSERT INTO d.people VALUES (2, 'hopper')",
    "CREATE TABLE d.nothing (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 "
    "PROPERTIES('replication_num'='1')",
    "CREATE VIEW d.recent AS SELECT k, v FROM d.events WHERE day > '2026-01-01'",
]


@pytest.mark.parametrize(("source", "target"), [("3.2", "3.2"), ("4.0", "4.0"), ("3.2", "4.1")])
def test_a_point_of_one_release_comes_back_in_the_same_or_a_later_one(
    tmp_path: Path, labs: Labs, radosgw: Radosgw, source: str, target: str
) -> None:
    names = [f"{role}{version.replace('.', '')}-{os.getpid()}" for role, version in (("s", source), ("t", target))]
    protected, new = (
        labs.up(LabSpec(name, DriverKind.PROCESS, 1, backends, starrocks=version, tick_seconds=0.05))
        for name, version, backends in zip(names, (source, target), (2, 1), strict=True)
    )
    try:
        client_of(protected.frontends[0]).script(DATA)
        srbackup = write_configuration(tmp_path / "policies", {"production": protected, "new": new}, radosgw.access)
        before = content(client_of(protected.frontends[0]))

        manifest = srbackup.json("run", "nightly")
        assert manifest["excluded"] == []
        result = srbackup.json("restore", "--to", "new", "--yes")

        unequal = [p for t in result["verdict"]["tables"] for p in t["partitions"] if p["outcome"] != "equal"]
        assert not unequal, unequal
        assert result["verdict"]["missing"] == []
        assert content(client_of(new.frontends[0])) == before
    finally:
        for name in names:
            labs.down(name)


def test_a_point_does_not_go_back_to_an_earlier_release(tmp_path: Path, labs: Labs, radosgw: Radosgw) -> None:
    protected = labs.up(LabSpec(f"s41-{os.getpid()}", DriverKind.PROCESS, 1, 1, tick_seconds=0.05))
    old = labs.up(LabSpec(f"t32-{os.getpid()}", DriverKind.PROCESS, 1, 1, starrocks="3.2", tick_seconds=0.05))
    try:
        client_of(protected.frontends[0]).script(
            [
                "CREATE DATABASE d",
                "CREATE TABLE d.t (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 "
                "PROPERTIES('replication_num'='1')",
            ]
        )
        srbackup = write_configuration(tmp_path / "policies", {"production": protected, "old": old}, radosgw.access)
        srbackup("run", "nightly")
        said = srbackup("restore", "--to", "old", "--yes", status=15).stderr
        assert "snapshots do not go back" in said
        assert content(client_of(old.frontends[0])) == {}
    finally:
        for lab in (protected, old):
            labs.down(lab.name)
