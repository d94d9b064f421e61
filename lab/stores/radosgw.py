"""Ceph's radosgw from Debian: the S3 server closest to what people run, on one monitor and one OSD in memory.

It verifies signatures and serves conditional writes (If-Match only with an unquoted ETag), versioning, object lock,
users, policies and quotas. No cephx and no manager, so it is ready in a second; the OSD writes its memory to its
directory when it is stopped, and loses it when it is killed.
"""

from __future__ import annotations

import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from lab.daemon import Daemon, answers, free_port
from lab.problems import LabProblem, NotAvailable
from lab.stores.base import S3Access, create_bucket
from lab.waiting import wait_for

CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{monitor_port}
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
keyring = /dev/null
# The gateway's default for this is secure alone, which nothing without cephx can do.
ms mon client mode = crc secure
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = {directory}
admin socket =
log file = {directory}/$name.log
mon data = {directory}/mon
osd data = {directory}/osd
rgw data = {directory}/rgw
osd objectstore = memstore
memstore device bytes = 8589934592
# The quick way out would not write the memory to the directory.
osd fast shutdown = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
# A starting OSD may send these commands before it knows the cluster's id, be refused and end: place it by hand.
osd crush update on start = false
osd class update on start = false
mon allow pool size one = true
# Pools are created in 0.1 s instead of 1 s each.
paxos propose interval = 0.02
paxos min wait = 0.01
rgw frontends = beast endpoint={address}:{port} tcp_nodelay=1
"""


@dataclass(frozen=True, slots=True)
class Radosgw:
    """A Ceph cluster of three processes, all of whose files are below `directory`."""

    directory: Path
    address: str
    port: int
    access_key: str = "lab-access-key"
    secret_key: str = "lab-secret-key"

    @property
    def access(self) -> S3Access:
        return S3Access(f"http://{self.address}:{self.port}", self.access_key, self.secret_key)

    def start(self) -> None:
        for program in ("ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin", "monmaptool"):
            if shutil.which(program) is None:
                raise NotAvailable(
                    f"{program} is not installed",
                    hint="as root: apt-get install radosgw ceph-mon ceph-osd ceph-common",
                )
        complete = self.directory / "complete"
        fresh = not complete.exists()
        if fresh:
            self._create_monitor()
        self._daemon("mon").start(["ceph-mon", *self._conf, "-i", "a", "-f"])
        if fresh:
            self._create_osd()
        self._daemon("osd").start(["ceph-osd", *self._conf, "-i", "0", "-f"])
        self._daemon("rgw").start(["radosgw", *self._conf, "-n", "client.rgw", "-f"])
        # Its first start creates its pools; a radosgw-admin beside it then waits for ever.
        what = f"an answer of radosgw at {self.address}:{self.port}"
        wait_for(lambda: answers(self.address, self.port) or None, what, seconds=30, explain=self._tails)
        if fresh:
            keys = ("--access-key", self.access_key, "--secret", self.secret_key)
            self.admin("user", "create", "--uid", "lab", "--display-name", "lab", *keys)
        create_bucket(self.access)
        complete.touch()

    def stop(self) -> None:
        # The gateway keeps no state and waits 5 s for idle clients; the OSD has its memory to write.
        self._daemon("rgw").kill()
        self._daemon("osd").stop(seconds=60)
        self._daemon("mon").stop()

    def running(self) -> bool:
        return all(self._daemon(name).pid() is not None for name in ("mon", "osd", "rgw"))

    def admin(self, *arguments: str) -> str:
        """What `radosgw-admin` says: users, keys, quotas. Works while the monitor and the OSD run."""
        return self._run("radosgw-admin", *self._conf, *arguments)

    def _create_monitor(self) -> None:
        fsid, port = str(uuid.uuid4()), free_port("127.0.0.1")
        for part in ("mon", "osd", "rgw"):
            shutil.rmtree(self.directory / part, ignore_errors=True)
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        monmap = str(self.directory / "monmap")
        text = CONFIGURATION.format(
            fsid=fsid, monitor_port=port, directory=self.directory, address=self.address, port=self.port
        )
        self._configuration.write_text(text)
        self._run(
            *("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", f"[v1:127.0.0.1:{port}]", monmap)
        )
        self._run("ceph-mon", *self._conf, "-i", "a", "--mkfs", "--monmap", monmap)

    def _create_osd(self) -> None:
        osd = str(uuid.uuid4())
        self._command("osd", "new", osd)
        self._run("ceph-osd", *self._conf, "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._command("osd", "crush", "create-or-move", "osd.0", "1.0", "root=default", "host=lab")

    def _command(self, *words: str) -> None:
        """Tell the monitor something that may be said twice: a client that speaks before it has heard the cluster's
        id is refused with EPERM, "wrong fsid" in the monitor's log."""
        argv = ["ceph", *self._conf, *words]

        def accepted() -> bool | None:
            done = subprocess.run(argv, capture_output=True, timeout=60, check=False)
            return True if done.returncode == 0 else None

        wait_for(accepted, " ".join(argv), seconds=30, explain=self._tails)

    def _run(self, *argv: str) -> str:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise LabProblem(f"{argv[0]} ended with {done.returncode}", hint=done.stderr + self._tails())
        return done.stdout

    def _tails(self) -> str:
        return "\n".join(f"{name}: {self._daemon(name).tail(8)}" for name in ("mon", "osd", "rgw"))

    def _daemon(self, name: str) -> Daemon:
        return Daemon(self.directory / f"{name}.pid", self.directory / f"{name}.out")

    @property
    def _configuration(self) -> Path:
        return self.directory / "ceph.conf"

    @property
    def _conf(self) -> tuple[str, str]:
        return "-c", str(self._configuration)
