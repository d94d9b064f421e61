"""A process that outlives the one that started it, known by a pid file that never stands for a stranger."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.problems import LabProblem
from lab.waiting import wait_for


@dataclass(frozen=True, slots=True)
class Daemon:
    """A command with its pid file and log. The pid file holds the pid and the time the kernel started it at:
    a pid that was given to another process since is not taken for ours."""

    pid_file: Path
    log: Path

    def start(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        """Start `argv` in a session of its own, output appended to the log. Does nothing if it runs already."""
        if self.pid() is not None:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawnp(
            argv[0],
            list(argv),
            {**os.environ, **(env or {})},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log), append, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        self.pid_file.write_text(f"{pid} {_start_time(pid)}\n")

    def pid(self) -> int | None:
        """The process, if it lives and is the one that was started."""
        try:
            pid, started = self.pid_file.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        _reap(int(pid))
        return int(pid) if _start_time(int(pid)) == started else None

    def paused(self) -> bool:
        """Whether it is stopped by SIGSTOP."""
        pid = self.pid()
        return pid is not None and _stat(pid)[0] == "T"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and what it started in its session, if it lives."""
        if (pid := self.pid()) is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, number)

    def stop(self, *, seconds: float = 10) -> None:
        """SIGTERM to the process alone, which ends its children as it likes, and SIGKILL to all of them when that did
        not end it in time. Safe to ask twice."""
        self.signal(signal.SIGCONT)
        if (pid := self.pid()) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        with suppress(LabProblem):
            self._wait_for_end(seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL, and forget the process. Safe to ask twice."""
        self.signal(signal.SIGKILL)
        self._wait_for_end(10)
        self.pid_file.unlink(missing_ok=True)

    def tail(self, lines: int = 20) -> str:
        """The last lines of the log."""
        if not self.log.exists():
            return f"{self.log} was never written"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _wait_for_end(self, seconds: float) -> None:
        wait_for(
            lambda: True if self.pid() is None else None, f"the end of the process of {self.pid_file}", seconds=seconds
        )


def free_port(address: str) -> int:
    """A TCP port that nobody listens on at `address` right now."""
    with socket.socket() as listener:
        listener.bind((address, 0))
        return int(listener.getsockname()[1])


def answers(address: str, port: int) -> bool:
    """Whether someone accepts TCP connections there."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def python() -> str:
    """The interpreter that runs this, for programs of the lab."""
    return sys.executable


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (proc(5): the command before it may hold anything)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _start_time(pid: int) -> str | None:
    """When the kernel started the process, in clock ticks since boot; nothing for one that is gone or a zombie."""
    fields = _stat(pid)
    return None if not fields or fields[0] in "ZX" else fields[19]


def _reap(pid: int) -> None:
    """Collect the process if it is a dead child of ours; init does so for those whose starter has ended."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
