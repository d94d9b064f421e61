"""The daemon: one lane for each cluster, side by side, and a configuration that can be read again.

Policies of one cluster take turns; a drill takes a turn on its scratch cluster. The daemon ends when it is asked to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from srbackup.app.wiring import Wiring
from srbackup.daemon.lane import Duty, Lane, Tell, clusters, duties
from srbackup.errors import Interrupted, SrbackupError
from srbackup.execution.parallel import Work
from srbackup.model.activity import ActivityRecord
from srbackup.model.events import Notify, StepStarted, Warned

_TICK_SECONDS = 0.2
_ASLEEP_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class LaneHealth:
    """A lane as /healthz shows it: what it works on, or how long ago it last looked what is due."""

    cluster: str
    alive: bool
    running: str
    idle_seconds: float | None

    @property
    def healthy(self) -> bool:
        return self.alive and (self.idle_seconds is None or self.idle_seconds < _ASLEEP_SECONDS)


@dataclass(frozen=True, slots=True)
class Reading:
    """The configuration as it was last read: when, and whether that succeeded."""

    at: datetime
    succeeded: bool


@dataclass(slots=True)
class _Running:
    lane: Lane
    work: Work[None]


@dataclass(slots=True)
class Daemon:
    """`load` reads the configuration; `tell` gives the listener of a duty, `say` is that of the daemon itself.

    `tick` is called a few times a second, from the thread that calls `run`.
    """

    load: Callable[[], Wiring]
    tell: Tell
    say: Notify
    tick: Callable[[], None] = lambda: None
    wiring: Wiring = field(init=False)
    reading: Reading = field(init=False)
    _lanes: dict[str, _Running] = field(default_factory=dict)
    _ending: bool = False
    _reload: bool = False
    _wake: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.wiring = self.load()
        self.reading = Reading(self.wiring.clock.now(), True)

    # -- what signals ask for

    def finish(self) -> None:
        """Begin nothing any more, and end when all that is under way has come to its end."""
        self._ending = True
        self._wake.set()

    def reload(self) -> None:
        """Read the configuration again; what is under way goes on with the old one."""
        self._reload = True
        self._wake.set()

    # -- the work

    def run(self) -> tuple[Interrupted, ...]:
        """Carry out what comes due until it is enough; what had to be left unfinished then."""
        self._open_lanes()
        self._warn_of_nothing()
        cut_short = list[Interrupted]()
        while self._lanes or not self._ending:
            self._look_after(cut_short)
            self.tick()
            self._wake.wait(_TICK_SECONDS)
            self._wake.clear()
        return tuple(cut_short)

    def _look_after(self, cut_short: list[Interrupted]) -> None:
        try:
            self.wiring.clock.sleep(0)
        except Interrupted:
            self._ending = True
        if self._reload and not self._ending:
            self._reload = False
            self._read_again()
        if self._ending:
            for running in self._lanes.values():
                running.lane.enough()
        for cluster, running in list(self._lanes.items()):
            if running.work.over:
                del self._lanes[cluster]
                running.work.wait(self.wiring.clock)
                if running.lane.cut_short is not None:
                    cut_short.append(running.lane.cut_short)
                if not self._ending:
                    self._open_lanes()  # it may be wanted again by now

    def _read_again(self) -> None:
        now = self.wiring.clock.now()
        try:
            self.wiring = self.load()
        except SrbackupError as error:
            self.reading = Reading(now, False)
            self.say(Warned(f"The configuration was not read again, the old one stays:\n{error.message}", error.hint))
            return
        self.reading = Reading(now, True)
        self.say(StepStarted("the configuration was read again"))
        self._open_lanes()
        for running in self._lanes.values():
            running.lane.look_again()
        self._warn_of_nothing()

    def _open_lanes(self) -> None:
        """A lane for each cluster with duties; those that have none any more end when they are idle."""
        wanted = clusters(self.wiring)
        for cluster in sorted(wanted - set(self._lanes)):
            lane = Lane(cluster, lambda: self.wiring, self.tell, self.say)
            self._lanes[cluster] = _Running(lane, Work(lane.work, f"lane {cluster}").begin())
        for cluster, running in self._lanes.items():
            if cluster not in wanted:
                running.lane.enough()

    def _warn_of_nothing(self) -> None:
        if not clusters(self.wiring):
            self.say(Warned("No policy has a schedule: there is nothing to do", "Add one and send SIGHUP."))

    # -- what others may know

    @property
    def ending(self) -> bool:
        return self._ending

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return tuple(running.lane for running in list(self._lanes.values()))

    @property
    def records(self) -> dict[Duty, ActivityRecord]:
        """What is recorded of every duty there is, as far as it is known here."""
        known = {d: r for lane in self.lanes for d, r in lane.records.items()}
        current = {d for cluster in list(self._lanes) for d, _, _ in duties(self.wiring, cluster)}
        return {d: r for d, r in known.items() if d in current}

    @property
    def health(self) -> tuple[LaneHealth, ...]:
        return tuple(
            LaneHealth(cluster, not r.work.over, str(r.lane.running or ""), r.lane.idle_seconds())
            for cluster, r in sorted(self._lanes.items())
        )
