"""What a node is told: fe.conf or be.conf in StarRocks' form, and lab.json for what StarRocks has no setting for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.versions import RELEASES, Release

FE_DEFAULTS = {
    "http_port": "8030",
    "rpc_port": "9020",
    "query_port": "9030",
    "edit_log_port": "9010",
    "meta_dir": "meta",
}
BE_DEFAULTS = {
    "be_port": "9060",
    "be_http_port": "8040",
    "heartbeat_service_port": "9050",
    "brpc_port": "8060",
    "storage_root_path": "storage",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds; StarRocks' own durations at the default tick of 3 s, scaled with it."""

    tick: float = 3.0  # backup-handler, BackupHandler.java:156; with 0 jobs move only when asked to (POST /tick)
    checkpoint: float = 60.0  # FeConstants.checkpoint_interval_second

    @property
    def scale(self) -> float:
        return (self.tick or 0.3) / 3.0

    @property
    def heartbeat(self) -> float:
        return max(0.1, 5.0 * min(1.0, self.scale))  # heartbeat_timeout_second

    @property
    def report(self) -> float:
        return max(0.05, 10.0 * self.scale)  # be.conf report_task_interval_seconds

    @property
    def alter(self) -> float:
        return max(0.05, 10.0 * self.scale)  # alter_scheduler_interval_millisecond

    @property
    def dynamic_partition(self) -> float:
        return max(0.5, 600.0 * self.scale)  # dynamic_partition_check_interval_seconds

    @property
    def timestamp(self) -> float:
        return max(0.5, 10.0 * self.scale)  # the leader journals the time, GlobalStateMgr.java:2208

    @property
    def statistics(self) -> float:
        return max(0.5, 300.0 * self.scale)  # tablet_stat_update_interval_second

    @property
    def election(self) -> float:
        """How long a leader may be silent. Seen running: a new one serves 3.5 s after the old one died. It does not
        shrink with the tick as far as the rest: on a machine that is busy, nobody must take a leader for dead."""
        return max(2.5, 3.5 * min(1.0, self.scale))


@dataclass(frozen=True, slots=True)
class Settings:
    """One node's settings."""

    root: Path
    host: str
    listen: str
    conf: Mapping[str, str]
    release: Release
    pace: Pace

    def port(self, key: str) -> int:
        return int(self.conf[key])

    @property
    def admin_port(self) -> int:
        """The lab's own door (faults, time): one above the node's HTTP port."""
        return 1 + int(self.conf.get("http_port") or self.conf["be_http_port"])

    def directory(self, key: str) -> Path:
        """A directory setting, relative to the node's root as in StarRocks' ${STARROCKS_HOME}."""
        return self.root / self.conf[key]


def read_settings(root: Path, host: str, listen: str, conf_name: str, defaults: Mapping[str, str]) -> Settings:
    """Read `conf/<conf_name>` and `conf/lab.json` below `root`; what they do not say has StarRocks' default."""
    lab_file = root / "conf" / "lab.json"
    lab = json.loads(lab_file.read_text()) if lab_file.exists() else {}
    release = RELEASES[lab.get("starrocks", "4.1")]
    pace = Pace(float(lab.get("tick_seconds", 3.0)), float(lab.get("checkpoint_seconds", 60.0)))
    conf = {**defaults, **_key_values(root / "conf" / conf_name)}
    return Settings(root, host, listen, conf, release, pace)


def _key_values(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    found = re.findall(r"^\s*([\w.]+)\s*=\s*(.*?)\s*$", path.read_text(), re.MULTILINE)
    return dict(found)
