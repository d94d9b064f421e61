"""What the product relies on of a node: an FE's files in a container or in a directory here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from lab.drivers.base import Node as LabNode
from lab.drivers.document import DriverKind, Lab
from lab.labs import Labs
from lab.pytest_plugin import required
from lab.spec import LabSpec
from srbackup.nodes.base import FileVanished, Node, NodeFile, NodeUnreachable
from srbackup.nodes.docker import DockerNode
from srbackup.nodes.local import LocalNode

BIG = bytes(range(256)) * (3 << 12)


@dataclass(frozen=True, slots=True)
class Machine:
    """A node and how to put files onto it from outside."""

    node: Node
    labs: Labs
    lab: Lab
    place: LabNode

    def run(self, *command: str) -> None:
        done = self.labs.driver(self.lab).execute(self.place, command)
        assert done.code == 0, done.err

    def write(self, path: str, content: bytes) -> None:
        self.run("mkdir", "-p", str(Path(path).parent))
        self.labs.driver(self.lab).write(self.place, path, content)


@contextmanager
def _running(labs: Labs, driver: DriverKind) -> Iterator[Lab]:
    name = f"nodes-{driver.value}"
    with required(driver.value):
        lab = labs.up(LabSpec(name, driver, frontends=1, backends=0, tick_seconds=0.05))
    try:
        yield lab
    finally:
        labs.down(name)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(DriverKind.PROCESS, marks=pytest.mark.lab, id="local"),
        pytest.param(DriverKind.DOCKER, marks=pytest.mark.docker, id="docker"),
    ],
)
def machine(request: pytest.FixtureRequest, labs: Labs) -> Iterator[Machine]:
    with _running(labs, request.param) as lab:
        (frontend,) = lab.frontends
        root = frontend.place.root
        match request.param:
            case DriverKind.DOCKER:
                client = docker.from_env()
                yield Machine(DockerNode(client, frontend.name, root), labs, lab, frontend)
                client.close()
            case _:
                yield Machine(LocalNode(frontend.name, Path(root)), labs, lab, frontend)


def test_all_files_below_a_directory_are_listed_with_their_sizes(machine: Machine) -> None:
    machine.write("some/a", b"one")
    machine.write("some/deeper/b c", b"")
    machine.run("ln", "-sf", "/etc/hostname", f"{machine.place.place.root}/some/link")
    listed = machine.node.files(f"{machine.node.home}/some")
    assert [f for f in listed if f.path != "link"] == [NodeFile("a", 3), NodeFile("deeper/b c", 0)]


def test_a_directory_that_is_not_there_has_no_files(machine: Machine) -> None:
    assert machine.node.files(f"{machine.node.home}/nothing") == ()


def test_the_metadata_of_an_fe_is_where_it_is_looked_for(machine: Machine) -> None:
    paths = {f.path for f in machine.node.files(f"{machine.node.home}/meta/image")}
    assert {"VERSION", "ROLE"} <= paths


def test_a_file_comes_whole_and_in_pieces(machine: Machine) -> None:
    machine.write("some/big", BIG)
    assert b"".join(machine.node.read(f"{machine.node.home}/some/big")) == BIG


def test_a_file_that_is_gone_is_said_to_be_gone_by_name(machine: Machine) -> None:
    with pytest.raises(FileVanished, match="some/never"):
        list(machine.node.read(f"{machine.node.home}/some/never"))


def test_a_directory_cannot_be_read_as_a_file(machine: Machine) -> None:
    with pytest.raises(FileVanished, match="meta"):
        list(machine.node.read(f"{machine.node.home}/meta"))


def test_a_node_knows_under_which_names_others_know_it(machine: Machine) -> None:
    names = machine.node.aliases()
    assert machine.place.name in names
    if isinstance(machine.node, DockerNode):
        assert machine.place.place.known_as in names


def test_a_node_that_does_not_exist_is_unreachable_with_a_way_out(machine: Machine) -> None:
    match machine.node:
        case DockerNode():
            missing: Node = DockerNode(docker.from_env(), "no-such-container", "/opt")
        case _:
            missing = LocalNode("nowhere", Path("/no/such/home"))
    with pytest.raises(NodeUnreachable) as caught:
        missing.files(f"{missing.home}/meta")
    assert "clusters.yaml" in caught.value.hint


def test_without_its_program_a_directory_can_be_read_and_a_container_cannot(machine: Machine) -> None:
    driver = machine.labs.driver(machine.lab)
    driver.kill(machine.place)
    try:
        match machine.node:
            case DockerNode():
                with pytest.raises(NodeUnreachable, match=machine.place.name):
                    machine.node.files(f"{machine.node.home}/meta")
            case _:
                assert machine.node.files(f"{machine.node.home}/meta")
    finally:
        machine.labs.start(machine.lab, machine.place)
