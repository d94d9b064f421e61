"""The tool is killed at any instant: nothing half-made is ever shown, and the next command goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

from lab.drivers.document import Lab
from lab.labs import client_of
from tests.acceptance.conftest import Srbackup, empty

SEED = 20260105


def _kill_after(process: subprocess.Popen[str], seconds: float, number: int = signal.SIGKILL) -> bool:
    """Whether it was still running to be killed."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, number)
        process.wait(60)
        return True
    return False


def test_killed_at_twenty_moments_of_a_run_every_listed_point_can_be_restored(
    srbackup: Srbackup, production: Lab, target: Lab
) -> None:
    policy = srbackup.folder / "nightly.yaml"
    policy.write_text(policy.read_text() + "include: ['cluster_test.*', 'odd-names.*']\n")
    began = time.monotonic()
    srbackup("run", "nightly")
    whole = time.monotonic() - began
    chance, killed, attempts = random.Random(SEED), 0, 0
    while killed < 20:
        attempts += 1
        assert attempts < 60, f"{attempts - killed} runs ended before they could be killed"
        began = time.monotonic()
        if _kill_after(srbackup.start("run", "nightly"), chance.uniform(0.1, 0.95) * whole):
            killed += 1
        else:
            whole = time.monotonic() - began  # a machine that has less to do than when the first run was timed
        points = srbackup.json("list")["items"]
        assert {p["state"] for p in points} == {"complete"}
        assert srbackup.json("show", points[-1]["id"])["manifest"]["excluded"] == []
    srbackup("run", "nightly")
    for point in srbackup.json("list")["items"][-3:]:
        empty(client_of(target.frontends[0]))
        result = srbackup.json("restore", point["id"], "--to", "new", "--yes")
        assert {p["outcome"] for t in result["verdict"]["tables"] for p in t["partitions"]} == {"equal"}


def test_killed_at_moments_of_a_restore_the_same_command_goes_on_to_the_end(srbackup: Srbackup, target: Lab) -> None:
    srbackup("run", "nightly")
    command = ("restore", "--to", "new", "--yes")
    chance = random.Random(SEED)
    for _ in range(6):
        _kill_after(srbackup.start(*command), chance.uniform(0.5, 3.5))
    done = srbackup(*command, "-o", "json", status=None)
    if done.returncode == 16:  # a kill came after the end: everything is there already
        assert "names are taken" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert '"outcome": "different"' not in done.stdout


def test_ctrl_c_says_what_is_left_and_how_to_go_on(srbackup: Srbackup) -> None:
    process = srbackup.start("run", "nightly")
    assert process.stderr is not None
    for line in process.stderr:
        if "submitted as" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "is not finished and will not be listed" in errors
    assert "Go on with it: srbackup run nightly" in errors
    assert srbackup.json("list", status=0)["items"] == []
    (left,) = srbackup.json("list", "--all")["items"]
    assert left["state"] == "interrupted"
    assert srbackup.json("run", "nightly")["point"] == left["id"]


def test_sigterm_ends_a_run_with_its_own_status(srbackup: Srbackup) -> None:
    process = srbackup.start("run", "nightly")
    assert process.stderr is not None
    for line in process.stderr:
        if "submitted as" in line:
            break
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


def test_of_two_runs_at_once_one_is_told_who_is_busy(srbackup: Srbackup) -> None:
    first = srbackup.start("run", "nightly")
    assert first.stderr is not None
    for line in first.stderr:
        if "beginning backup" in line:
            break
    second = srbackup("run", "nightly", status=11)
    assert "holds the lease" in second.stderr
    first.communicate(timeout=120)
    assert first.returncode == 0
