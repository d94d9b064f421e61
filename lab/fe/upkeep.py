"""What the leader looks after: heartbeats and who has joined, lagging replicas, dynamic partitions, the recycle bin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from lab.fe.backends import BackendView
from lab.fe.creating import drop_tablets
from lab.fe.dynamic import renew
from lab.fe.globals import FrontendView, GlobalState
from lab.fe.partitions import forget_tablets
from lab.fe.recycling import empty_recycle_bin
from lab.httpd import Request, Response, Unreachable, exchange
from lab.meta.records import (
    Backend,
    Database,
    Frontend,
    OlapTable,
    Partition,
    PhysicalPartition,
    Replica,
    TableState,
    Tablet,
)

STATISTICS = "_statistics_"  # made by StatisticsMetaManager when there is a backend to hold it

MISSES = 2
PATIENCE = 100  # first heartbeats to an FE that was just added


@dataclass(frozen=True, slots=True)
class Told:
    """What the leader's heartbeat tells an FE."""

    backends: dict[int, BackendView]
    frontends: dict[int, FrontendView]


def on_heartbeat(state: GlobalState, request: Request) -> Response:
    """An FE's answer to the leader."""
    told = msgspec.json.decode(request.body(), type=Told)
    if not state.is_leader:
        state.backends.learn(told.backends)
        state.frontends = dict(told.frontends)
    return Response(body=msgspec.json.encode(FrontendView(replayed=state.metadata.journal_id, started=state.started)))


