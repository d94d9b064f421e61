"""The daemon as a process: killed and started again, asked to stop, read by Prometheus."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lab.stores.base import client as s3_client
from lab.stores.radosgw import Radosgw
from tests.acceptance.conftest import Srbackup
from tests.fakes.daemon import until

SEED = 20260105
FIVE = timedelta(minutes=5)


class Records:
    """The records of activities, in the bucket."""

    def __init__(self, srbackup: Srbackup, radosgw: Radosgw) -> None:
        self._client, self._bucket = s3_client(radosgw.access), radosgw.access.bucket
        url = json.loads((srbackup.folder / "repositories.yaml").read_text())["repositories"]["store"]["url"]
        self._place = f"{url.removeprefix(f's3://{self._bucket}/')}/clusters/production/activities/nightly."

    def put(self, activity: str, since: datetime) -> None:
        """As a daemon leaves it that was last there at `since`."""
        head = {"api": "srbackup/v1", "kind": "Activity", "format": 1}
        body = {"policy": "nightly", "cluster": "production", "activity": activity, "since": since.isoformat()}
        text = json.dumps({**head, **body})
        self._client.put_object(Bucket=self._bucket, Key=f"{self._place}{activity}.json", Body=text.encode())

    def read(self, activity: str) -> Any:
        return json.load(self._client.get_object(Bucket=self._bucket, Key=f"{self._place}{activity}.json")["Body"])


@pytest.fixture
def records(srbackup: Srbackup, radosgw: Radosgw) -> Records:
    policy = srbackup.folder / "nightly.yaml"
    extra = "schedule: {full: '*/5 * * * *'}\ncomponents: [data]\ninclude: ['cluster_test.*', 'odd-names.*']\n"
    policy.write_text(policy.read_text() + extra)
    return Records(srbackup, radosgw)


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended without {words!r}")


def stop(process: subprocess.Popen[str], number: int) -> str:
    """Its last words on standard error."""
    process.send_signal(number)
    return process.communicate(timeout=60)[1]


def test_killed_and_started_again_it_does_once_what_was_due_and_reports_the_rest(
    srbackup: Srbackup, records: Records
) -> None:
    chance = random.Random(SEED)
    since = datetime.now(UTC) - timedelta(minutes=12)
    records.put("full", since)
    for _ in range(5):
        process = srbackup.start("daemon")
        try:
            process.wait(chance.uniform(0.3, 4.0))
        except subprocess.TimeoutExpired:
            stop(process, signal.SIGKILL)
    process = srbackup.start("daemon")
    wait_for(process, "the daemon has begun")
    until(lambda: records.read("full").get("done"))
    errors = stop(process, signal.SIGTERM)

    record = records.read("full")
    points = srbackup.json("list")["items"]
    assert process.returncode in {0, 143}, errors
    assert record["done"] == len(points) >= 1
    accounted = datetime.fromisoformat(record["since"])
    start = since.replace(minute=since.minute - since.minute % 5, second=0, microsecond=0)
    due = [t for t in (start + n * FIVE for n in range(9)) if since < t <= accounted]
    assert record["done"] + record["missed"] == len(due)
    assert record["failures"] == {}


def test_a_stopped_daemon_says_what_it_leaves_and_the_next_one_goes_on(srbackup: Srbackup, records: Records) -> None:
    records.put("full", datetime.now(UTC) - timedelta(minutes=6))
    first = srbackup.start("daemon")
    wait_for(first, "beginning backup")
    errors = stop(first, signal.SIGTERM)
    assert first.returncode == 143
    assert "is not finished and will not be listed" in errors
    (left,) = srbackup.json("list", "--all")["items"]
    assert left["state"] == "interrupted"

    second = srbackup.start("daemon", "--on-stop", "finish")
    wait_for(second, "going on with backup")
    errors = stop(second, signal.SIGTERM)
    assert second.returncode == 0, errors
    assert f"{left['id']} is complete" in errors.replace("\x1b[1;32m", "").replace("\x1b[0m", "")
    assert [p["id"] for p in srbackup.json("list")["items"]] == [left["id"]]


def test_prometheus_and_a_health_check_read_it(srbackup: Srbackup, records: Records) -> None:
    records.put("full", datetime.now(UTC) - timedelta(minutes=6))
    process = srbackup.start("daemon", "--metrics-listen", "127.0.0.1:19464")

    def page(path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:19464{path}", timeout=10) as reply:
            return str(reply.read().decode())

    def samples() -> dict[str, float]:
        found = text_string_to_metric_families(page("/metrics"))
        return {s.name: s.value for family in found for s in family.samples}

    try:
        wait_for(process, "the daemon has begun")
        until(lambda: samples().get("srbackup_newest_point_bytes"))
        assert samples()["srbackup_done_total"] >= 1
        assert [lane["alive"] for lane in json.loads(page("/healthz"))["lanes"]] == [True]
    finally:
        stop(process, signal.SIGTERM)
