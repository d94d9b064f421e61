"""SHOW and DESC: the statements that look at databases, tables, partitions, tablets and nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lab.sql.pieces import NO_TABLE, Order, TableName, Where
from lab.sql.statements.base import Sent, Show

_FROM_DB = "[{FROM|IN} [<catalog:name> .] <db:name>]"
_FILTER = "[LIKE <pattern:text>] [WHERE <where:where>]"
_TAIL = "[WHERE <where:where>] [ORDER BY <order:order>] [LIMIT <limit:number>]"


@dataclass(frozen=True, slots=True)
class ShowDatabases(Show):
    SYNTAX = (f"SHOW {{DATABASES|SCHEMAS}} [FROM <catalog:name>] {_FILTER}",)
    catalog: str = ""
    pattern: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class ShowTables(Show):
    SYNTAX = (f"SHOW [<full!FULL>] TABLES {_FROM_DB} {_FILTER}",)
    full: bool = False
    catalog: str = ""
    db: str = ""
    pattern: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class ShowTableStatus(Show):
    SYNTAX = (f"SHOW TABLE STATUS {_FROM_DB} {_FILTER}",)
    catalog: str = ""
    db: str = ""
    pattern: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class ShowCreate(Show):
    SYNTAX = ("SHOW CREATE {TABLE|VIEW} <table:table>", "SHOW CREATE <materialized!MATERIALIZED> VIEW <table:table>")
    table: TableName
    materialized: bool = False


@dataclass(frozen=True, slots=True)
class ShowCreateDatabase(Show):
    SYNTAX = ("SHOW CREATE {DATABASE|SCHEMA} <name:name>",)
    name: str


@dataclass(frozen=True, slots=True)
class ShowCreateCatalog(Show):
    SYNTAX = ("SHOW CREATE CATALOG <name:name>",)
    name: str


@dataclass(frozen=True, slots=True)
class Describe(Show):
    SYNTAX = ("{DESC|DESCRIBE} <table:table> [<everything!ALL>]",)
    table: TableName
    everything: bool = False


@dataclass(frozen=True, slots=True)
class ShowColumns(Show):
    SYNTAX = (f"SHOW [<full!FULL>] {{COLUMNS|FIELDS}} {{FROM|IN}} <table:table> {_FROM_DB} {_FILTER}",)
    table: TableName
    full: bool = False
    catalog: str = ""
    db: str = ""
    pattern: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class ShowIndex(Show):
    SYNTAX = ("SHOW {INDEX|INDEXES|KEY|KEYS} {FROM|IN} <table:table>",)
    table: TableName


@dataclass(frozen=True, slots=True)
class ShowPartitions(Show):
    SYNTAX = (f"SHOW [<temporary!TEMPORARY>] PARTITIONS FROM <table:table> {_TAIL}",)
    table: TableName
    temporary: bool = False
    where: Where | None = None
    order: Order | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ShowTablet(Show):
    SYNTAX = (
        "SHOW TABLET <tablet:number>",
        f"SHOW {{TABLET|<plural!TABLETS>}} FROM <table:table> [{{PARTITION|PARTITIONS}} "
        f"<partitions:partition_names>] {_TAIL}",
    )
    tablet: int = 0
    plural: bool = False
    table: TableName = NO_TABLE
    partitions: tuple[str, ...] = ()
    where: Where | None = None
    order: Order | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ShowData(Show):
    SYNTAX = ("SHOW DATA [FROM <table:table>]",)
    table: TableName | None = None


@dataclass(frozen=True, slots=True)
class ShowAlterTable(Show):
    SYNTAX = (
        f"SHOW ALTER TABLE <kind=COLUMN|ROLLUP|OPTIMIZE> {_FROM_DB} {_TAIL}",
        f"SHOW ALTER <kind=MATERIALIZED> VIEW {_FROM_DB} {_TAIL}",
    )
    kind: str
    catalog: str = ""
    db: str = ""
    where: Where | None = None
    order: Order | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ShowDynamicPartitions(Show):
    SYNTAX = (f"SHOW DYNAMIC PARTITION TABLES {_FROM_DB}",)
    catalog: str = ""
    db: str = ""


@dataclass(frozen=True, slots=True)
class ShowMaterializedViews(Show):
    SYNTAX = (f"SHOW MATERIALIZED {{VIEWS|VIEW}} {_FROM_DB} {_FILTER}",)
    catalog: str = ""
    db: str = ""
    pattern: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class ShowProc(Show):
    SYNTAX = ("SHOW PROC <path:text>",)
    path: str


@dataclass(frozen=True, slots=True)
class ShowNodes(Show):
    """Always the leader's answer, whichever FE is asked (RedirectStatus)."""

    SYNTAX = ("SHOW <kind=FRONTENDS|BACKENDS>", "SHOW <kind=COMPUTE> NODES", "SHOW <kind=BROKER>")
    SENT: ClassVar[Sent] = Sent.FORWARD_NO_SYNC
    kind: str


@dataclass(frozen=True, slots=True)
class ShowProcesslist(Show):
    SYNTAX = ("SHOW [<full!FULL>] PROCESSLIST",)
    full: bool = False


@dataclass(frozen=True, slots=True)
class ShowFunctions(Show):
    SYNTAX = (f"SHOW [<full!FULL>] [{{<builtin!BUILTIN>|<global_!GLOBAL>}}] FUNCTIONS {_FROM_DB} {_FILTER}",)
    full: bool = False
    builtin: bool = False
    global_: bool = False
    catalog: str = ""
    db: str = ""
    pattern: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class ShowOther(Show):
    """Objects of which the lab has none or one; each has its columns."""

    SYNTAX = (
        f"SHOW <what=CATALOGS> {_FILTER}",
        f"SHOW <what=RESOURCES> {_FILTER}",
        "SHOW [VERBOSE] RESOURCE <what=GROUPS> [{ALL|<name:name>}]",
        f"SHOW STORAGE <what=VOLUMES> {_FILTER}",
        f"SHOW [ALL] ROUTINE <what=LOAD> [FOR [<db:name> .] <name:name>] {_FROM_DB} {_TAIL}",
        f"SHOW <what=PIPES> {_FROM_DB} {_FILTER}",
        "SHOW <what=WARNINGS|ERRORS|ENGINES|STATUS|PRIVILEGES|PLUGINS|DICTIONARY|SQLBLACKLIST|WAREHOUSES|CHARSET|"
        "COLLATION> [LIKE <pattern:text>]",
        f"SHOW <what=FILE> {_FROM_DB}",
        f"SHOW <what=EXPORT> {_FROM_DB} {_TAIL}",
        f"SHOW <what=DELETE> {_FROM_DB}",
        f"SHOW [ALL] <what=LOAD> {_FROM_DB} {_TAIL}",
    )
    what: str
    name: str = ""
    catalog: str = ""
    db: str = ""
    pattern: str = ""
    where: Where | None = None
    order: Order | None = None
    limit: int | None = None
