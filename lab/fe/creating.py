"""From a CREATE TABLE to the records of a table, its partitions and their tablets: LocalMetastore.createTable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lab.errors import Refused, not_understood
from lab.fe.globals import GlobalState
from lab.fe.partitioning import Bounds, first_partitions, generated_columns, partition_scheme, shown_expression
from lab.fe.properties import qualified_constraints, table_properties
from lab.httpd import Unreachable
from lab.meta import ranges
from lab.meta.records import (
    INIT_VERSION,
    ColumnRecord,
    IndexSpec,
    KeysType,
    MaterializedIndex,
    OlapTable,
    Partition,
    PhysicalPartition,
    Replica,
    Tablet,
)
from lab.meta.state import Change
from lab.sql.statements.tables import CreateTable
from lab.sql.table_pieces import ColumnDefinition, Distribution

_KEYS = {
    "DUPLICATE": KeysType.DUP_KEYS,
    "AGGREGATE": KeysType.AGG_KEYS,
    "UNIQUE": KeysType.UNIQUE_KEYS,
    "PRIMARY": KeysType.PRIMARY_KEYS,
}
_INDEX_SIZES = {
    "boolean": 1,
    "tinyint": 1,
    "smallint": 2,
    "int": 4,
    "bigint": 8,
    "largeint": 16,
    "date": 3,
    "datetime": 8,
    "decimal": 12,
}
_GIN = {"imp_lib": "clucene"}
_NGRAM = {"case_sensitive": "true"}


@dataclass(frozen=True, slots=True)
class TablePlan:
    """A table without ids, and its partitions."""

    table: OlapTable
    partitions: tuple[Bounds, ...]
    rollups: tuple[tuple[str, tuple[str, ...]], ...] = ()


def plan_table(statement: CreateTable, database: str, default_replication: str, now: datetime) -> TablePlan:
    """Analyze a CREATE TABLE (sql/analyzer/CreateTableAnalyzer.java)."""
    definitions = statement.body.columns
    keys_type = _keys_type(statement, definitions)
    keys = _keys(statement, definitions, keys_type)
    columns = [_column(definition, number, keys, keys_type) for number, definition in enumerate(definitions)]
    partition_by = statement.partition_by
    if partition_by and partition_by.kind == "EXPRESSION":
        columns, partition_by = generated_columns(columns, partition_by)
    scheme = partition_scheme(partition_by, columns)
    distribution = statement.distribution or _default_distribution(keys_type, keys)
    names = {column.name.lower(): column.name for column in columns}
    random = distribution.kind == "RANDOM"
    properties = table_properties(
        statement.properties, keys_type, random=random, default_replication=default_replication, column_names=names
    )
    table = OlapTable(
        id=0,
        db_id=0,
        name=statement.table.name,
        keys_type=keys_type,
        columns=tuple(columns),
        keys=keys,
        scheme=scheme,
        partitions=(),
        index_specs=tuple(
            _index(spec.name, spec.columns, spec.kind, spec.properties, spec.comment) for spec in statement.body.indexes
        ),
        distribution_columns=tuple(_known(names, name) for name in distribution.columns),
        buckets=distribution.buckets,
        random=random,
        sort_keys=tuple(_known(names, name) for name in statement.order_by),
        properties=qualified_constraints(properties, database, statement.table.name),
        comment=statement.comment,
        created=now,
        next_unique_id=len(columns),
        auto_increment=1 if any(column.auto_increment for column in columns) else None,
        temporary=statement.flavour == "TEMPORARY",
    )
    partitions = tuple(first_partitions(table, partition_by))
    return TablePlan(table, partitions, tuple((rollup.name, rollup.columns) for rollup in statement.rollups))


def _known(names: dict[str, str], name: str) -> str:
    if name.lower() not in names:
        raise not_understood(f"Distribution column({name}) doesn't exist")
    return names[name.lower()]


def _keys_type(statement: CreateTable, definitions: Sequence[ColumnDefinition]) -> KeysType:
    if statement.keys_type:
        return _KEYS[statement.keys_type]
    return KeysType.AGG_KEYS if any(definition.aggregation for definition in definitions) else KeysType.DUP_KEYS


def _keys(statement: CreateTable, definitions: Sequence[ColumnDefinition], keys_type: KeysType) -> tuple[str, ...]:
    names = {definition.name.lower(): definition.name for definition in definitions}
    if statement.keys:
        for name in statement.keys:
            if name.lower() not in names:
                raise not_understood(f"Key column({name}) doesn't exist")
        keys = tuple(names[name.lower()] for name in statement.keys)
        if keys_type is not KeysType.PRIMARY_KEYS and keys != tuple(
            definition.name for definition in definitions[: len(keys)]
        ):
            raise not_understood("Key columns should be a ordered prefix of the schema")
        return keys
    if keys_type is not KeysType.DUP_KEYS:
        return tuple(definition.name for definition in definitions if not definition.aggregation)
    return default_keys(definitions)


def default_keys(definitions: Sequence[ColumnDefinition | ColumnRecord]) -> tuple[str, ...]:
    """Up to three leading columns of at most 36 bytes, a VARCHAR being the last."""
    keys: list[str] = []
    length = 0
    for definition in definitions:
        length += _INDEX_SIZES.get(definition.type.name, 20)
        if len(keys) >= 3 or length > 36 or not (definition.type.is_text or definition.type.name in _INDEX_SIZES):
            break
        keys.append(definition.name)
        if definition.type.name == "varchar":
            break
    if not keys:
        raise not_understood("Data type of first column cannot be " + str(definitions[0].type).upper())
    return tuple(keys)


def _column(definition: ColumnDefinition, number: int, keys: tuple[str, ...], keys_type: KeysType) -> ColumnRecord:
    is_key = definition.name in keys
    if keys_type is KeysType.AGG_KEYS and not is_key and not definition.aggregation:
        raise not_understood(f"{definition.name} must be aggregated or a key")
    forced = definition.auto_increment or (keys_type is KeysType.PRIMARY_KEYS and is_key)
    nullable = False if forced else definition.nullable is not False
    return ColumnRecord(
        name=definition.name,
        type=definition.type,
        unique_id=number,
        is_key=is_key,
        nullable=nullable,
        aggregation=definition.aggregation,
        default=definition.default,
        default_expression=definition.default_expression,
        auto_increment=definition.auto_increment,
        generated=shown_expression(definition.generated),
        comment=definition.comment,
    )


def _index(name: str, columns: tuple[str, ...], kind: str, properties: dict[str, str], comment: str) -> IndexSpec:
    defaults = {"GIN": _GIN, "NGRAMBF": _NGRAM}.get(kind, {})
    return IndexSpec(
        name, columns, kind, {**defaults, **{key.lower(): value for key, value in properties.items()}}, comment
    )


def _default_distribution(keys_type: KeysType, keys: tuple[str, ...]) -> Distribution:
    return Distribution("RANDOM") if keys_type is KeysType.DUP_KEYS else Distribution("HASH", keys)


# -- ids and tablets


def schema_hash(columns: Sequence[ColumnRecord], salt: str = "") -> int:
    """Positive and deterministic; two tables of the same columns have the same, as in StarRocks."""
    text = ";".join(f"{column.name} {column.type} {column.aggregation} {column.is_key}" for column in columns)
    return abs(ranges.hash_text(text + salt)) or 1


def with_ids(
    plan: TablePlan, db_id: int, next_id: Callable[[], int], state: GlobalState
) -> tuple[OlapTable, list[Partition]]:
    """Give everything its id in StarRocks' order, and each tablet its replicas on alive backends."""
    partition_ids = [next_id() for _ in plan.partitions]
    table_id = next_id()
    base = MaterializedIndex(next_id(), plan.table.name, 0, schema_hash(plan.table.columns))
    rollups = [
        MaterializedIndex(next_id(), name, 0, schema_hash(plan.table.columns, name), columns)
        for name, columns in plan.rollups
    ]
    table = replace(plan.table, id=table_id, db_id=db_id, indexes=(base, *rollups), partitions=tuple(partition_ids))
    partitions = [
        new_partition(table, number, bounds, next_id, state)
        for number, bounds in zip(partition_ids, plan.partitions, strict=True)
    ]
    return table, partitions


