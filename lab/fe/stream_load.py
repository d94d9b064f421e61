"""Stream Load: `PUT /api/<db>/<table>/_stream_load`, CSV or JSON lines into a table, the answer in JSON.

StarRocks' FE answers 307 and a BE takes the body; here the leader takes it, other FEs answer 307 with the leader.
Like StarRocks' it insists on `Expect: 100-continue` (http/rest/LoadAction.java).
"""

from __future__ import annotations

import time
import uuid
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.errors import Refused
from lab.fe.door import Door
from lab.fe.globals import GlobalState
from lab.fe.scan import literal, quoted
from lab.fe.session import Session
from lab.fe.staging import Filtered, Source
from lab.httpd import Request, Response, as_json
from lab.meta.records import OlapTable
from lab.sql.lexer import tokens
from lab.sql.pieces import TableName

CHUNK = 1 << 20
REJECTS = "rejected"


class StreamLoad:
    """Takes rows at the HTTP port of one FE."""

    def __init__(
        self, state: GlobalState, door: Door, load: Callable[[Session, OlapTable, Source], tuple[int, int]]
    ) -> None:
        self._state = state
        self._door = door
        self._load = load

    def handle(self, request: Request) -> Response:
        _, _, database, name, *rest = [*request.path.split("/"), "", ""]
        if rest[:1] != ["_stream_load"]:
            return as_json({"status": "FAILED", "msg": "Not Found"}, 404)
        try:
            if request.headers.get("Expect", "").lower() != "100-continue":
                raise Refused("There is no 100-continue header")
            user = self._user(request)
            if not self._state.is_leader:
                return self._redirected(request)
            session = self._door.session(user, 0, request.client)
            return as_json(self._loaded(session, TableName(name, database), request))
        except Refused as error:
            text = self._door.reported(error)[2]
            return as_json(
                {"Status": "FAILED", "Message": text, "status": "FAILED", "msg": text},
                401 if error.code == 1045 else 200,
            )

    def _user(self, request: Request) -> str:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            raise Refused("Need auth information.", code=1045)
        name, _, password = b64decode(value).decode().partition(":")
        return self._door.identified(name, password, request.client).identity

    def _redirected(self, request: Request) -> Response:
        leader = self._state.group.leader
        if leader is None:
            raise Refused("there is no leader")
        return Response(
            307, headers={"Location": f"http://{leader[0]}:{self._state.settings.port('http_port')}{request.path}"}
        )

    def _loaded(self, session: Session, name: TableName, request: Request) -> dict[str, Any]:
        table = session.olap_table(name)
        session.access.need_table("INSERT", table)
        label = request.headers.get("label") or str(uuid.uuid4())
        path = self._state.settings.root / "spill" / f"{uuid.uuid4()}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        if "max_filter_ratio" in request.headers:
            raise Refused("the lab does not know the header max_filter_ratio")
        begun = time.monotonic()
        size = _received(request, path)
        read = time.monotonic()
        status, message, filtered, transaction = "Success", "OK", 0, 0
        try:
            rows, transaction = self._load(session, table, _source(table, path, request)) if size else (0, 0)
            total = rows
        except Filtered as error:
            status, message, rows, total, filtered = "Fail", error.text, 0, error.total, error.filtered
        finally:
            path.unlink()
        return {
            "TxnId": transaction,
            "Label": label,
            "Db": name.db,
            "Table": name.name,
            "Status": status,
            "Message": message,
            "NumberTotalRows": total,
            "NumberLoadedRows": rows,
            "NumberFilteredRows": filtered,
            "NumberUnselectedRows": 0,
            "LoadBytes": size,
            "LoadTimeMs": int((time.monotonic() - begun) * 1000),
            "ReadDataTimeMs": int((read - begun) * 1000),
        }


def _received(request: Request, path: Path) -> int:
    left = request.length
    with path.open("wb") as out:
        while left and (part := request.stream.read(min(left, CHUNK))):
            out.write(part)
            left -= len(part)
    return request.length


def _source(table: OlapTable, path: Path, request: Request) -> Source:
    """The file as a query: its columns in their order, `name = expression` computed from them. \\N is NULL."""
    plain = [column.name for column in table.columns if not column.generated]
    fields, computed = _columns(request.headers.get("columns", "")) or (plain, {})
    if request.headers.get("format", "csv").lower() == "json":
        outer = "true" if request.headers.get("strip_outer_array", "").lower() == "true" else "false"
        kind = "array" if outer == "true" else "newline_delimited"
        read = f"read_json({literal(str(path))}, format='{kind}', columns={_struct(fields)})"
    else:
        separator = request.headers.get("column_separator", "\t")
        separator = separator.encode().decode("unicode_escape") if separator.startswith("\\") else separator
        quote = request.headers.get("enclose", "")
        skip = int(request.headers.get("skip_header", "0"))
        read = (
            f"read_csv({literal(str(path))}, header=false, auto_detect=false, delim={literal(separator)}, "
            f"quote={literal(quote)}, escape='', "
            f"skip={skip}, nullstr='\\N', strict_mode=true, store_rejects=true, rejects_table='{REJECTS}', "
            f"rejects_scan='{REJECTS}_scan', columns={_struct(fields)})"
        )
    kept = [name for name in fields if table.column(name)]
    select = ", ".join(
        [*(quoted(name) for name in kept), *(f"({text}) AS {quoted(name)}" for name, text in computed.items())]
    )
    rejects = REJECTS if "rejects_table" in read else ""
    return Source(f"SELECT {select} FROM {read}", (*kept, *computed), rejects=rejects)


def _struct(fields: list[str]) -> str:
    return "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in fields) + "}"


def _columns(header: str) -> tuple[list[str], dict[str, str]] | None:
    """`columns: a, b, c = upper(b)`: names of fields, and expressions by column."""
    if not header:
        return None
    parts, depth, start = [], 0, 0
    for token in tokens(header)[:-1]:
        depth += {"(": 1, ")": -1}.get(token.upper, 0)
        if token.upper == "," and depth == 0:
            parts.append(header[start : token.start])
            start = token.end
    parts.append(header[start:])
    fields, computed = [], {}
    for part in parts:
        name, equals, expression = part.partition("=")
        if equals:
            computed[name.strip().strip("`")] = expression.strip()
        else:
            fields.append(name.strip().strip("`"))
    return fields, computed
