"""Every statement as it is sent: no name and no value can become SQL, and what is shown of it has no secrets."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.errors import RefusedForSafety
from srbackup.model.inventory import Column
from srbackup.model.policy import FingerprintMode
from srbackup.model.repository import Repository
from srbackup.model.secret import Secret
from srbackup.starrocks import statements

DAY = timedelta(days=1)
MINIO = Repository(
    name="minio",
    url="s3://backups/production",
    starrocks_name="minio",
    endpoint="http://127.0.0.1:9000",
    cluster_endpoint="http://minio:9000",
    region="eu-central-1",
    path_style=True,
    access_key=Secret("the-key"),
    secret_key=Secret("the-secret"),
)


def read_back(literal: str) -> str:
    """What StarRocks understands by a string in single quotes (AstBuilder.escapeBackSlash)."""
    assert re.fullmatch(r"'(?:\\.|''|[^\\'])*'", literal, re.DOTALL), literal
    escapes = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a", "_": "\\_", "%": "\\%"}
    return re.sub(r"\\(.)", lambda m: escapes.get(m[1], m[1]), literal[1:-1].replace("''", "'"), flags=re.DOTALL)


# -- quoting


@given(st.text())
def test_a_string_is_understood_as_it_was_meant(value: str) -> None:
    assert read_back(statements.string(value)) == value


@given(st.text(min_size=1))
def test_a_name_is_quoted_whole_or_refused(name: str) -> None:
    if "`" in name or "\0" in name:
        with pytest.raises(RefusedForSafety):
            statements.identifier(name)
    else:
        assert statements.identifier(name) == f"`{name}`"


@pytest.mark.parametrize("name", ["", "a`b", "`", "a\0"])
def test_a_name_that_cannot_be_written_is_refused_with_a_way_out(name: str) -> None:
    with pytest.raises(RefusedForSafety) as raised:
        statements.qualified("sales", name)
    assert raised.value.message == f"The name {name!r} cannot be written in StarRocks' SQL"
    assert raised.value.hint == "Rename it, or exclude it."


# -- BACKUP and RESTORE


def test_a_backup_names_its_tables_and_bounds_itself() -> None:
    assert statements.backup("minio", "my-db", "nightly_1", ["orders", "select", "odd name"], timedelta(hours=12)) == (
        "BACKUP SNAPSHOT `my-db`.`nightly_1` TO `minio` ON (`orders`, `select`, `odd name`) "
        "PROPERTIES ('timeout' = '43200')"
    )


def test_a_restore_names_target_timestamp_and_replicas() -> None:
    assert statements.restore("minio", "copy", "nightly_1", "2026-01-05-03-00-02-117", ["orders", "items"], 2, DAY) == (
        "RESTORE SNAPSHOT `copy`.`nightly_1` FROM `minio` ON (`orders`, `items`) PROPERTIES "
        "('backup_timestamp' = '2026-01-05-03-00-02-117', 'replication_num' = '2', 'timeout' = '86400')"
    )


@pytest.mark.parametrize("replicas", [0, -1])
def test_a_number_of_replicas_that_would_stop_every_job_is_refused(replicas: int) -> None:
    with pytest.raises(RefusedForSafety, match=f"replication_num {replicas} would stop every job of the cluster"):
        statements.restore("minio", "copy", "l", "t", ["orders"], replicas, DAY)


@pytest.mark.parametrize("text", ["backup_timestamp' = 'x", "x') --", "\\"])
def test_a_value_cannot_leave_its_quotes(text: str) -> None:
    sent = statements.restore("minio", "copy", "l", text, ["orders"], 1, DAY)
    literals = re.findall(r"'(?:\\.|[^\\'])*'", sent)
    assert [read_back(found) for found in literals] == [
        "backup_timestamp", text, "replication_num", "1", "timeout", "86400",
    ]  # fmt: skip


def test_jobs_are_looked_for_and_cancelled_by_database() -> None:
    assert [f("my-db") for f in (statements.show_backup, statements.cancel_backup)] == [
        "SHOW BACKUP FROM `my-db`",
        "CANCEL BACKUP FROM `my-db`",
    ]
    assert [f("my-db") for f in (statements.show_restore, statements.cancel_restore)] == [
        "SHOW RESTORE FROM `my-db`",
        "CANCEL RESTORE FROM `my-db`",
    ]


# -- repositories


def test_a_repository_is_created_at_the_clusters_endpoint_with_every_key_spelt_as_starrocks_does() -> None:
    assert statements.create_repository(MINIO, read_only=False) == (
        "CREATE REPOSITORY `minio` WITH BROKER ON LOCATION 's3a://backups/production' PROPERTIES ("
        "'aws.s3.region' = 'eu-central-1', 'aws.s3.access_key' = 'the-key', 'aws.s3.secret_key' = 'the-secret', "
        "'aws.s3.endpoint' = 'http://minio:9000', 'aws.s3.enable_ssl' = 'false', "
        "'aws.s3.enable_path_style_access' = 'true')"
    )


def test_a_repository_without_keys_uses_the_nodes_own_credentials_and_aws_needs_no_endpoint() -> None:
    assert statements.create_repository(Repository("aws", "s3://backups", "aws"), read_only=True) == (
        "CREATE READ ONLY REPOSITORY `aws` WITH BROKER ON LOCATION 's3a://backups' PROPERTIES ("
        "'aws.s3.region' = 'us-east-1', 'aws.s3.use_aws_sdk_default_behavior' = 'true', "
        "'aws.s3.enable_path_style_access' = 'false')"
    )


def test_an_endpoint_with_tls_turns_ssl_on() -> None:
    repository = Repository("s", "s3://b/p/", "s", cluster_endpoint="https://store:443")
    sent = statements.create_repository(repository, read_only=False)
    assert "'aws.s3.endpoint' = 'https://store:443', 'aws.s3.enable_ssl' = 'true'" in sent
    assert "LOCATION 's3a://b/p' " in sent


def test_snapshots_are_asked_for_one_label_at_a_time() -> None:
    assert statements.show_snapshot("minio", "nightly_1") == "SHOW SNAPSHOT ON `minio` WHERE SNAPSHOT = 'nightly_1'"
    assert statements.drop_repository("minio") == "DROP REPOSITORY `minio`"


# -- what is shown of a statement


keys = st.text("XYZ019+/=-_ ", min_size=4)


@given(keys, keys)
def test_a_shown_statement_has_neither_key_nor_secret(key: str, secret: str) -> None:
    check_masked(key, secret)


@pytest.mark.parametrize("secret", ["it's-secret", "line\nfeed-secret", "nul\0secret", "secret\\"])
def test_a_shown_statement_has_no_secret_with_a_quote_or_backslash_either(secret: str) -> None:
    check_masked("the-key", secret)
    check_masked(secret, "the-secret")


def check_masked(key: str, secret: str) -> None:
    repository = Repository("x", "s3://b", "x", access_key=Secret(key), secret_key=Secret(secret))
    shown = statements.shown(statements.create_repository(repository, read_only=False))
    assert statements.string(key)[1:-1] not in shown
    assert statements.string(secret)[1:-1] not in shown
    assert "'aws.s3.access_key' = '***', 'aws.s3.secret_key' = '***'" in shown


def test_a_shown_statement_is_cut_and_says_how_long_it_was() -> None:
    sent = statements.backup("r", "d", "l", [f"table_{n}" for n in range(100)], DAY)
    shown = statements.shown(sent)
    assert shown == f"{sent[:600]}... ({len(sent)} characters)"
    assert statements.shown("SHOW DATABASES") == "SHOW DATABASES"


def test_a_shown_statement_keeps_what_is_no_secret() -> None:
    assert "'aws.s3.enable_path_style_access' = 'true'" in statements.shown(
        statements.create_repository(MINIO, read_only=False)
    )


# -- listings and definitions


def test_statements_about_an_object_quote_its_names() -> None:
    assert [
        statements.show_tables("my-db"),
        statements.proc_database(10005),
        statements.show_partitions("d", "t"),
        statements.show_partitions("d", "t", temporary=True),
        statements.show_columns("d", "t"),
        statements.broken_replicas("d", "t"),
        statements.show_tablets("d", "t"),
        statements.show_create_database("d"),
        statements.show_create("MATERIALIZED VIEW", "d", "mv"),
        statements.use("my-db"),
        statements.create_database("d"),
        statements.drop_database("d", force=False),
        statements.drop_database("d", force=True),
        statements.drop_table("d", "t"),
        statements.drop_view("d", "v", materialized=False),
        statements.drop_view("d", "v", materialized=True),
        statements.refresh("d", "mv"),
    ] == [
        "SHOW FULL TABLES FROM `my-db`",
        "SHOW PROC '/dbs/10005'",
        "SHOW PARTITIONS FROM `d`.`t`",
        "SHOW TEMPORARY PARTITIONS FROM `d`.`t`",
        "DESC `d`.`t`",
        "ADMIN SHOW REPLICA STATUS FROM `d`.`t` WHERE STATUS != 'OK'",
        "SHOW TABLET FROM `d`.`t`",
        "SHOW CREATE DATABASE `d`",
        "SHOW CREATE MATERIALIZED VIEW `d`.`mv`",
        "USE `my-db`",
        "CREATE DATABASE IF NOT EXISTS `d`",
        "DROP DATABASE IF EXISTS `d`",
        "DROP DATABASE IF EXISTS `d` FORCE",
        "DROP TABLE IF EXISTS `d`.`t`",
        "DROP VIEW IF EXISTS `d`.`v`",
        "DROP MATERIALIZED VIEW IF EXISTS `d`.`v`",
        "REFRESH MATERIALIZED VIEW `d`.`mv`",
    ]


# -- fingerprints


def test_a_fingerprint_hashes_a_flag_and_a_value_of_each_column() -> None:
    columns = [Column("id", "int(11)"), Column("name", "varchar(50)")]
    assert statements.fingerprints("sales", "orders", columns, ["p1"], FingerprintMode.CONTENT) == (
        "SELECT 'p1' AS p, COUNT(*) AS n, CAST(SUM(CAST(xx_hash3_64("
        "IF(`id` IS NULL, '0', '1'), IFNULL(CAST(`id` AS STRING), ''), "
        "IF(`name` IS NULL, '0', '1'), IFNULL(`name`, '')"
        ") AS LARGEINT)) AS STRING) AS h FROM `sales`.`orders` PARTITION (`p1`)"
    )


def test_partitions_are_read_in_one_statement_each_told_by_its_name() -> None:
    assert statements.fingerprints("d", "t", [Column("k", "json")], ["p1", "o'p"], FingerprintMode.ROWS) == (
        "SELECT 'p1' AS p, COUNT(*) AS n, NULL AS h FROM `d`.`t` PARTITION (`p1`)"
        " UNION ALL "
        "SELECT 'o\\'p' AS p, COUNT(*) AS n, NULL AS h FROM `d`.`t` PARTITION (`o'p`)"
    )


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("char(3)", "`c`"),
        ("string", "`c`"),
        ("boolean", "CAST(`c` AS STRING)"),
        ("tinyint(1)", "CAST(`c` AS STRING)"),
        ("bigint(20) unsigned", "CAST(`c` AS STRING)"),
        ("largeint(40)", "CAST(`c` AS STRING)"),
        ("double", "CAST(`c` AS STRING)"),
        ("decimal(10,2)", "CAST(`c` AS STRING)"),
        ("DECIMAL64(18, 4)", "CAST(`c` AS STRING)"),
        ("date", "CAST(`c` AS STRING)"),
        ("datetime", "CAST(`c` AS STRING)"),
        ("json", "CAST(`c` AS STRING)"),
        ("varbinary(16)", "from_binary(`c`, 'hex')"),
        ("array<int(11)>", "CAST(to_json(row(`c`)) AS STRING)"),
        ("map<varchar(10),int(11)>", "CAST(to_json(row(`c`)) AS STRING)"),
        ("struct<a int(11), b array<date>>", "CAST(to_json(row(`c`)) AS STRING)"),
        ("bitmap", "bitmap_to_string(`c`)"),
        ("hll", "CAST(hll_cardinality(`c`) AS STRING)"),
    ],
)
def test_every_type_that_has_a_value_is_hashed_by_it(kind: str, value: str) -> None:
    column = Column("c", kind)
    sent = statements.fingerprints("d", "t", [column], ["p"], FingerprintMode.CONTENT)
    assert f"xx_hash3_64(IF(`c` IS NULL, '0', '1'), IFNULL({value}, ''))" in sent
    assert statements.unhashed([column]) == ()


def test_a_type_without_a_comparable_value_is_left_out_and_named() -> None:
    columns = [Column("p", "percentile"), Column("k", "int"), Column("u", "unknown"), Column("e", "")]
    assert statements.unhashed(columns) == ("p", "u", "e")
    sent = statements.fingerprints("d", "t", columns, ["p1"], FingerprintMode.CONTENT)
    assert "`p`" not in sent.replace("`p1`", "")
    assert "IFNULL(CAST(`k` AS STRING), '')" in sent


def test_a_table_without_any_comparable_column_is_counted_only() -> None:
    sent = statements.fingerprints("d", "t", [Column("p", "percentile")], ["p1"], FingerprintMode.CONTENT)
    assert sent == "SELECT 'p1' AS p, COUNT(*) AS n, NULL AS h FROM `d`.`t` PARTITION (`p1`)"


def test_a_session_that_reads_to_compare_answers_from_the_rows_alone() -> None:
    assert "SET enable_materialized_view_rewrite = false" in statements.READING
    assert "SET enable_rewrite_simple_agg_to_meta_scan = false" in statements.READING
    assert all(re.fullmatch(r"SET \w+ = \w+", setting) for setting in statements.READING)
