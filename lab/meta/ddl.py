"""SHOW CREATE: the text of a table, view or materialized view, as exact as StarRocks' own and no better.

What StarRocks leaves out is left out: rollups, temporary partitions, partitions of automatic tables, bucket counts
and media of single partitions. What it does not quote is not quoted (seen running 4.1-dev).
"""

from __future__ import annotations

from lab.meta.ranges import Bound
from lab.meta.records import ColumnRecord, ExternalTable, OlapTable, Partition, PartitionType, View
from lab.versions import Release


def create_table(table: OlapTable, partitions: list[Partition], release: Release) -> str:
    """SHOW CREATE TABLE."""
    members = [f"  {_column(column)}" for column in table.columns]
    members += [
        f"  INDEX {index.name} ({_names(index.columns)}) USING {index.kind}{_index_properties(index.properties)} "
        f"COMMENT '{index.comment}'"
        for index in table.index_specs
    ]
    lines = [f"CREATE {'TEMPORARY ' if table.temporary else ''}TABLE `{table.name}` ("]
    lines.append(",\n".join(members))
    lines.append(") ENGINE=OLAP ")
    lines.append(f"{table.keys_type.word} KEY({_names(table.keys)})")
    if table.comment:
        lines.append(f'COMMENT "{_escaped(table.comment)}"')
    lines += _partition_by(table, partitions)
    lines.append(_distributed_by(table))
    if table.sort_keys:
        lines.append(f"ORDER BY({_names(table.sort_keys)})")
    lines.append(_properties(shown_properties(table, release), release))
    return "\n".join(lines)


def create_view(view: View, release: Release) -> str:
    """SHOW CREATE VIEW."""
    columns = ", ".join(
        f"`{column.name}`" + (f' COMMENT "{_escaped(column.comment)}"' if column.comment else "")
        for column in view.columns
    )
    comment = f'\nCOMMENT "{_escaped(view.comment)}"' if view.comment else ""
    security = f" SECURITY {view.security}" if release.view_security else ""
    return f"CREATE VIEW `{view.name}` ({columns}){comment}{security} AS {view.query};"


def create_materialized_view(table: OlapTable, release: Release) -> str:
    """SHOW CREATE MATERIALIZED VIEW."""
    assert table.refresh is not None
    columns = ", ".join(
        f"`{column.name}`" + (f' COMMENT "{_escaped(column.comment)}"' if column.comment else "")
        for column in table.columns
    )
    lines = [f"CREATE MATERIALIZED VIEW `{table.name}` ({columns})"]
    if table.comment:
        lines.append(f'COMMENT "{_escaped(table.comment)}"')
    if table.scheme.columns:
        lines.append(f"PARTITION BY ({table.refresh.partition_ref})")
    lines.append(_distributed_by(table))
    if table.sort_keys:
        lines.append(f"ORDER BY ({', '.join(table.sort_keys)})")
    lines.append(f"REFRESH {table.refresh.scheme}")
    kept = {
        key: value
        for key, value in table.properties.items()
        if key not in {"compression", "fast_schema_evolution", "bucket_size"}
    }
    lines.append(_properties({"storage_medium": "HDD", **kept}, release).removesuffix(";"))
    lines.append(f"AS {table.refresh.query};")
    return "\n".join(lines)


def create_external_table(table: ExternalTable) -> str:
    """SHOW CREATE TABLE of a table whose rows are elsewhere; secrets are masked in two ways, as StarRocks does."""
    columns = ",\n".join(f"  {_column(column)}" for column in table.columns)
    if table.engine.lower() == "mysql":
        pairs = [f'"{key}" = "{"" if key == "password" else value}"' for key, value in table.properties.items()]
    else:
        pairs = [f'"{key}"  =  "{_masked(key, value)}"' for key, value in table.properties.items()]
    body = ",\n".join(pairs)
    return (
        f"CREATE EXTERNAL TABLE `{table.name}` (\n{columns}\n) ENGINE={table.engine.upper()} \nPROPERTIES (\n{body}\n);"
    )


_OLD_ORDER = (
    "replication_num",
    "colocate_with",
    "in_memory",
    "enable_persistent_index",
    "replicated_storage",
    "fast_schema_evolution",
    "compression",
)


