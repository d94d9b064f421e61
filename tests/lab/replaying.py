"""Replays a transcript of StarRocks against a lab: the same statements in the same order, answers compared.

What differs from run to run is taken out on both sides: times, sizes, hashes, addresses. Ids are matched one to one as
they come up, so that a statement with an id in its text finds the lab's, and one id always stays one id. Jobs move only
when the transcript's next sight of them says so: each is held in that state by a fault until then.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.request import Request, urlopen

import pymysql

from lab.s3 import Store
from lab.stores.proxied import Proxied

_Cells: TypeAlias = tuple[str | None, ...]
_Rows: TypeAlias = tuple[_Cells, Sequence[Any]]
"""A row as it is compared, and as it came."""

DONE = {"FINISHED", "CANCELLED"}
# What stand-in backends without a query engine made StarRocks say.
ARTEFACTS = (
    "Backend node not found",
    "rpc failed",
    "no queryable replica",
    "RepoExecutorexecute sql failed",
    "StarRocks process failed",
)
# Counters and measures that have no reason to be the same.
VOLATILE = {
    "ReplayedJournalId",
    "TabletNum",
    "RowCount",
    "DataSize",
    "StorageSize",
    "Id",
    "UnfinishedTasks",
    "Progress",
    "VersionCount",
    "TransactionId",
    "LastConsistencyCheckTime",
}
NORMAL = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d(-\d{3})?(\.[0-9a-f]{32})?", "<snapshot time>"),
        (r"(?!9999|0000)\d{4}-\d\d-\d\d (?!00:00:00)\d\d:\d\d:\d\d(\.\d+)?", "<time>"),
        (r"Request ID: [\w-]+", "<request>"),
        (r"default-default", "null"),
        (r"127\.\d+\.\d+\.\d+", "<address>"),
        (r"<storage of be\d+>|/\S*/storage", "<storage>"),
        (r"[34]\.\d(-dev)?-test|[34]\.\d(\.0)?(-dev)?-fake|[34]\.\d\.0-lab", "<version>"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
        (r"\b[0-9a-f]{32}\b", "<md5>"),
        (r"-?\d{5,}", "<n>"),
        (r"^\d+(\.\d+)? ?[KMGT]?B$", "<size>"),
    )
]


@dataclass(frozen=True)
class Step:
    """One line of a transcript."""

    seq: int
    sql: str = ""
    on: str = ""
    user: str = ""
    db: str = ""
    columns: tuple[tuple[str, int], ...] | None = None
    rows: tuple[tuple[Any, ...], ...] = ()
    error: dict[str, Any] | None = None
    note: str = ""
    data: Any = None


def read_steps(path: Path) -> list[Step]:
    """The statements of a transcript, without its head."""
    with gzip.open(path, "rt") as lines:
        next(lines)
        return [_step(json.loads(line)) for line in lines]


def _step(line: dict[str, Any]) -> Step:
    columns = tuple((column["name"], column["type"]) for column in line["columns"]) if "columns" in line else None
    rows = tuple(tuple(row) for row in line.get("rows", ()))
    return Step(
        line.get("seq", 0), line.get("sql") or "", line.get("on") or "", line.get("user") or "root",
        line.get("db") or "", columns, rows, line.get("error"), line.get("note") or "", line.get("data"),
    )  # fmt: skip


@dataclass
class Answer:
    """What the lab said."""

    columns: tuple[tuple[str, int], ...] | None = None
    rows: tuple[tuple[Any, ...], ...] = ()
    error: tuple[int, str] | None = None


@dataclass
class Cluster:
    """The lab that is replayed against."""

    leader: str
    backends: tuple[str, ...]
    endpoint: str
    bucket: str
    credentials: tuple[str, str]
    proxy: Proxied
    access_key: str = ""
    secret_key: str = ""
    sessions: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.access_key, self.secret_key = self.credentials

    def execute(self, step: Step, sql: str) -> Answer:
        """In the session of the step's user and database."""
        try:
            connection = self._session(step.user, step.db)
            with connection.cursor() as cursor:
                cursor.execute(sql)
                columns = cursor.description and tuple((column[0], column[1]) for column in cursor.description)
                return Answer(columns or None, tuple(tuple(row) for row in cursor.fetchall()))
        except pymysql.err.MySQLError as error:
            return Answer(error=(error.args[0], str(error.args[-1])))

    def _session(self, user: str, db: str = "") -> Any:
        """The session of a user in a database; the transcript has a password, where there is one, as ***."""
        key = (user, db)
        if key not in self.sessions or not self.sessions[key].open:
            try:
                self.sessions[key] = self._connect(user, "")
            except pymysql.err.OperationalError:
                self.sessions[key] = self._connect(user, "***")
            if db:
                self.sessions[key].select_db(db)
        return self.sessions[key]

    def _connect(self, user: str, password: str) -> Any:
        return pymysql.connect(
            host=self.leader,
            port=9030,
            user=user,
            password=password,
            autocommit=True,
            ssl_disabled=True,
            read_timeout=60,
        )

    def rows(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        with self._session("root").cursor() as cursor:
            cursor.execute(sql)
            return tuple(cursor.fetchall())

    @property
    def store(self) -> Store:
        properties = {
            "aws.s3.access_key": self.credentials[0],
            "aws.s3.secret_key": self.credentials[1],
            "aws.s3.endpoint": self.endpoint,
        }
        return Store(self.bucket, properties)

    def admin(self, path: str, body: object = None, method: str = "POST") -> Any:
        return _ask(f"http://{self.leader}:8031{path}", body, method)

    def backend_admin(self, path: str, body: object = None, method: str = "POST") -> None:
        for host in self.backends:
            _ask(f"http://{host}:8041{path}", body, method)


def _ask(url: str, body: object, method: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, method=method), timeout=60) as answer:
        return json.load(answer)


