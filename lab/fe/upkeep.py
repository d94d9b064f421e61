"""What the leader looks after: heartbeats and who has joined, lagging replicas, dynamic partitions, the recycle bin."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from lab.fe.dynamic import renew
from lab.fe.globals import GlobalState
from lab.fe.partitions import forget_tablets
from lab.fe.tables import empty_recycle_bin
from lab.httpd import Unreachable, call
from lab.meta.records import Database, Frontend, OlapTable, Partition, PhysicalPartition, Replica, TableState, Tablet

STATISTICS = "_statistics_"  # made by StatisticsMetaManager when there is a backend to hold it


class Upkeep:
    """The rounds of the leader's housekeeping."""

    def __init__(self, state: GlobalState) -> None:
        self._state = state

    # -- heartbeats

    def heartbeat(self) -> None:
        """Ask BEs and FEs; an FE that has the whole journal has joined and counts for the majority from now on."""
        state, group = self._state, self._state.group
        state.backends.beat()
        for frontend in list(state.metadata.values(Frontend)):
            address = (frontend.host, frontend.edit_log_port)
            if address == group.me or not group.hears(address):
                continue
            if not frontend.joined and group.replayed_by(address) >= state.metadata.journal_id:
                with state.change() as change:
                    change.put(replace(frontend, joined=True))
            try:
                answer = call(frontend.host, state.settings.port("rpc_port"), "/started", {}, timeout=1)
                state.frontends_started[frontend.host] = datetime.fromisoformat(answer)
            except Unreachable:
                continue
        if state.backends.alive() and STATISTICS not in state.metadata.databases:
            with state.change() as change:
                change.put(Database(change.next_id(), STATISTICS))

    # -- replicas

    def repair(self) -> None:
        """TabletScheduler: a replica that lags is cloned from one that does not."""
        state = self._state
        for table in list(state.metadata.values(OlapTable)):
            if table.state is TableState.RESTORE:
                continue
            for partition in state.metadata.partitions(table) + state.metadata.partitions(table, temporary=True):
                for physical in partition.physical:
                    for tablets in physical.tablets.values():
                        for tablet in tablets:
                            self._repair(partition.id, physical, tablet)

    def _repair(self, partition_id: int, physical: PhysicalPartition, tablet: Tablet) -> None:
        lagging = [one for one in tablet.replicas if one.version is not None or one.bad]
        good = [one for one in tablet.replicas if one not in lagging and self._state.backends.is_alive(one.backend_id)]
        for replica in lagging:
            if not good or not self._state.backends.is_alive(replica.backend_id):
                continue
            host, port = self._state.backends.address(good[0].backend_id)
            body = {"id": tablet.id, "host": host, "port": port}
            try:
                answer = self._state.backends.post(replica.backend_id, "/tablets/clone", body, timeout=60)
            except Unreachable:
                continue
            if answer.get("version", 0) >= physical.visible_version:
                self._healed(partition_id, tablet.id, replica, answer["version"])

    def _healed(self, partition_id: int, tablet_id: int, replica: Replica, version: int) -> None:
        """The replica has what the others have, unless there was a load meanwhile."""

        def healed(one: PhysicalPartition) -> PhysicalPartition:
            if one.visible_version > version:
                return one
            healthy = replace(replica, version=None, bad=False)
            tablets = {
                index: tuple(
                    replace(t, replicas=tuple(healthy if r.id == replica.id else r for r in t.replicas))
                    if t.id == tablet_id
                    else t
                    for t in some
                )
                for index, some in one.tablets.items()
            }
            return replace(one, tablets=tablets)

        with self._state.change() as change:
            partition = change.now.find(Partition, partition_id)
            if partition is not None:
                change.put(replace(partition, physical=tuple(healed(one) for one in partition.physical)))

    # -- dynamic partitions

    def dynamic_partitions(self) -> None:
        """DynamicPartitionScheduler."""
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
