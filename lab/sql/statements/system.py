"""Nodes, configuration, variables, sessions, transactions, and the statements that carry data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lab.sql.pieces import TableName, Where
from lab.sql.statements.base import Sent, Show, Statement


@dataclass(frozen=True, slots=True)
class AddNode(Statement):
    SYNTAX = ("ALTER SYSTEM ADD <kind=FOLLOWER|OBSERVER|BACKEND> <hosts:hosts>",)
    kind: str
    hosts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class DropNode(Statement):
    SYNTAX = (
        "ALTER SYSTEM <verb=DROP> <kind=FOLLOWER|OBSERVER|BACKEND> <hosts:hosts> [<force!FORCE>]",
        "ALTER SYSTEM <verb=DECOMMISSION> <kind=BACKEND> <hosts:hosts>",
        "CANCEL <verb=DECOMMISSION> <kind=BACKEND> <hosts:hosts>",
    )
    kind: str
    hosts: tuple[tuple[str, int], ...]
    verb: str = "DROP"
    force: bool = False


@dataclass(frozen=True, slots=True)
class CreateImage(Statement):
    SYNTAX = ("ALTER SYSTEM CREATE IMAGE",)


@dataclass(frozen=True, slots=True)
class SetFrontendConfig(Statement):
    SYNTAX = ("ADMIN SET FRONTEND CONFIG <properties:properties> [WITH <persistent!PERSISTENT>]",)
    properties: dict[str, str]
    persistent: bool = False


@dataclass(frozen=True, slots=True)
class ShowFrontendConfig(Show):
    SYNTAX = ("ADMIN SHOW FRONTEND CONFIG [LIKE <pattern:text>]",)
    pattern: str = "%"


@dataclass(frozen=True, slots=True)
class ShowReplicaStatus(Show):
    SYNTAX = (
        "ADMIN SHOW REPLICA STATUS FROM <table:table> [{PARTITION|PARTITIONS} <partitions:partition_names>] [WHERE "
        "<where:where>]",
    )
    table: TableName
    partitions: tuple[str, ...] = ()
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class SetVariables(Show):
    """SET, with the assignments as typed; SET NAMES and SET CATALOG are among them."""

    SYNTAX = (
        "SET NAMES <names:value> [COLLATE <collate:value>]",
        "SET CATALOG <catalog:word>",
        "SET <assignments:assignments>",
    )
    EXPLICIT_TRANSACTION: ClassVar[bool] = True
    assignments: tuple[tuple[str, str, str], ...] = ()
    names: str = ""
    collate: str = ""
    catalog: str = ""


@dataclass(frozen=True, slots=True)
class ShowVariables(Show):
    SYNTAX = ("SHOW [<scope=GLOBAL|SESSION|LOCAL|VERBOSE>] VARIABLES [LIKE <pattern:text>] [WHERE <where:where>]",)
    scope: str = "SESSION"
    pattern: str = "%"
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Use(Show):
    SYNTAX = ("USE [<catalog:name> .] <database:name>",)
    database: str
    catalog: str = ""


@dataclass(frozen=True, slots=True)
class Kill(Show):
    SYNTAX = ("KILL [<kind=CONNECTION|QUERY>] <connection:number>",)
    connection: int
    kind: str = "CONNECTION"


@dataclass(frozen=True, slots=True)
class Begin(Show):
    SYNTAX = ("BEGIN [WORK]", "START TRANSACTION [WITH CONSISTENT SNAPSHOT]")
    EXPLICIT_TRANSACTION: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class EndTransaction(Show):
    SYNTAX = ("<verb=COMMIT|ROLLBACK> [WORK]",)
    EXPLICIT_TRANSACTION: ClassVar[bool] = True
    verb: str


@dataclass(frozen=True, slots=True)
class Nothing(Show):
    """Accepted for the sake of clients and without effect."""

    SYNTAX = ("LOCK TABLES <what:rest>", "UNLOCK TABLES")
    what: str = ""


@dataclass(frozen=True, slots=True)
class Query(Show):
    """SELECT and its kin; DuckDB reads the text after translation."""

    SYNTAX = ("EXPLAIN <explained:rest>",)
    EXPLICIT_TRANSACTION: ClassVar[bool] = True
    text: str = ""
    explained: str = ""


@dataclass(frozen=True, slots=True)
class Insert(Statement):
    SYNTAX = (
        "INSERT <kind=INTO|OVERWRITE> [TABLE] <table:table> [<temporary!TEMPORARY>] "
        "[{PARTITION|PARTITIONS} <partitions:partition_names>] [WITH LABEL <label:word>] [<columns:paren_names>] "
        "<source:rest>",
    )
    EXPLICIT_TRANSACTION: ClassVar[bool] = True
    kind: str
    table: TableName
    source: str
    temporary: bool = False
    partitions: tuple[str, ...] = ()
    label: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete(Statement):
    SYNTAX = (
        "DELETE FROM <table:table> [{PARTITION|PARTITIONS} <partitions:partition_names>] [WHERE <condition:rest>]",
    )
    EXPLICIT_TRANSACTION: ClassVar[bool] = True
    table: TableName
    partitions: tuple[str, ...] = ()
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Update(Statement):
    SYNTAX = ("UPDATE <table:table> SET <assignments:assignments> [WHERE <condition:rest>]",)
    EXPLICIT_TRANSACTION: ClassVar[bool] = True
    table: TableName
    assignments: tuple[tuple[str, str, str], ...]
    condition: str = ""


@dataclass(frozen=True, slots=True)
class CreateTableAsSelect(Statement):
    SYNTAX = (
        "CREATE TABLE [IF NOT <if_not_exists!EXISTS>] <table:table> [COMMENT <comment:text>] "
        "[DISTRIBUTED BY <distribution:distribution>] [PROPERTIES <properties:properties>] AS <query:rest>",
    )
    table: TableName
    query: str
    if_not_exists: bool = False
    comment: str = ""
    distribution: object = None
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdminExecute(Statement):
    SYNTAX = ("ADMIN EXECUTE ON FRONTEND <script:text>",)
    SENT: ClassVar[Sent] = Sent.NO_FORWARD
    script: str
