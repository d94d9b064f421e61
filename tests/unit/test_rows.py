"""From rows to values, as FEs of 3.2-dev, 4.0 and 4.1-dev answered: by name, in whatever order, case and number."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.errors import IncompatibleVersion
from srbackup.model.cluster import BackendStatus, FrontendStatus, Version
from srbackup.model.inventory import Column, Partition, PhysicalPartition, TableKind
from srbackup.model.job import (
    BackupJob,
    BackupState,
    RestoreJob,
    RestoreState,
    SnapshotRow,
    StarRocksRepository,
    Tasks,
)
from srbackup.model.point import Fingerprint
from srbackup.starrocks import rows
from srbackup.starrocks.rows import Row
from tests import data

RELEASES = ["3.2", "4.0", "4.1"]
TIB, GIB = 1 << 40, 1 << 30


# -- a row


def test_a_column_is_found_by_its_name_whatever_its_case_and_place() -> None:
    row = Row.of(["DB_NAME", "Rows"], ["sales", b"3"])
    assert (row.text("db_name"), row.number("ROWS")) == ("sales", 3)


def test_null_is_empty_text_and_no_number() -> None:
    row = Row.of(["a"], [None])
    assert (row.text("a"), row.text("a", "other"), row.number("a"), row.number("a", 7), row.truth("a")) == (
        "",
        "",
        0,
        7,
        False,
    )


def test_a_missing_column_is_the_default_or_an_error_that_names_those_that_came() -> None:
    row = Row.of(["Id", "Name"], [1, "x"])
    assert (row.text("Version", ""), row.number("Version", 3), row.truth("Version")) == ("", 3, False)
    with pytest.raises(IncompatibleVersion) as raised:
        row.text("Version")
    assert raised.value.message == "StarRocks' answer has no column Version, only id, name"


@pytest.mark.parametrize(
    ("value", "number"),
    [("7", 7), (7, 7), ("7.0", 7), ("-1", -1), ("", 0), (b"12", 12), ("9223372036854775807", 2**63 - 1)],
)
def test_numbers_come_as_text_or_as_numbers(value: object, number: int) -> None:
    assert Row.of(["n"], [value]).number("n") == number


@pytest.mark.parametrize(("value", "truth"), [("true", True), ("false", False), (1, True), (0, False), ("True", True)])
def test_truth_comes_as_a_word_or_as_a_bit(value: object, truth: bool) -> None:
    assert Row.of(["t"], [value]).truth("t") is truth


# -- nodes


@pytest.mark.parametrize(
    ("release", "host", "started", "port", "cluster", "journal", "version"),
    [
        ("3.2", "127.0.0.91", "9510_1795490102083", 9530, "852723160", 891, "3.2-dev-test"),
        ("4.0", "127.0.0.81", "9010_1795490632106", 9030, "1068609774", 19, "4.0-test"),
        ("4.1", "127.0.0.21", "9010_1795485601065", 9030, "2125962877", 120, "4.1-dev-test"),
    ],
)
def test_frontends_are_read_alike_with_and_without_their_id(
    release: str, host: str, started: str, port: int, cluster: str, journal: int, version: str
) -> None:
    (found,) = map(rows.frontend, data.rows(release, "SHOW FRONTENDS"))
    name = f"{host}_{started}"
    assert found == FrontendStatus(name, host, port, "LEADER", cluster, True, True, journal, version, "")
    assert found.is_leader
    assert Version.parse(found.version).known


@pytest.mark.parametrize(
    ("release", "first"),
    [
        ("3.2", BackendStatus(10004, "127.0.0.94", 9050, True, False, 112, "3.2.0-fake", "", 0.0, 1024 * GIB)),
        ("4.0", BackendStatus(10001, "127.0.0.84", 9050, True, False, 0, "4.0.0-fake", "", 0.0, TIB)),
        ("4.1", BackendStatus(10002, "127.0.0.41", 9050, True, False, 98, "4.1.0-fake", "", 0.0, 1024 * GIB)),
    ],
)
def test_backends_are_read_alike_in_every_release(release: str, first: BackendStatus) -> None:
    found = [rows.backend(r) for r in data.rows(release, "SHOW BACKENDS")]
    assert found[0] == first
    assert [b.usable for b in found] == [True, True, True]


def test_a_dead_backend_says_so_and_why() -> None:
    listed = data.rows_at("4.1", "catalog/11-health-and-dead-backend", 22)
    dead = [b for b in map(rows.backend, listed) if not b.alive]
    error = "java.net.ConnectException: Connection refused"
    assert dead == [BackendStatus(10003, "127.0.0.46", 9050, False, False, 1536, "4.1.0-fake", error, 0.0, 1024 * GIB)]


# -- repositories and snapshots


def test_repositories_are_read_alike_in_every_release() -> None:
    assert [[rows.repository(r) for r in data.rows(release, "SHOW REPOSITORIES")] for release in RELEASES] == [
        [
            StarRocksRepository("r1", False, "s3a://sr32/p1", ""),
            StarRocksRepository("rx", False, "s3a://sr32/p1", ""),
            StarRocksRepository("ro", True, "s3a://sr32/p1", ""),
            StarRocksRepository("rp", False, "s3a://sr32/pp", ""),
        ],
        [StarRocksRepository("r1", False, "s3a://sr40/p1", "")],
        [StarRocksRepository("r1", False, "s3a://t1-backup/p1", "")],
    ]


def test_a_repositorys_location_has_no_slash_at_its_end() -> None:
    (row,) = data.rows("4.1", "SHOW REPOSITORIES")
    assert rows.repository(Row({**row.values, "location": "s3a://bucket/p/"})).location == "s3a://bucket/p"


def test_a_snapshot_that_exists_has_its_timestamp_and_one_that_does_not_has_none() -> None:
    (there,) = data.rows("4.1", "SHOW SNAPSHOT ON r1 WHERE SNAPSHOT='s_all'")
    (absent,) = data.rows("4.1", "SHOW SNAPSHOT ON r1 WHERE SNAPSHOT='x'")
    assert rows.snapshot(there) == SnapshotRow("s_all", ("2026-11-24-02-03-52-365",), "OK")
    assert rows.snapshot(absent) == SnapshotRow("x", (), "ERROR: no snapshot")


def test_several_timestamps_of_one_label_are_told_apart() -> None:
    row = Row.of(["Snapshot", "Timestamp", "Status"], ["s", "2026-01-01-00-00-00-000\n2026-01-02-00-00-00-000", "OK"])
    assert rows.snapshot(row).timestamps == ("2026-01-01-00-00-00-000", "2026-01-02-00-00-00-000")


# -- jobs


def test_a_backup_job_has_no_id_before_the_first_tick() -> None:
    assert rows.backup_job(data.row("4.1", "backup_restore/02-show-columns", 54)) == BackupJob(
        id=-1,
        label="s_all",
        database="db1",
        state=BackupState.PENDING,
        created="2026-11-24 10:03:52",
        tasks=Tasks(),
        task_errors="",
        status="[OK]",
        timeout_seconds=86400,
    )


def test_a_backup_jobs_tasks_are_counted_and_its_errors_kept_as_they_are() -> None:
    uploading = rows.backup_job(data.row("4.1", "backup_restore/02-show-columns", 60))
    assert (uploading.id, uploading.state, uploading.tasks) == (10580, BackupState.UPLOADING, Tasks(8, 0, 0))
    merged = rows.backup_job(data.row("4.1", "backup_restore/06-async-failures", 22))
    assert (merged.state, merged.tasks, merged.task_errors, merged.status) == (
        BackupState.CANCELLED,
        Tasks(1, 0, 0),
        "[13200: version already merged]",
        "[OLAP_VERSION_ALREADY_MERGED, msg: make snapshot failed, version already merged]",
    )


@pytest.mark.parametrize(
    ("release", "transcript", "seq", "job", "created"),
    [
        ("3.2", "v3.2/02-show-columns", 69, 11801, "2026-11-24 03:24:51"),
        ("4.0", "v4.0/02-show-columns", 65, 10063, "2026-11-24 03:24:25"),
        ("4.1", "backup_restore/02-show-columns", 65, 10580, "2026-11-24 10:03:52"),
    ],
)
def test_a_finished_backup_is_read_alike_in_every_release(
    release: str, transcript: str, seq: int, job: int, created: str
) -> None:
    assert rows.backup_job(data.row(release, transcript, seq)) == BackupJob(
        job, "s_all", "db1", BackupState.FINISHED, created, Tasks(), "", "[OK]", 86400
    )


def test_a_restore_job_is_told_by_label_timestamp_and_replicas() -> None:
    assert rows.restore_job(data.row("3.2", "v3.2/02-show-columns", 91)) == RestoreJob(
        id=-1,
        label="s_all",
        timestamp="2026-11-24-03-24-51-595",
        replication_num=1,
        database="db1r",
        state=RestoreState.PENDING,
        created="2026-11-24 03:25:10",
        tasks=Tasks(),
        task_errors="",
        status="[OK]",
        timeout_seconds=86400,
    )
    refused = rows.restore_job(data.row("4.1", "catalog/11-health-and-dead-backend", 46))
    assert (refused.state, refused.replication_num, refused.status) == (
        RestoreState.CANCELLED,
        3,
        "[COMMON_ERROR, msg: failed to find 3 different hosts to create table: r3]",
    )


@pytest.mark.parametrize("database", ["f_up", "o_snap", "o_upl"])
def test_every_state_a_backup_went_through_is_known(database: str) -> None:
    order = list(BackupState)
    seen = [rows.backup_job(row).state for _, row in data.looks(database)]
    after_leader_change = [s for s in seen if s is BackupState.PENDING]
    forward = [order.index(s) for s in seen if s not in after_leader_change]
    assert forward == sorted(forward)


@pytest.mark.parametrize("database", ["g_miss", "g_corr", "g_repl3", "m_beh0", "z_extra"])
def test_every_state_a_restore_went_through_is_known(database: str) -> None:
    order = list(RestoreState)
    seen = [order.index(rows.restore_job(row).state) for _, row in data.looks(database)]
    assert seen == sorted(seen)


def test_a_state_that_no_release_is_known_to_have_is_an_error_and_not_guessed() -> None:
    row = data.row("4.1", "backup_restore/02-show-columns", 54)
    with pytest.raises(ValueError, match="NEW_STATE"):
        rows.backup_job(Row({**row.values, "state": "NEW_STATE"}))


@given(st.lists(st.tuples(st.integers(10**4, 10**6), st.integers(0, 99), st.integers(0, 99))))
def test_progress_is_summed_over_all_tasks(tasks: list[tuple[int, int, int]]) -> None:
    unfinished = ", ".join(f"{signature}=10002" for signature, _, _ in tasks)
    progress = ", ".join(f"[{signature}: {done}/{total}]" for signature, done, total in tasks)
    row = Row.of(["UnfinishedTasks", "Progress"], [unfinished, progress])
    assert rows.tasks(row) == Tasks(len(tasks), sum(d for _, d, _ in tasks), sum(t for _, _, t in tasks))


def test_a_job_without_columns_of_progress_has_none() -> None:
    assert rows.tasks(Row.of(["JobId"], ["1"])) == Tasks()


# -- tables and partitions


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("OLAP", TableKind.OLAP),
        ("VIEW", TableKind.VIEW),
        ("MATERIALIZED_VIEW", TableKind.MATERIALIZED_VIEW),
        ("CLOUD_NATIVE", TableKind.CLOUD_NATIVE),
        ("CLOUD_NATIVE_MATERIALIZED_VIEW", TableKind.CLOUD_NATIVE),
        ("LAKE", TableKind.CLOUD_NATIVE),
        ("OLAP_EXTERNAL", TableKind.EXTERNAL),
        ("MYSQL", TableKind.EXTERNAL),
        ("", TableKind.EXTERNAL),
    ],
)
def test_the_kind_of_a_table_is_starrocks_own_word_for_it(text: str, kind: TableKind) -> None:
    assert rows.table_kind(text) is kind


def simple(name: str, identity: int, version: int, time: str, replicas: int = 1) -> Partition:
    return Partition(name, (PhysicalPartition(identity, version, time),), replicas, False, 0, 0)


@pytest.mark.parametrize(
    ("release", "ids", "loaded", "created"),
    [
        ("3.2", (11753, 11754, 11755), "2026-11-24 03:24:49", "2026-11-24 03:24:47"),
        ("4.0", (10012, 10017, 10022), "2026-11-24 03:24:22", "2026-11-24 03:24:18"),
        ("4.1", (10529, 10534, 10539), "2026-11-24 10:03:48", "2026-11-24 10:03:45"),
    ],
)
def test_range_partitions_are_read_alike_in_every_release(
    release: str, ids: tuple[int, int, int], loaded: str, created: str
) -> None:
    assert rows.partitions(data.rows(release, "SHOW PARTITIONS FROM db1.t_dup")) == (
        simple("p1", ids[0], 2, loaded),
        simple("p2", ids[1], 2, loaded),
        simple("p3", ids[2], 1, created),
    )


@pytest.mark.parametrize("release", RELEASES)
def test_list_partitions_are_read_though_a_column_has_another_name(release: str) -> None:
    found = rows.partitions(data.rows(release, "SHOW PARTITIONS FROM db1.t_list"))
    assert {p.name: list(p.versions.values()) for p in found} == {"pa": [1], "pb": [1]}


@pytest.mark.parametrize("release", RELEASES)
def test_the_number_of_replicas_is_read(release: str) -> None:
    (found,) = rows.partitions(data.rows(release, "SHOW PARTITIONS FROM db1.t_pk"))
    assert (found.name, found.replication_num) == ("t_pk", 3)


def test_temporary_partitions_are_marked() -> None:
    listed = data.rows("4.1", "SHOW TEMPORARY PARTITIONS FROM vv.t")
    assert rows.partitions(listed, temporary=True) == (
        replace(simple("tp2", 12102, 1, "2026-11-24 10:09:06", 2), temporary=True),
    )


def test_the_shadow_of_an_automatic_table_is_no_partition() -> None:
    listed = data.rows("4.1", "SHOW PARTITIONS FROM vv.ex")
    assert [r.text("PartitionName") for r in listed] == ["$shadow_automatic_partition"]
    assert rows.partitions(listed) == ()


def test_rows_of_one_name_are_one_partition_with_several_physical_ones() -> None:
    (first,) = data.rows("4.1", "SHOW PARTITIONS FROM vv.rd")
    second = Row({**first.values, "partitionid": "14120", "visibleversion": "2", "rowcount": "5", "datasize": "1.5KB"})
    (found,) = rows.partitions([Row({**first.values, "rowcount": "7", "datasize": "1KB"}), second])
    time = "2026-11-24 10:13:07"
    physical = (PhysicalPartition(14101, 3, time), PhysicalPartition(14120, 2, time))
    assert found == Partition("rd", physical, 1, False, 12, 2560)
    assert found.versions == {14101: 3, 14120: 2}


META = [
    "DB_NAME",
    "TABLE_NAME",
    "PARTITION_NAME",
    "PARTITION_ID",
    "VISIBLE_VERSION",
    "VISIBLE_VERSION_TIME",
    "IS_TEMP",
    "REPLICATION_NUM",
    "ROW_COUNT",
    "DATA_SIZE",
]


def test_partitions_meta_gives_the_same_with_sizes_as_numbers_or_in_words() -> None:
    listed = [
        Row.of(META, ["sales", "o", "p1", 11, 3, "2026-01-05 03:00:00", 0, 3, 10, 2048]),
        Row.of([c.lower() for c in META], ["sales", "o", "tp1", 12, 1, None, 1, 3, 0, "237.9MB"]),
        Row.of(META, ["sales", "o", "$shadow_automatic_partition", 13, 1, None, 0, 3, 0, 0]),
    ]
    assert rows.partitions_meta(listed) == (
        Partition("p1", (PhysicalPartition(11, 3, "2026-01-05 03:00:00"),), 3, False, 10, 2048),
        Partition("tp1", (PhysicalPartition(12, 1, ""),), 3, True, 0, int(237.9 * 2**20)),
    )


@given(st.integers(0, 2**50), st.sampled_from(["", "B", " B"]))
def test_a_size_in_bytes_is_read_as_it_is(size: int, unit: str) -> None:
    (row,) = data.rows("4.1", "SHOW BACKENDS")[:1]
    assert rows.backend(Row({**row.values, "availcapacity": f"{size}{unit}"})).available_bytes == size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("900.000 B", 900),
        ("1.2KB", 1228),
        ("1024.000 GB", TIB),
        ("1.000 TB", TIB),
        ("2 pb", 2 << 50),
        ("N/A", None),
        ("", None),
    ],
)
def test_a_size_in_words_is_read_in_powers_of_1024(text: str, size: int | None) -> None:
    (row,) = data.rows("4.1", "SHOW BACKENDS")[:1]
    assert rows.backend(Row({**row.values, "availcapacity": text})).available_bytes == size


@pytest.mark.parametrize("text", ["1.5K", "3M", "1.2.3GB", "."])
def test_a_size_that_cannot_be_read_is_unknown_and_no_traceback(text: str) -> None:
    (row,) = data.rows("4.1", "SHOW BACKENDS")[:1]
    rows.backend(Row({**row.values, "availcapacity": text}))


# -- columns and fingerprints


def test_a_column_of_desc_has_its_type_in_lower_case() -> None:
    row = Row.of(["Field", "Type", "Null", "Key", "Default", "Extra"], ["Id", "VARCHAR(20)", "NO", "true", None, ""])
    assert rows.column(row) == Column("Id", "varchar(20)")


@pytest.mark.parametrize(
    ("hashed", "expected"), [("-12345678901234567890", "-12345678901234567890"), (7, "7"), (None, None), (b"5", "5")]
)
def test_a_fingerprint_is_the_rows_and_the_sum_of_their_hashes(hashed: object, expected: str | None) -> None:
    row = Row.of(["p", "n", "h"], ["p1", 3, hashed])
    assert rows.fingerprint(row) == ("p1", Fingerprint(3, expected))
