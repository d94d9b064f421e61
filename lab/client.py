"""SQL over the MySQL protocol, as any client of StarRocks speaks it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from lab.problems import LabProblem


class SqlRefused(LabProblem):
    """The FE answered a statement with an error."""

    def __init__(self, statement: str, code: int, text: str) -> None:
        super().__init__(f"ERROR {code}: {text}", hint=f"statement: {statement[:500]}")
        self.code = code
        self.text = text


class Unreachable(LabProblem):
    """No FE answered, or it went away in the middle."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement answered: no columns for one that returns no rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    affected: int

    def named(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Client:
    """A user at one FE. Every call is a session of its own; `timeout` is for one answer, in seconds."""

    host: str
    port: int
    user: str = "root"
    password: str = ""
    timeout: float = 300

    def within(self, timeout: float) -> Client:
        """The same user, less patient."""
        return replace(self, timeout=timeout)

    def sql(self, statement: str, database: str | None = None) -> Answer:
        """The answer to one statement. Raises SqlRefused, Unreachable."""
        return self.script([statement], database)[-1]

    def script(self, statements: Sequence[str], database: str | None = None) -> list[Answer]:
        """The answers to statements run one after another in one session, up to the first that is refused."""
        current = "connect"
        try:
            with closing(self._connect(database)) as connection, connection.cursor() as cursor:
                answers = []
                for current in statements:
                    answers.append(_answer(cursor, current))
                return answers
        except pymysql.err.MySQLError as error:
            code, text = error.args if len(error.args) == 2 else (0, str(error))
            if code == 0 or 2000 <= code < 3000:
                raise Unreachable(f"no answer from the FE at {self.host}:{self.port}: {text}") from error
            raise SqlRefused(current, code, text) from error

    def _connect(self, database: str | None) -> Connection[Cursor]:
        return Connection(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database,
            connect_timeout=5,
            read_timeout=self.timeout,
            ssl_disabled=True,  # PyMySQL takes TLS where it is offered; a lab's certificates are nobody's
            autocommit=True,
        )


def _answer(cursor: Cursor, statement: str) -> Answer:
    affected = cursor.execute(statement)
    if not cursor.description:
        return Answer((), (), affected)
    return Answer(tuple(column[0] for column in cursor.description), tuple(cursor.fetchall()), affected)
