"""StarRocks' SELECT as DuckDB reads it: sqlglot translates, and this puts in what only an FE knows.

Tables become queries over their rowset files, views the queries that they stand for, information functions and
variables their values in this session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.errors import bad_syntax
from lab.fe.functions import rewritten
from lab.fe.variables import typed
from lab.sql.lexer import Kind, Token, tokens
from lab.sql.pieces import TableName

if TYPE_CHECKING:
    from sqlglot import exp

    from lab.fe.session import Session

TEMPORARY = "$temporary:"
_TITLES = {
    "current_user": "CURRENT_USER()",
    "current_role": "CURRENT_ROLE()",
    "database": "DATABASE()",
    "schema": "SCHEMA()",
    "user": "USER()",
    "session_user": "SESSION_USER()",
    "connection_id": "CONNECTION_ID()",
    "current_catalog": "CURRENT_CATALOG()",
}


@dataclass(frozen=True, slots=True)
class TableRead:
    """A table in a FROM, with the partitions that were named."""

    name: TableName
    partitions: tuple[str, ...] = ()


@dataclass(slots=True)
class Translation:
    """Translates one query text for one session; `relation` gives the SQL of a table."""

    session: Session
    relation: Callable[[TableRead], str]
    titles: list[str | None] = field(default_factory=list)
    tree: Any = None

    def sql(self, text: str) -> str:
        """The text for DuckDB. Titles of the result's columns are known afterwards, where they are not DuckDB's own."""
        import sqlglot
        from sqlglot.errors import SqlglotError

        prepared = _prepared(text)
        try:
            self.tree = sqlglot.parse_one(prepared, read="starrocks")
        except SqlglotError as error:
            first = error.errors[0] if getattr(error, "errors", None) else {}  # type: ignore[attr-defined]
            raise bad_syntax(
                f"the lab (a stand-in, not StarRocks) does not understand this query: "
                f"{first.get('description') or error}",
                first.get("line"),
                first.get("col") or 0,
            ) from error
        self.titles = self._titles(prepared)
        self._replace_functions()
        self._replace_tables()
        return str(self.tree.sql(dialect="duckdb"))

    # -- titles

    def _titles(self, text: str) -> list[str | None]:
        """An expression without an alias is titled by its text; columns and stars title themselves."""
        from sqlglot import exp

        select = self.tree.find(exp.Select) if not isinstance(self.tree, exp.Select) else self.tree
        expressions = select.expressions if select is not None else []
        raw = _select_items(text)
        if len(raw) != len(expressions):
            return [None] * len(expressions)
        return [
            None if isinstance(item, exp.Alias | exp.Column | exp.Star) else title(words)
            for item, words in zip(expressions, raw, strict=True)
        ]

    # -- functions

    def _replace_functions(self) -> None:  # noqa: PLR0912 - one case a function
        from sqlglot import exp

        informed = [node for node in self.tree.find_all(exp.Func) if _information(node)]
        texts = [node for node in informed if _information(node) != "connection_id"]
        for node in informed:
            kind = _information(node)
            if kind == "connection_id":
                node.replace(exp.Literal.number(self.session.connection_id))
            else:
                # several information functions in one SELECT all return the value of the last (seen running 4.1-dev)
                last = _information(texts[-1])
                node.replace(exp.Literal.string(self._information_value(last)))
        for node in list(self.tree.find_all(exp.SessionParameter)):
            value = typed(_known(node.name), _Values(self.session))
            node.replace(
                exp.cast(exp.Literal.number(value), "BIGINT") if isinstance(value, int) else exp.Literal.string(value)
            )
        for node in list(self.tree.find_all(exp.Parameter)):
            chosen = self.session.user_variables.get(node.name.lower())
            node.replace(exp.null() if chosen is None else _number_or_text(chosen))
        for node in list(self.tree.find_all(exp.CurrentVersion)):
            node.replace(exp.Literal.string(self.session.state.release.build))
        for node in list(self.tree.find_all(exp.CurrentTimestamp, exp.Localtime, exp.UtcTimestamp, exp.CurrentDate)):
            node.replace(self._now(node))
        for node in reversed(list(self.tree.find_all(exp.Anonymous))):
            name = str(node.this).lower()
            if name == "mysql_version":
                node.replace(exp.Literal.string(self.session.state.release.mysql_version))
            elif name == "now":
                node.replace(self._now(node))
            elif name == "unix_timestamp" and not node.expressions:
                node.replace(exp.Literal.number(self.session.state.clock.millis() // 1000))
            elif name == "unix_timestamp":
                node.replace(exp.cast(exp.func("epoch", *node.expressions), "BIGINT"))
            elif (other := rewritten(node)) is not None:
                node.replace(other)

    def _information_value(self, kind: str) -> str:
        session = self.session
        match kind:
            case "current_user":
                return session.user_identity
            case "user" | "session_user":
                return f"'{session.user.name}'@'{session.address.rpartition(':')[0] or session.address}'"
            case "current_role":
                return ", ".join(sorted(session.roles)) or "NONE"
            case "current_catalog":
                return session.catalog
            case _:
                return session.database_name

    def _now(self, node: exp.Expression) -> exp.Expression:
        from sqlglot import exp

        now = self.session.state.clock.now()
        local = now if isinstance(node, exp.UtcTimestamp) else now.astimezone(self.session.zone)
        if isinstance(node, exp.CurrentDate):
            return exp.cast(exp.Literal.string(f"{local:%Y-%m-%d}"), "DATE")
        return exp.cast(exp.Literal.string(f"{local:%Y-%m-%d %H:%M:%S}"), "TIMESTAMP")

    # -- tables

    def _replace_tables(self) -> None:
        from sqlglot import exp, parse_one

        ctes = {cte.alias.lower() for cte in self.tree.find_all(exp.CTE)}
        for node in list(self.tree.find_all(exp.Table)):
            if not isinstance(node.this, exp.Identifier):
                continue
            if not node.db and node.name.lower() in ctes:
                continue
            partition = node.args.get("partition")
            names = tuple(part.name for part in partition.expressions) if partition else ()
            relation = self.relation(TableRead(TableName(node.name, node.db, node.catalog), names))
            subquery = exp.Subquery(this=parse_one(relation, read="duckdb").unnest())
            alias = node.args.get("alias")
            subquery.set("alias", alias or exp.TableAlias(this=exp.to_identifier(node.name, quoted=True)))
            for key in ("joins", "laterals", "sample"):
                if node.args.get(key):
                    subquery.set(key, node.args[key])
            node.replace(subquery)
        for column in self.tree.find_all(exp.Column):
            column.set("db", None)
            column.set("catalog", None)


def title(words: str) -> str:
    """The title of a column that is an expression."""
    lower = words.lower().replace(" ", "")
    for name, shown in _TITLES.items():
        if lower in {f"{name}()", name}:
            return shown
    if words.upper().endswith(" IS NOT NULL"):
        return f"({words[:-12].strip()}) IS NOT NULL"
    return words


def _information(node: Any) -> str:
    """Which information function a node is, if any."""
    from sqlglot import exp

    match node:
        case exp.CurrentUser():
            return "current_user"
        case exp.SessionUser():
            return "session_user"
        case exp.CurrentRole():
            return "current_role"
        case exp.CurrentSchema():
            return "database"
        case exp.CurrentCatalog():
            return "current_catalog"
        case exp.Anonymous() if str(node.this).lower() in {"user", "database", "schema", "connection_id"}:
            return str(node.this).lower()
        case _:
            return ""


def _known(name: str) -> str:
    from lab.fe.variables import DEFAULTS, unknown

    if name.lower() not in DEFAULTS:
        raise unknown(name)
    return name.lower()


class _Values(dict[str, str]):
    """A session's variables by name."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def __getitem__(self, name: str) -> str:
        return self._session.variable(name)


