"""Nodes in containers: each with its own address in the lab's own network, and StarRocks' layout inside."""

from __future__ import annotations

import io
import ipaddress
import socket
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import assert_never

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.types import IPAMConfig, IPAMPool

from lab.daemon import free_port
from lab.drivers.base import QUERY_PORT, Executed, Node, NodeKind, NodeState, Place
from lab.image import node_image
from lab.problems import LabProblem

LABEL = "srlab"


@dataclass(frozen=True, slots=True)
class DockerDriver:
    """Containers, volumes and the network of a lab carry the label `srlab=LAB`."""

    engine: docker.DockerClient

    @property
    def store_address(self) -> str:
        """The gateway of the engine's own bridge: containers of every lab reach it, and so does this machine."""
        bridge = self.engine.networks.get("bridge").attrs["IPAM"]["Config"][0]
        # Before the first container has used the bridge, only its subnet is listed; the gateway is its first address.
        return str(bridge.get("Gateway") or ipaddress.IPv4Network(bridge["Subnet"])[1])

    def reserve(self, lab: str, names: Mapping[NodeKind, Sequence[str]], *, publish: bool) -> Mapping[str, Place]:
        with _said():
            if self.engine.networks.list(filters={"label": f"{LABEL}={lab}"}):
                raise LabProblem(f"the engine has a lab {lab} of another folder", hint="choose another --name")
            node_image(self.engine)  # once, before nodes are created side by side
            subnet = self._network(lab)
        return {
            name: Place(
                host=str(subnet[first + n]),
                known_as=str(subnet[first + n]),  # as StarRocks does unless start_fe.sh is told --host_type FQDN
                root=f"/opt/starrocks/{kind.value}",
                container=name,
                published=_published(QUERY_PORT + n) if publish and kind is NodeKind.FE else None,
            )
            for kind, first in ((NodeKind.FE, 11), (NodeKind.BE, 21))
            for n, name in enumerate(names[kind])
        }

    def create(self, node: Node, files: Mapping[str, str]) -> None:
        with _said():
            labels = {LABEL: node.lab}
            network = _network_name(node.lab)
            volume = self.engine.volumes.create(f"{node.name}-data", labels=labels)
            endpoint = self.engine.api.create_endpoint_config(ipv4_address=node.place.host, aliases=[node.name])
            container = self.engine.containers.create(
                node_image(self.engine),
                ["python3", *node.arguments, "--listen", "0.0.0.0"],
                name=node.name,
                hostname=node.name,
                init=True,
                labels=labels,
                network=network,
                networking_config={network: endpoint},
                ports={f"{QUERY_PORT}/tcp": ("127.0.0.1", node.place.published)} if node.place.published else None,
                volumes={volume.name: {"bind": f"{node.place.root}/{_data_directory(node.kind)}", "mode": "rw"}},
                working_dir=node.place.root,
            )
            container.put_archive(node.place.root, _tar({name: text.encode() for name, text in files.items()}))

    def start(self, node: Node) -> None:
        with _said():
            self._container(node).start()

    def stop(self, node: Node) -> None:
        with _said():
            self._container(node).stop(timeout=10)

    def kill(self, node: Node) -> None:
        if self.state(node) is not NodeState.STOPPED:
            with _said():
                self._container(node).kill()
                self._container(node).wait()

    def pause(self, node: Node) -> None:
        with _said():
            self._container(node).pause()

    def resume(self, node: Node) -> None:
        if self.state(node) is NodeState.PAUSED:
            with _said():
                self._container(node).unpause()

    def cut_off(self, node: Node) -> None:
        with _said():
            self.engine.networks.get(_network_name(node.lab)).disconnect(self._container(node))

    def rejoin(self, node: Node) -> None:
        with _said():
            if _network_name(node.lab) not in self._container(node).attrs["NetworkSettings"]["Networks"]:
                network = self.engine.networks.get(_network_name(node.lab))
                network.connect(self._container(node), ipv4_address=node.place.host, aliases=[node.name])

    def state(self, node: Node) -> NodeState:
        with _said():
            match self._container(node).status:
                case "running":
                    return NodeState.RUNNING
                case "paused":
                    return NodeState.PAUSED
                case _:
                    return NodeState.STOPPED

    def execute(self, node: Node, argv: Sequence[str]) -> Executed:
        api = self.engine.api
        with _said():
            execution = api.exec_create(node.name, list(argv), workdir=node.place.root)["Id"]
            out, err = api.exec_start(execution, demux=True)
            return Executed(int(api.exec_inspect(execution)["ExitCode"]), out or b"", err or b"")

    def read(self, node: Node, path: str) -> bytes:
        with _said():
            try:
                chunks, _ = self._container(node).get_archive(str(PurePosixPath(node.place.root, path)))
            except NotFound:
                raise FileNotFoundError(path) from None
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
                file = tar.extractfile(tar.getmembers()[0])
                if file is None:
                    raise IsADirectoryError(path)
                return file.read()

    def write(self, node: Node, path: str, content: bytes) -> None:
        target = PurePosixPath(node.place.root, path)
        with _said():
            self._container(node).put_archive(str(target.parent), _tar({target.name: content}))

    def logs(self, node: Node, lines: int) -> str:
        with _said():
            return self._container(node).logs(tail=lines).decode(errors="replace")

    def remove(self, lab: str) -> None:
        label = f"{LABEL}={lab}"
        with _said():
            containers = self.engine.containers.list(all=True, filters={"label": label})
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda container: container.remove(force=True, v=True), containers))
            for volume in self.engine.volumes.list(filters={"label": label}):
                volume.remove()
            for network in self.engine.networks.list(filters={"label": label}):
                network.remove()

    def _container(self, node: Node) -> Container:
        return self.engine.containers.get(node.name)

    def _network(self, lab: str) -> ipaddress.IPv4Network:
        """A network of the lab's own. Only a network whose subnet is given takes fixed addresses, so the engine is
        asked for one that is free, and then told to use just that."""
        name, labels = _network_name(lab), {LABEL: lab}
        probe = self.engine.networks.create(name, labels=labels)
        probe.reload()
        subnet = probe.attrs["IPAM"]["Config"][0]["Subnet"]
        probe.remove()
        self.engine.networks.create(name, labels=labels, ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)]))
        return ipaddress.IPv4Network(subnet)


@contextmanager
def _said() -> Iterator[None]:
    """What the engine refuses, in its own words."""
    try:
        yield
    except APIError as error:
        raise LabProblem(f"the Docker engine says: {error.explanation or error}") from error


def _network_name(lab: str) -> str:
    return f"{LABEL}-{lab}"


def _data_directory(kind: NodeKind) -> str:
    match kind:
        case NodeKind.FE:
            return "meta"
        case NodeKind.BE:
            return "storage"
        case _:
            assert_never(kind)


def _published(wanted: int) -> int:
    """The wanted port of 127.0.0.1 if nobody listens on it, as the compose file of a real cluster has it, or any."""
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port("127.0.0.1")
    return wanted


def _tar(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
