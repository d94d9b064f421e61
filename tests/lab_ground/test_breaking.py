"""What breaks by name breaks, and is mended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.breakages import BREAKAGES, breakage
from lab.breaking import Wish, mend
from lab.cli import main
from lab.client import SqlRefused, Unreachable
from lab.drivers.base import NodeState
from lab.drivers.document import DriverKind, Lab
from lab.labs import Labs, alive_nodes, client_of
from lab.pytest_plugin import required
from lab.spec import LabSpec
from lab.stores.base import client as s3_client
from lab.stores.shelf import NamedStore, Shelf, StoreKind
from lab.waiting import wait_for


def break_(labs: Labs, name: str, target: str, **wish: object) -> None:
    breakage(name).work(labs, Wish(target, **wish))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def hurt(labs: Labs) -> Iterator[Lab]:
    """Three FEs and one BE."""
    lab = labs.up(LabSpec("hurt", DriverKind.PROCESS, frontends=3, backends=1, tick_seconds=0.05))
    try:
        yield lab
    finally:
        labs.down("hurt")


@pytest.fixture
def store(labs: Labs) -> Iterator[NamedStore]:
    with required("rclone"):
        found = Shelf(labs.home).up("fragile", StoreKind.RCLONE, "127.0.0.1", proxy=True)
    try:
        yield found
    finally:
        Shelf(labs.home).down("fragile")


def all_alive(lab: Lab) -> None:
    wait_for(lambda: alive_nodes(lab) == {node.name for node in lab.nodes} or None, "all nodes alive", seconds=30)


def leader(lab: Lab) -> str:
    rows = client_of(lab.frontends[0]).sql("SHOW FRONTENDS").named()
    return str(next(row["IP"] for row in rows if row["Role"] == "LEADER" and row["Alive"] == "true"))


def test_the_command_lists_what_can_break() -> None:
    shown = CliRunner().invoke(main, ["break", "--list"])
    assert shown.exit_code == 0
    assert all(one.name in shown.output for one in BREAKAGES)
    assert len({one.name for one in BREAKAGES}) == len(BREAKAGES)


def test_an_unknown_name_is_said_to_be_unknown(tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["--dir", str(tmp_path), "break", "everything", "lab"])
    assert shown.exit_code == 1
    assert "nothing breaks by the name everything" in shown.output


@pytest.mark.lab
def test_a_backend_that_was_killed_or_paused_is_mended(labs: Labs, hurt: Lab) -> None:
    (backend,) = hurt.backends
    break_(labs, "node-killed", backend.name)
    assert labs.driver(hurt).state(backend) is NodeState.STOPPED
    mend(labs, backend.name)
    break_(labs, "node-paused", backend.name)
    assert labs.driver(hurt).state(backend) is NodeState.PAUSED
    mend(labs, backend.name)
    all_alive(hurt)


@pytest.mark.lab
def test_a_statement_fails_as_often_as_asked(labs: Labs, hurt: Lab) -> None:
    break_(labs, "statement-fails", hurt.name, match="SHOW DATABASES", times=1)
    client = client_of(hurt.frontends[0])
    with pytest.raises(SqlRefused, match="a fault of the lab"):
        client.sql("SHOW DATABASES")
    client.sql("SHOW DATABASES")
    mend(labs, hurt.name)


@pytest.mark.lab
def test_a_lost_reply_is_lost_after_the_effect(labs: Labs, hurt: Lab) -> None:
    break_(labs, "reply-lost", hurt.name, match="CREATE DATABASE lost", times=1)
    client = client_of(hurt.frontends[0])
    with pytest.raises(Unreachable):
        client.sql("CREATE DATABASE lost")
    assert ("lost",) in client.sql("SHOW DATABASES").rows
    mend(labs, hurt.name)


@pytest.mark.lab
def test_a_full_disk_refuses_loads(labs: Labs, hurt: Lab) -> None:
    client = client_of(hurt.frontends[0])
    client.script(
        [
            "CREATE DATABASE crowded",
            "CREATE TABLE crowded.t (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 "
            "PROPERTIES('replication_num'='1')",
        ]
    )
    break_(labs, "disk-full", hurt.backends[0].name)
    with pytest.raises(SqlRefused, match="Tablet lost replicas"):
        client.sql("INSERT INTO crowded.t VALUES (1)")
    mend(labs, hurt.name)
    client.sql("INSERT INTO crowded.t VALUES (1)")


@pytest.mark.lab
def test_a_clock_is_ahead_until_it_is_mended(labs: Labs, hurt: Lab) -> None:
    client, ahead = client_of(hurt.frontends[0]), 3600
    break_(labs, "clock-skew", hurt.frontends[0].name, seconds=ahead)
    assert client.sql("SELECT unix_timestamp()").rows[0][0] - time.time() > ahead - 60
    mend(labs, hurt.frontends[0].name)
    assert abs(client.sql("SELECT unix_timestamp()").rows[0][0] - time.time()) < 60


@pytest.mark.lab
def test_another_frontend_leads_after_a_change_of_leader(labs: Labs, hurt: Lab) -> None:
    before = leader(hurt)
    break_(labs, "leader-changes", hurt.name)
    assert leader(hurt) != before
    all_alive(hurt)


@pytest.mark.lab
def test_a_paused_follower_neither_ends_the_leaders_term_nor_misses_what_happened(labs: Labs, hurt: Lab) -> None:
    before = leader(hurt)
    follower = next(node for node in hurt.frontends if node.place.known_as != before)
    client = client_of(next(node for node in hurt.frontends if node.place.known_as == before))
    break_(labs, "node-paused", follower.name)
    for number in range(60):  # longer than a follower waits for a silent leader
        client.sql(f"CREATE DATABASE IF NOT EXISTS while_paused_{number}")
        time.sleep(0.06)
    mend(labs, follower.name)
    wait_for(
        lambda: ("while_paused_59",) in client_of(follower).sql("SHOW DATABASES").rows or None,
        "what happened meanwhile",
        seconds=10,
    )
    assert leader(hurt) == before


@pytest.mark.lab
def test_a_statement_that_waits_for_a_lost_leader_is_answered_with_an_error(labs: Labs, hurt: Lab) -> None:
    before = leader(hurt)
    lost = next(node for node in hurt.frontends if node.place.known_as == before)
    follower = next(node for node in hurt.frontends if node != lost)
    break_(labs, "node-paused", lost.name)
    try:
        began = time.monotonic()
        with pytest.raises((SqlRefused, Unreachable)):
            client_of(follower).within(60).sql("CREATE DATABASE never_answered")
        assert time.monotonic() - began < 30
        wait_for(lambda: _created(follower), "a leader that answers", seconds=30)
    finally:
        mend(labs, lost.name)


def _created(follower: object) -> bool | None:
    try:
        client_of(follower).within(20).sql("CREATE DATABASE IF NOT EXISTS answered")  # type: ignore[arg-type]
    except (SqlRefused, Unreachable):
        return None
    return True


def test_objects_are_lost_truncated_and_corrupted(labs: Labs, store: NamedStore) -> None:
    s3, bucket = s3_client(store.server.access), store.server.access.bucket
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"12345678")
    break_(labs, "object-truncated", store.name, match="a")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1234"
    break_(labs, "object-corrupted", store.name, match="b")
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == b"12344678"
    break_(labs, "object-lost", store.name, match="^b$")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a"]


@pytest.mark.parametrize(
    ("name", "code"), [("s3-slow-down", "SlowDown"), ("s3-error", "InternalError"), ("s3-refused", "")]
)
def test_a_store_answers_with_errors_until_it_is_mended(labs: Labs, store: NamedStore, name: str, code: str) -> None:
    s3 = s3_client(store.server.access)
    break_(labs, name, store.name)
    with pytest.raises(Exception, match=code or "An error occurred"):
        s3.list_objects_v2(Bucket=store.server.access.bucket)
    mend(labs, store.name)
    s3.list_objects_v2(Bucket=store.server.access.bucket)


@pytest.mark.docker
def test_a_container_without_its_network_is_dead_until_it_has_it_again(labs: Labs, lab_docker: Lab) -> None:
    follower = lab_docker.frontends[2]
    break_(labs, "node-partitioned", follower.name)
    wait_for(lambda: follower.name not in alive_nodes(lab_docker) or None, "its death", seconds=30)
    mend(labs, follower.name)
    assert follower.name in alive_nodes(lab_docker)