def _number_or_text(value: str) -> exp.Expression:
    from sqlglot import exp

    return exp.Literal.number(value) if value.lstrip("-").isdigit() else exp.Literal.string(value)


def _prepared(text: str) -> str:
    """What sqlglot does not read as StarRocks does: VALUES alone, version(), PARTITION without parentheses,
    TEMPORARY PARTITION."""
    found = tokens(text)
    out, at = [], 0
    number = 0
    while number < len(found) - 1:
        token, following = found[number], found[number + 1]
        piece, end = text[token.start : token.end], token.end
        if token.upper == "VERSION" and following.upper == "(":
            piece = "mysql_version"
        elif token.upper == "TEMPORARY" and following.upper in {"PARTITION", "PARTITIONS"}:
            piece, end, number = _partitions(found, number + 2, TEMPORARY)
        elif (
            token.upper in {"PARTITION", "PARTITIONS"}
            and (following.is_name or following.upper == "(")
            and not _over(found, number)
        ):
            piece, end, number = _partitions(found, number + 1, "")
        out.append(text[at : token.start] + piece)
        at = end
        number += 1
    whole = "".join(out) + text[at:]
    return f"SELECT * FROM ({whole}) t" if found[0].upper == "VALUES" else whole


def _over(found: Sequence[Token], number: int) -> bool:
    """PARTITION of a window."""
    return found[number + 1].upper == "BY"


def _partitions(found: Sequence[Token], number: int, prefix: str) -> tuple[str, int, int]:
    """PARTITION (`a`, `b`), where it ends in the text, and the place of its last token."""
    names = []
    if found[number].upper == "(":
        number += 1
        while found[number].upper != ")":
            if found[number].kind in {Kind.WORD, Kind.QUOTED, Kind.STRING}:
                names.append(found[number].value)
            number += 1
    else:
        names.append(found[number].value)
    return "PARTITION (" + ", ".join(f"`{prefix}{name}`" for name in names) + ")", found[number].end, number


def _select_items(text: str) -> list[str]:
    """The texts between SELECT and FROM, cut at commas of the top level."""
    found = tokens(text)
    start = next((number for number, token in enumerate(found) if token.upper == "SELECT"), None)
    if start is None or (found[0].upper not in {"SELECT", "("}):
        return []
    items, depth, first = [], 0, start + 1
    if found[first].upper in {"DISTINCT", "ALL"}:
        first += 1
    for number in range(first, len(found)):
        token = found[number]
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.upper, 0)
        ends = (
            token.upper in {"FROM", "WHERE", "UNION", "ORDER", "LIMIT", "GROUP", "HAVING", "EXCEPT", "INTERSECT"}
            or token.kind is Kind.END
        )
        if depth < 0 or (depth == 0 and (ends or token.upper == ",")):
            items.append(text[found[first].start : found[number - 1].end] if number > first else "")
            first = number + 1
            if ends or depth < 0:
                break
    return items
