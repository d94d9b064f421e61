"""Nodes as plain processes: no root, no containers; each node on a loopback address of its own with standard ports."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lab.daemon import Daemon, python
from lab.drivers.base import QUERY_PORT, Executed, Node, NodeKind, NodeState, Place
from lab.problems import LabProblem
from lab.waiting import wait_for


@dataclass(frozen=True, slots=True)
class ProcessDriver:
    """Nodes of a lab are directories `home`/LAB/NODE, their pid files lie beside them."""

    home: Path

    @property
    def store_address(self) -> str:
        return "127.0.0.1"

    def reserve(self, lab: str, names: Mapping[NodeKind, Sequence[str]], *, publish: bool) -> Mapping[str, Place]:
        if publish:
            raise LabProblem("only containers have ports to publish; a process's own are on this machine already")
        network = next(self._free_networks(lab), None)
        if network is None:
            raise LabProblem("every network of 127.66.0.0/16 is taken", hint="srlab down --all")
        return {
            name: Place(address, address, str(self.home.absolute() / lab / name))
            for kind, first in ((NodeKind.FE, 11), (NodeKind.BE, 21))
            for name, address in zip(names[kind], (f"{network}.{first + n}" for n in range(10)), strict=False)
        }

    def create(self, node: Node, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            file = self._file(node, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def start(self, node: Node) -> None:
        self._daemon(node).start([python(), *node.arguments])

    def stop(self, node: Node) -> None:
        self._daemon(node).stop()

    def kill(self, node: Node) -> None:
        self._daemon(node).kill()

    def pause(self, node: Node) -> None:
        daemon = self._daemon(node)
        daemon.signal(signal.SIGSTOP)
        wait_for(lambda: True if daemon.paused() else None, f"the pause of {node.name}", seconds=10)

    def resume(self, node: Node) -> None:
        self._daemon(node).signal(signal.SIGCONT)

    def cut_off(self, node: Node) -> None:
        raise LabProblem(
            f"{node.name} is a process of this machine and has no network to lose", hint="srlab up --docker"
        )

    def rejoin(self, node: Node) -> None: ...

    def state(self, node: Node) -> NodeState:
        daemon = self._daemon(node)
        if daemon.pid() is None:
            return NodeState.STOPPED
        return NodeState.PAUSED if daemon.paused() else NodeState.RUNNING

    def execute(self, node: Node, argv: Sequence[str]) -> Executed:
        done = subprocess.run(argv, cwd=node.place.root, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return Executed(done.returncode, done.stdout, done.stderr)

    def read(self, node: Node, path: str) -> bytes:
        return self._file(node, path).read_bytes()

    def write(self, node: Node, path: str, content: bytes) -> None:
        self._file(node, path).write_bytes(content)

    def logs(self, node: Node, lines: int) -> str:
        return self._daemon(node).tail(lines)

    def remove(self, lab: str) -> None:
        directory = self.home.absolute() / lab
        for pid_file in directory.glob("*.pid"):
            Daemon(pid_file, pid_file.with_suffix(".out")).kill()
        shutil.rmtree(directory, ignore_errors=True)

    def _file(self, node: Node, path: str) -> Path:
        return Path(node.place.root) / path

    def _daemon(self, node: Node) -> Daemon:
        root = Path(node.place.root)
        return Daemon(root.with_suffix(".pid"), root.with_suffix(".out"))

    def _free_networks(self, lab: str) -> Iterator[str]:
        """Networks that no lab of this folder was given and where nobody listens. The search starts at a place that
        the lab's own path decides, so that labs of different folders, started at one time, rarely meet."""
        taken = {network for file in self.home.glob("*/lab.json") for network in _networks(file)}
        first = zlib.crc32(os.fsencode(self.home.absolute() / lab))
        for step in range(254):
            network = f"127.66.{1 + (first + step) % 254}"
            if network not in taken and _unused(f"{network}.11", QUERY_PORT):
                yield network


def _networks(document: Path) -> set[str]:
    return set(re.findall(r'"(127\.66\.\d+)\.', document.read_text()))


def _unused(address: str, port: int) -> bool:
    with closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError:
            return False
        return True
