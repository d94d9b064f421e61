"""Leases: one writer at a time, told from the bucket alone.

A lease is one object. It is taken by creating it, renewed and taken over by replacing exactly what was read (a
rising epoch), and released by marking it released. Whether it is still alive is judged by the store's own clock.
A store without conditional writes (`doctor` tells) makes two writers unlikely rather than impossible.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from srbackup.catalog.codec import Damaged
from srbackup.clock import Clock
from srbackup.errors import LockBusy, SrbackupError
from srbackup.storage.base import AlreadyExists, Changed, ObjectNotFound, ObjectStore

SECONDS = 120
RENEW_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds it, since which epoch, for what (`point` once it is known). It lives `seconds` without a renewal.

    `processes` names the boot and the process namespace in which `pid` means something.
    """

    holder: str
    host: str
    pid: int
    purpose: str
    nonce: str
    epoch: int
    point: str = ""
    seconds: int = SECONDS
    released: bool = False
    renewals: int = 0
    processes: str = ""


class LeaseLost(SrbackupError):
    """Somebody else took the lease over: this process must not write any more."""


@dataclass(frozen=True, slots=True)
class _Current:
    lease: Lease
    etag: str
    age: float

    @property
    def alive(self) -> bool:
        """Not released, renewed in time, and not left behind by a process of this host that is gone."""
        return not (self.lease.released or self.age > self.lease.seconds or _gone(self.lease))


def who() -> str:
    """Who does what is done by this process, for records: user and host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in many containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def current(store: ObjectStore, key: str) -> Lease | None:
    """The lease of that key if it is alive."""
    found = _read(store, key)
    return found.lease if found is not None and found.alive else None


@contextmanager
def held(
    store: ObjectStore, key: str, purpose: str, nonce: str, clock: Clock, *, wait: float = 0
) -> Iterator[HeldLease]:
    """Hold the lease for the time of a block, renewed in the background; LockBusy after `wait` seconds of trying."""
    deadline = clock.monotonic() + wait
    while True:
        try:
            lease = _take(store, key, purpose, nonce)
            break
        except LockBusy:
            if clock.monotonic() >= deadline:
                raise
            clock.sleep(min(2.0, max(0.1, deadline - clock.monotonic())))
    holding = HeldLease(store, key, lease)
    holding.begin()
    try:
        yield holding
    finally:
        holding.end()


class Guard(Protocol):
    """What is asked before anything is done that only the holder of a lease may do."""

    def check(self) -> None:
        """Raise where the work must not go on: LeaseLost when the lease is somebody else's by now."""
        ...


class HeldLease:
    """A lease while it is held. `check` raises LeaseLost as soon as it is known to be somebody else's."""

    def __init__(self, store: ObjectStore, key: str, lease: Lease) -> None:
        self._store = store
        self._key = key
        self._lease = lease
        self._lost: str | None = None
        self._over = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._renew_until_over, name="lease", daemon=True)

    @property
    def epoch(self) -> int:
        return self._lease.epoch

    def begin(self) -> None:
        self._thread.start()

    def check(self) -> None:
        if self._lost is not None:
            raise LeaseLost(self._lost, hint="Another srbackup goes on with the work; see its log.")

    def works_on(self, point: str) -> None:
        """Say in the lease which point it is held for, so that a listing can tell a running one."""
        self._write(replace(self._lease, point=point))

    def end(self) -> None:
        self._over.set()
        self._thread.join()
        if self._lost is None:
            try:
                self._write(replace(self._lease, released=True))
            except (LeaseLost, SrbackupError) as error:
                # It ends by itself after `seconds`: nothing is lost but that time.
                self._lost = f"the lease could not be released: {error}"

    def _renew_until_over(self) -> None:
        failures = 0
        while not self._over.wait(RENEW_SECONDS):
            try:
                self._write(replace(self._lease, renewals=self._lease.renewals + 1))
                failures = 0
            except LeaseLost as error:
                self._lost = error.message
                return
            except SrbackupError as error:
                failures += 1
                if failures * RENEW_SECONDS >= self._lease.seconds:
                    self._lost = f"The lease could not be renewed for {self._lease.seconds} s: {error.message}"
                    return

    def _write(self, lease: Lease) -> None:
        with self._writing:
            found = _read(self._store, self._key)
            if found is None or (found.lease.nonce, found.lease.epoch) != (lease.nonce, lease.epoch):
                raise LeaseLost(f"The lease {self._key} was taken over by {found.lease.holder if found else 'nobody'}")
            try:
                self._store.replace(self._key, _encode(lease), found.etag)
            except (Changed, ObjectNotFound) as error:
                raise LeaseLost(f"The lease {self._key} was taken over") from error
            self._lease = lease


def _take(store: ObjectStore, key: str, purpose: str, nonce: str) -> Lease:
    found = _read(store, key)
    if found is not None and found.alive:
        raise LockBusy(
            f"{found.lease.holder} holds the lease {key}: {found.lease.purpose} (renewed {found.age:.0f} s ago)",
            hint=f"Wait for it (--lock-wait 30m). A dead holder's lease ends by itself after {found.lease.seconds} s.",
        )
    lease = Lease(
        holder=f"{who()} (pid {os.getpid()})",
        host=socket.gethostname(),
        pid=os.getpid(),
        purpose=purpose,
        nonce=nonce,
        epoch=(found.lease.epoch if found else 0) + 1,
        processes=_processes(),
    )
    try:
        if found is None:
            store.create(key, _encode(lease))
        else:
            store.replace(key, _encode(lease), found.etag)
    except (AlreadyExists, Changed, ObjectNotFound) as error:
        raise LockBusy(f"Somebody else took the lease {key} at this moment", hint="Try again.") from error
    written = _read(store, key)
    if written is None or written.lease.nonce != nonce:
        raise LockBusy(f"Somebody else took the lease {key} at this moment", hint="Try again.")
    return lease


def _read(store: ObjectStore, key: str) -> _Current | None:
    try:
        document = store.read(key)
    except ObjectNotFound:
        return None
    try:
        return _Current(Lease(**json.loads(document.data)), document.etag, document.age)
    except (ValueError, TypeError) as error:
        raise Damaged(f"{store.place}/{key} is not a lease: {error}", hint="Look at it, then delete it.") from error


def _encode(lease: Lease) -> bytes:
    return json.dumps(asdict(lease), indent=1).encode() + b"\n"


def _gone(lease: Lease) -> bool:
    """Whether the holder was a process of this host and is no more, or dead and only not buried (a zombie).

    Known only among processes that see each other: in another container of the same host name the pid is somebody
    else's, or nobody's while the holder lives.
    """
    if not lease.processes or (lease.host, lease.processes) != (socket.gethostname(), _processes()):
        return False
    try:
        state = Path(f"/proc/{lease.pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in {"Z", "X"}


def _processes() -> str:
    """What tells this boot and this process namespace from all others; '' where the system does not say (no Linux)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""
