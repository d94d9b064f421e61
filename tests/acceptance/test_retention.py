"""Points expire, are rescued, and are deleted for good; whatever is kept, is in use or is not ours stays whole."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.client import Client
from lab.daemon import free_port
from lab.drivers.document import DriverKind, Lab
from lab.labs import Labs, LabSpec, client_of
from lab.stores.proxied import Proxied
from lab.stores.radosgw import Radosgw
from tests.acceptance.conftest import content, write_configuration

POLICY = "components: [data]\nretention: {keep: {last: 2}, grace: 2s}"
TABLE = "DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES('replication_num'='1')"


@pytest.fixture(scope="module")
def cluster(labs: Labs) -> Iterator[Lab]:
    """One FE and one BE with two small databases."""
    lab = labs.up(LabSpec(f"kept-{os.getpid()}", DriverKind.PROCESS, 1, 1, tick_seconds=0.05))
    try:
        client_of(lab.frontends[0]).script(
            [
                *("CREATE DATABASE d", f"CREATE TABLE d.t (k INT, v VARCHAR(10)) {TABLE}"),
                *("CREATE DATABASE e", f"CREATE TABLE e.u (k INT) {TABLE}", "INSERT INTO e.u VALUES (1),(2)"),
            ]
        )
        yield lab
    finally:
        labs.down(lab.name)


@pytest.fixture
def proxied(radosgw: Radosgw, tmp_path: Path) -> Iterator[Proxied]:
    address = radosgw.access.endpoint.removeprefix("http://").partition(":")[0]
    proxy = Proxied(radosgw.access, tmp_path / "proxy", address, free_port(address), free_port(address))
    proxy.start()
    yield proxy
    proxy.stop()


def eventually(question: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """The first answer that is not empty."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
    raise AssertionError(f"{what}: not within {seconds} s")


def snapshots(client: Client) -> set[str]:
    return {row["Snapshot"] for row in client.sql("SHOW SNAPSHOT ON store").named()}


def back_up_by_hand(client: Client, label: str) -> None:
    client.sql(f"BACKUP SNAPSHOT d.`{label}` TO store ON (t)")
    eventually(
        lambda: [
            r
            for r in client.sql("SHOW BACKUP FROM d").named()
            if (r["SnapshotName"], r["State"]) == (label, "FINISHED")
        ],
        f"BACKUP {label}",
    )


def test_points_expire_and_go_with_their_snapshots_though_gc_is_killed_and_nothing_else_goes(
    tmp_path: Path, cluster: Lab, target: Lab, radosgw: Radosgw, proxied: Proxied
) -> None:
    both, client = {"production": cluster, "new": target}, client_of(cluster.frontends[0])
    srbackup = write_configuration(tmp_path / "policies", both, radosgw.access, POLICY, prefix="kept")
    points, contents = [], []
    for number in range(5):
        client.sql(f"INSERT INTO d.t VALUES ({number}, 'night {number}')")
        contents.append(content(client))
        points.append(srbackup.json("run", "nightly")["point"])
    back_up_by_hand(client, "by_hand")
    foreign = f"{points[0]}_1_mine"
    back_up_by_hand(client, foreign)

    srbackup("keep", points[2], "--reason", "before the migration")
    fates = {p["point"]: (p["fate"], p["rules"]) for p in srbackup.json("prune", "nightly")["items"]}
    assert fates[points[0]] == fates[points[1]] == ("expires", [])
    assert fates[points[2]] == ("kept", ["held"])
    assert [p["id"] for p in srbackup.json("list")["items"]] == points[2:]
    assert "is expired" in srbackup("restore", points[0], "--to", "new", "--yes", status=10).stderr
    assert "the newest of policy nightly" in srbackup("delete", points[4], status=16).stderr

    def due() -> bool:
        planned = srbackup.json("gc", "--dry-run")["swept"]
        return {s["sweep"]["action"] for s in planned} == {"to be deleted"}

    eventually(due, "the grace is over")
    through_proxy = write_configuration(tmp_path / "proxied", both, proxied.access, POLICY, prefix="kept")
    for passed in (1, 3, 4):  # it dies in the middle of the first point, of its other database, of the second point
        proxied.trouble({"act": "hang", "method": "POST", "path": r"\?delete", "skip": passed})
        process = through_proxy.start("gc")
        eventually(lambda: proxied.rules()[0]["fitted"] > passed, "gc is in the middle")  # noqa: B023
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert [p["id"] for p in srbackup.json("list")["items"]] == points[2:]
        proxied.trouble()

    result = srbackup.json("gc")
    assert {s["sweep"]["id"] for s in result["swept"] if s["removed"]} <= set(points[:2])
    assert sorted(result["foreign"]) == sorted(f"store/{name}" for name in ("by_hand", foreign))
    assert srbackup.json("gc")["swept"] == []
    shown = snapshots(client)
    assert {s for s in shown if s.startswith(tuple(points[:2]))} == {foreign}
    assert {"by_hand", *(f"{p}_{n}_{d}" for p in points[2:] for n, d in ((1, "d"), (2, "e")))} <= shown
    everything = srbackup.json("list", "--all")["items"]
    assert [(p["id"], p["state"]) for p in everything] == [(p, "complete") for p in points[2:]]

    restored = srbackup.json("restore", points[2], "--to", "new", "--yes")
    assert {p["outcome"] for t in restored["verdict"]["tables"] for p in t["partitions"]} == {"equal"}
    assert content(client_of(target.frontends[0])) == contents[2]
