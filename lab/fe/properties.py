"""Table properties: which ones there are, what is kept of them, and what is printed without having been given."""

from __future__ import annotations

from lab.errors import Refused, not_understood
from lab.meta.records import KeysType

# kept as given
_KEPT = frozenset(
    [
        "replication_num",
        "compression",
        "enable_persistent_index",
        "fast_schema_evolution",
        "replicated_storage",
        "bucket_size",
        "colocate_with",
        "partition_live_number",
        "partition_ttl",
        "partition_ttl_number",
        "partition_retention_condition",
        "write_quorum",
        "labels.location",
        "flat_json.enable",
        "flat_json.null.factor",
        "flat_json.sparsity.factor",
        "flat_json.column.max",
        "enable_load_profile",
        "base_compaction_forbidden_time_ranges",
        "unique_constraints",
        "foreign_key_constraints",
        "storage_cooldown_ttl",
        "datacache.enable",
        "mutable_bucket_num",
        "primary_index_cache_expire_sec",
        "persistent_index_type",
        "time_drift_constraint",
        "file_bundling",
        "mv_rewrite_staleness_second",
        "auto_refresh_partitions_limit",
        "partition_refresh_number",
        "excluded_trigger_tables",
        "force_external_table_query_rewrite",
        "query_rewrite_consistency",
        "resource_group",
        "session.query_timeout",
        "storage_medium",
    ]
)
# read and forgotten
_DROPPED = frozenset(
    {"light_schema_change", "in_memory", "storage_format", "bloom_filter_fpp", "storage_type", "version_info"}
)
_BINLOG = frozenset({"binlog_enable", "binlog_ttl_second", "binlog_max_size"})
_DYNAMIC = {
    "enable": "true",
    "end": "",
    "history_partition_num": "0",
    "prefix": "p",
    "start": "-2147483648",
    "time_unit": "",
    "time_zone": "Etc/UTC",
}
_DYNAMIC_KNOWN = frozenset({*_DYNAMIC, "buckets", "start_day_of_week", "start_day_of_month", "replication_num"})


def table_properties(  # noqa: PLR0912 - one case a property
    given: dict[str, str], keys_type: KeysType, *, random: bool, default_replication: str, column_names: dict[str, str]
) -> dict[str, str]:
    """What CREATE TABLE makes of its PROPERTIES; the names of the columns by their lower case."""
    found = {
        "replication_num": default_replication,
        "compression": "LZ4",
        "fast_schema_evolution": "true",
        "replicated_storage": "true",
    }
    if keys_type is KeysType.PRIMARY_KEYS:
        found["enable_persistent_index"] = "true"
    if random:
        found["bucket_size"] = "1073741824"
    if given.get("flat_json.enable") == "true":
        found |= {"flat_json.null.factor": "0.3", "flat_json.sparsity.factor": "0.3", "flat_json.column.max": "100"}
    if given.get("storage_cooldown_time") and given.get("storage_medium", "HDD").upper() == "HDD":
        raise Refused("Can not assign cooldown timestamp to HDD storage medium")
    if given.get("storage_type", "column") == "column_with_row":
        if keys_type is KeysType.PRIMARY_KEYS:
            raise Refused(
                "column_with_row for PRIMARY_KEYS table not supported, enable it by setting "
                "`enable_experimental_rowstore` to true"
            )
        raise Refused(f"column_with_row for {keys_type} table not supported")
    if _BINLOG & given.keys():
        found |= {"binlog_ttl_second": "1800", "binlog_max_size": "9223372036854775807", "binlog_version": "0"}
    for key, value in given.items():
        if key in _KEPT or key in _BINLOG:
            found[key] = value
        elif key == "bloom_filter_columns":
            names = (column_names.get(name.strip().lower()) for name in value.split(","))
            found[key] = ", ".join(sorted(name for name in names if name))
        elif key.startswith("dynamic_partition.") and key.partition(".")[2] in _DYNAMIC_KNOWN:
            found[key] = value
        elif key not in _DROPPED and key not in {"storage_cooldown_time", "default.replication_num"}:
            raise Refused(f"Unknown properties: {{{key}={value}}}")
    _check_replication(found["replication_num"])
    if any(key.startswith("dynamic_partition.") for key in given):
        found |= dynamic_properties(found)
    return found


def dynamic_properties(properties: dict[str, str]) -> dict[str, str]:
    """dynamic_partition.* with the defaults filled in."""
    names = {f"dynamic_partition.{name}": value for name, value in _DYNAMIC.items()}
    return {name: properties.get(name, value) for name, value in names.items()}


def qualified_constraints(properties: dict[str, str], database: str, table: str) -> dict[str, str]:
    """unique_constraints and foreign_key_constraints as they are kept: with catalog, database and table."""
    found = dict(properties)
    if unique := properties.get("unique_constraints"):
        parts = (part.strip() for part in unique.split(";"))
        found["unique_constraints"] = ";".join(
            part if "." in part else f"default_catalog.{database}.{table}.{part}" for part in parts
        )
    if foreign := properties.get("foreign_key_constraints"):
        head, word, target = foreign.partition(" REFERENCES ")
        if word and target.split("(")[0].count(".") < 2:
            name = target if "." in target.split("(")[0] else f"{database}.{target}"
            found["foreign_key_constraints"] = f"{head} REFERENCES default_catalog.{name}"
    return found


def _check_replication(value: str) -> None:
    try:
        number = int(value)
    except ValueError as error:
        raise not_understood(f"Replication num {value} is not a number") from error
    if number <= 0:
        raise Refused(f"Replication num should larger than 0. (suggested 3). provided: {value}")
