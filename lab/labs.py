"""A whole lab, as a user of `srlab` thinks of it: brought up to the last heartbeat, looked at, taken down."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from lab import engine
from lab.client import Client, SqlRefused, Unreachable
from lab.daemon import answers as listens
from lab.drivers.base import BE_HTTP_PORT, EDIT_LOG_PORT, HEARTBEAT_PORT, QUERY_PORT, Driver, Node, NodeKind, NodeState
from lab.drivers.docker import DockerDriver
from lab.drivers.document import DriverKind, Lab, read_lab, read_labs, write_lab
from lab.drivers.process import ProcessDriver
from lab.drivers.settings import node_files
from lab.problems import LabProblem
from lab.spec import LabSpec
from lab.stores.shelf import Shelf
from lab.waiting import wait_for


@dataclass(frozen=True, slots=True)
class Labs:
    """The labs of a folder."""

    home: Path

    def up(self, spec: LabSpec) -> Lab:
        """Make a lab and wait until every FE and BE is alive in the cluster's own eyes.

        A lab that does not come up stays as it is, to be looked at; `down` removes it.
        """
        driver = self._driver(spec.driver)
        with self._locked():
            if (self.home / spec.name / "lab.json").exists():
                raise LabProblem(f"there is a lab {spec.name} already", hint=f"srlab down {spec.name}")
            lab = _lay_out(spec, driver)
            write_lab(self.home, lab)
        if spec.store is not None:
            Shelf(self.home).up(spec.name, spec.store, driver.store_address)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: driver.create(node, node_files(node, spec)), lab.nodes))
        self._form_cluster(lab, driver)
        return lab

    def down(self, name: str) -> None:
        """Remove a lab and all that it has: processes, containers, networks, volumes, directories, its store."""
        lab = self.get(name)
        self.driver(lab).remove(name)
        if lab.store is not None:
            Shelf(self.home).down(lab.store)
        shutil.rmtree(self.home / name, ignore_errors=True)

    def get(self, name: str) -> Lab:
        """The lab of that name. LabProblem if there is none."""
        return read_lab(self.home, name)

    def all(self) -> Sequence[Lab]:
        """Every lab of the folder, by name."""
        return read_labs(self.home)

    def driver(self, lab: Lab) -> Driver:
        """What moves the lab's nodes."""
        return self._driver(lab.driver)

    def store_address(self) -> str:
        """Where a store must listen for labs of every kind: where containers reach it too, if there is an engine."""
        kind = DriverKind.DOCKER if engine.answers() else DriverKind.PROCESS
        return self._driver(kind).store_address

    def start(self, lab: Lab, node: Node) -> None:
        """Start a node that was stopped or killed, or resume a paused one, and wait until the cluster sees it alive."""
        driver = self.driver(lab)
        driver.resume(node)
        driver.start(node)
        # The cluster takes one that died a moment ago for alive until it has missed it some times.
        port = QUERY_PORT if node.kind is NodeKind.FE else BE_HTTP_PORT
        what = f"someone at {node.place.host}:{port}"
        wait_for(
            lambda: listens(node.place.host, port) or None, what, seconds=30, explain=lambda: driver.logs(node, 20)
        )
        _wait_until_alive(lab, driver, [node], seconds=30)

    def _form_cluster(self, lab: Lab, driver: Driver) -> None:
        """The first FE makes the cluster, the others are added on it. A follower starts when it has been added: it
        asks the first FE to let it in; a BE waits until it is asked."""
        leader, *followers = lab.frontends
        client = client_of(leader)

        def ready() -> bool | None:
            if driver.state(leader) is NodeState.STOPPED:
                raise LabProblem(f"{leader.name} has ended", hint=driver.logs(leader, 20))
            return True if answers(client) else None

        with ThreadPoolExecutor() as pool:
            list(pool.map(driver.start, (leader, *lab.backends)))
            wait_for(ready, f"an answer of {leader.name}", seconds=30, explain=lambda: driver.logs(leader, 20))
            added = [f'ALTER SYSTEM ADD FOLLOWER "{node.place.known_as}:{EDIT_LOG_PORT}"' for node in followers]
            added += [f'ALTER SYSTEM ADD BACKEND "{node.place.known_as}:{HEARTBEAT_PORT}"' for node in lab.backends]
            client.script(added)
            list(pool.map(driver.start, followers))
        _wait_until_alive(lab, driver, lab.nodes, seconds=60)

    def _driver(self, kind: DriverKind) -> Driver:
        match kind:
            case DriverKind.PROCESS:
                return ProcessDriver(self.home)
            case DriverKind.DOCKER:
                return DockerDriver(engine.connect())
            case _:
                assert_never(kind)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time in this folder, as far as names and addresses are chosen."""
        self.home.mkdir(parents=True, exist_ok=True)
        directory = os.open(self.home, os.O_RDONLY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)


def client_of(node: Node) -> Client:
    """Root without a password at one FE, patient enough for a lab."""
    return Client(node.place.host, QUERY_PORT)


def client(lab: Lab) -> Client:
    """Root at the first FE that answers; Unreachable if none does."""
    for node in lab.frontends:
        if answers(client_of(node)):
            return client_of(node)
    raise Unreachable(f"no FE of lab {lab.name} answers", hint=f"srlab status {lab.name}")


def answers(client: Client) -> bool:
    """Whether an FE answers statements right now."""
    try:
        client.within(2).sql("SELECT 1")
    except (Unreachable, SqlRefused):
        return False
    return True


def alive_nodes(lab: Lab) -> set[str]:
    """The names of the nodes that SHOW FRONTENDS and SHOW BACKENDS call alive; none while no FE answers."""
    try:
        frontends, backends = client(lab).within(5).script(["SHOW FRONTENDS", "SHOW BACKENDS"])
    except (Unreachable, SqlRefused):
        return set()
    alive = {
        (kind, row["IP"])
        for kind, answer in ((NodeKind.FE, frontends), (NodeKind.BE, backends))
        for row in answer.named()
        if row["Alive"] == "true"
    }
    return {node.name for node in lab.nodes if (node.kind, node.place.known_as) in alive}


def _lay_out(spec: LabSpec, driver: Driver) -> Lab:
    places = driver.reserve(spec.name, spec.names, publish=spec.publish)
    first, *_ = spec.names[NodeKind.FE]

    def node(kind: NodeKind, name: str) -> Node:
        follows = kind is NodeKind.FE and name != first
        helper = f"{places[first].known_as}:{EDIT_LOG_PORT}" if follows else None
        return Node(spec.name, name, kind, places[name], helper)

    return Lab(
        spec.name,
        spec.driver,
        spec.starrocks,
        spec.tick_seconds,
        tuple(node(NodeKind.FE, name) for name in spec.names[NodeKind.FE]),
        tuple(node(NodeKind.BE, name) for name in spec.names[NodeKind.BE]),
        spec.name if spec.store else None,
    )


def _wait_until_alive(lab: Lab, driver: Driver, nodes: Sequence[Node], *, seconds: float) -> None:
    def all_alive() -> bool | None:
        for node in nodes:
            if driver.state(node) is NodeState.STOPPED:
                raise LabProblem(f"{node.name} has ended", hint=driver.logs(node, 20))
        return True if {node.name for node in nodes} <= alive_nodes(lab) else None

    def explain() -> str:
        dead = [node for node in nodes if node.name not in alive_nodes(lab)]
        return "\n".join(f"{node.name} is not alive; its log ends:\n{driver.logs(node, 10)}" for node in dead)

    wait_for(all_alive, f"Alive = true for every node of lab {lab.name}", seconds=seconds, every=0.05, explain=explain)
