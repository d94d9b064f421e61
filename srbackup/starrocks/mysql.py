"""A session over the MySQL protocol: pymysql and its exceptions end here.

Autocommit always: BEGIN makes every SHOW and BACKUP fail (5305). Parameters are never bound: StarRocks prepares
queries only, so statements.py quotes.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pymysql
from pymysql.constants import CR, ER

from srbackup.errors import ClusterUnreachable, CredentialsRejected, SrbackupError
from srbackup.model.cluster import Cluster, Frontend, FrontendStatus
from srbackup.starrocks import messages, rows, statements
from srbackup.starrocks.base import AccessDenied, StatementRefused
from srbackup.starrocks.rows import Row

_ACCESS_DENIED = {5203, 1252, ER.SPECIFIC_ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR}
_LOST = {CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_CONN_HOST_ERROR, CR.CR_CONNECTION_ERROR, 0}
# Of a follower that lost its leader: whether the statement took effect is not known.
_LEADER_LOST = ("Socket is closed by peer", "java.net.ConnectException", "java.net.SocketException")
_CONNECT_SECONDS = 10
# Seconds to wait for one reply: to control the cluster, and to read whole tables.
PATIENCE, LONG_PATIENCE = 600, 7 * 86400

Trace = Callable[[str], None]


class Session:
    """One connection to one FE of a cluster, the leader where it can be found.

    `aliases` are more names of an FE by its configured name: a container's host name and addresses, as SHOW
    FRONTENDS may print them. `patience` bounds in seconds the wait for one reply. After a lost connection the next
    `ask` connects anew, to any FE that answers. `trace` is told of every statement, with secrets masked.
    """

    def __init__(
        self,
        cluster: Cluster,
        aliases: Mapping[str, frozenset[str]],
        trace: Trace,
        patience: int = PATIENCE,
    ) -> None:
        self.cluster = cluster
        self.aliases = aliases
        self.frontend: Frontend | None = None
        self.on_leader = False
        self.patience = patience
        self._trace = trace
        self._connection: Any = None
        self._prepared: list[str] = []

    def ask(self, statement: str) -> list[Row]:
        """The rows of a statement (none for one that has no result)."""
        connection = self._connected()
        self._trace(statements.shown(statement))
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                if cursor.description is None:
                    return []
                names = [d[0] for d in cursor.description]
                return [Row.of(names, values) for values in cursor.fetchall()]
        except (pymysql.err.Error, OSError) as error:
            raise self._translated(error, statement) from error

    def prepare(self, settings: tuple[str, ...]) -> None:
        """Settings of the session, made again after a reconnection; those a release does not know are passed over."""
        self._connected()
        for setting in settings:
            if setting not in self._prepared:
                self._set(setting)
                self._prepared.append(setting)

    def close(self) -> None:
        if self._connection is not None:
            with suppress(pymysql.err.Error):  # it was lost already
                self._connection.close()
            self._connection = None

    def _set(self, setting: str) -> None:
        try:
            self.ask(setting)
        except StatementRefused as error:
            if "variable" not in error.text.lower():
                raise

    def _connected(self) -> Any:
        if self._connection is None:
            self._connection = self._open()
            for setting in self._prepared:
                self._set(setting)
        return self._connection

    def _open(self) -> Any:
        """The leader's connection; that of any FE when no FE of the configuration can be told to be the leader."""
        problems: list[str] = []
        for frontend in self.cluster.frontends:
            try:
                connection = self._connect(frontend)
            except ClusterUnreachable as error:
                problems.append(error.message)
                continue
            self.frontend, self._connection = frontend, connection
            return self._leader_instead(connection)
        raise ClusterUnreachable(
            f"No FE of cluster {self.cluster.name!r} answers:\n  " + "\n  ".join(problems),
            hint="An FE without a quorum closes all its ports: a refused connection does not mean a dead process. "
            "See `srbackup doctor`.",
        )

    def _leader_instead(self, connection: Any) -> Any:
        try:
            found = [rows.frontend(r) for r in self.ask(statements.SHOW_FRONTENDS)]
        except (StatementRefused, AccessDenied):
            self.on_leader = False  # without OPERATE or NODE nobody says who leads; `doctor` reports the privilege
            return connection
        leader = next((f for f in found if f.is_leader), None)
        if leader is None:
            return connection
        configured = self.recognise(leader)
        if configured is None:
            self.on_leader = len(found) == 1
            return connection
        if configured == self.frontend:
            self.on_leader = True
            return connection
        try:
            better = self._connect(configured)
        except ClusterUnreachable:
            self.on_leader = False  # it leads, but not for us: followers forward what must be forwarded
            return connection
        connection.close()
        self.frontend, self._connection, self.on_leader = configured, better, True
        return better

    def recognise(self, status: FrontendStatus) -> Frontend | None:
        """The FE of the configuration that a row of SHOW FRONTENDS speaks of, if exactly one fits."""
        fits = [
            f
            for f in self.cluster.frontends
            if status.host in f.names | self.aliases.get(f.name, frozenset())
            and (f.host != status.host or f.port == status.query_port or f.container is not None)
        ]
        return fits[0] if len(fits) == 1 else None

    def _connect(self, frontend: Frontend) -> Any:
        try:
            return pymysql.connect(
                host=frontend.host,
                port=frontend.port,
                user=self.cluster.user,
                password=self.cluster.password.reveal(),
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=self.patience,
                ssl=self._tls(),
                ssl_disabled=self.cluster.tls is None,
            )
        except (pymysql.err.Error, OSError) as error:
            raise self._translated(error, f"connect to {frontend.host}:{frontend.port}") from error

    def _tls(self) -> ssl.SSLContext | None:
        tls = self.cluster.tls
        if tls is None:
            return None
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _translated(self, error: Exception, statement: str) -> SrbackupError:
        arguments = error.args
        code = arguments[0] if arguments and isinstance(arguments[0], int) else 0
        raw = str(arguments[1]) if len(arguments) > 1 else str(error)
        at = f"{self.frontend.host}:{self.frontend.port}" if self.frontend else self.cluster.name
        if code in _LOST or isinstance(error, OSError) or any(t in raw for t in _LEADER_LOST):
            self.close()
            if statement.startswith("connect to "):
                return ClusterUnreachable(f"{statement.removeprefix('connect to ')}: {raw}")
            return ClusterUnreachable(
                f"The connection to {at} of cluster {self.cluster.name!r} was lost: {raw}\n"
                f"  statement: {statements.shown(statement)}",
                hint="Whether the statement took effect is not known; srbackup looks before it acts again.",
            )
        if code == ER.ACCESS_DENIED_ERROR:
            return CredentialsRejected(
                f"Cluster {self.cluster.name!r} rejects user {self.cluster.user!r}: {raw}",
                hint="Check `user` and the secret behind `password` of the cluster in clusters.yaml.",
            )
        text = messages.bare(raw)
        if code in _ACCESS_DENIED or text.startswith("Access denied"):
            return AccessDenied(
                f"User {self.cluster.user!r} of cluster {self.cluster.name!r}: {text}\n"
                f"  statement: {statements.shown(statement)}",
                hint="Grant what the message names; docs/how-to/privileges.md lists all that srbackup needs.",
            )
        return StatementRefused(code, text, statements.shown(statement), hint=messages.hint_for(text))
