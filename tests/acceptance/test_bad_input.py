"""Bad input: each a clear message and the right exit status, and nothing written."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.drivers.document import Lab
from lab.labs import Labs, client_of
from lab.stores.base import S3Access
from lab.stores.base import client as s3_client
from lab.stores.radosgw import Radosgw
from tests.acceptance.conftest import Srbackup, write_configuration


def _keys(access: S3Access) -> list[str]:
    pages = s3_client(access).get_paginator("list_objects_v2").paginate(Bucket=access.bucket)
    return [o["Key"] for page in pages for o in page.get("Contents", ())]


@pytest.fixture
def unchanged(radosgw: Radosgw) -> object:
    """Hold the bucket to what it was before the test."""
    before = _keys(radosgw.access)
    yield None
    assert _keys(radosgw.access) == before


def test_no_configuration_folder(tmp_path: Path) -> None:
    done = Srbackup(tmp_path / "nowhere")("run", status=2)
    assert "no such folder" in done.stderr
    assert "SRBACKUP_CONFIG" in done.stderr


def test_an_empty_folder(tmp_path: Path) -> None:
    done = Srbackup(tmp_path)("list", status=2)
    assert "clusters.yaml:1:1: is missing" in done.stderr
    assert "repositories.yaml:1:1: is missing" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nightly.yaml:1:1: is empty"),
        ("cluster: production\n\trepository: store\n", "never with tabs"),
        ("cluster: production\nrepository: store\nretenton: 7\n", "3:1: retenton: unknown key 'retenton'"),
        (
            "cluster: prodution\nrepository: store\n",
            "1:10: cluster: no cluster 'prodution' (did you mean 'production'?)",
        ),
        ("cluster: production\nrepository: store\nschedule: {full: '61 * * * *'}\n", "not a cron expression"),
        ("cluster: production\nrepository: store\ninclude: [sales]\n", "not a pattern of the form database.table"),
    ],
)
def test_a_policy_that_is_wrong(srbackup: Srbackup, unchanged: object, text: str, message: str) -> None:
    (srbackup.folder / "nightly.yaml").write_text(text)
    done = srbackup("run", "nightly", status=2)
    assert message in done.stderr


def test_a_policy_that_is_not_there(srbackup: Srbackup, unchanged: object) -> None:
    done = srbackup("run", "nightli", status=10)
    assert "did you mean 'nightly'?" in done.stderr


def test_a_wrong_password(srbackup: Srbackup, production: Lab, unchanged: object) -> None:
    document = json.loads((srbackup.folder / "clusters.yaml").read_text())
    document["clusters"]["production"]["password"] = "${WRONG}"
    (srbackup.folder / "clusters.yaml").write_text(json.dumps(document))
    srbackup.environment["WRONG"] = "s3cr3t"
    done = srbackup("run", "nightly", status=12)
    assert "rejects user 'root'" in done.stderr
    assert "s3cr3t" not in done.stderr + done.stdout


def test_a_secret_that_is_not_set(srbackup: Srbackup, unchanged: object) -> None:
    del srbackup.environment["SECRET"]
    done = srbackup("run", "nightly", status=2)
    assert "repositories.store.secret_key: the environment variable SECRET is not set" in done.stderr


def test_no_frontend_answers(srbackup: Srbackup, unchanged: object) -> None:
    (srbackup.folder / "clusters.yaml").write_text(
        "clusters: {production: {frontends: "
        "[{name: a, host: 127.0.0.1, port: 1}, {name: b, host: 127.0.0.1, port: 2}]}}"
    )
    done = srbackup("run", "nightly", status=13)
    assert "No FE of cluster 'production' answers" in done.stderr
    assert "127.0.0.1:1" in done.stderr
    assert "127.0.0.1:2" in done.stderr


def test_a_bucket_that_is_not_there(srbackup: Srbackup, unchanged: object) -> None:
    _change_repository(srbackup, url="s3://no-such-bucket/x")
    done = srbackup("run", "nightly", status=10)
    assert "Bucket 'no-such-bucket' does not exist" in done.stderr


def test_a_repository_that_was_never_written(srbackup: Srbackup, unchanged: object) -> None:
    done = srbackup("list", status=10)
    assert "holds no srbackup repository" in done.stderr


def test_a_wrong_key_of_the_store(srbackup: Srbackup, unchanged: object) -> None:
    srbackup.environment["SECRET"] = "not-the-secret"
    done = srbackup("run", "nightly", status=12)
    assert "refuses the access key" in done.stderr
    assert "not-the-secret" not in done.stderr


def test_a_store_that_does_not_answer(srbackup: Srbackup, unchanged: object) -> None:
    _change_repository(srbackup, endpoint="http://127.0.0.1:1")
    done = srbackup("run", "nightly", status=14)
    assert "http://127.0.0.1:1 does not answer" in done.stderr


def test_a_store_that_the_cluster_cannot_reach(srbackup: Srbackup) -> None:
    _change_repository(srbackup, cluster_endpoint="http://127.0.0.1:1")
    done = srbackup("run", "nightly", status=14)
    assert "The cluster cannot use s3a://" in done.stderr
    assert "http://127.0.0.1:1" in done.stderr
    assert "cluster_endpoint" in done.stderr


def test_a_clock_that_is_twenty_minutes_off(srbackup: Srbackup, unchanged: object) -> None:
    if shutil.which("faketime") is None:
        pytest.skip("needs Debian's faketime")
    command = ["faketime", "-f", "+20m", *srbackup._command(["run", "nightly"])]
    done = subprocess.run(
        command, capture_output=True, text=True, env=srbackup._environment(), timeout=120, check=False
    )
    assert done.returncode == 14, done.stderr
    assert "the clocks of this host and the store differ by too much" in done.stderr
    assert "20 minutes ahead" in done.stderr


def test_a_point_that_is_not_there(srbackup: Srbackup) -> None:
    srbackup("run", "nightly")
    done = srbackup("restore", "nightly-20200101T000000Z-0000", "--to", "new", "--yes", status=10)
    assert "No point 'nightly-20200101T000000Z-0000'" in done.stderr


def test_a_restore_without_a_yes_on_no_terminal_shows_the_plan_and_does_nothing(
    srbackup: Srbackup, target: Lab
) -> None:
    srbackup("run", "nightly")
    done = srbackup("restore", "--to", "new", status=2)
    assert "RESTORE job" in done.stderr
    assert "add --yes" in done.stderr
    assert not [r for r in client_of(target.frontends[0]).sql("SHOW DATABASES").rows if r[0] == "models"]


def test_the_disk_of_a_backend_is_full(srbackup: Srbackup, labs: Labs, target: Lab) -> None:
    srbackup("run", "nightly")
    _fault(target, "be.download", "capacity limit reached")
    try:
        done = srbackup("restore", "--to", "new", "--only", "cluster_test", "--yes", status=1)
    finally:
        _lift(target)
    assert "space" in done.stderr
    srbackup("restore", "--to", "new", "--only", "cluster_test", "--yes")


def test_a_dead_backend_that_alone_has_a_tablet_makes_the_point_partial(
    srbackup: Srbackup, labs: Labs, target: Lab, radosgw: Radosgw, tmp_path: Path
) -> None:
    client = client_of(target.frontends[0])
    keyed = "DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 4"
    client.script(
        [
            "CREATE DATABASE d",
            f"CREATE TABLE d.one (k INT) {keyed} PROPERTIES('replication_num'='1')",
            f"CREATE TABLE d.two (k INT) {keyed} PROPERTIES('replication_num'='2')",
            "INSERT INTO d.one VALUES (1),(2),(3)",
            "INSERT INTO d.two VALUES (1),(2),(3)",
        ]
    )
    own = write_configuration(tmp_path / "own", {"production": target}, radosgw.access, "components: [data]")
    victim = target.backends[1]
    labs.driver(target).kill(victim)
    try:
        _wait_dead(client)
        manifest = own.json("run", "nightly", status=3)
        assert [e["name"] for e in manifest["excluded"]] == ["d.one"]
        assert "no alive replica" in manifest["excluded"][0]["reason"]
        assert [p["tables"] for p in manifest["parts"]] == [1]
    finally:
        labs.start(target, victim)


def _change_repository(srbackup: Srbackup, **changes: str) -> None:
    document = json.loads((srbackup.folder / "repositories.yaml").read_text())
    document["repositories"]["store"].update(changes)
    (srbackup.folder / "repositories.yaml").write_text(json.dumps(document))


def _fault(lab: Lab, point: str, message: str) -> None:
    import urllib.request

    for node in lab.backends:
        body = json.dumps({"point": point, "action": "fail", "message": message}).encode()
        urllib.request.urlopen(
            urllib.request.Request(f"http://{node.place.host}:8041/fault", body, method="POST")
        ).read()


def _lift(lab: Lab) -> None:
    import urllib.request

    for node in lab.backends:
        urllib.request.urlopen(urllib.request.Request(f"http://{node.place.host}:8041/fault", method="DELETE")).read()


def _wait_dead(client) -> None:  # type: ignore[no-untyped-def]
    import time

    deadline = time.monotonic() + 30
    while all(row["Alive"] == "true" for row in client.sql("SHOW BACKENDS").named()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
