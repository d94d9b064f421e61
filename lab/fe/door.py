"""Who gets in at the MySQL port, and the session that an identity gets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from lab.errors import Refused
from lab.fe.globals import GlobalState
from lab.fe.services import Services
from lab.fe.session import Execute, Session
from lab.meta.accounts import User
from lab.sql.parser import Parser
from lab.sql.statements.base import Statement
from lab.wire.handshake import Login, password_fits
from lab.wire.packets import Channel


class Door:
    """Logs clients in with the users of the metadata (authentication/AuthenticationHandler)."""

    def __init__(self, state: GlobalState, services: Services, handlers: Mapping[type[Statement], Execute]) -> None:
        self._state = state
        self._services = services
        self._handlers = handlers
        self._parser = Parser(state.release)

    def enter(self, connection_id: int, login: Login, _channel: Channel, address: str) -> Session:
        host = address.rpartition(":")[0]
        user = self._matching(login.user, host)
        if user is None or not _passes(user, login):
            using = "YES" if login.scramble else "NO"
            raise Refused(f"Access denied for user '{login.user}' (using password: {using})", code=1045, state="28000")
        session = self.session(user.identity, connection_id, address)
        if login.database:
            session.use(login.database)
        self._services.opened(session)
        return session

    def session(self, identity: str, connection_id: int, address: str) -> Session:
        """A session of a user who is known by now."""
        session = Session(self._state, self._services, self._parser, self._handlers, identity, connection_id, address)
        session.roles = session.roles_on_login()
        return session

    def reported(self, error: Refused) -> tuple[int, str, str]:
        return self._state.release.reported(error)

    def identified(self, name: str, password: str, host: str) -> User:
        """A user of the HTTP port."""
        from lab.wire.handshake import stored_password

        user = self._matching(name, host)
        if user is None or user.password != stored_password(password):
            raise Refused(f"Access denied for {name}@{host}", code=1045, state="28000")
        return user

    def _matching(self, name: str, host: str) -> User | None:
        """The identity with the narrowest host that covers the client's."""
        found: Iterable[User] = (user for user in self._state.metadata.values(User) if user.name == name)
        fitting = [user for user in found if user.host in {"%", host} or _covers(user.host, host)]
        return min(fitting, key=lambda user: (user.host == "%", "%" in user.host), default=None)


def _covers(pattern: str, host: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace("%", ".*"), host) is not None


def _passes(user: User, login: Login) -> bool:
    """Users of other plugins than mysql_native_password would need a directory that the lab does not have."""
    return user.plugin == "MYSQL_NATIVE_PASSWORD" and password_fits(user.password, login)