def shown_properties(table: OlapTable, release: Release) -> dict[str, str]:
    """The properties as printed; an older release has an order of its own and two more that mean nothing any longer."""
    if release.properties_sorted:
        return table.properties
    found = {"in_memory": "false", "enable_persistent_index": "false", **table.properties}
    first = {name: found[name] for name in _OLD_ORDER if name in found}
    return first | found


def _column(column: ColumnRecord) -> str:
    words = [f"`{column.name}`", str(column.type)]
    if column.aggregation:
        words.append(column.aggregation)
    words.append("NULL" if column.nullable else "NOT NULL")
    if column.auto_increment:
        words.append("AUTO_INCREMENT")
    if column.default is not None:
        words.append(f'DEFAULT "{_escaped(column.default)}"')
    elif column.default_expression:
        words.append(f"DEFAULT {column.default_expression}")
    if column.generated:
        words.append(f"AS {column.generated}")
    words.append(f'COMMENT "{_escaped(column.comment)}"')
    return " ".join(words)


def _partition_by(table: OlapTable, partitions: list[Partition]) -> list[str]:
    scheme = table.scheme
    match scheme.type:
        case PartitionType.UNPARTITIONED:
            return []
        case PartitionType.EXPR_RANGE:
            return [f"PARTITION BY {scheme.expression}"]
        case PartitionType.LIST if scheme.automatic:
            return [f"PARTITION BY ({_joined(scheme.columns)})"]
        case PartitionType.LIST:
            lines = [
                f"  PARTITION {partition.name} VALUES IN ({_values(partition.values or ())})"
                for partition in partitions
            ]
            return [f"PARTITION BY LIST({_joined(scheme.columns)})(\n" + ",\n".join(lines) + "\n)"]
        case PartitionType.RANGE | PartitionType.EXPR_RANGE_V2:
            head = scheme.expression or _names(scheme.columns)
            ranges = [_range(table, partition) for partition in partitions]
            return [f"PARTITION BY RANGE({head})", "(" + ",\n".join(ranges) + ")"]


def _range(table: OlapTable, partition: Partition) -> str:
    own = (
        f'("replication_num" = "{partition.replication_num}")'
        if partition.replication_num != table.replication_num
        else ""
    )
    return f"PARTITION {partition.name} VALUES [{_bound(partition.lower)}, {_bound(partition.upper)}){own}"


def _bound(bound: Bound | None) -> str:
    return "(" + ", ".join("MAXVALUE" if part is None else f'"{part}"' for part in bound or ()) + ")"


def _values(values: tuple[Bound, ...]) -> str:
    """Quotes inside a value are not escaped, and NULL becomes a string."""

    def one(value: str | None) -> str:
        return "'NULL'" if value is None else f"'{value}'"

    if values and len(values[0]) > 1:
        return ", ".join("(" + ", ".join(map(one, value)) + ")" for value in values)
    return ", ".join(one(part) for value in values for part in value)


def _distributed_by(table: OlapTable) -> str:
    if table.random:
        return "DISTRIBUTED BY RANDOM" + (f" BUCKETS {table.buckets}" if table.buckets else "")
    buckets = f" BUCKETS {table.buckets} " if table.buckets else ""
    return f"DISTRIBUTED BY HASH({_names(table.distribution_columns)}){buckets}"


def _properties(properties: dict[str, str], release: Release) -> str:
    keys = sorted(properties) if release.properties_sorted else properties
    return "PROPERTIES (\n" + ",\n".join(f'"{key}" = "{properties[key]}"' for key in keys) + "\n);"


def _index_properties(properties: dict[str, str]) -> str:
    return "(" + ", ".join(f'"{key}" = "{properties[key]}"' for key in sorted(properties)) + ")" if properties else ""


def _masked(key: str, value: str) -> str:
    """CredentialUtil.maskCredential: the first and the last two characters stay."""
    return f"{value[:2]}******{value[-2:]}" if key.endswith(("access_key", "secret_key")) else value


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def _joined(columns: tuple[str, ...]) -> str:
    return ",".join(f"`{column}`" for column in columns)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
