"""One FE process: its parts, in the order in which they come up and go down."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace

from lab.clock import Clock
from lab.faults import Faults
from lab.fe.alter_jobs import AlterScheduler
from lab.fe.checkpoint import Checkpoints
from lab.fe.daemons import Daemon, Daemons
from lab.fe.door import Door
from lab.fe.first_start import Identity, WillNotStart, found, identify
from lab.fe.globals import GlobalState
from lab.fe.handlers import all_handlers
from lab.fe.http import HttpRoutes
from lab.fe.inheritance import inherited_jobs
from lab.fe.jobs import BackupHandler
from lab.fe.loads import Loads
from lab.fe.query import QueryEngine
from lab.fe.services import Services
from lab.fe.stream_load import StreamLoad
from lab.fe.upkeep import Upkeep, on_heartbeat
from lab.httpd import HttpServer, Request, Response, admin_routes, as_json
from lab.meta.group import Group
from lab.meta.image import ImageBroken, ImageDirectory
from lab.meta.journal import Journal, JournalBroken
from lab.meta.members import Role
from lab.meta.records import Frontend
from lab.settings import Settings
from lab.wire.server import MysqlServer

LOG = logging.getLogger("lab")


class FrontendNode:
    """A frontend. `start` returns when it serves, or when it was stopped before."""

    def __init__(self, settings: Settings, clock: Clock, helper: str) -> None:
        self._settings = settings
        self._clock = clock
        self._helper = helper
        self._ended = threading.Event()
        self._faults = Faults()
        self._images = ImageDirectory(settings.directory("meta_dir") / "image")
        self._closing: list[Callable[[], None]] = []
        self._mysql: MysqlServer | None = None

    # -- coming up

    def start(self) -> None:
        self._serve(self._settings.admin_port, admin_routes(self._faults, self._tick, self._skew))
        identity = identify(self._settings, self._images, self._helper, self._ended)
        if identity is None:
            return
        group = self._group()
        self._state = GlobalState(self._settings, self._clock, self._faults, group)
        self._state.cluster_id, self._state.token = identity.cluster_id, identity.token
        self._build(self._state, identity)
        self._serve(self._settings.port("edit_log_port"), group.routes())
        group.start()
        self._closing.append(group.stop)
        with group.changed:
            group.changed.wait_for(lambda: self._ended.is_set() or self._ready(group))
        if not self._ended.is_set():
            self._open()

    def _group(self) -> Group:
        """Image and journal, or why not to start (persist/MetaHelper.java:240, BDBJournalCursor.java:138)."""
        conf = self._settings.conf
        try:
            metadata = self._images.load()
            journal = Journal(self._settings.directory("meta_dir") / "bdb")
        except (ImageBroken, JournalBroken) as error:
            raise WillNotStart(str(error)) from error
        empty = not journal.had_files
        if metadata.journal_id and empty and conf.get("start_with_incomplete_meta") != "true" and not self._helper:
            raise WillNotStart(
                "image exists, but bdb dir is empty, set start_with_incomplete_meta to true if you want to "
                "forcefully recover from image data, "
                "this may end with stale meta data, so please be careful."
            )
        if journal.first_id > metadata.journal_id + 1:
            raise WillNotStart(
                f"Can not find the key[{metadata.journal_id + 1}] in [{journal.first_id}]: key too small"
            )
        me = (self._settings.host, self._settings.port("edit_log_port"))
        alone = conf.get("bdbje_reset_election_group") == "true"
        election = self._settings.pace.election
        joining = bool(self._helper) and not metadata.journal_id and empty
        return Group(
            me, journal, metadata, election, self._on_leader, self._on_deposed, alone=alone, joining=joining
        )  # fmt: skip

    def _build(self, state: GlobalState, identity: Identity) -> None:
        services = Services(state)
        self._services = services
        services.query = QueryEngine(state)
        services.loads = Loads(state, services.query)
        services.alter = AlterScheduler(state)
        services.backup = BackupHandler(state)
        self._checkpoints = Checkpoints(state, self._images, services.others)
        services.checkpoint = self._checkpoints.trigger
        self._door = Door(state, services, all_handlers())
        services.new_session = self._door.session
        self._name = identity.name
        upkeep, pace = Upkeep(state), self._settings.pace
        daemons = [
            Daemon("heartbeat mgr", pace.heartbeat, upkeep.heartbeat),
            Daemon("first heartbeat", 0.1, upkeep.greet),
            Daemon("timestamp", pace.timestamp, self._checkpoints.write_timestamp),
            Daemon("backup-handler", pace.tick, services.backup.tick),
            Daemon("agent tasks", pace.report, services.backup.agent.resend),
            Daemon("alter-scheduler", pace.alter, services.alter.run),
            Daemon("tablet stat mgr", pace.statistics, state.collect_statistics),
            Daemon("tablet-scheduler", pace.report, upkeep.repair),
            Daemon("dynamic-partition", pace.dynamic_partition, upkeep.dynamic_partitions),
            Daemon("recycle bin", pace.statistics, upkeep.recycle),
            Daemon("checkpoint controller", pace.checkpoint, self._checkpoints.run),
        ]
        self._daemons = Daemons(daemons, lambda: state.is_leader)

    def _ready(self, group: Group) -> bool:
        """An FE serves as soon as it leads or follows, not before (StarRocksFEServer.java:164)."""
        return self._state.is_leader or (group.role is Role.FOLLOWER and group.leader is not None)

    def _on_leader(self) -> None:
        """Take over: ids, unfinished business, and the list of FEs if the group was reset."""
        state, group = self._state, self._state.group
        state.start_ids()
        found(state, self._name)
        if group.alone:
            self._reset_frontends()
        self._checkpoints.lead()
        state.backends.beat()
        self._services.loads.finish_committed()
        self._services.backup.lead(inherited_jobs(state, self._services.backup.agent))
        with group.changed:
            state.led_epoch = group.epoch
            group.changed.notify_all()
        LOG.info("finish transfering FE type from %s to %s", Role.INIT, Role.LEADER)

    def _on_deposed(self) -> None:
        """StarRocks' leader exits when it leads no longer (GlobalStateMgr.java, `transfer FE type from LEADER to`), and
        what runs it starts it anew: its clients lose their connections. The lab's stays, as a follower."""
        LOG.error("transfer FE type from %s to %s", Role.LEADER, Role.FOLLOWER)
        if self._mysql is not None:
            self._mysql.drop_clients()

    def _reset_frontends(self) -> None:
        """bdbje_reset_election_group: the list of FEs is this one alone (GlobalStateMgr.java:1329)."""
        state, me = self._state, self._state.group.me
        with state.change() as change:
            for fe in list(change.now.values(Frontend)):
                if (fe.host, fe.edit_log_port) != me:
                    change.drop(Frontend, fe.id)
            mine = next((fe for fe in change.now.values(Frontend) if (fe.host, fe.edit_log_port) == me), None)
            change.put(replace(mine, joined=True) if mine else Frontend(1, self._name, *me, joined=True))
        state.group.alone = False

    def _open(self) -> None:
        http = HttpRoutes(
            self._state, self._checkpoints, StreamLoad(self._state, self._door, self._services.loads.load)
        )
        self._serve(self._settings.port("rpc_port"), self._rpc_routes())
        self._serve(self._settings.port("http_port"), http.routes())
        address = (self._settings.listen, self._settings.port("query_port"))
        self._mysql = MysqlServer(address, self._door, self._settings.release.mysql_version, self._tls())
        self._mysql.start()
        self._closing.append(self._mysql.close)
        self._daemons.start()
        self._closing.append(self._daemons.stop)

    def _serve(self, port: int, routes: dict[tuple[str, str], Callable[[Request], Response]]) -> None:
        server = HttpServer(self._settings.listen, [port], routes)
        server.start()
        self._closing.append(server.close)

    def _tls(self) -> ssl.SSLContext | None:
        """ssl_keystore_location of fe.conf; the lab takes a PEM file with key and certificate, Java a keystore."""
        path = self._settings.conf.get("ssl_keystore_location")
        if not path:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path, password=self._settings.conf.get("ssl_key_password"))
        return context

    def _rpc_routes(self) -> dict[tuple[str, str], Callable[[Request], Response]]:
        agent = self._services.backup.agent
        return {
            ("POST", "/forward"): self._services.on_forward,
            ("POST", "/config"): self._on_config,
            ("POST", "/heartbeat"): lambda request: on_heartbeat(self._state, request),
            ("POST", "/finish_task"): agent.on_finish_task,
            ("POST", "/snapshot_progress"): agent.on_progress,
        }

    def _on_config(self, request: Request) -> Response:
        for name, value in request.json().items():
            self._state.config.set(name, value)
        return as_json({})

    # -- going down, and the lab's own door

    def stop(self) -> None:
        """Close everything; what is written is synced already."""
        self._ended.set()
        for close in reversed(self._closing):
            close()

    def _tick(self) -> None:
        self._daemons.tick()

    def _skew(self, seconds: float) -> None:
        self._clock.skew = seconds
