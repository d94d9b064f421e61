"""Journals of restores: what a restore set out to do and what it has done, in the bucket.

A restore that was interrupted is gone on with, or discarded, from its journal alone. What it created is known from
here, never guessed from the target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from srbackup.catalog import layout
from srbackup.catalog.codec import decode, encode
from srbackup.model.plan import RestorePlan
from srbackup.model.restore import RestoreBegun, RestoreOver, StepDone
from srbackup.storage.base import ObjectStore

_BEGUN, _OVER = "begun.json", "over.json"


@dataclass(frozen=True, slots=True)
class RestoreJournal:
    """One restore's journal. The lease of the target cluster guards it."""

    store: ObjectStore
    place: str
    begun: RestoreBegun

    @property
    def plan(self) -> RestorePlan:
        return self.begun.plan

    def step_done(self, number: int, done: StepDone) -> None:
        self.store.put(f"{self.place}steps/{number:04}.json", encode(done))

    def done_steps(self) -> dict[int, StepDone]:
        place = f"{self.place}steps/"
        return {
            int(n.removesuffix(".json")): decode(self.store.read(place + n).data, StepDone, place + n)
            for n in self.store.names(place)
        }

    def view_done(self, name: str) -> None:
        self.store.put(f"{self.place}views/{layout.safe(name)}", b"")

    def views_done(self) -> frozenset[str]:
        return frozenset(unquote(n) for n in self.store.names(f"{self.place}views/"))

    def end(self, over: RestoreOver) -> None:
        self.store.put(self.place + _OVER, encode(over))


def begin(store: ObjectStore, ulid: str, begun: RestoreBegun) -> RestoreJournal:
    place = f"{layout.restores(begun.plan.target_cluster)}{ulid}/"
    store.create(place + _BEGUN, encode(begun))
    return RestoreJournal(store, place, begun)


def interrupted(store: ObjectStore, cluster: str) -> Iterator[RestoreJournal]:
    """Restores into that cluster that never came to an end, the newest first. They may be under way still, unless
    the caller holds the cluster's lease."""
    begun: dict[str, bool] = {}
    for item in store.scan(layout.restores(cluster)):
        place, _, name = item.key.rpartition("/")
        if name in {_BEGUN, _OVER}:
            begun[f"{place}/"] = name == _OVER or begun.get(f"{place}/", False)
    for place in sorted((p for p, over in begun.items() if not over), reverse=True):
        document = store.read(place + _BEGUN)
        yield RestoreJournal(store, place, decode(document.data, RestoreBegun, place + _BEGUN))


def in_use(store: ObjectStore, clusters: Iterable[str]) -> Mapping[str, str]:
    """Points that a restore or drill into one of the clusters has not done with, and what that is, in words."""
    return {
        journal.plan.point: f"{journal.begun.purpose} into {cluster} since {journal.begun.started:%Y-%m-%d %H:%M}Z"
        for cluster in clusters
        for journal in interrupted(store, cluster)
    }
