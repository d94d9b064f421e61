"""GlobalState: what one FE knows and may change; StarRocks' GlobalStateMgr."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from lab.clock import Clock
from lab.errors import Refused
from lab.faults import Faults
from lab.fe.backends import Backends
from lab.fe.config import FrontendConfig
from lab.meta.group import Group
from lab.meta.members import NotDecided, NotLeader, Role
from lab.meta.records import GlobalVariable, IdBatch, Partition
from lab.meta.state import Change, Entry, Metadata
from lab.settings import Settings
from lab.versions import Release

BATCH = 1000  # FeConstants.id_batch: ids are journaled by the thousand
FIRST_ID = 10001


@dataclass(frozen=True, slots=True)
class FrontendView:
    """What the leader's heartbeats said of one FE."""

    alive: bool = False
    replayed: int = 0
    heartbeat: datetime | None = None
    started: datetime | None = None
    misses: int = 0


class GlobalState:
    """The metadata, the way to change it, and what belongs to this FE's process alone."""

    def __init__(self, settings: Settings, clock: Clock, faults: Faults, group: Group) -> None:
        self.settings = settings
        self.release: Release = settings.release
        self.clock = clock
        self.faults = faults
        self.group = group
        self.config = FrontendConfig(settings)
        self.started = clock.now()
        self.cluster_id = 0
        self.token = ""
        self.lock = threading.RLock()
        self.backends = Backends(self)
        self.frontends: dict[int, FrontendView] = {}
        self._statistics: dict[int, tuple[int, int]] = {}
        self._open: Change | None = None
        self.led_epoch = 0
        self._next_id = 0
        self._next_transaction = 0
        self._next_epoch_of_version = 0

    @property
    def metadata(self) -> Metadata:
        return self.group.metadata

    @property
    def is_leader(self) -> bool:
        """Whether this FE leads and has taken over all that a leader does."""
        return self.group.role is Role.LEADER and self.led_epoch == self.group.epoch

    @contextmanager
    def change(self) -> Iterator[Change]:
        """One change of the metadata at a time; it is written when the block ends without an error. A change within
        a change is part of it."""
        with self.lock:
            if self._open is not None:
                yield self._open
                return
            self._open = Change(self.metadata, self._id)
            try:
                yield self._open
                self._reserve(self._open)
                self.write(self._open)
            finally:
                self._open = None

    def write(self, change: Change) -> None:
        """Journal a change; nothing of it has happened if that fails."""
        if change.is_empty:
            return
        try:
            self.group.write(change.entry, change.now)
        except NotLeader as error:
            raise Refused("this FE is not the leader any longer") from error
        except NotDecided as error:
            raise Refused(f"failed to write the journal: {error}") from error

    def write_nothing(self) -> None:
        """An entry that changes nothing, as StarRocks journals the time every ten seconds."""
        with self.lock:
            self.group.write(lambda number, epoch: Entry(number, epoch, [], []), self.metadata)

    def start_ids(self) -> None:
        """A new leader goes on behind the batch of the old one, so that no id comes twice."""
        batch = self.metadata.find(IdBatch, "object")
        self._next_id = batch.end if batch else FIRST_ID
        self._next_transaction = 0

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def next_id(self) -> int:
        """One id outside of a change."""
        with self.change() as change:
            return change.next_id()

    def _reserve(self, change: Change) -> None:
        batch = self.metadata.find(IdBatch, "object")
        end = batch.end if batch else 0
        if self._next_id > end:
            change.put(IdBatch("object", self._next_id + BATCH))

    def transaction_id(self) -> int:
        """Transaction ids are a sequence of their own, reserved in batches as well."""
        with self.lock:
            batch = self.metadata.find(IdBatch, "transaction")
            end = batch.end if batch else 0
            if self._next_transaction >= end or self._next_transaction == 0:
                self._next_transaction = max(self._next_transaction, end, 1001)
                with self.change() as change:
                    change.put(IdBatch("transaction", self._next_transaction + BATCH))
            self._next_transaction += 1
            return self._next_transaction - 1

    def version_epoch(self) -> int:
        """PhysicalPartition.versionEpoch: ascending, unique, and about the time."""
        with self.lock:
            self._next_epoch_of_version = max(self._next_epoch_of_version + 1, self.clock.millis() << 18)
            return self._next_epoch_of_version

    def statistic(self, physical_id: int) -> tuple[int, int]:
        """Rows and bytes of one replica, as of the last report of the backends: what was loaded since is not in it."""
        return self._statistics.get(physical_id, (0, 0))

    def collect_statistics(self) -> None:
        """TabletStatMgr: a round every tablet_stat_update_interval_second."""
        self._statistics = {
            physical.id: (physical.rows, physical.data_size)
            for partition in self.metadata.values(Partition)
            for physical in partition.physical
        }

    def variable(self, name: str) -> str | None:
        """A global variable that was SET GLOBAL."""
        found = self.metadata.find(GlobalVariable, name)
        return found.value if found else None