class Upkeep:
    """The rounds of the leader's housekeeping."""

    def __init__(self, state: GlobalState) -> None:
        self._state = state

    # -- heartbeats

    def heartbeat(self) -> None:
        """Ask BEs and FEs. Other FEs hear in turn what is known, as they would from the journal (OP_HEARTBEAT)."""
        state = self._state
        state.backends.beat()
        for frontend in list(state.metadata.values(Frontend)):
            self._look_at(frontend)
        if state.backends.alive() and STATISTICS not in state.metadata.databases:
            with state.change() as change:
                change.put(Database(change.next_id(), STATISTICS))

    def greet(self) -> None:
        """Ask at once who is new; in StarRocks newcomers wait for the next round."""
        state = self._state
        frontends = list(state.metadata.values(Frontend))
        backends = [be for be in state.metadata.values(Backend) if state.backends.is_new(be.id)]
        if backends or any(self._is_new(frontend) for frontend in frontends):
            state.backends.beat(backends)
            for frontend in frontends:
                self._look_at(frontend)

    def _is_new(self, frontend: Frontend) -> bool:
        return not frontend.joined and self._state.frontends.get(frontend.id, FrontendView()).misses < PATIENCE

    def _look_at(self, frontend: Frontend) -> None:
        state, group = self._state, self._state.group
        address = (frontend.host, frontend.edit_log_port)
        state.frontends[frontend.id] = self._me() if address == group.me else self._beat(frontend)
        # An FE that has the whole journal has joined, and counts for the majority from now on.
        if not frontend.joined and group.hears(address) and group.replayed_by(address) >= state.metadata.journal_id:
            with state.change() as change:
                change.put(replace(frontend, joined=True))

    def _me(self) -> FrontendView:
        now = self._state.clock.now()
        return FrontendView(
            alive=True, replayed=self._state.metadata.journal_id, heartbeat=now, started=self._state.started
        )

    def _beat(self, frontend: Frontend) -> FrontendView:
        before = self._state.frontends.get(frontend.id, FrontendView())
        body = {"backends": self._state.backends.views(), "frontends": self._state.frontends}
        try:
            data = exchange(
                frontend.host,
                self._state.settings.port("rpc_port"),
                "POST",
                "/heartbeat",
                msgspec.json.encode(body),
                timeout=1,
            )
        except Unreachable:
            return replace(before, alive=before.alive and before.misses < MISSES, misses=before.misses + 1)
        answer = msgspec.json.decode(data, type=FrontendView)
        return replace(answer, alive=True, heartbeat=self._state.clock.now())

    # -- replicas

    def repair(self) -> None:
        """TabletScheduler: a replica that lags or is missing is cloned from a good one, one too many is dropped."""
        state = self._state
        for table in list(state.metadata.values(OlapTable)):
            if table.state is TableState.RESTORE:
                continue
            for partition in state.metadata.partitions(table) + state.metadata.partitions(table, temporary=True):
                for physical in partition.physical:
                    for tablets in physical.tablets.values():
                        for tablet in tablets:
                            self._repair(partition, physical, tablet)

    def _repair(self, partition: Partition, physical: PhysicalPartition, tablet: Tablet) -> None:
        alive = self._state.backends.is_alive
        lagging = [one for one in tablet.replicas if one.version is not None or one.bad]
        good = [one for one in tablet.replicas if one not in lagging and alive(one.backend_id)]
        for replica in (one for one in lagging if good and alive(one.backend_id)):
            if self._clone(good[0].backend_id, replica.backend_id, tablet.id) >= physical.visible_version:
                self._replace(
                    partition.id,
                    tablet.id,
                    physical.visible_version,
                    replica,
                    replace(replica, version=None, bad=False),
                )
        have = {one.backend_id for one in tablet.replicas}
        for _ in range(partition.replication_num - len(have)) if good else ():
            spare = next((one.id for one in self._state.backends.alive() if one.id not in have), None)
            if spare is None or self._clone(good[0].backend_id, spare, tablet.id) < physical.visible_version:
                return
            have.add(spare)
            added = Replica(self._state.next_id(), spare)
            self._replace(partition.id, tablet.id, physical.visible_version, None, added)
        if len(good) > partition.replication_num and not lagging:
            gone = good[-1]
            self._replace(partition.id, tablet.id, physical.visible_version, gone, None)
            drop_tablets(self._state, [tablet.id], [gone.backend_id])

    def _clone(self, source: int, target: int, tablet_id: int) -> int:
        """Have a backend copy a tablet from another; the version it has then."""
        host, port = self._state.backends.address(source)
        try:
            answer = self._state.backends.post(
                target, "/tablets/clone", {"id": tablet_id, "host": host, "port": port}, timeout=60
            )
        except Unreachable:
            return 0
        return int(answer.get("version", 0))

    def _replace(
        self, partition_id: int, tablet_id: int, version: int, old: Replica | None, new: Replica | None
    ) -> None:
        """Put one replica in the place of another (or add or drop one), unless there was a load meanwhile."""

        def replaced(tablet: Tablet) -> Tablet:
            if tablet.id != tablet_id:
                return tablet
            kept = [one for one in tablet.replicas if old is None or one.id != old.id]
            return replace(tablet, replicas=tuple(sorted([*kept, *([new] if new else [])], key=lambda one: one.id)))

        with self._state.change() as change:
            partition = change.now.find(Partition, partition_id)
            if partition is None or any(one.visible_version > version for one in partition.physical):
                return
            physical = tuple(
                replace(one, tablets={index: tuple(replaced(t) for t in some) for index, some in one.tablets.items()})
                for one in partition.physical
            )
            change.put(replace(partition, physical=physical))

    # -- dynamic partitions

    def dynamic_partitions(self) -> None:
        """DynamicPartitionScheduler: by its interval alone, also for tables that were restored or altered just now."""
        if not self._state.config.flag("dynamic_partition_enable"):
            return
        for table in list(self._state.metadata.values(OlapTable)):
            if table.properties.get("dynamic_partition.enable") == "true" and table.state is TableState.NORMAL:
                with self._state.change() as change:
                    renew(change, self._state, table.id)

    # -- the recycle bin

    def recycle(self) -> None:
        state = self._state
        with state.change() as change:
            gone = empty_recycle_bin(
                change, state.clock.now().timestamp(), state.config.number("catalog_trash_expire_second")
            )
        forget_tablets(state, gone)
