"""Drills as a user runs them: a scratch cluster with fewer backends, left-overs, a death in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from lab.drivers.document import DriverKind, Lab
from lab.labs import Labs, LabSpec, client_of
from lab.stores.radosgw import Radosgw
from tests.acceptance.conftest import Srbackup, content, forget_repositories, write_configuration

DRILL = """
drill:
  on: new
  checks:
    - {name: distances, database: models, sql: "SELECT count(*) > 0 FROM departures", expect: true}
    - {name: rows of both, database: cluster_test, expect: 1,
       sql: "SELECT count(*) > 0 FROM distributed_table t, {models}.departures d"}
objectives: {rpo: 1h, proof: 1h}
"""


def _with_a_drill(srbackup: Srbackup) -> None:
    policy = srbackup.folder / "nightly.yaml"
    policy.write_text(policy.read_text() + DRILL)


def _killed_when(process: subprocess.Popen[str], said: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if said in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    process.stderr.close()


def test_a_point_is_proven_on_fewer_backends_beside_what_is_there(srbackup: Srbackup, target: Lab) -> None:
    _with_a_drill(srbackup)
    scratch = client_of(target.frontends[0])
    scratch.script(
        [
            "CREATE DATABASE models",
            "CREATE TABLE models.mine (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 "
            "PROPERTIES('replication_num'='1')",
            "INSERT INTO models.mine VALUES (1),(2)",
        ]
    )
    before = content(scratch)
    point = srbackup.json("run", "nightly")["point"]
    assert srbackup("status", "--check", status=5).stderr.count("its newest proven point does not exist") == 1

    verdict = srbackup.json("drill")["verdict"]

    assert (verdict["point"], verdict["whole"], verdict["missing"]) == (point, True, [])
    assert {p["outcome"] for t in verdict["tables"] for p in t["partitions"]} == {"equal"}
    assert [c["passed"] for c in verdict["checks"]] == [True, True]
    assert content(scratch) == before
    (listed,) = srbackup.json("list")["items"]
    assert [v["finding"] for v in listed["verdicts"]] == ["proven"]
    assert "drill on new" in srbackup("show", point).stdout
    srbackup("status", "--check")


def test_one_changed_row_of_a_kept_copy_is_found(srbackup: Srbackup, target: Lab) -> None:
    _with_a_drill(srbackup)
    srbackup("run", "nightly")
    kept = srbackup.json("drill", "--keep")["databases"]
    scratch = client_of(target.frontends[0])
    copy = next(d for d in kept if d.endswith("_cluster_test"))
    scratch.sql(f"DELETE FROM `{copy}`.distributed_table WHERE id = 2")

    done = srbackup("drill", "--kept", status=4)

    assert "cluster_test.distributed_table, partition distributed_table: its versions are" in done.stdout
    assert "2 rows instead of 3" in done.stdout
    assert [v["finding"] for v in srbackup.json("list")["items"][0]["verdicts"]] == ["proven", "different"]
    assert content(scratch) == {}


def test_what_a_killed_drill_left_is_dropped_by_the_next(srbackup: Srbackup, target: Lab) -> None:
    _with_a_drill(srbackup)
    srbackup("run", "nightly")
    scratch = client_of(target.frontends[0])
    for moment in ("submitted as", "creating views", "comparing every partition", "dropping the drill"):
        _killed_when(srbackup.start("drill"), moment)
        assert "srbackup_drill_" in str(scratch.sql("SHOW DATABASES").rows)
    srbackup("drill")
    assert content(scratch) == {}


def test_a_scratch_cluster_that_dies_is_told_and_costs_nothing(
    tmp_path: Path, labs: Labs, radosgw: Radosgw, production: Lab
) -> None:
    scratch = labs.up(LabSpec(f"scratch-{os.getpid()}", DriverKind.PROCESS, 1, 1, tick_seconds=0.5))
    try:
        folder = tmp_path / "policies"
        srbackup = write_configuration(folder, {"production": production, "new": scratch}, radosgw.access, DRILL)
        forget_repositories(client_of(production.frontends[0]))
        before = content(client_of(production.frontends[0]))
        srbackup("run", "nightly")
        process = srbackup.start("drill")
        assert process.stderr is not None
        for line in process.stderr:
            if "submitted as" in line:
                break
    finally:
        labs.down(scratch.name)
    said = process.communicate(timeout=200)[1]
    assert process.returncode == 13, said
    assert "No FE of cluster 'new' answers" in said
    assert "the next drill drops it" in said
    assert srbackup.json("list")["items"][0]["verdicts"] == []
    assert content(client_of(production.frontends[0])) == before
