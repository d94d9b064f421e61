"""Views and materialized views."""

from __future__ import annotations

import re
from dataclasses import replace

from lab.answers import Answer, Column, Ok, Rows
from lab.errors import Refused, not_understood, table_exists, unknown_table, unknown_to_the_lab
from lab.fe.creating import TablePlan, add_partitions, create_tablets, with_ids
from lab.fe.dml import overwrite
from lab.fe.partitioning import Bounds
from lab.fe.properties import table_properties
from lab.fe.session import CATALOG, Execute, Session
from lab.fe.staging import Source
from lab.fe.tables import drop
from lab.fe.translation import TableRead, Translation
from lab.meta.records import (
    ColumnRecord,
    Database,
    KeysType,
    OlapTable,
    Partition,
    PartitionScheme,
    PartitionType,
    Refresh,
    TableState,
    View,
)
from lab.meta.state import Change
from lab.sql.pieces import TableName
from lab.sql.statements import tables as say
from lab.sql.statements.base import Statement
from lab.sql.table_pieces import Distribution


def _columns(
    session: Session, query: str, named: tuple[tuple[str, str], ...], database: str
) -> tuple[ColumnRecord, ...]:
    """The columns of a query under the names that the statement gives them."""
    found = session.services.query.describe(session, query, database)
    if named and len(named) != len(found):
        raise not_understood(f"Column count of view {len(named)} does not match query {len(found)}")
    names = named or tuple((name, "") for name, _ in found)
    return tuple(
        ColumnRecord(name, type_, number, comment=comment)
        for number, ((name, comment), (_, type_)) in enumerate(zip(names, found, strict=True))
    )


def _text(session: Session, query: str, *, with_database: bool) -> str:
    """A view's text as the release keeps it: as typed, or rewritten (then every table has its database's name, and the
    columns of a single table have the table's)."""
    if session.state.release.view_text_as_typed:
        return query
    from sqlglot import exp, parse_one

    tree = parse_one(query, read="starrocks")
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    tables = list(tree.find_all(exp.Table))
    for table in tables:
        if not table.db and table.name.lower() not in ctes:
            table.set("db", exp.to_identifier(session.database_name, quoted=True))
    if len(tables) == 1 and not tables[0].alias:
        for column in tree.find_all(exp.Column):
            column.set("table", exp.to_identifier(tables[0].name))
            if with_database:
                column.set("db", exp.to_identifier(tables[0].db))
    return str(tree.sql(dialect="starrocks", identify=True)).replace(" FROM ", "\nFROM ", 1)


def create_view(session: Session, statement: say.CreateView) -> Answer:
    database = session.database(statement.view.db)
    session.access.need_database("CREATE VIEW", database)
    columns = _columns(session, statement.query, statement.columns, session.database_name)
    with session.state.change() as change:
        old = change.now.tables(database).get(statement.view.name)
        if old is not None and statement.if_not_exists:
            return Ok()
        if old is not None and not (statement.or_replace and isinstance(old, View)):
            raise table_exists(statement.view.name)
        change.put(
            View(
                id=old.id if old else change.next_id(),
                db_id=database.id,
                name=statement.view.name,
                query=_text(session, statement.query, with_database=True),
                db=session.database_name,
                columns=columns,
                columns_named=bool(statement.columns),
                comment=statement.comment,
                security=statement.security,
                created=session.state.clock.now(),
            )
        )
    return Ok()


def alter_view(session: Session, statement: say.AlterView) -> Answer:
    view = session.table(statement.view)
    if not isinstance(view, View):
        raise Refused(f"'{statement.view}' is not VIEW", code=1347)
    session.access.need_table("ALTER", view)
    columns = _columns(session, statement.query, statement.columns, session.database_name)
    with session.state.change() as change:
        change.put(
            replace(
                view,
                query=_text(session, statement.query, with_database=True),
                db=session.database_name,
                columns=columns,
            )
        )
    return Ok()


def drop_view(session: Session, statement: say.DropView) -> Answer:
    database = session.database(statement.view.db)
    with session.state.change() as change:
        found = change.now.tables(database).get(statement.view.name)
        wanted = (
            isinstance(found, View)
            if statement.kind == "VIEW"
            else isinstance(found, OlapTable) and found.refresh is not None
        )
        if found is None or not wanted:
            if statement.if_exists:
                return Ok()
            if found is None and statement.kind == "MATERIALIZED":
                raise not_understood(f"Materialized view {statement.view.name} is not found")
            raise unknown_table(statement.view.name)
        session.access.need_table("DROP", found)
        drop(session, change, found, force=True)
    return Ok()


