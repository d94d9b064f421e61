"""What was done beside the statements when the transcripts were recorded: tables made before, objects put in the store
or damaged there. By transcript; what is to be done before a statement by the statement's number."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab.s3 import md5
from tests.lab.replaying import Replay

R1 = "p1/__starrocks_repository_r1"
HALF = f"{R1}/__ss_half/__ss_content/__db_1/x.0"
BROKEN = "p1/__starrocks_repository_broken/__repo_info"


def _with_keys(access_key: str, secret_key: str) -> Callable[[Replay], None]:
    def prepare(replay: Replay) -> None:
        replay.cluster.access_key, replay.cluster.secret_key = access_key, secret_key

    return prepare


def _put(key: str, content: str) -> Callable[[Replay], None]:
    return lambda replay: replay.cluster.store.put(key, content.encode())


def _trouble(**rule: object) -> Callable[[Replay], None]:
    return lambda replay: replay.cluster.proxy.trouble(*([rule] if rule else []))


def _hanging(point: str = "") -> Callable[[Replay], None]:
    """Let a kind of task hang on all backends, or let what hangs go on."""

    def prepare(replay: Replay) -> None:
        if point:
            replay.cluster.backend_admin("/fault", {"point": point, "action": "hang"})
        else:
            replay.cluster.backend_admin("/fault", method="DELETE")

    return prepare


def _say(*statements: str) -> Callable[[Replay], None]:
    def prepare(replay: Replay) -> None:
        for sql in statements:
            replay.cluster.rows(sql)

    return prepare


def _tick(replay: Replay) -> None:
    replay.cluster.admin("/tick", {})


def _until_all_are_done(replay: Replay) -> None:
    """Jobs of databases that have been dropped show themselves no more; this many ticks bring each to its end."""
    for _ in range(12):
        _tick(replay)
        time.sleep(0.1)


def _all(*preparations: Callable[[Replay], None]) -> Callable[[Replay], None]:
    def prepare(replay: Replay) -> None:
        for one in preparations:
            one(replay)

    return prepare


def _infos(replay: Replay, label: str = "s_all") -> dict[str, bytes]:
    """The __info_ objects of a label: all that there were once."""
    kept: dict[str, bytes] = replay.notes.setdefault(f"infos of {label}", {})
    if not kept:
        for item in replay.cluster.store.list(f"{R1}/__ss_{label}/__info_"):
            kept[item.key] = replay.cluster.store.get(item.key)
    return kept


def _only(*wanted: str) -> Callable[[Replay], None]:
    """Leave of the infos of s_all: the `true` one, one with `changed` content, one that is `no json`, one of the `same`
    time, one of an `other` time, a `part`."""

    def prepare(replay: Replay) -> None:
        ((key, content),) = _infos(replay).items()
        stem = key.rpartition(".")[0]
        objects = {
            "true": (key, content),
            "changed": (key, content + b" "),
            "no json": (f"{stem}.{md5(b'xx')}", b"xx"),
            "other": (f"{R1}/__ss_s_all/__info_2020-01-01-00-00-00-000.{md5(content)}", content),
            "part": (f"{stem}.part", content),
        }
        for item in replay.cluster.store.list(f"{R1}/__ss_s_all/__info_"):
            replay.cluster.store.delete(item.key)
        for name in wanted:
            replay.cluster.store.put(*objects[name])

    return prepare


_ONE = "DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES('replication_num'='1')"
_PLAIN = f"(k INT, v INT) DUPLICATE KEY(k) {_ONE}"
_RANGES = (
    "(k INT, d DATE) DUPLICATE KEY(k, d) PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-01'), "
    f"PARTITION p2 VALUES LESS THAN ('2026-02-01')) {_ONE}"
)


def _databases(names: str, plain: str = "", ranges: str = "") -> list[str]:
    """Databases with tables of two kinds."""
    found = []
    for name in names.split():
        found.append(f"CREATE DATABASE {name}")
        found += [f"CREATE TABLE {name}.{table} {_PLAIN}" for table in plain.split()]
        found += [f"CREATE TABLE {name}.{table} {_RANGES}" for table in ranges.split()]
    return found


# What there was before the recording began.
FIRST: dict[str, list[str]] = {
    "backup_restore/04-state-table-backup": _databases(
        "st_pend st_snap st_ups st_upl st_sm st_ui c_pend c_snap c_ups c_upl c_sm c_ui d_pend d_snap d_upl x_drop "
        "x_ren x_swap x_addc x_part",
        "ta tn tl ts1 ts2 tt td",
        "tp",
    ),
    "backup_restore/05-state-table-restore": _databases(
        "rb_pend rb_snap rb_dl rb_dling rb_com rb_coming rc_pend rc_snap rc_dl rc_dling rc_com rc_coming rd_pend "
        "rd_snap rd_dling rd_coming rn_dling rn_coming rx_dling rx_coming",
        "a o o2",
        "p",
    ),
    "backup_restore/07-restore-semantics": [
        *_databases(
            "m_ok m_rep m_rep3 m_as m_col m_col2 m_name m_key m_bkt m_dist m_ptype m_pmore m_pless m_prange m_pconf "
            "m_lless m_view m_vtab m_temp m_sc m_expr m_pk m_mv m_mvas m_all"
        ),
        *_databases("m_tview", "x"),
        "CREATE VIEW m_tview.r1t AS SELECT k, v FROM m_tview.x",
    ],
}

BEFORE: dict[str, dict[int, Callable[[Replay], None]]] = {
    "backup_restore/03-submit-errors": {
        10: _with_keys("lab-access-key", "wrong"),
        11: _with_keys("unknown", "lab-secret-key"),
        16: _put(BROKEN, '{"name":"broken"}'),
        17: _put(BROKEN, "xx"),
        18: _put(BROKEN, '{"name":"other","create_time":"2020-01-01 00:00:00"}'),
        22: _put("p1/__palo_repository_old/__repo_info", '{"name":"old","create_time":"2020-01-01 00:00:00"}'),
        131: _only("changed"),
        134: _only("no json"),
        136: _only("true", "no json"),
        139: _only("true", "other"),
        142: _only("true", "part"),
        144: _only("part"),
        145: _only(),
        146: _only(),
        147: _all(_only("true"), _put(HALF, "x")),
        152: lambda replay: replay.cluster.store.delete(HALF),
    },
    "backup_restore/04-state-table-backup": {
        85: _hanging("be.upload"),
        106: _hanging(),
        125: _trouble(act="status", status=403),
        146: _trouble(act="reset_before"),
        150: _trouble(),
        152: _until_all_are_done,
    },
    "catalog/03-versions-and-ids": {113: _tick},
    "backup_restore/05-state-table-restore": {
        6: _say("INSERT INTO src.a VALUES (1, 1)", "INSERT INTO src.b VALUES (1, 1)", "BACKUP SNAPSHOT src.s_src TO r1")
    },
}

# States in which jobs are, though no answer says so, when these statements are said.
SIGHTS: dict[str, dict[int, dict[str, str]]] = {
    "backup_restore/04-state-table-backup": {
        64: {"l_d_snap@d_snap@BACKUP": "SNAPSHOTING"},
        66: {f"l_{db}@{db}@BACKUP": "SNAPSHOTING" for db in ("st_ups", "st_upl", "st_sm")},
        103: {"l_d_upl@d_upl@BACKUP": "UPLOADING"},
    },
}

# The older releases were asked the same; only what differs has a line of its own.
for _older in ("v4.0", "v3.2"):
    BEFORE[f"{_older}/03-submit-errors"] = BEFORE["backup_restore/03-submit-errors"]
    BEFORE[f"{_older}/05-state-table-restore"] = BEFORE["backup_restore/05-state-table-restore"]
    FIRST[f"{_older}/05-state-table-restore"] = FIRST["backup_restore/05-state-table-restore"]
for _older in ("v4.0/07-restore-semantics", "v3.2/06-restore-semantics"):
    FIRST[_older] = FIRST["backup_restore/07-restore-semantics"]
BEFORE["v4.0/13-versions-and-ids"] = BEFORE["catalog/03-versions-and-ids"]
