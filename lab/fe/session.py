"""A session: one logged-in client, what it chose (database, roles, variables), how its statements are carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, TypeAlias

from lab.answers import Answer
from lab.clock import SHANGHAI, zone_of
from lab.errors import Refused, common_error, no_database_selected, not_understood, table_not_found, unknown_database
from lab.faults import Action, FaultStruck, Point
from lab.fe.access import Access
from lab.fe.globals import GlobalState
from lab.fe.variables import DEFAULTS
from lab.meta.accounts import Role, User
from lab.meta.records import Database, GlobalVariable, OlapTable, TableState
from lab.meta.state import Metadata, Table
from lab.sql.lexer import split_statements
from lab.sql.parser import Parser
from lab.sql.pieces import TableName
from lab.sql.statements.base import Sent, Statement
from lab.wire.server import LoseConnection

if TYPE_CHECKING:
    from lab.fe.services import Services

Execute: TypeAlias = "Callable[[Session, Any], Answer]"
CATALOG = "default_catalog"


@dataclass(slots=True)
class Session:
    """One client's side of the conversation."""

    state: GlobalState
    services: Services
    parser: Parser
    handlers: Mapping[type[Statement], Execute]
    user_identity: str
    connection_id: int
    address: str
    roles: tuple[str, ...] = ()
    database_name: str = ""
    catalog: str = CATALOG
    variables: dict[str, str] = field(default_factory=dict)
    user_variables: dict[str, str] = field(default_factory=dict)
    transaction: int | None = None
    statement: str = ""
    killed: bool = False

    # -- running

    def run(self, sql: str) -> Iterator[tuple[Answer, bool]]:
        """One answer a statement, and whether another follows. A syntax error anywhere keeps all from running."""
        texts = split_statements(sql)
        statements = [self.parser.parse(text) for text in texts]
        for number, (text, statement) in enumerate(zip(texts, statements, strict=True), 1):
            yield self.execute(statement, text), number < len(statements)

    def execute(self, statement: Statement, text: str) -> Answer:
        """Carry one statement out, here or on the leader."""
        self.statement = text
        if self.killed:
            raise LoseConnection
        self._strike(Point.STATEMENT, text)
        if self.transaction is not None and not statement.EXPLICIT_TRANSACTION:
            raise not_understood(
                "Explicit transaction only support begin/commit/rollback/insert/update/delete/set/select statements",
                code=5305,
                state="25P01",
            )
        if statement.SENT is not Sent.NO_FORWARD and not self.state.is_leader:
            answer = self.services.forward(self, statement, text)
        else:
            answer = self.handlers[type(statement)](self, statement)
        self._strike(Point.REPLY, text)
        return answer

    def _strike(self, point: Point, text: str) -> None:
        try:
            self.state.faults.strike(point, text)
        except FaultStruck as error:
            if error.fault.action is Action.LOSE_REPLY:
                raise LoseConnection from error
            raise Refused(error.fault.message, code=error.fault.code) from error

    def use(self, database: str) -> None:
        """COM_INIT_DB."""
        self.database_name = self.metadata_database(database.removeprefix(f"{CATALOG}."), plain=True).name

    def reset(self) -> None:
        self.variables.clear()
        self.user_variables.clear()
        self.transaction = None

    def close(self) -> None:
        self.services.closed(self)

    # -- looking things up

    @property
    def metadata(self) -> Metadata:
        return self.state.metadata

    @property
    def user(self) -> User:
        found = self.metadata.find(User, self.user_identity)
        if found is None:
            raise LoseConnection
        return found

    @property
    def access(self) -> Access:
        return Access(self.metadata, self.user, self.roles)

    def metadata_database(self, name: str, *, plain: bool = False) -> Database:
        """A database by name, for statements that answer `Unknown database`."""
        found = self.metadata.databases.get(name)
        if found is None:
            error = unknown_database(name)
            raise Refused(f"Unknown database '{name}'", code=error.code, state=error.state) if plain else error
        return found

    def database(self, name: str = "") -> Database:
        """The database that a statement means: the one it names or the session's."""
        name = name or self.database_name
        if not name:
            raise no_database_selected()
        return self.metadata_database(name)

    def table(self, name: TableName, missing: Callable[[str], Refused] = table_not_found) -> Table:
        """A table or view by its written name."""
        database = self.database(name.db)
        found = self.metadata.tables(database).get(name.name)
        if found is None:
            raise missing(name.name)
        return found

    def olap_table(self, name: TableName, missing: Callable[[str], Refused] = table_not_found) -> OlapTable:
        """A table with partitions and tablets."""
        found = self.table(name, missing)
        if not isinstance(found, OlapTable):
            raise common_error(f"Table {name.name} is not a native table")
        return found

    def alterable(self, name: TableName) -> OlapTable:
        """A table that a DDL statement may change now (AlterJobExecutor.java:103)."""
        table = self.olap_table(name)
        self.access.need_table("ALTER", table)
        if table.state is TableState.RESTORE:
            raise Refused(self.state.release.restore_in_progress.format(table=table.name))
        if table.state is not TableState.NORMAL:
            raise Refused(
                f"Table[{table.name}]'s state({table.state}) is not NORMAL. Do not allow to do ALTER ops", code=1064
            )
        return table

    def roles_on_login(self) -> tuple[str, ...]:
        """Default roles, or all of them if the cluster says so; those that still exist."""
        user = self.user
        everything = self.variable("activate_all_roles_on_login") == "true" or user.name == "root"
        names = user.roles if everything else user.default_roles
        return tuple(name for name in names if self.metadata.find(Role, name))

    # -- variables and time

    def variable(self, name: str) -> str:
        """This session's value, the global one, or the default."""
        if name in self.variables:
            return self.variables[name]
        found = self.metadata.find(GlobalVariable, name)
        return found.value if found else self.default(name)

    def default(self, name: str) -> str:
        match name:
            case "version":
                return self.state.release.mysql_version
            case "version_comment":
                return self.state.release.build
            case "time_zone" | "system_time_zone":
                return zone_name(self.state.clock.zone)
            case _:
                return DEFAULTS[name]

    @property
    def zone(self) -> tzinfo:
        """The session's time_zone."""
        return zone_of(self.variable("time_zone")) or UTC

    @property
    def show_zone(self) -> tzinfo:
        """The zone of the time columns of SHOW, which is another question in each release."""
        match self.state.release.times_in:
            case "session":
                return self.zone
            case "process":
                return self.state.clock.zone
            case _:
                return SHANGHAI


def zone_name(zone: tzinfo) -> str:
    """Etc/UTC where Java says so."""
    return "Etc/UTC" if str(zone) == "UTC" else str(zone)