# -- materialized views


def create_materialized_view(session: Session, statement: say.CreateMaterializedView) -> Answer:
    """An asynchronous one; without REFRESH and DISTRIBUTED BY the statement means a rollup of its base table."""
    database = session.database(statement.view.db)
    session.access.need_database("CREATE MATERIALIZED VIEW", database)
    if not statement.refresh and statement.distribution is None:
        return _create_rollup(session, statement)
    if statement.view.name in session.metadata.tables(database):
        if statement.if_not_exists:
            return Ok()
        raise table_exists(statement.view.name)
    columns = _columns(session, statement.query, statement.columns, session.database_name)
    bases = _base_tables(session, statement.query)
    plan = _plan(session, statement, columns, bases)
    with session.state.change() as change:
        table, partitions = with_ids(plan, database.id, change.next_id, session.state)
        create_tablets(session.state, table, partitions)
        change.put(table, *partitions)
        change.next_id()  # the refresh task has an id of its own, behind the view's
    if not statement.refresh.startswith("DEFERRED"):
        refresh(session, table)
    return Ok()


def _plan(
    session: Session, statement: say.CreateMaterializedView, columns: tuple[ColumnRecord, ...], bases: list[OlapTable]
) -> TablePlan:
    distribution = statement.distribution or Distribution("RANDOM")
    names = {column.name.lower(): column.name for column in columns}
    keys = tuple(column.name for column in columns[:1])
    scheme, reference = _partitioning(statement, names)
    given = {key: value for key, value in statement.properties.items() if key != "storage_medium"}
    properties = table_properties(
        given, KeysType.DUP_KEYS, random=distribution.kind == "RANDOM",
        default_replication=session.state.config["default_replication_num"], column_names=names,
    )  # fmt: skip
    table = OlapTable(
        id=0,
        db_id=0,
        name=statement.view.name,
        keys_type=KeysType.DUP_KEYS,
        columns=tuple(replace(column, is_key=column.name in keys) for column in columns),
        keys=keys,
        scheme=scheme,
        partitions=(),
        distribution_columns=tuple(names.get(name.lower(), name) for name in distribution.columns),
        buckets=distribution.buckets,
        random=distribution.kind == "RANDOM",
        sort_keys=statement.order_by,
        properties=properties,
        comment=statement.comment,
        created=session.state.clock.now(),
        next_unique_id=len(columns),
        refresh=Refresh(
            query=_text(session, statement.query, with_database=False),
            db=session.database_name,
            scheme=statement.refresh or "MANUAL",
            base_tables=tuple(base.id for base in bases),
            columns_named=bool(statement.columns),
            partition_ref=reference,
        ),
    )
    first = () if scheme.columns else (Bounds(statement.view.name),)
    return TablePlan(table, first)


def _partitioning(statement: say.CreateMaterializedView, names: dict[str, str]) -> tuple[PartitionScheme, str]:
    if statement.partition_by is None:
        return PartitionScheme(), ""
    expression = statement.partition_by.expressions[0]
    column = next((names[word.lower()] for word in re.findall(r"[\w$]+", expression) if word.lower() in names), "")
    if not column:
        raise not_understood(f"Materialized view partition exp column:{expression} is not found in query statement")
    shown = f"`{column}`" if expression.lower() == column.lower() else expression
    return PartitionScheme(PartitionType.RANGE, (column,)), shown


def _base_tables(session: Session, query: str) -> list[OlapTable]:
    """The tables that a materialized view reads, through views as well."""
    found: list[OlapTable] = []

    def visit(read: TableRead, database: str) -> str:
        name = read.name
        if name.catalog not in {"", CATALOG}:
            raise unknown_to_the_lab("materialized views over external catalogs")
        record = session.metadata_database(name.db or database)
        table = session.metadata.tables(record).get(name.name)
        if isinstance(table, OlapTable):
            found.append(table)
        elif isinstance(table, View):
            view = table
            Translation(session, lambda inner: visit(inner, view.db)).sql(view.query)
        return "(SELECT 1)"

    Translation(session, lambda read: visit(read, session.database_name)).sql(query)
    return found


