"""SHOW of objects that the lab has none of, or a fixed few: right columns, and the rows of a cluster without them."""

from __future__ import annotations

from lab.answers import Answer, Column, Rows, Type, shown
from lab.errors import Refused
from lab.fe.filters import filtered
from lab.fe.session import Execute, Session
from lab.sql.statements import show as say
from lab.sql.statements.base import Statement

_COLUMNS = {
    "CATALOGS": "Catalog Type Comment",
    "RESOURCES": "Name ResourceType Key Value",
    "GROUPS": (
        "name id cpu_weight_percent exclusive_cpu_percent mem_limit big_query_cpu_second_limit "
        "big_query_scan_rows_limit "
        "big_query_mem_limit concurrency_limit spill_mem_limit_threshold classifiers warehouses"
    ),
    "LOAD": (
        "Id Name CreateTime PauseTime EndTime DbName TableName State DataSourceType CurrentTaskNum JobProperties "
        "DataSourceProperties "
        "CustomProperties Statistic Progress TimestampProgress ReasonOfStateChanged ErrorLogUrls TrackingSQL OtherMsg "
        "LatestSourcePosition OffsetLag"
    ),
    "WARNINGS": "Level Code Message",
    "ERRORS": "Level Code Message",
    "ENGINES": "Engine Support Comment Transactions XA Savepoints",
    "STATUS": "Variable_name Value",
    "PRIVILEGES": "Privilege Context Comment",
    "PLUGINS": "Name Type Description Version JavaVersion ClassName SoName Sources Status Properties",
    "FILE": "Id DbName GlobalStateMgr FileName FileSize IsContent MD5",
    "EXPORT": "JobId QueryId State Progress TaskInfo Path CreateTime StartTime FinishTime Timeout ErrorMsg",
    "DELETE": "TableName PartitionName CreateTime DeleteCondition State",
    "CHARSET": "Charset Description Default_collation Maxlen",
    "COLLATION": "Collation Charset Id Default Compiled Sortlen",
}
_DICTIONARY = [
    "DictionaryId", "DictionaryName", "CatalogName", "DbName", "dictionaryObject", "dictionaryKeys",
    "dictionaryValues", "status", "lastSuccessRefreshTime", "lastSuccessFinishedTime", "nextSchedulableTime",
    "ErrorMessage",
    "approximated dictionaryMemoryUsage (Bytes)",
]  # fmt: skip
_ROWS: dict[str, list[tuple[str | None, ...]]] = {
    "CATALOGS": [("default_catalog", "Internal", "An internal catalog contains this cluster's self-managed tables.")],
    "GROUPS": [
        ("default_mv_wg", "3", "1", "null", "80.0%", "0", "0", "0", "null", "80%", "(id=0, weight=0.0)", ""),
        ("default_wg", "2", "100", "null", "100.0%", "0", "0", "0", "null", "100%", "(id=0, weight=0.0)", ""),
    ],
    "ENGINES": [
        ("OLAP", "YES", "Default storage engine of StarRocks", "NO", "NO", "NO"),
        ("MySQL", "YES", "MySQL server which data is in it", "NO", "NO", "NO"),
        ("ELASTICSEARCH", "YES", "ELASTICSEARCH cluster which data is in it", "NO", "NO", "NO"),
        ("HIVE", "YES", "HIVE database which data is in it", "NO", "NO", "NO"),
        ("ICEBERG", "YES", "ICEBERG data lake which data is in it", "NO", "NO", "NO"),
    ],
    "PLUGINS": [
        (
            "__builtin_AuditLogBuilder", "AUDIT", "builtin audit logger", "0.12.0", "1.8.31",
            "com.starrocks.qe.AuditLogBuilder", None, "Builtin", "INSTALLED", "{}",
        )
    ],
    "CHARSET": [("utf8", "UTF-8 Unicode", "utf8_general_ci", "3")],
    "COLLATION": [("utf8_general_ci", "utf8", "33", "Yes", "Yes", "1")],
}  # fmt: skip
_PRIVILEGES = {"PLUGINS": "PLUGIN", "SQLBLACKLIST": "BLACKLIST"}
_PIPES = {"PIPE_ID": Type.BIGINT, "CREATED_TIME": Type.DATETIME}


def show_other(session: Session, statement: say.ShowOther) -> Answer:
    if privilege := _PRIVILEGES.get(statement.what):
        session.access.need_system(privilege)
    match statement.what:
        case "WAREHOUSES":
            raise Refused("unsupported statement in shared_nothing mode", code=5907, state="42000")
        case "VOLUMES":
            return shown(["Storage Volume"])
        case "SQLBLACKLIST":
            return shown(["Id", "Forbidden SQL"])
        case "DICTIONARY":
            return shown(_DICTIONARY)
        case "PIPES":
            names = [
                "DATABASE_NAME",
                "PIPE_ID",
                "PIPE_NAME",
                "STATE",
                "TABLE_NAME",
                "LOAD_STATUS",
                "LAST_ERROR",
                "CREATED_TIME",
            ]
            return Rows(tuple(Column(name, _PIPES.get(name, Type.VARCHAR)) for name in names))
        case "FILE":
            database = session.database(statement.db)
            session.access.need_database("ANY", database)
            return shown(_COLUMNS["FILE"])
        case what:
            return filtered(
                shown(_COLUMNS[what], _ROWS.get(what, [])), statement.where, statement.order, statement.limit
            )


def show_functions(_session: Session, statement: say.ShowFunctions) -> Answer:
    if not statement.full:
        return shown(["Function Name"])
    return shown(["Signature", "Return Type", "Function Type", "Intermediate Type", "Properties"])


HANDLERS: dict[type[Statement], Execute] = {say.ShowOther: show_other, say.ShowFunctions: show_functions}
