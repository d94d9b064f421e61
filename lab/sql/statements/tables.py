"""Databases, tables, views and materialized views: creating, changing, dropping, recovering."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.sql.pieces import NO_TABLE, TableName
from lab.sql.statements.base import Statement
from lab.sql.table_pieces import (
    ColumnDefinition,
    Distribution,
    PartitionBy,
    PartitionDefinition,
    PartitionSeries,
    Rollup,
    TableBody,
)


@dataclass(frozen=True, slots=True)
class CreateDatabase(Statement):
    SYNTAX = (
        "CREATE {DATABASE|SCHEMA} [IF NOT <if_not_exists!EXISTS>] <name:name> [PROPERTIES <properties:properties>]",
    )
    name: str
    if_not_exists: bool = False
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DropDatabase(Statement):
    SYNTAX = ("DROP {DATABASE|SCHEMA} [IF <if_exists!EXISTS>] <name:name> [<force!FORCE>]",)
    name: str
    if_exists: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class RenameDatabase(Statement):
    SYNTAX = ("ALTER DATABASE <name:name> RENAME <to:name>",)
    name: str
    to: str


@dataclass(frozen=True, slots=True)
class SetQuota(Statement):
    SYNTAX = ("ALTER DATABASE <name:name> SET <kind=DATA|REPLICA> QUOTA <quota:value>",)
    name: str
    kind: str
    quota: str


@dataclass(frozen=True, slots=True)
class Recover(Statement):
    SYNTAX = (
        "RECOVER <what=DATABASE> <database:name>",
        "RECOVER <what=TABLE> <table:table>",
        "RECOVER <what=PARTITION> <partition:name> FROM <table:table>",
    )
    what: str
    database: str = ""
    table: TableName = NO_TABLE
    partition: str = ""


@dataclass(frozen=True, slots=True)
class CreateTable(Statement):
    SYNTAX = (
        "CREATE [<flavour=EXTERNAL|TEMPORARY>] TABLE [IF NOT <if_not_exists!EXISTS>] <table:table> <body:body> "
        "[ENGINE = <engine:word>] [<keys_type=DUPLICATE|AGGREGATE|UNIQUE|PRIMARY> KEY <keys:paren_names>] [COMMENT "
        "<comment:text>] "
        "[PARTITION BY <partition_by:partition_by>] [DISTRIBUTED BY <distribution:distribution>] [ROLLUP "
        "<rollups:rollups>] "
        "[ORDER BY <order_by:paren_names>] [ROLLUP <rollups:rollups>] [PROPERTIES <properties:properties>]",
    )
    table: TableName
    body: TableBody
    flavour: str = ""
    if_not_exists: bool = False
    engine: str = "OLAP"
    keys_type: str = ""
    keys: tuple[str, ...] = ()
    comment: str = ""
    partition_by: PartitionBy | None = None
    distribution: Distribution | None = None
    rollups: tuple[Rollup, ...] = ()
    order_by: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreateTableLike(Statement):
    SYNTAX = ("CREATE TABLE [IF NOT <if_not_exists!EXISTS>] <table:table> LIKE <like:table>",)
    table: TableName
    like: TableName
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropTable(Statement):
    SYNTAX = ("DROP [<temporary!TEMPORARY>] TABLE [IF <if_exists!EXISTS>] <table:table> [<force!FORCE>]",)
    table: TableName
    temporary: bool = False
    if_exists: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class TruncateTable(Statement):
    SYNTAX = ("TRUNCATE TABLE <table:table> [{PARTITION|PARTITIONS} <partitions:partition_names>]",)
    table: TableName
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenameTable(Statement):
    SYNTAX = ("ALTER {TABLE|MATERIALIZED VIEW} <table:table> RENAME <to:name>",)
    table: TableName
    to: str


@dataclass(frozen=True, slots=True)
class SwapTable(Statement):
    SYNTAX = ("ALTER {TABLE|MATERIALIZED VIEW} <table:table> SWAP WITH <other:name>",)
    table: TableName
    other: str


@dataclass(frozen=True, slots=True)
class SetComment(Statement):
    SYNTAX = ("ALTER TABLE <table:table> COMMENT = <comment:text>",)
    table: TableName
    comment: str


@dataclass(frozen=True, slots=True)
class SetTableProperties(Statement):
    SYNTAX = ("ALTER {TABLE|MATERIALIZED VIEW} <table:table> SET <properties:properties>",)
    table: TableName
    properties: dict[str, str]


@dataclass(frozen=True, slots=True)
class AddPartition(Statement):
    SYNTAX = (
        "ALTER TABLE <table:table> ADD [<temporary!TEMPORARY>] PARTITION <partition:partition> "
        "[DISTRIBUTED BY <distribution:distribution>] [<properties:properties>]",
        "ALTER TABLE <table:table> ADD [<temporary!TEMPORARY>] PARTITIONS <partition:series> "
        "[DISTRIBUTED BY <distribution:distribution>] [<properties:properties>]",
    )
    table: TableName
    partition: PartitionDefinition | PartitionSeries
    temporary: bool = False
    distribution: Distribution | None = None
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DropPartition(Statement):
    SYNTAX = (
        "ALTER TABLE <table:table> DROP [<temporary!TEMPORARY>] {PARTITION|PARTITIONS} [IF <if_exists!EXISTS>] "
        "<partitions:partition_names> [<force!FORCE>]",
    )
    table: TableName
    partitions: tuple[str, ...]
    temporary: bool = False
    if_exists: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class RenamePartition(Statement):
    SYNTAX = ("ALTER TABLE <table:table> RENAME PARTITION <partition:name> <to:name>",)
    table: TableName
    partition: str
    to: str


@dataclass(frozen=True, slots=True)
class ModifyPartition(Statement):
    SYNTAX = (
        "ALTER TABLE <table:table> MODIFY PARTITION ( * ) SET <properties:properties>",
        "ALTER TABLE <table:table> MODIFY PARTITION <partitions:partition_names> SET <properties:properties>",
    )
    table: TableName
    properties: dict[str, str]
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplacePartition(Statement):
    SYNTAX = (
        "ALTER TABLE <table:table> REPLACE PARTITION <partitions:partition_names> WITH TEMPORARY PARTITION "
        "<temporary:partition_names> [PROPERTIES <properties:properties>]",
    )
    table: TableName
    partitions: tuple[str, ...]
    temporary: tuple[str, ...]
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AddColumn(Statement):
    SYNTAX = (
        "ALTER TABLE <table:table> ADD COLUMN ( <columns:columns_list> )",
        "ALTER TABLE <table:table> ADD COLUMN <column:column> [{<first!FIRST> | AFTER <after:name>}]",
    )
    table: TableName
    column: ColumnDefinition | None = None
    columns: tuple[ColumnDefinition, ...] = ()
    first: bool = False
    after: str = ""


@dataclass(frozen=True, slots=True)
class DropColumn(Statement):
    SYNTAX = ("ALTER TABLE <table:table> DROP COLUMN <column:name>",)
    table: TableName
    column: str


@dataclass(frozen=True, slots=True)
class ModifyColumn(Statement):
    SYNTAX = ("ALTER TABLE <table:table> MODIFY COLUMN <column:column> [{<first!FIRST> | AFTER <after:name>}]",)
    table: TableName
    column: ColumnDefinition
    first: bool = False
    after: str = ""


@dataclass(frozen=True, slots=True)
class CommentColumn(Statement):
    SYNTAX = ("ALTER TABLE <table:table> MODIFY COLUMN <column:name> COMMENT <comment:text>",)
    table: TableName
    column: str
    comment: str


@dataclass(frozen=True, slots=True)
class RenameColumn(Statement):
    SYNTAX = ("ALTER TABLE <table:table> RENAME COLUMN <column:name> [TO] <to:name>",)
    table: TableName
    column: str
    to: str


@dataclass(frozen=True, slots=True)
class AddRollup(Statement):
    SYNTAX = ("ALTER TABLE <table:table> ADD ROLLUP <rollups:rollup_list>",)
    table: TableName
    rollups: tuple[Rollup, ...]


@dataclass(frozen=True, slots=True)
class DropRollup(Statement):
    SYNTAX = ("ALTER TABLE <table:table> DROP ROLLUP <rollups:names>",)
    table: TableName
    rollups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compact(Statement):
    SYNTAX = ("ALTER TABLE <table:table> {COMPACT|CUMULATIVE COMPACT|BASE COMPACT} [<partitions:partition_names>]",)
    table: TableName
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetPartitionVersion(Statement):
    SYNTAX = ("ADMIN SET TABLE <table:table> PARTITION ( <partition:value> ) VERSION TO <version:number>",)
    table: TableName
    partition: str
    version: int


@dataclass(frozen=True, slots=True)
class CreateIndex(Statement):
    SYNTAX = (
        "CREATE INDEX <index:name> ON <table:table> <columns:paren_names> [USING BITMAP] [COMMENT <comment:text>]",
    )
    table: TableName
    index: str
    columns: tuple[str, ...]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class DropIndex(Statement):
    SYNTAX = ("DROP INDEX <index:name> ON <table:table>",)
    table: TableName
    index: str


@dataclass(frozen=True, slots=True)
class CreateView(Statement):
    SYNTAX = (
        "CREATE [OR <or_replace!REPLACE>] VIEW [IF NOT <if_not_exists!EXISTS>] <view:table> [<columns:view_columns>] "
        "[COMMENT <comment:text>] [SECURITY <security=NONE|INVOKER>] AS <query:rest>",
    )
    view: TableName
    query: str
    or_replace: bool = False
    if_not_exists: bool = False
    columns: tuple[tuple[str, str], ...] = ()
    comment: str = ""
    security: str = "NONE"


@dataclass(frozen=True, slots=True)
class AlterView(Statement):
    SYNTAX = ("ALTER VIEW <view:table> [<columns:view_columns>] AS <query:rest>",)
    view: TableName
    query: str
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DropView(Statement):
    SYNTAX = (
        "DROP <kind=VIEW> [IF <if_exists!EXISTS>] <view:table>",
        "DROP <kind=MATERIALIZED> VIEW [IF <if_exists!EXISTS>] <view:table>",
    )
    view: TableName
    kind: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateMaterializedView(Statement):
    """Clauses may stand in any order in StarRocks; here in the order SHOW CREATE prints them, and one or two others."""

    SYNTAX = (
        "CREATE MATERIALIZED VIEW [IF NOT <if_not_exists!EXISTS>] <view:table> [<columns:view_columns>] [COMMENT "
        "<comment:text>] "
        "[PARTITION BY <partition_by:partition_by>] [DISTRIBUTED BY <distribution:distribution>] [ORDER BY "
        "<order_by:paren_names>] "
        "[REFRESH <refresh:refresh>] [PARTITION BY <partition_by:partition_by>] [DISTRIBUTED BY "
        "<distribution:distribution>] "
        "[ORDER BY <order_by:paren_names>] [PROPERTIES <properties:properties>] AS <query:rest>",
    )
    view: TableName
    query: str
    if_not_exists: bool = False
    columns: tuple[tuple[str, str], ...] = ()
    comment: str = ""
    partition_by: PartitionBy | None = None
    distribution: Distribution | None = None
    order_by: tuple[str, ...] = ()
    refresh: str = ""
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlterMaterializedView(Statement):
    SYNTAX = ("ALTER MATERIALIZED VIEW <view:table> <status=ACTIVE|INACTIVE>",)
    view: TableName
    status: str


@dataclass(frozen=True, slots=True)
class RefreshMaterializedView(Statement):
    SYNTAX = ("REFRESH MATERIALIZED VIEW <view:table> [<force!FORCE>] [WITH <mode=SYNC|ASYNC> MODE]",)
    view: TableName
    force: bool = False
    mode: str = "ASYNC"