def _create_rollup(session: Session, statement: say.CreateMaterializedView) -> Answer:
    """A synchronous materialized view: an index of its base table, with a job as ADD ROLLUP has."""
    from lab.fe.alter import start_rollup

    bases = _base_tables(session, statement.query)
    if len(bases) != 1:
        raise not_understood("The materialized view only support one table in from clause")
    found = session.services.query.describe(session, statement.query, session.database_name)
    start_rollup(session, bases[0], statement.view.name, tuple(name for name, _ in found))
    return Ok()


def refresh(session: Session, table: OlapTable) -> None:
    """Compute the view anew: an overwrite of its partitions, which get new ids."""
    assert table.refresh is not None
    if not table.refresh.active:
        raise Refused(
            f"Materialized view: {table.name}/{table.id} is not active due to {table.refresh.inactive_reason}."
        )
    if table.scheme.columns:
        _follow_partitions(session, table)
    database = next(db for db in session.metadata.databases.values() if db.id == table.db_id)
    owner = session.services.new_session(session.user_identity, session.connection_id, session.address)
    owner.roles, owner.database_name = session.roles, table.refresh.db
    engine = session.services.query
    with engine.connection() as connection:
        sql, _ = engine.translated(owner, connection, table.refresh.query, table.refresh.db or database.name)
    current = session.metadata.get(OlapTable, table.id)
    overwrite(session, current, Source(sql, tuple(column.name for column in table.columns)), ())
    with session.state.change() as change:
        now = change.now.get(OlapTable, table.id)
        if now.refresh:
            change.put(replace(now, refresh=replace(now.refresh, last_refresh=session.state.clock.now())))


def _follow_partitions(session: Session, table: OlapTable) -> None:
    """A partitioned view has the ranges of its base table."""
    assert table.refresh is not None
    with session.state.change() as change:
        now = change.now.get(OlapTable, table.id)
        have = {(one.lower, one.upper) for one in change.now.partitions(now)}
        base = change.now.find(OlapTable, table.refresh.base_tables[0])
        ranged = [one for one in change.now.partitions(base) if one.lower and not one.is_shadow] if base else []
        missing = [
            Bounds(one.name, one.lower, one.upper, min_lower=one.min_lower)
            for one in ranged
            if (one.lower, one.upper) not in have
        ]
        add_partitions(change, session.state, now, missing)


def refresh_materialized_view(session: Session, statement: say.RefreshMaterializedView) -> Answer:
    table = _materialized(session, statement.view)
    session.access.need_table("REFRESH", table)
    refresh(session, table)
    return Rows((Column("QUERY_ID"),), [(f"lab-{table.id}-{session.state.clock.millis()}",)])


def alter_materialized_view(session: Session, statement: say.AlterMaterializedView) -> Answer:
    """ACTIVE binds the text by name again."""
    table = _materialized(session, statement.view)
    session.access.need_table("ALTER", table)
    if table.state is not TableState.NORMAL:
        raise Refused(f"Materialized view [{table.name}]'s state is not NORMAL. Do not allow to do ALTER ops")
    assert table.refresh is not None
    with session.state.change() as change:
        if statement.status == "INACTIVE":
            reason = "user use alter materialized view set status to inactive"
            change.put(replace(table, refresh=replace(table.refresh, active=False, inactive_reason=reason)))
        else:
            activate(session, change, table)
    return Ok()


def activate(session: Session, change: Change, table: OlapTable) -> None:
    """Make a view active if its text means something in the database that it was typed in."""
    assert table.refresh is not None
    here = session.services.new_session(session.user_identity, session.connection_id, session.address)
    here.database_name = table.refresh.db
    session.services.query.describe(here, table.refresh.query, table.refresh.db)
    bases = tuple(base.id for base in _base_tables(here, table.refresh.query))
    change.put(replace(table, refresh=replace(table.refresh, active=True, inactive_reason="", base_tables=bases)))


def _materialized(session: Session, name: TableName) -> OlapTable:
    found = session.table(name)
    if not isinstance(found, OlapTable) or found.refresh is None:
        raise not_understood(f"Materialized view {name.name} is not found")
    return found


HANDLERS: dict[type[Statement], Execute] = {
    say.CreateView: create_view,
    say.AlterView: alter_view,
    say.DropView: drop_view,
    say.CreateMaterializedView: create_materialized_view,
    say.AlterMaterializedView: alter_materialized_view,
    say.RefreshMaterializedView: refresh_materialized_view,
}
__all__ = ["HANDLERS", "Database", "Partition", "activate"]
