"""The record of one activity while a process uses it: what the bucket could not be told yet is not forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from srbackup.catalog import activities
from srbackup.model.activity import ActivityRecord
from srbackup.model.policy import Activity, Policy
from srbackup.storage.base import ObjectStore

Change = Callable[[ActivityRecord], ActivityRecord]


class Ledger:
    """The record as it is known here, and the changes that wait to be written.

    A change is a function that can be asked twice: a write whose answer was lost may be written again.
    """

    def __init__(self, policy: Policy, activity: Activity, since: datetime) -> None:
        self._policy, self._activity = policy, activity
        self._first = ActivityRecord(policy.name, policy.cluster, activity, since)
        self._waiting: list[Change] = []
        self.record = self._first

    @property
    def waits(self) -> bool:
        """Whether there is something that the bucket was not told yet."""
        return bool(self._waiting)

    def look(self, store: ObjectStore) -> ActivityRecord:
        """The record of this moment; what waits is written first. Where there is none: one that begins now and here."""
        if self._waiting:
            return self._write(store)
        policy = self._policy
        self.record = activities.read(store, policy.cluster, policy.name, self._activity) or self._first
        return self.record

    def begin(self, store: ObjectStore) -> ActivityRecord:
        """As `look`; and whatever comes due from now on is known to be due by whoever looks later."""
        return self._write(store)

    def add(self, store: ObjectStore, change: Change) -> ActivityRecord:
        """Change the record here, then in the bucket; where that fails, with the next look."""
        self.remember(change)
        return self._write(store)

    def remember(self, change: Change) -> None:
        """Change the record here; in the bucket with the next look."""
        self._waiting.append(change)
        self.record = change(self.record)

    def _write(self, store: ObjectStore) -> ActivityRecord:
        def changed(found: ActivityRecord | None) -> ActivityRecord:
            record = found or self._first
            for change in self._waiting:
                record = change(record)
            return record

        policy = self._policy
        self.record = activities.change(store, policy.cluster, policy.name, self._activity, changed)
        self._waiting.clear()
        return self.record
