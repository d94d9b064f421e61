"""What can be done to a node, the same in a process and in a container."""

from __future__ import annotations

import pytest

from lab.client import Client, Unreachable
from lab.drivers.base import QUERY_PORT, NodeState
from lab.drivers.document import Lab
from lab.labs import Labs, alive_nodes, client_of
from lab.waiting import wait_for


def alive(lab: Lab, name: str) -> bool:
    return name in alive_nodes(lab)


def test_every_node_of_a_new_lab_is_alive(small: Lab) -> None:
    assert alive_nodes(small) == {node.name for node in small.nodes}


def test_a_killed_backend_is_dead_to_the_cluster_until_it_is_started(labs: Labs, small: Lab) -> None:
    driver, (backend,) = labs.driver(small), small.backends
    driver.kill(backend)
    assert driver.state(backend) is NodeState.STOPPED
    wait_for(lambda: None if alive(small, backend.name) else True, "the end of the heartbeats", seconds=30)
    labs.start(small, backend)
    assert driver.state(backend) is NodeState.RUNNING
    assert alive(small, backend.name)


def test_a_stopped_frontend_is_not_to_be_reached_and_comes_back_as_it_was(labs: Labs, small: Lab) -> None:
    driver, (frontend,) = labs.driver(small), small.frontends
    before = client_of(frontend).sql("SHOW BACKENDS").named()[0]["BackendId"]
    driver.stop(frontend)
    assert driver.state(frontend) is NodeState.STOPPED
    with pytest.raises(Unreachable):
        client_of(frontend).sql("SELECT 1")
    labs.start(small, frontend)
    assert client_of(frontend).sql("SHOW BACKENDS").named()[0]["BackendId"] == before


def test_killing_what_does_not_run_is_no_error(labs: Labs, small: Lab) -> None:
    driver, (backend,) = labs.driver(small), small.backends
    driver.stop(backend)
    driver.stop(backend)
    driver.kill(backend)
    labs.start(small, backend)
    driver.start(backend)
    assert driver.state(backend) is NodeState.RUNNING


def test_a_paused_frontend_neither_answers_nor_refuses(labs: Labs, small: Lab) -> None:
    driver, (frontend,) = labs.driver(small), small.frontends
    driver.pause(frontend)
    try:
        assert driver.state(frontend) is NodeState.PAUSED
        with pytest.raises(Unreachable):
            Client(frontend.place.host, QUERY_PORT, timeout=0.5).sql("SELECT 1")
    finally:
        labs.start(small, frontend)
    assert client_of(frontend).sql("SELECT 1").rows == ((1,),)


def test_a_command_runs_in_the_nodes_home_and_says_how_it_ended(labs: Labs, small: Lab) -> None:
    driver, (frontend,) = labs.driver(small), small.frontends
    listed = driver.execute(frontend, ["ls", "conf"])
    assert (listed.code, listed.out.split()) == (0, [b"fe.conf", b"lab.json"])
    failed = driver.execute(frontend, ["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (failed.code, failed.out, failed.err) == (3, b"out\n", b"err\n")


def test_files_are_read_and_written_whether_the_node_runs_or_not(labs: Labs, small: Lab) -> None:
    driver, (backend,) = labs.driver(small), small.backends
    assert b"be_port = 9060" in driver.read(backend, "conf/be.conf")
    driver.write(backend, "storage/note", b"while it runs")
    assert driver.read(backend, "storage/note") == b"while it runs"
    driver.stop(backend)
    driver.write(backend, "storage/note", b"while it is stopped")
    assert driver.read(backend, f"{backend.place.root}/storage/note") == b"while it is stopped"
    labs.start(small, backend)
    assert driver.execute(backend, ["cat", "storage/note"]).out == b"while it is stopped"
    with pytest.raises(FileNotFoundError):
        driver.read(backend, "storage/nothing")