@dataclass(frozen=True)
class Difference:
    """A statement that the lab did not answer as StarRocks did."""

    seq: int
    sql: str
    expected: str
    got: str


class Replay:
    """One transcript against one lab."""

    def __init__(
        self,
        cluster: Cluster,
        steps: Sequence[Step],
        timestamps: dict[str, set[str]],
        prepare: dict[int, Callable[[Replay], None]],
        sights: dict[int, dict[str, str]],
    ) -> None:
        self.cluster = cluster
        self.steps = steps
        self.labels_of = timestamps
        self.ids: dict[str, str] = {}
        self.holds: dict[str, int] = {}
        self.known: dict[str, str] = {}
        self.seen: dict[int, dict[str, str]] = {}
        self.submitted: set[str] = set()
        self.prepare = prepare
        self.sights = sights
        self.notes: dict[str, Any] = {}

    def run(self) -> Iterator[Difference]:
        for number, step in enumerate(self.steps):
            if not step.sql:
                self._hold(number)
                self._advance(number)
                self._follow(step)
                continue
            if step.seq in self.prepare:
                self.prepare[step.seq](self)
            self._hold(number)
            self._advance(number)
            sql = self._translated(step.sql)
            self.cluster.access_key, self.cluster.secret_key = self.cluster.credentials
            answer = self.cluster.execute(step, sql)
            yield from self._compared(step, sql, answer)
        self.cluster.admin("/fault", method="DELETE")

    # -- loads that the transcript only mentions

    def _follow(self, step: Step) -> None:
        if found := re.match(r"load of (?:\d+ )?rows into (\S+?)(?: (\w+)| \(all partitions\))?(?::|$)", step.note):
            versions = step.data.get("versions", {}) if isinstance(step.data, dict) else {}
            moved = [name for name, (before, after) in versions.items() if before != after]
            with suppress(pymysql.err.MySQLError):  # the statements that follow will show it
                self._load(found.group(1), moved or ([found.group(2)] if found.group(2) else []))

    def _load(self, table: str, partitions: Sequence[str]) -> None:
        """A row into each of these partitions, or into all."""
        db, _, name = table.partition(".")
        columns = self.cluster.rows(
            "SELECT column_name, data_type, extra FROM information_schema.columns "
            f"WHERE table_schema = '{db}' AND table_name = '{name}' ORDER BY ordinal_position"
        )
        ranges = {row[1]: row for row in self.cluster.rows(f"SHOW PARTITIONS FROM {table}")}
        for partition in partitions or ranges:
            row = ranges.get(partition)
            keys = re.findall(r"keys: \[([^\]]*)\]", row[7]) if row else []
            value = keys[0] if keys and not keys[0].startswith("0000") else "2000-01-01"
            if row and not keys and (listed := re.search(r"'([^']*)'", row[7] or "")):
                value = listed.group(1)
            values = [_value_for(kind, column == (row[6] if row else ""), value) for column, kind, _ in columns]
            self.cluster.rows(f"INSERT INTO {table} VALUES ({', '.join(values)})")

    # -- jobs

    def _sight(self, number: int) -> dict[str, str]:
        """The states of jobs that a step shows, or needs: by label, database and kind."""
        step = self.steps[number]
        if found := re.match(r"battery on (\w+), whose (\w+) is in state (\w+)", step.note):
            return {
                job: found.group(3)
                for job in self.submitted
                if job.endswith(f"@{found.group(1)}@{found.group(2).upper()}")
            }
        if number not in self.seen:
            self.seen[number] = self._told(number)
        return self.seen[number]

    def _told(self, number: int) -> dict[str, str]:
        step = self.steps[number]
        if found := re.match(r"\s*SHOW (BACKUP|RESTORE)\b", step.sql, re.IGNORECASE):
            return {_job(found.group(1).upper(), row): _state(found.group(1).upper(), row) for row in step.rows}
        if found := re.match(r"CANCEL (BACKUP|RESTORE) FROM (\w+)", step.sql):
            return self._state_when_cancelled(number, *found.groups()) if step.error is None else {}
        return self.sights.get(step.seq, {}) if step.sql else {}

    def _state_when_cancelled(self, number: int, kind: str, db: str) -> dict[str, str]:
        """What the row of a cancelled job says of the moment of the cancel."""
        for step in self.steps[number + 1 :]:
            if not re.match(rf"\s*SHOW {kind}\b", step.sql, re.IGNORECASE):
                continue
            for row in step.rows:
                if _job(kind, row).split("@")[1] != db or _state(kind, row) != "CANCELLED":
                    continue
                if found := re.search(r"current state: (\w+)", str(row)):
                    return {_job(kind, row): found.group(1)}
                if row[0] == "-1":
                    return {_job(kind, row): "PENDING"}
                if row[6] is None:
                    return {_job(kind, row): "SNAPSHOTING"}
                if row[7] is None:
                    return {_job(kind, row): "UPLOADING" if row[9] else "UPLOAD_SNAPSHOT"}
                return {_job(kind, row): "UPLOAD_INFO" if "ui" in db else "SAVE_META"}
        return {}

    def _next_sight(self, job: str, number: int) -> str:
        return next((state for later in range(number, len(self.steps)) if (state := self._sight(later).get(job))), "")

    def _jobs(self) -> dict[str, str]:
        """The lab's jobs and their states."""
        return {
            _job(kind, row): _state(kind, row)
            for kind in ("BACKUP", "RESTORE")
            for row in self.cluster.rows(f"SHOW {kind}")
        }

    def _hold(self, number: int) -> None:
        """Keep every job where the transcript sees it next."""
        wanted = set()
        for job, state in self._jobs().items():
            label, db, _ = job.split("@")
            self.submitted.add(job)
            target = "" if state in DONE else self._next_sight(job, number)
            if target and target not in DONE and not (target == "UPLOAD_INFO" and self.cluster.proxy.rules()):
                wanted.add(f"^{re.escape(db)}\\.{re.escape(label)} {target}$")
        for match in [match for match in self.holds if match not in wanted]:
            self.cluster.admin(f"/fault?number={self.holds.pop(match)}", method="DELETE")
        for match in wanted - set(self.holds):
            body = {"point": "fe.job", "action": "fail", "match": match}
            self.holds[match] = self.cluster.admin("/fault", body)["number"]

    def _advance(self, number: int) -> None:
        """Tick until the jobs of this step are in the states that it shows."""
        if self.steps[number].sql.startswith("SHOW ALTER TABLE"):
            self._finish_alter_jobs(self.steps[number])
        wanted = self._sight(number)
        deadline = time.monotonic() + 20
        while wanted and time.monotonic() < deadline:
            mine = self._jobs()
            moved = all(mine.get(job, state) in {state, *DONE} for job, state in wanted.items())
            if moved and (not self.steps[number].rows or self._same_status(number)):
                return
            self.cluster.admin("/tick", {})
            time.sleep(0.05)

    def _finish_alter_jobs(self, step: Step) -> None:
        """Tick until SHOW ALTER TABLE says that its jobs are FINISHED, if the transcript says so."""
        deadline = time.monotonic() + 10
        while "FINISHED" in str(step.rows) and time.monotonic() < deadline:
            rows = self.cluster.rows(self._translated(step.sql))
            if not any(state in row for row in rows for state in ("PENDING", "WAITING_TXN", "RUNNING")):
                return
            self.cluster.admin("/tick", {})

    def _same_status(self, number: int) -> bool:
        """Whether the store is in the trouble by now that the transcript shows; only UPLOAD_INFO tells of it."""
        told = [row for row in self.steps[number].rows if "UPLOAD_INFO" in row and "[COMMON_ERROR" in str(row)]
        if not told:
            return True
        return any("[COMMON_ERROR" in str(row) for row in self.cluster.rows("SHOW BACKUP") if "UPLOAD_INFO" in row)

    # -- translation

    def _translated(self, sql: str) -> str:
        for old, labels in self.labels_of.items():
            for length in (len(old), 19):  # a truncated one is meant to be wrong in the same way
                if old[:length] in sql:
                    found = (self._timestamp(label) for label in labels)
                    sql = sql.replace(old[:length], next(filter(None, found), old)[:length])
        sql = re.sub(r"(s3a?://)(?:t\d-\w+|sr\d\d)", rf"\g<1>{self.cluster.bucket}", sql)
        sql = re.sub(r"http://127\.0\.0\.\d+:29105", self.cluster.proxy.access.endpoint, sql)
        sql = re.sub(r"http://127\.0\.0\.\d+:29005", self.cluster.endpoint, sql)
        if not sql.startswith("CREATE"):
            return self._with_ids(sql)
        if "REPOSITORY" not in sql:
            return sql
        sql = re.sub(r"('aws\.s3\.access_key'=')\*\*\*", rf"\g<1>{self.cluster.access_key}", sql)
        return re.sub(r"('aws\.s3\.secret_key'=')\*\*\*", rf"\g<1>{self.cluster.secret_key}", sql)

    def _with_ids(self, sql: str) -> str:
        return re.sub(r"\b\d{5,}\b", lambda found: self.ids.get(found.group(), found.group()), sql)

    def _timestamp(self, label: str) -> str:
        if not self.known.get(label):
            self.known[label] = self._look_up(label)
        return self.known[label]

    def _look_up(self, label: str) -> str:
        for repository in self.cluster.rows("SHOW REPOSITORIES"):
            with suppress(pymysql.err.MySQLError):  # one whose store is in trouble
                for row in self.cluster.rows(f"SHOW SNAPSHOT ON {repository[1]} WHERE SNAPSHOT = '{label}'"):
                    if row[2] == "OK":
                        return str(row[1]).split("\n")[0]
        return ""

    # -- comparison

    def _compared(self, step: Step, sql: str, answer: Answer) -> Iterator[Difference]:
        if step.error:
            yield from self._compared_errors(step, sql, answer)
            return
        if answer.error:
            yield Difference(step.seq, sql, "no error", f"ERROR {answer.error[0]}: {answer.error[1]}")
            return
        if step.columns is not None and step.columns != (answer.columns or ()):
            yield Difference(step.seq, sql, str(step.columns), str(answer.columns))
            return
        names = [name for name, _ in answer.columns or ()]
        theirs, mine = (
            [tuple(self._cell(name, cell) for name, cell in zip(names, row, strict=False)) for row in rows]
            for rows in (step.rows, answer.rows[: 50 if len(step.rows) == 50 else None])
        )
        self._learn_ids(zip(theirs, step.rows, strict=True), zip(mine, answer.rows, strict=False))
        if sorted(theirs, key=str) != sorted(mine, key=str):
            yield Difference(step.seq, sql, _shown(theirs, mine), _shown(mine, theirs))

    def _compared_errors(self, step: Step, sql: str, answer: Answer) -> Iterator[Difference]:
        assert step.error is not None
        if any(artefact in step.error["message"] for artefact in ARTEFACTS):
            return
        expected = f"ERROR {step.error['code']}: {self._normal(step.error['message'])}"
        got = f"ERROR {answer.error[0]}: {self._normal(answer.error[1])}" if answer.error else "no error"
        if expected != got:
            yield Difference(step.seq, sql, expected, got)

    def _learn_ids(self, theirs: Iterable[_Rows], mine: Iterable[_Rows]) -> None:
        """Learn the ids of rows that are the same but for them; wherever in the answer they stand."""
        others: dict[_Cells, list[Sequence[Any]]] = {}
        for cells, row in mine:
            others.setdefault(cells, []).append(row)
        for cells, row in theirs:
            if not others.get(cells):
                continue
            for left, right in zip(row, others[cells].pop(0), strict=False):
                olds, news = re.findall(r"\d{5,}", str(left)), re.findall(r"\d{5,}", str(right))
                if len(olds) == len(news):
                    for old, new in zip(olds, news, strict=True):
                        self.ids.setdefault(old, new)

    def _cell(self, column: str, value: Any) -> str | None:
        return "<any>" if column in VOLATILE else self._normal(value)

    def _normal(self, value: Any) -> str | None:
        if value is None:
            return None
        text = value.decode() if isinstance(value, bytes) else str(value)
        text = re.sub(r"\b(t\d-\w+|sr[34][20])\b", "<bucket>", text).replace(self.cluster.bucket, "<bucket>")
        for pattern, name in NORMAL:
            text = pattern.sub(name, text)
        return text


def _job(kind: str, row: Sequence[Any]) -> str:
    return f"{row[1]}@{row[2 if kind == 'BACKUP' else 3]}@{kind}"


def _state(kind: str, row: Sequence[Any]) -> str:
    """The state; a job that is PENDING with a JobId tried already, and will again."""
    state = str(row[3 if kind == "BACKUP" else 4])
    return "PENDING again" if state == "PENDING" and str(row[0]) != "-1" else state


def _shown(rows: Sequence[Any], others: Sequence[Any]) -> str:
    return "\n".join(str(row) for row in rows if row not in others)[:3000] or f"{len(rows)} rows"


def _value_for(kind: str, is_partition_key: bool, value: str) -> str:
    if is_partition_key:
        return f"'{value}'"
    if kind in {"date", "datetime"}:
        return "'2000-01-01'"
    return "'x'" if kind in {"varchar", "char"} else "1"
