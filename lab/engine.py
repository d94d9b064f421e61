"""A Docker engine for the lab: the one that answers, or Debian's own, started here where root allows it.

What a container or a small virtual machine lacks for an engine is put right on the way: packages, control groups,
pid files that a killed engine left behind, a storage driver that works everywhere.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from lab.daemon import Daemon
from lab.problems import LabProblem, NotAvailable
from lab.waiting import wait_for

LEFT_BY_A_KILLED_ENGINE = {
    Path("/run/docker.pid"): "dockerd",
    Path("/run/docker/containerd/containerd.pid"): "containerd",
}


def connect() -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST or the usual socket leads to. NotAvailable if none answers."""
    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except (DockerException, RequestException) as error:
        raise NotAvailable("no Docker engine answers", hint="as root: srlab engine up") from error
    return client


def answers() -> bool:
    """Whether an engine answers right now."""
    try:
        connect().close()
    except NotAvailable:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine that this machine runs for the lab; its pid file and log are in `directory`."""

    directory: Path = Path("/run/srlab-engine")

    def up(self) -> str:
        """Have an engine answer, and say which: one that was there, or one installed and started now.

        NotAvailable without root, or where Debian's docker.io cannot be had. May be asked by several at once.
        """
        if answers():
            return "an engine answers already"
        if os.geteuid() != 0:
            raise NotAvailable(
                "no Docker engine answers, and only root can start one",
                hint="use plain processes (--process), or ask root for: srlab engine up",
            )
        with self._alone():
            if answers():
                return "an engine answers already"
            if shutil.which("dockerd") is None:
                _install()
            _mount_control_groups()
            _forget_killed_engines()
            return self._start()

    def down(self) -> None:
        """End the engine that `up` started, if it started one; another's is left alone."""
        self._daemon.stop(seconds=30)

    def _start(self) -> str:
        mtu = _mtu()
        for storage in ((), ("--storage-driver", "vfs")):
            self._daemon.start(["dockerd", "--mtu", str(mtu), *storage])
            try:
                wait_for(self._answer_or_end, "an answer of dockerd", seconds=30)
            except LabProblem:
                self._daemon.kill()
                _forget_killed_engines()
            else:
                return " ".join(("dockerd was started", *storage))
        raise NotAvailable("dockerd does not start", hint=self._daemon.tail())

    def _answer_or_end(self) -> bool | None:
        if self._daemon.pid() is None:
            raise LabProblem("dockerd has ended")
        return True if answers() else None

    @property
    def _daemon(self) -> Daemon:
        return Daemon(self.directory / "dockerd.pid", self.directory / "dockerd.log")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _install() -> None:
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "docker.io"],
    ):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise NotAvailable("dockerd is not installed, and this is no Debian", hint="install Docker") from None
        if done.returncode != 0:
            raise NotAvailable("docker.io cannot be installed", hint=done.stderr.strip())


def _mount_control_groups() -> None:
    """Mount the control groups where no init did, as Debian's init script of docker.io does."""
    if any(line.split()[2] in ("cgroup", "cgroup2") for line in Path("/proc/mounts").read_text().splitlines()):
        return
    root = Path("/sys/fs/cgroup")
    controllers = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:]]
    in_v1 = [name for name, hierarchy, _, enabled in controllers if enabled == "1" and hierarchy != "0"]
    if not in_v1:
        _mount("cgroup2", root)
        return
    _mount("tmpfs", root, "mode=755")
    for name in in_v1:
        (root / name).mkdir()
        _mount("cgroup", root / name, name)


def _mount(kind: str, where: Path, options: str = "defaults") -> None:
    subprocess.run(["mount", "-t", kind, "-o", options, "srlab", str(where)], check=True)


def _forget_killed_engines() -> None:
    """Remove pid files that stand for a process that is gone, a zombie, or another program by now: dockerd would
    take a containerd for alive, wait 15 s for it and give up."""
    for file, program in LEFT_BY_A_KILLED_ENGINE.items():
        try:
            status = Path(f"/proc/{file.read_text().strip()}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            status = ""
        alive = f"Name:\t{program}\n" in status and "State:\tZ" not in status
        if not alive:
            file.unlink(missing_ok=True)


def _mtu() -> int:
    """The MTU of the interface that leads out, so that containers do not send larger packets than it takes."""
    routes = [line.split() for line in Path("/proc/net/route").read_text().splitlines()[1:]]
    out = [route[0] for route in routes if route[1] == "00000000"]
    return int(Path(f"/sys/class/net/{out[0]}/mtu").read_text()) if out else 1500
