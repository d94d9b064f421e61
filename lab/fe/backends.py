"""The backends as the leader sees them: heartbeats, placement of replicas, and requests to them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lab.errors import Refused, not_understood
from lab.faults import FaultStruck, Point
from lab.httpd import Unreachable, call
from lab.meta.records import Backend

if TYPE_CHECKING:
    from lab.fe.globals import GlobalState

BE_PORTS = {"be_port": 9060, "http_port": 8040, "brpc_port": 8060}
PATIENCE = 100  # first heartbeats to a BE that was just added
MISSES = 3  # FE config heartbeat_retry_times: this many silent heartbeats make a BE dead


@dataclass(frozen=True, slots=True)
class BackendView:
    """What the last heartbeats said of one BE."""

    alive: bool = False
    started: datetime | None = None
    heartbeat: datetime | None = None
    reported: datetime | None = None
    http_port: int = BE_PORTS["http_port"]
    be_port: int = BE_PORTS["be_port"]
    brpc_port: int = BE_PORTS["brpc_port"]
    tablets: int = 0
    used: int = 0
    storage: str = ""
    version: str = ""
    error: str = ""
    misses: int = 0


class Backends:
    """Runtime knowledge of the BEs; which BEs there are is in the metadata."""

    def __init__(self, state: GlobalState) -> None:
        self._state = state
        self._views: dict[int, BackendView] = {}
        self._turn = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="be")

    def view(self, backend_id: int) -> BackendView:
        return self._views.get(backend_id, BackendView())

    def views(self) -> Mapping[int, BackendView]:
        """All of them, as the leader tells the other FEs."""
        return dict(self._views)

    def learn(self, views: Mapping[int, BackendView]) -> None:
        """What the leader tells."""
        self._views = dict(views)

    def is_alive(self, backend_id: int) -> bool:
        return self.view(backend_id).alive

    def alive(self) -> list[Backend]:
        """Alive and not on the way out, by id."""
        found = (be for be in self._state.metadata.values(Backend) if self.is_alive(be.id) and not be.decommissioned)
        return sorted(found, key=lambda be: be.id)

    # -- heartbeats

    def is_new(self, backend_id: int) -> bool:
        """Whether it never answered, and was not asked often in vain."""
        view = self.view(backend_id)
        return view.started is None and view.misses < PATIENCE

    def beat(self, backends: Sequence[Backend] | None = None) -> None:
        """One round of heartbeats (system/HeartbeatMgr), or of those to some."""
        backends = list(self._state.metadata.values(Backend)) if backends is None else backends
        for backend, answer in zip(backends, self._pool.map(self._ask, backends), strict=True):
            before = self.view(backend.id)
            if isinstance(answer, str):
                misses = before.misses + 1
                self._views[backend.id] = replace(
                    before, misses=misses, alive=before.alive and misses < MISSES, error=answer
                )
                continue
            now = self._state.clock.now()
            self._views[backend.id] = BackendView(
                alive=True,
                started=datetime.fromisoformat(answer["started"]),
                heartbeat=now,
                reported=now,
                http_port=answer["http_port"],
                be_port=answer["be_port"],
                brpc_port=answer["brpc_port"],
                tablets=answer["tablets"],
                used=answer["used"],
                storage=answer["storage"],
                version=answer["version"],
            )

    def _ask(self, backend: Backend) -> dict[str, Any] | str:
        """One BE's answer, or what is wrong with it. The BE learns who leads, and refuses an older epoch, another
        cluster or another token (be/src/agent/heartbeat_server.cpp:181)."""
        state = self._state
        body = {
            "cluster_id": state.cluster_id,
            "token": state.token,
            "epoch": state.group.epoch,
            "backend_id": backend.id,
            "host": backend.host,
            "leader": [state.settings.host, state.settings.port("rpc_port")],
        }
        try:
            state.faults.strike(Point.HEARTBEAT, backend.host)
            answer: dict[str, Any] = call(backend.host, backend.heartbeat_port, "/heartbeat", body, timeout=2.0)
        except (Unreachable, FaultStruck) as error:
            return f"java.net.ConnectException: {error}"
        return str(answer["error"]) if answer.get("error") else answer

    def report_rows(self) -> Iterable[tuple[Backend, BackendView]]:
        """All BEs, by id, with what is known."""
        return [(be, self.view(be.id)) for be in sorted(self._state.metadata.values(Backend), key=lambda be: be.id)]

    # -- placement

    def choose(self, replicas: int, what: str = "") -> list[int]:
        """`replicas` different alive BEs, in turn."""
        alive = self.alive()
        if len(alive) < replicas:
            if what:
                raise Refused(
                    f"failed to find {replicas} different hosts to create table: {what}", code=5064, state="42000"
                )
            ids = ",".join(str(be.id) for be in alive)
            raise not_understood(
                "Table replication num should be less than of equal to the number of available BE nodes. You can "
                "change "
                "this default by setting the replication_num table properties. "
                f"Current alive backend is [{ids}]."
            )
        with self._lock:
            self._turn += 1
            start = self._turn
        return [alive[(start + number) % len(alive)].id for number in range(replicas)]

    # -- requests

    def post(self, backend_id: int, path: str, body: object, *, timeout: float = 30.0) -> Any:
        """A request to one BE; Unreachable if it cannot be had."""
        backend = self._state.metadata.find(Backend, backend_id)
        if backend is None:
            raise Unreachable(f"backend {backend_id} does not exist")
        return call(backend.host, self.view(backend_id).http_port, path, body, timeout=timeout)

    def post_all(self, requests: Sequence[tuple[int, str, object]], *, timeout: float = 30.0) -> list[Any]:
        """Requests in parallel; an Unreachable stands in the place of an answer."""

        def one(request: tuple[int, str, object]) -> Any:
            try:
                return self.post(*request, timeout=timeout)
            except Unreachable as error:
                return error

        return list(self._pool.map(one, requests))

    def address(self, backend_id: int) -> tuple[str, int]:
        """Host and HTTP port."""
        backend = self._state.metadata.find(Backend, backend_id)
        if backend is None:
            raise Unreachable(f"backend {backend_id} does not exist")
        return backend.host, self.view(backend_id).http_port
