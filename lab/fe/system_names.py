"""The databases that the system makes up, and the tables in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


SYSTEM_DATABASES = {"information_schema": 1, "sys": 100}


NAMES = {
    "information_schema": [
        "analyze_status",
        "applicable_roles",
        "be_bvars",
        "be_cloud_native_compactions",
        "be_compactions",
        "be_configs",
        "be_datacache_metrics",
        "be_logs",
        "be_metrics",
        "be_tablet_write_log",
        "be_tablets",
        "be_threads",
        "be_txns",
        "character_sets",
        "cluster_snapshot_jobs",
        "cluster_snapshots",
        "collations",
        "column_privileges",
        "column_stats_usage",
        "columns",
        "engines",
        "events",
        "fe_metrics",
        "fe_tablet_schedules",
        "fe_threads",
        "global_variables",
        "key_column_usage",
        "keywords",
        "load_tracking_logs",
        "loads",
        "materialized_views",
        "partitions",
        "partitions_meta",
        "pipe_files",
        "pipes",
        "recyclebin_catalogs",
        "referential_constraints",
        "routine_load_jobs",
        "routines",
        "schema_privileges",
        "schemata",
        "session_variables",
        "statistics",
        "stream_loads",
        "table_constraints",
        "table_privileges",
        "tables",
        "tables_config",
        "tablet_reshard_jobs",
        "task_runs",
        "tasks",
        "temp_tables",
        "triggers",
        "user_privileges",
        "verbose_session_variables",
        "views",
        "warehouse_metrics",
        "warehouse_queries",
    ],
    "sys": ["fe_locks", "fe_memory_usage", "grants_to_roles", "grants_to_users", "object_dependencies", "role_edges"],
}
