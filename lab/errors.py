"""What StarRocks refuses, in its own codes and words.

The codes are of 4.1 (common/ErrorCode.java); how an older release reports the same refusal is decided in
`lab.versions`. Messages carry a prefix that says who refused: the parser, the analyzer, or nobody (the statement
was understood and could not be carried out).
"""

from __future__ import annotations

from enum import Enum


class By(Enum):
    """Who refuses, and how its words begin."""

    PARSER = "Getting syntax error{at}. Detail message: {message}."
    ANALYZER = "Getting analyzing error{at}. Detail message: {message}."
    EXECUTOR = "{message}"


class Refused(Exception):
    """An error packet: code, SQLSTATE and text as a client sees them."""

    def __init__(
        self, message: str, *, code: int = 1064, state: str = "HY000", by: By = By.EXECUTOR, at: str = ""
    ) -> None:
        self.code = code
        self.state = state
        self.by = by
        self.text = by.value.format(message=message, at=at)
        super().__init__(self.text)


def bad_syntax(message: str, line: int | None = None, column: int = 0) -> Refused:
    """The parser's refusal (sql/parser/ParserErrorMsg.java), with a position where it has one."""
    return Refused(message, by=By.PARSER, at="" if line is None else f" at line {line}, column {column}")


def unknown_to_the_lab(what: str, line: int | None = None, column: int = 0) -> Refused:
    """What the lab does not imitate is refused in the lab's name, so that nobody takes it for StarRocks' opinion."""
    return bad_syntax(f"the lab (a stand-in, not StarRocks) does not know {what}", line, column)


def not_understood(message: str, *, code: int = 1064, state: str = "HY000", at: str = "") -> Refused:
    """The analyzer's refusal (SemanticException)."""
    return Refused(message, code=code, state=state, by=By.ANALYZER, at=at)


def common_error(message: str) -> Refused:
    """ERR_COMMON_ERROR out of a handler, e.g. most of backup/BackupHandler.java."""
    return Refused(message, code=5064, state="42000")


def analyzer_common_error(message: str) -> Refused:
    """ERR_COMMON_ERROR out of the analyzer."""
    return not_understood(message, code=5064, state="42000")


def unknown_database(name: str, *, by: By = By.ANALYZER) -> Refused:
    """ERR_BAD_DB_ERROR."""
    return Refused(f"Unknown database '{name}'", code=5501, state="3F000", by=by)


def unknown_table(name: str) -> Refused:
    """ERR_BAD_TABLE_ERROR, as SELECT, DESC and DROP answer."""
    return not_understood(f"Unknown table '{name}'", code=5502, state="42602")


def table_not_found(name: str) -> Refused:
    """The same as SHOW and ALTER answer."""
    return not_understood(f"Table {name} is not found")


def table_exists(name: str) -> Refused:
    """ERR_TABLE_EXISTS_ERROR."""
    return not_understood(f"Table '{name}' already exists", code=1050, state="42S01")


def no_database_selected() -> Refused:
    """ERR_NO_DB_ERROR."""
    return not_understood("No database selected", code=1046, state="3D000")


def restoring(name: str = "RESTORING") -> Refused:
    """A query of a table in state RESTORE (sql/analyzer/QueryAnalyzer.java:1950)."""
    return not_understood(f"Table state is not NORMAL: '{name}'", code=5014)


def access_denied(privilege: str, on: str, roles: str = "NONE", inactive: str = "NONE") -> Refused:
    """ERR_ACCESS_DENIED_ERROR (authorization/AccessDeniedException)."""
    return Refused(
        f"Access denied; you need (at least one of) the {privilege} privilege(s) on {on} for this operation. "
        "Please ask the admin to grant permission(s) or try activating existing roles using <set [default] role>. "
        f"Current role(s): {roles}. Inactivated role(s): {inactive}.",
        code=5203,
        state="42000",
    )
