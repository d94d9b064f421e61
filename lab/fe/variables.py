"""Session variables (qe/SessionVariable.java): the ones that clients of a backup look at or set."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from lab.clock import zone_of
from lab.errors import Refused, not_understood

DEFAULTS = {
    "activate_all_roles_on_login": "false",
    "auto_increment_increment": "1",
    "autocommit": "true",
    "broadcast_row_limit": "15000000",
    "catalog": "default_catalog",
    "cbo_enable_low_cardinality_optimize": "true",
    "cbo_use_nth_exec_plan": "0",
    "character_set_client": "utf8",
    "character_set_connection": "utf8",
    "character_set_database": "utf8",
    "character_set_results": "utf8",
    "character_set_server": "utf8",
    "chunk_size": "4096",
    "cngroup_schedule_mode": "standard",
    "collation_connection": "utf8_general_ci",
    "collation_database": "utf8_general_ci",
    "collation_server": "utf8_general_ci",
    "connector_huge_file_size": "1073741824",
    "connector_remote_file_async_task_size": "4",
    "enable_insert_strict": "true",
    "enable_materialized_view_rewrite": "true",
    "enable_profile": "false",
    "enable_query_cache": "false",
    "enable_rewrite_simple_agg_to_meta_scan": "false",
    "enable_spill": "false",
    "enable_sync_materialized_view_rewrite": "true",
    "follower_query_forward_mode": "default",
    "forward_to_leader": "false",
    "insert_max_filter_ratio": "0",
    "insert_timeout": "14400",
    "interactive_timeout": "3600",
    "license": "Apache License 2.0",
    "load_mem_limit": "0",
    "lower_case_table_names": "0",
    "max_allowed_packet": "33554432",
    "net_buffer_length": "16384",
    "net_read_timeout": "60",
    "net_write_timeout": "60",
    "new_planner_optimize_timeout": "3000",
    "parallel_fragment_exec_instance_num": "1",
    "performance_schema": "false",
    "pipeline_dop": "0",
    "query_cache_size": "1048576",
    "query_cache_type": "0",
    "query_mem_limit": "0",
    "query_timeout": "300",
    "resource_group": "",
    "sql_dialect": "StarRocks",
    "sql_mode": "ONLY_FULL_GROUP_BY",
    "sql_safe_updates": "0",
    "sql_select_limit": "9223372036854775807",
    "system_time_zone": "",
    "time_zone": "",
    "transaction_isolation": "REPEATABLE-READ",
    "tx_isolation": "REPEATABLE-READ",
    "version": "",
    "version_comment": "",
    "wait_timeout": "28800",
    "warehouse": "default_warehouse",
}
HIDDEN = frozenset({"follower_query_forward_mode"})
_READ_ONLY = frozenset({"version", "version_comment", "system_time_zone", "license", "lower_case_table_names"})
_RANGES = {"query_timeout": (1, 259200), "insert_timeout": (1, 259200)}
_NUMBERS = frozenset(name for name, value in DEFAULTS.items() if value.isdigit())
_FLAGS = frozenset(name for name, value in DEFAULTS.items() if value in {"true", "false"})


def checked(name: str, value: str) -> tuple[str, str]:
    """A variable's own spelling and the value in its form, or a refusal."""
    known = name.lower()
    if known not in DEFAULTS:
        raise unknown(name)
    if known in _READ_ONLY:
        raise Refused(f"Variable '{name}' is a read only variable", code=1238)
    if value.upper() == "DEFAULT":
        return known, DEFAULTS[known]
    if known in _FLAGS:
        return known, "true" if value.lower() in {"1", "on", "true"} else "false"
    if known in _RANGES:
        low, high = _RANGES[known]
        number = _integer(known, value)
        if number < low:
            raise not_understood(f"{known} must be equal or greater than {low}")
        if number > high:
            raise not_understood(f"{known} must be equal or smaller than {high}")
    elif known in _NUMBERS:
        _integer(known, value)
    if known == "time_zone" and zone_of(value) is None:
        raise not_understood(f"Unknown or incorrect time zone: '{value}'", code=1298)
    return known, value


def check_charset(name: str) -> None:
    """SET NAMES: utf8 and its kin, nothing else."""
    if name.lower() in {"latin1"}:
        raise not_understood(f"Unknown character set: '{name}'", code=1115, state="42000")
    if not name.lower().startswith("utf8") and name.lower() != "default":
        raise not_understood(f"charset name {name} is not supported yet")


def unknown(name: str) -> Refused:
    similar = difflib.get_close_matches(name, DEFAULTS, n=3, cutoff=0.0)
    names = ", ".join(f"'{other}'" for other in similar)
    return not_understood(f"Unknown system variable '{name}', the most similar variables are {{{names}}}", code=1193)


def typed(name: str, values: Mapping[str, str]) -> str | int:
    """A variable's value as SELECT @@name returns it."""
    value = values[name]
    if name in _FLAGS:
        return int(value == "true")
    return int(value) if name in _NUMBERS else value


def _integer(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise not_understood(f"Incorrect argument type to variable '{name}'", code=1232) from error
