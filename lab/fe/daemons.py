"""What an FE does again and again by itself, each on its own period (common/util/FrontendDaemon)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lab.errors import Refused

LOG = logging.getLogger("lab")


@dataclass(frozen=True, slots=True)
class Daemon:
    """Work that only the leader does, every `period` seconds; a period of 0 means when it is asked to."""

    name: str
    period: float
    work: Callable[[], None]
    busy: threading.Lock = field(default_factory=threading.Lock)


class Daemons:
    """The daemons of one FE, a thread each."""

    def __init__(self, daemons: Iterable[Daemon], is_leader: Callable[[], bool]) -> None:
        self._daemons = tuple(daemons)
        self._is_leader = is_leader
        self._ended = threading.Event()

    def start(self) -> None:
        for daemon in self._daemons:
            if daemon.period:
                threading.Thread(target=self._repeat, args=(daemon,), name=daemon.name, daemon=True).start()

    def stop(self) -> None:
        self._ended.set()

    def tick(self) -> None:
        """One round of all of them, now."""
        for daemon in self._daemons:
            self._once(daemon)

    def _repeat(self, daemon: Daemon) -> None:
        while not self._ended.wait(daemon.period):
            self._once(daemon)

    def _once(self, daemon: Daemon) -> None:
        """An error ends the round and no more: it is logged, and the next round comes (Daemon.java:110)."""
        if not self._is_leader():
            return
        with daemon.busy:
            try:
                daemon.work()
            except Refused as error:
                LOG.warning("%s: %s", daemon.name, error)
            except Exception:
                LOG.exception("daemon thread got exception. name: %s", daemon.name)
