"""What each statement answers in each state of a job: tests/data/states, a cell a case."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pymysql
import pytest
from ruamel.yaml import YAML

from lab.drivers.document import DriverKind
from lab.labs import Labs
from lab.spec import LabSpec
from lab.stores.base import S3Server
from tests.lab.conftest import running

DATA = Path(__file__).parents[1] / "data" / "states"
ONE = "DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES('replication_num'='1')"
PLAIN = f"(k INT, v INT) DUPLICATE KEY(k) {ONE}"
RANGES = (
    "(k INT, d DATE) DUPLICATE KEY(k, d) PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-01'), "
    f"PARTITION p2 VALUES LESS THAN ('2026-02-01')) {ONE}"
)
BACKED_UP = ({"t", "ta", "tm", "tn", "ts1", "ts2", "tt"}, {"tp", "td"})
RESTORED_INTO = ({"a", "o", "o2"}, {"p"})


@dataclass(frozen=True)
class Cell:
    """A statement in a state, and what is to come of it: the answer, the job's row then, the row at its end."""

    kind: str
    state: str
    say: str
    answer: str
    own: bool
    row: Mapping[str, str] | None
    after: Mapping[str, str] | None


def _cells() -> Iterator[Cell]:
    for kind in ("backup", "restore"):
        document = YAML(typ="safe").load(DATA / f"{kind}.yaml")
        groups = document["groups"]
        for cell in document["cells"]:
            row, after = (_by_state(cell.get(key, {}), groups) for key in ("row", "after"))
            answers = _by_state({k: v for k, v in cell.items() if k not in {"say", "own", "row", "after"}}, groups)
            for state, answer in answers.items():
                own = cell.get("own", False)
                yield Cell(kind, state, cell["say"], answer, own, row.get(state), after.get(state))


def _by_state(said: Mapping[str, Any], groups: Mapping[str, list[str]]) -> dict[str, Any]:
    return {state: value for key, value in said.items() for state in groups.get(key, [key])}


