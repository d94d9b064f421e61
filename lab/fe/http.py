"""The FE's HTTP port: health, positions in the journal, images for other FEs, metrics, Stream Load."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from lab.errors import Refused
from lab.fe.checkpoint import Checkpoints
from lab.fe.globals import GlobalState
from lab.fe.stream_load import StreamLoad
from lab.httpd import Handler, Request, Response, as_json
from lab.meta.members import Role
from lab.meta.records import Backend, Frontend, OlapTable


class HttpRoutes:
    """Handlers of port 8030 (http/rest, http/meta/MetaService.java)."""

    def __init__(self, state: GlobalState, checkpoints: Checkpoints, stream_load: StreamLoad) -> None:
        self._state = state
        self._checkpoints = checkpoints
        self._stream_load = stream_load

    def routes(self) -> dict[tuple[str, str], Handler]:
        return {
            ("GET", "/api/bootstrap"): self._bootstrap,
            ("GET", "/api/health"): self._health,
            ("GET", "/api/show_meta_info"): self._show_meta_info,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/info"): self._for_frontends(self._info),
            ("GET", "/image"): self._for_frontends(self._image),
            ("GET", "/version"): self._for_frontends(self._version),
            ("GET", "/role"): self._for_frontends(self._role),
            ("PUT", "/put"): self._for_frontends(self._put),
            ("PUT", "/api/"): self._stream_load.handle,
        }

    def _bootstrap(self, request: Request) -> Response:
        """Positions are for those who know the cluster's id and token; for others all numbers are 0."""
        state = self._state
        knows = request.query.get("cluster_id") == str(state.cluster_id) and request.query.get("token") == state.token
        values: dict[str, Any] = {
            "replayedJournalId": 0,
            "queryPort": 0,
            "rpcPort": 0,
            "feStartTime": 0,
            "heapUsedPercent": 0.0,
            "cpuCores": 0,
        }
        if knows:
            values |= {
                "replayedJournalId": state.metadata.journal_id,
                "queryPort": state.settings.port("query_port"),
                "rpcPort": state.settings.port("rpc_port"),
                "feStartTime": int(state.started.timestamp() * 1000),
                "feVersion": state.release.build,
            }
        return as_json({**values, "status": "OK", "code": "0", "msg": "Success", "message": "OK"})

    def _health(self, _request: Request) -> Response:
        backends = list(self._state.metadata.values(Backend))
        alive = sum(self._state.backends.is_alive(backend.id) for backend in backends)
        return as_json(
            {
                "online_backend_num": alive,
                "total_backend_num": len(backends),
                "status": "OK",
                "code": "0",
                "msg": "",
                "message": "",
            }
        )

    def _show_meta_info(self, request: Request) -> Response:
        """SHOW_HA: strings only; no login asked (http/rest/ShowMetaInfoAction.java:91)."""
        state, group = self._state, self._state.group
        if request.query.get("action", "").upper() != "SHOW_HA":
            return as_json({})
        leader = group.leader[0] if group.leader else ""
        frontends = list(state.metadata.values(Frontend))
        electable = ",".join(fe.host for fe in frontends if fe.role == "FOLLOWER" and fe.host != leader)
        answer = {
            "can_read": str(group.role is not Role.LEADER).lower(),
            "role": group.role.value,
            "is_ready": "true",
            "last_checkpoint_version": str(self._checkpoints.images.latest()),
            "last_checkpoint_time": str(self._checkpoints.images.checkpoint_time()),
            "current_journal_id": str(group.last_id if state.is_leader else state.metadata.journal_id),
            "observer_nodes": ",".join(fe.host for fe in frontends if fe.role == "OBSERVER"),
            "master": leader,
        }
        return as_json({**answer, "electable_nodes": electable} if electable else answer)

    def _metrics(self, _request: Request) -> Response:
        state = self._state
        lines = [
            f"starrocks_fe_max_journal_id {state.group.last_id}",
            f"starrocks_fe_meta_log_count {max(0, state.group.last_id - self._checkpoints.images.latest())}",
            f"starrocks_fe_table_num {len(state.metadata.all(OlapTable))}",
            f'starrocks_fe_node_info{{type="is_master"}} {int(state.is_leader)}',
        ]
        for backend, view in state.backends.report_rows():
            lines.append(f'starrocks_fe_tablet_num{{backend="{backend.host}:{backend.heartbeat_port}"}} {view.tablets}')
        return Response(body=("\n".join(lines) + "\n").encode(), type="text/plain")

    # -- for other FEs

    def _for_frontends(self, handler: Handler) -> Handler:
        """Only FEs on the list are served, by whatever name they are on it, without a password
        (MetaBaseAction.needCheckClientIsFe, NodeMgr.getFeByHost). The lab takes the port's own host for one as well: in
        process mode all nodes share a machine, and an FE that is to join is on the list before it asks."""

        def checked(request: Request) -> Response:
            hosts = {fe.host for fe in self._state.metadata.values(Frontend)}
            if not request.client.startswith("127.") and not any(_is_at(host, request.client) for host in hosts):
                return Response(400, b"invalid client host.", "text/html")
            return handler(request)

        return checked

    def _info(self, _request: Request) -> Response:
        return Response(body=str(self._checkpoints.images.latest()).encode(), type="text/plain")

    def _image(self, request: Request) -> Response:
        found = self._checkpoints.latest()
        if (
            found is None
            or request.query.get("image_format_version") != "v2"
            or str(found[0]) != request.query.get("version")
        ):
            return as_json({"status": "FAILED"}, 404)
        number, data, checksum = found
        headers = {
            "Content-disposition": f"attachment; filename=image.{number}",
            "X-Image-Size": str(len(data)),
            "X-Image-Checksum": str(checksum),
        }
        return Response(body=data, type="application/octet-stream", headers=headers)

    def _version(self, _request: Request) -> Response:
        return Response(body=(self._checkpoints.images.path / "VERSION").read_bytes(), type="application/octet-stream")

    def _role(self, request: Request) -> Response:
        """The name that ADD FOLLOWER gave to who asks; nothing if it was not added."""
        who = (request.query.get("host"), request.query.get("port"))
        frontends = self._state.metadata.values(Frontend)
        name = next((fe.name for fe in frontends if (fe.host, str(fe.edit_log_port)) == who), "")
        return Response(
            body=name.encode(), type="text/plain", headers={"role": "FOLLOWER" if name else "UNKNOWN", "name": name}
        )

    def _put(self, request: Request) -> Response:
        if self._state.is_leader:
            return as_json({"status": "FAILED"}, 400)
        self._checkpoints.take(request.body(), int(request.query["version"]))
        return as_json({"status": "OK"})


def _is_at(host: str, address: str) -> bool:
    """Whether a host name or address of the list is that address."""
    try:
        return host == address or address in {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except socket.gaierror:
        return False


def reported(error: Refused, code: Callable[[Refused], tuple[int, str, str]]) -> str:
    """The text of a refusal in an HTTP answer."""
    return code(error)[2]