def new_partition(
    table: OlapTable, number: int, bounds: Bounds, next_id: Callable[[], int], state: GlobalState
) -> Partition:
    """An empty partition at version 1."""
    replication = bounds.replication_num or table.replication_num
    buckets = bounds.buckets or table.buckets or default_buckets(table, state)
    main = next_id() if state.release.main_physical_partition_has_own_id else number
    physical = new_physical(table, main, replication, buckets, next_id, state)
    return Partition(
        id=number,
        table_id=table.id,
        name=bounds.name,
        replication_num=replication,
        physical=(physical,),
        lower=bounds.lower,
        upper=bounds.upper,
        values=bounds.values,
        medium=bounds.medium,
        min_lower=bounds.min_lower,
    )


def new_physical(
    table: OlapTable,
    number: int,
    replication: int,
    buckets: int,
    next_id: Callable[[], int],
    state: GlobalState,
    what: str = "",
) -> PhysicalPartition:
    """Tablets and replicas of one physical partition."""
    tablets: dict[int, tuple[Tablet, ...]] = {}
    for index in table.indexes:
        made = []
        for _ in range(buckets):
            tablet_id = next_id()
            made.append(
                Tablet(
                    tablet_id,
                    tuple(Replica(next_id(), backend) for backend in state.backends.choose(replication, what)),
                )
            )
        tablets[index.id] = tuple(made)
    return PhysicalPartition(
        id=number,
        visible_version=INIT_VERSION,
        visible_time=state.clock.now(),
        next_version=INIT_VERSION + 1,
        data_version=INIT_VERSION,
        version_epoch=state.version_epoch(),
        buckets=buckets,
        tablets=tablets,
    )