@dataclass
class Stage:
    """The lab in which jobs are held, and what is in it by now."""

    host: str
    connection: Any
    snapshot: str = ""
    timestamp: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    shared: dict[tuple[str, str], str] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)

    def say(self, sql: str) -> tuple[list[str], tuple[tuple[Any, ...], ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return [column[0] for column in cursor.description or ()], tuple(cursor.fetchall())

    def database(self, tables: tuple[set[str], set[str]]) -> str:
        """A new one with plain tables and tables with partitions."""
        name = f"d{next(self.numbers)}"
        self.say(f"CREATE DATABASE {name}")
        for table in sorted(tables[0]):
            self.say(f"CREATE TABLE {name}.{table} {PLAIN}")
        for table in sorted(tables[1]):
            self.say(f"CREATE TABLE {name}.{table} {RANGES}")
        return name

    def with_job(self, kind: str, state: str, only: str = "") -> str:
        """A database whose last job is held in a state; with `only`, of its tables those that the words name."""
        plain, ranges = BACKED_UP if kind == "backup" else RESTORED_INTO
        if only:
            words = {"t", "a", "p", *re.findall(r"\w+", only)}
            plain, ranges = plain & words, ranges & words
        database = self.database((plain, ranges))
        if kind == "backup":
            statement = f"BACKUP SNAPSHOT {database}.held_{database} TO r1"
        else:
            statement = (
                f"RESTORE SNAPSHOT {database}.{self.snapshot} FROM r1 ON (a, p, b AS nb) "
                f"PROPERTIES('backup_timestamp'='{self.timestamp}', 'replication_num'='1')"
            )
        if state == "none":
            return database
        held = "PENDING" if state == "CANCELLED" else state
        self.faults[database] = self._admin(
            "POST", "/fault", {"point": "fe.job", "action": "fail", "match": f"^{database}\\.\\w+ {held}$"}
        )["number"]
        self.say(statement)
        if state == "CANCELLED":
            self.say(f"CANCEL {kind} FROM {database}")
        self.until(lambda: self._is_in(kind, database, state), f"{kind} {state}")
        return database

    def _is_in(self, kind: str, database: str, state: str) -> bool:
        """Whether the job is in the state, and done with what it does in it before it is held."""
        row = self.row(kind, database)
        return row.get("State") == state and (state != "SNAPSHOTING" or row["UnfinishedTasks"] == "")

    def let_go(self, database: str) -> None:
        self._admin("DELETE", f"/fault?number={self.faults[database]}")

    def row(self, kind: str, database: str) -> dict[str, Any]:
        names, rows = self.say(f"SHOW {kind} FROM {database}")
        return dict(zip(names, rows[0], strict=True)) if rows else {}

    def until(self, look: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 30
        while not look():
            assert time.monotonic() < deadline, f"{what} never came"
            time.sleep(0.02)

    def _admin(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"http://{self.host}:8031{path}", data, method=method), timeout=10) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def stage(labs: Labs, rclone_store: S3Server) -> Iterator[Stage]:
    name, access = f"states-{os.getpid()}", rclone_store.access
    spec = LabSpec(name, DriverKind.PROCESS, frontends=1, backends=1, tick_seconds=0.02)
    with running(labs, name, spec) as lab:
        host = lab.frontends[0].place.host
        made = Stage(host, pymysql.connect(host=host, port=9030, user="root", autocommit=True, ssl_disabled=True))
        made.say(
            f"CREATE REPOSITORY r1 WITH BROKER ON LOCATION 's3a://{access.bucket}/{name}' PROPERTIES("
            f"'aws.s3.access_key'='{access.access_key}', 'aws.s3.secret_key'='{access.secret_key}', "
            f"'aws.s3.endpoint'='{access.endpoint}', 'aws.s3.enable_path_style_access'='true')"
        )
        source = made.database(({"a", "b"}, {"p"}))
        made.snapshot = "source"
        made.say(f"BACKUP SNAPSHOT {source}.source TO r1")
        made.until(lambda: made.row("BACKUP", source)["State"] == "FINISHED", "the snapshot")
        made.timestamp = made.say("SHOW SNAPSHOT ON r1 WHERE SNAPSHOT = 'source'")[1][0][1]
        yield made
        made.connection.close()


@pytest.mark.lab
@pytest.mark.parametrize("cell", list(_cells()), ids=lambda cell: f"{cell.kind} {cell.state}: {cell.say[:60]}")
def test_each_statement_in_each_state(stage: Stage, cell: Cell) -> None:
    if cell.own:
        database = stage.with_job(cell.kind, cell.state, cell.say)
    else:
        if (cell.kind, cell.state) not in stage.shared:
            stage.shared[cell.kind, cell.state] = stage.with_job(cell.kind, cell.state)
        database = stage.shared[cell.kind, cell.state]
    words = {
        "db": database,
        "held": f"held_{database}" if cell.kind == "backup" else stage.snapshot,
        "label": f"other_{database}",
        "snapshot": stage.snapshot,
        "timestamp": stage.timestamp,
        "state": cell.state,
        "other": stage.database(({"t"}, set())) if "{other}" in cell.say else "",
    }
    assert _answer(stage, cell.say.format(**words), cell.answer) == cell.answer.format(**words)
    if cell.row is not None:
        assert _fits(stage.row(cell.kind, database), cell.row, words)
    if cell.after is not None:
        stage.let_go(database)
        stage.until(lambda: stage.row(cell.kind, database)["State"] in {"FINISHED", "CANCELLED"}, "its end")
        assert _fits(stage.row(cell.kind, database), cell.after, words)


def _answer(stage: Stage, sql: str, expected: str) -> str:
    """What came, in the words of the table."""
    try:
        names, rows = stage.say(sql)
    except pymysql.err.MySQLError as error:
        came = f"{error.args[0]} {error.sqlstate} {error.args[1]}"
        cut = expected.removesuffix("...")
        return expected if cut != expected and came.startswith(cut) else came
    if not names:
        return "ok"
    return "a row" if rows else "no rows"


def _fits(row: Mapping[str, Any], wanted: Mapping[str, str], words: Mapping[str, str]) -> bool:
    for column, text in wanted.items():
        value = text.format(**words)
        assert row[column].startswith(value.removesuffix("...")), row
        assert value.endswith("...") or row[column] == value, row
    return True
