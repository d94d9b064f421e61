"""What an FE does for its sessions as a whole: the list of them, and the way to the leader."""

from __future__ import annotations

import threading
from base64 import b64decode, b64encode
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.answers import Answer, Column, Ok, Rows, Type
from lab.errors import Refused
from lab.fe.globals import GlobalState
from lab.httpd import Request, Response, Unreachable, as_json, call
from lab.meta.accounts import User
from lab.meta.group import Group
from lab.meta.members import Address
from lab.meta.records import Frontend
from lab.sql.statements.base import Sent, Statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.fe.alter_jobs import AlterScheduler
    from lab.fe.jobs import BackupHandler
    from lab.fe.loads import Loads
    from lab.fe.query import QueryEngine
    from lab.fe.session import Session

PLAIN = (str, int, float, type(None))


class Services:
    """Built once an FE; the parts with an own life are set by the node that starts them."""

    def __init__(self, state: GlobalState) -> None:
        self.state = state
        self._sessions: dict[int, Session] = {}
        self._lock = threading.Lock()
        self.new_session: Callable[[str, int, str], Session]
        self.query: QueryEngine
        self.loads: Loads
        self.backup: BackupHandler
        self.alter: AlterScheduler
        self.checkpoint: Callable[[], None]

    # -- sessions

    def opened(self, session: Session) -> None:
        """Register a session; a user has at most max_user_connections of them."""
        user = session.user
        limit = int(user.properties.get("max_user_connections", "1024"))
        with self._lock:
            same = sum(other.user_identity == session.user_identity for other in self._sessions.values())
            if same >= limit:
                raise Refused(
                    f"Reach user-level(qualifiedUser: {user.name}) connection limit, currentUserMaxConn={limit}, "
                    f"connectionMap.size={len(self._sessions)}, connByUser.totConn={same + 1}, user.currConn={same}, "
                    f"node={self.state.settings.host}:{self.state.settings.port('edit_log_port')}"
                )
            self._sessions[session.connection_id] = session

    def closed(self, session: Session) -> None:
        with self._lock:
            self._sessions.pop(session.connection_id, None)

    def sessions(self) -> list[Session]:
        with self._lock:
            return list(self._sessions.values())

    def kill(self, connection_id: int) -> bool:
        with self._lock:
            session = self._sessions.get(connection_id)
        if session is None:
            return False
        session.killed = True
        return True

    # -- forwarding (LeaderOpExecutor)

    def forward(self, session: Session, statement: Statement, text: str) -> Answer:
        """Have the leader carry a statement out. What became of it when the leader dies meanwhile, or when another
        leads by then, is not known."""
        group = self.state.group
        leader, epoch = group.leader, group.epoch
        if leader is None:
            raise Refused("Socket is closed by peer.")
        body = {
            "user": session.user_identity,
            "roles": list(session.roles),
            "database": session.database_name,
            "variables": session.variables,
            "sql": text,
        }
        try:
            port = self.state.settings.port("rpc_port")
            still = partial(_leads, group, leader, epoch)
            answer = call(leader[0], port, "/forward", body, timeout=600, while_=still)
        except Unreachable as error:
            refused = "refused" in str(error)
            raise Refused(
                "java.net.ConnectException: Connection refused" if refused else "Socket is closed by peer."
            ) from error
        if statement.SENT is Sent.FORWARD_WITH_SYNC:
            self._wait_for(answer["journal_id"])
        return decoded(answer)

    def _wait_for(self, journal_id: int) -> None:
        group = self.state.group
        with group.changed:
            group.changed.wait_for(lambda: group.metadata.journal_id >= journal_id, timeout=10)

    def on_forward(self, request: Request) -> Response:
        """A statement that another FE sends on behalf of its client."""
        body = request.json()
        if not self.state.is_leader or self.state.metadata.find(User, body["user"]) is None:
            return as_json({"error": [1064, "HY000", "not the leader"], "journal_id": 0})
        session = self.new_session(body["user"], 0, request.client)
        session.roles = tuple(body["roles"])
        session.database_name, session.variables = body["database"], body["variables"]
        try:
            answer = [answer for answer, _ in session.run(body["sql"])][-1]
        except Refused as error:
            return as_json(
                {"error": [error.code, error.state, error.text], "journal_id": self.state.metadata.journal_id}
            )
        return as_json({**encoded(answer), "journal_id": self.state.metadata.journal_id})

    def others(self) -> list[Frontend]:
        """The other FEs on the list."""
        me = (self.state.settings.host, self.state.settings.port("edit_log_port"))
        return [fe for fe in self.state.metadata.values(Frontend) if (fe.host, fe.edit_log_port) != me]


def _leads(group: Group, leader: Address, epoch: int) -> bool:
    return (group.leader, group.epoch) == (leader, epoch)


def encoded(answer: Answer) -> dict[str, Any]:
    """An answer as JSON."""
    match answer:
        case Ok(affected, info):
            return {"ok": [affected, info]}
        case Rows(columns, rows):
            cells = [[_cell(value) for value in row] for row in rows]
            return {"columns": [[column.name, int(column.type)] for column in columns], "rows": cells}


def decoded(answer: dict[str, Any]) -> Answer:
    if "error" in answer:
        code, state, text = answer["error"]
        error = Refused("", code=code, state=state)
        error.text = text
        raise error
    if "ok" in answer:
        return Ok(*answer["ok"])
    columns = tuple(Column(name, Type(number)) for name, number in answer["columns"])
    return Rows(
        columns,
        [tuple(b64decode(cell[0]) if isinstance(cell, list) else cell for cell in row) for row in answer["rows"]],
    )


def _cell(value: object) -> object:
    if isinstance(value, bytes):
        return [b64encode(value).decode()]
    return value if isinstance(value, PLAIN) else str(value)
