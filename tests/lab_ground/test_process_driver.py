"""Plain processes: addresses that do not meet, and pid files that never stand for a stranger."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from lab.daemon import Daemon
from lab.drivers.base import NodeKind
from lab.drivers.process import ProcessDriver
from lab.problems import LabProblem
from lab.spec import LabSpec
from lab.waiting import wait_for

NAMES = {NodeKind.FE: ["a-fe-1", "a-fe-2"], NodeKind.BE: ["a-be-1"]}


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path / "d.pid", tmp_path / "d.log")


def test_every_node_has_an_address_of_its_own(tmp_path: Path) -> None:
    places = ProcessDriver(tmp_path).reserve("a", NAMES, publish=False)
    network = places["a-fe-1"].host.rpartition(".")[0]
    assert network.startswith("127.66.")
    assert [places[name].host for name in ("a-fe-1", "a-fe-2", "a-be-1")] == [
        f"{network}.11",
        f"{network}.12",
        f"{network}.21",
    ]
    assert places["a-be-1"].root == str(tmp_path / "a" / "a-be-1")


def test_a_network_that_a_written_lab_has_is_not_given_again(tmp_path: Path) -> None:
    driver = ProcessDriver(tmp_path)
    first = driver.reserve("a", NAMES, publish=False)["a-fe-1"].host
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "lab.json").write_text(f'{{"host": "{first}"}}')
    assert driver.reserve("a", NAMES, publish=False)["a-fe-1"].host != first


def test_ports_of_processes_are_not_published(tmp_path: Path) -> None:
    with pytest.raises(LabProblem, match="only containers"):
        ProcessDriver(tmp_path).reserve("a", NAMES, publish=True)


@pytest.mark.parametrize("name", ["Upper", "a_b", "-a", "a--b", "", "stores", "a/b"])
def test_a_lab_has_a_name_that_hosts_may_have(name: str) -> None:
    with pytest.raises(LabProblem, match="name of a lab"):
        LabSpec(name)


def test_a_process_ends_by_sigterm_and_its_end_is_known(daemon: Daemon) -> None:
    daemon.start(["sh", "-c", "trap 'echo ended in order; exit' TERM; echo begun; while :; do sleep 0.01; done"])
    wait_for(lambda: True if "begun" in daemon.tail() else None, "the beginning", seconds=10)
    daemon.stop()
    assert daemon.pid() is None
    assert daemon.tail() == "begun\nended in order"


def test_a_process_that_ignores_sigterm_is_killed_with_its_children(daemon: Daemon) -> None:
    daemon.start(["sh", "-c", "trap '' TERM; sleep 1000 & echo $!; wait"])
    child = int(wait_for(lambda: daemon.tail().strip() or None, "the child's pid", seconds=10))
    daemon.stop(seconds=0.2)
    assert daemon.pid() is None
    wait_for(lambda: True if _gone(child) else None, "the child's end", seconds=10)


def test_a_second_start_leaves_the_first_process_alone(daemon: Daemon) -> None:
    daemon.start(["sleep", "1000"])
    first = daemon.pid()
    daemon.start(["sleep", "1000"])
    assert daemon.pid() == first
    daemon.kill()


def test_a_pid_file_whose_pid_was_given_to_a_stranger_kills_nobody(daemon: Daemon) -> None:
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        daemon.pid_file.write_text(f"{stranger.pid} 1\n")
        assert daemon.pid() is None
        daemon.kill()
        assert stranger.poll() is None
        stranger.send_signal(signal.SIGKILL)
    assert not daemon.pid_file.exists()


def test_a_torn_pid_file_is_no_process(daemon: Daemon) -> None:
    daemon.pid_file.write_text("12")
    assert daemon.pid() is None


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