def default_buckets(table: OlapTable, state: GlobalState) -> int:
    """CatalogUtils.calBucketNumAccordingToBackends: as many as backends for random distribution, twice that for hash;
    a materialized view without BUCKETS has 16 (seen running 4.1-dev)."""
    alive = max(1, len(state.backends.alive()))
    if table.refresh:
        return 16
    return alive if table.random else 2 * alive


def create_tablets(state: GlobalState, table: OlapTable, partitions: Iterable[Partition]) -> None:
    """Have the backends create the replicas, all of them or none."""
    wanted: dict[int, list[dict[str, object]]] = {}
    hashes = {index.id: index.schema_hash for index in table.indexes}
    for partition in partitions:
        for physical in partition.physical:
            for index_id, tablets in physical.tablets.items():
                for tablet in tablets:
                    for replica in tablet.replicas:
                        item: dict[str, object] = {
                            "id": tablet.id,
                            "schema_hash": hashes[index_id],
                            "keys": table.keys_type.value,
                        }
                        wanted.setdefault(replica.backend_id, []).append(item)
    requests = [(backend, "/tablets/create", {"tablets": items}) for backend, items in wanted.items()]
    timeout = state.config.number("tablet_create_timeout_second")
    missing: list[str] = []
    for (backend, _, _), answer in zip(requests, state.backends.post_all(requests, timeout=timeout), strict=True):
        host = state.backends.address(backend)[0]
        failed = wanted[backend] if isinstance(answer, Unreachable) else [{"id": number} for number in answer["failed"]]
        missing += [f"{item['id']}({host})" for item in failed]
    if missing:
        total = sum(len(items) for items in wanted.values())
        drop_tablets(state, {item["id"] for items in wanted.values() for item in items}, wanted)  # type: ignore[misc]
        raise Refused(
            f"Table creation timed out. unfinished replicas({len(missing)}/{total}): {' '.join(missing[:3])}  "
            f"timeout={timeout}s\n "
            'You can increase the timeout by increasing the config "tablet_create_timeout_second" and try again.'
        )


def drop_tablets(state: GlobalState, ids: Iterable[int], backends: Iterable[int], *, force: bool = True) -> None:
    """Have backends forget tablets; one that cannot be reached keeps them as ghosts."""
    body = {"ids": list(ids), "force": force}
    state.backends.post_all([(backend, "/tablets/drop", body) for backend in backends])


def add_partitions(
    change: Change, state: GlobalState, table: OlapTable, bounds: Sequence[Bounds], *, temporary: bool = False
) -> None:
    """Create partitions of an existing table and put them into a change."""
    if not bounds:
        return
    ids = [change.next_id() for _ in bounds]
    made = [new_partition(table, number, one, change.next_id, state) for number, one in zip(ids, bounds, strict=True)]
    create_tablets(state, table, made)
    change.put(*made)
    if temporary:
        change.put(replace(table, temp_partitions=(*table.temp_partitions, *ids)))
    else:
        change.put(replace(table, partitions=(*table.partitions, *ids)))
