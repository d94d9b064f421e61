"""FE configuration: fe.conf, and what ADMIN SET FRONTEND CONFIG changes until the next start (common/Config.java)."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from lab.errors import Refused
from lab.settings import Settings


@dataclass(frozen=True, slots=True)
class Item:
    default: str
    type: str = "int"
    mutable: bool = True
    comment: str = ""


# What users of backup look at, and what the lab itself obeys. Items of fe.conf that are not here are shown as well.
ITEMS = {
    "authentication_chain": Item("[native]", "String[]"),
    "authentication_ldap_simple_bind_base_dn": Item("", "String"),
    "authentication_ldap_simple_bind_root_dn": Item("", "String"),
    "authentication_ldap_simple_bind_root_pwd": Item("", "String"),
    "authentication_ldap_simple_server_host": Item("", "String"),
    "authentication_ldap_simple_server_port": Item("389"),
    "agent_task_resend_wait_time_ms": Item("5000", "long"),
    "backup_job_default_timeout_ms": Item("86400000"),
    "backup_plugin_path": Item("/tools/trans_file_tool/trans_files.sh", "String", mutable=False),
    "bdbje_reset_election_group": Item("false", "boolean", mutable=False),
    "catalog_trash_expire_second": Item("86400", "long"),
    "checkpoint_only_on_leader": Item("false", "boolean"),
    "default_replication_num": Item("3", "short"),
    "disable_load_job": Item("false", "boolean"),
    "dynamic_partition_check_interval_seconds": Item("600", "long"),
    "dynamic_partition_enable": Item("true", "boolean"),
    "enable_backup_materialized_view": Item("", "boolean"),
    "enable_colocate_restore": Item("false", "boolean"),
    "enable_display_shadow_partitions": Item("false", "boolean"),
    "enable_execute_script_on_frontend": Item("true", "boolean", mutable=False),
    "enable_experimental_gin": Item("false", "boolean"),
    "enable_experimental_vector": Item("false", "boolean"),
    "enable_task_history_archive": Item("true", "boolean"),
    "enable_udf": Item("false", "boolean", mutable=False),
    "history_job_keep_max_second": Item("604800"),
    "max_agent_tasks_send_per_be": Item("10000"),
    "max_download_task_per_be": Item("0"),
    "max_upload_task_per_be": Item("0"),
    "metadata_enable_recovery_mode": Item("false", "boolean", mutable=False),
    "metadata_failure_recovery": Item("false", "String", mutable=False),
    "run_mode": Item("shared_nothing", "String", mutable=False),
    "ssl_key_password": Item("", "String", mutable=False),
    "ssl_keystore_location": Item("", "String", mutable=False),
    "ssl_keystore_password": Item("", "String", mutable=False),
    "ssl_truststore_password": Item("", "String", mutable=False),
    "start_with_incomplete_meta": Item("false", "boolean", mutable=False),
    "tablet_create_timeout_second": Item("10"),
    "tablet_report_drop_tablet_delay_sec": Item("120", "long"),
    "tablet_sched_disable_balance": Item("false", "boolean"),
    "tablet_sched_disable_colocate_balance": Item("false", "boolean"),
    "tablet_sched_max_scheduling_tablets": Item("10000"),
    "tmp_dir": Item("", "String", mutable=False),
}


class FrontendConfig:
    """The values of this FE; a change is not persisted."""

    def __init__(self, settings: Settings) -> None:
        views = "true" if settings.release.materialized_views_in_backup else "false"
        defaults = {name: item.default for name, item in ITEMS.items()}
        self._lock = threading.Lock()
        self._values = {
            **defaults,
            "enable_backup_materialized_view": views,
            "tmp_dir": str(settings.root / "temp_dir"),
            **settings.conf,
        }

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def flag(self, name: str) -> bool:
        return self._values[name].lower() == "true"

    def number(self, name: str) -> int:
        return int(self._values[name])

    def set(self, name: str, value: str) -> None:
        """ADMIN SET FRONTEND CONFIG on this FE."""
        item = ITEMS.get(name)
        if item is None:
            raise Refused(f"Config '{name}' does not exist")
        if not item.mutable:
            raise Refused(f"Config '{name}' is not mutable")
        with self._lock:
            self._values[name] = value

    def rows(self) -> list[tuple[str, ...]]:
        """Key, AliasNames, Value, Type, IsMutable, Comment."""
        unknown = Item("", "String", mutable=False)
        found = ((name, ITEMS.get(name, unknown), value) for name, value in sorted(self._values.items()))
        return [(name, "[]", value, item.type, str(item.mutable).lower(), item.comment) for name, item, value in found]
