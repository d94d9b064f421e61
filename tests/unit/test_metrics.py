"""Metrics as Prometheus reads them: names, labels and values, and nothing that its own parser would refuse."""

from __future__ import annotations

import http.client
import json
import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from srbackup.app.measuring import measure
from srbackup.daemon.http import Pages, address, health_page, metrics_page
from srbackup.daemon.measures import Measures
from srbackup.errors import ExitStatus, Failed, StorageUnreachable, UsageProblem
from srbackup.model.activity import ActivityRecord, Attempt
from srbackup.model.events import ignore
from srbackup.model.policy import Activity, Objectives, Schedule
from srbackup.report import metrics
from srbackup.report.metrics import DaemonMeasures, PointMeasures, PolicyMeasures
from tests.fakes.daemon import running, until
from tests.fakes.points import judge, put_point
from tests.fakes.wiring import PATIENT, POLICY, fake_wiring

REFERENCE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 1, 5, hour, minute, tzinfo=UTC)


def example() -> PolicyMeasures:
    failed = Attempt(at(4), at(4, 1), ExitStatus.STORAGE, due=at(4), transient=True, message="away")
    success = Attempt(at(3), at(3, 10), ExitStatus.DONE, due=at(3), point="p", bytes=1000)
    record = ActivityRecord(
        policy="nightly",
        cluster="production",
        activity=Activity.FULL,
        since=at(3),
        last=failed,
        success=success,
        done=7,
        failures={"storage": 2, "partial": 1},
        missed=3,
        skipped=4,
        undelivered=5,
    )
    return PolicyMeasures(
        policy="nightly",
        cluster="production",
        reachable=True,
        objectives=Objectives(rpo=timedelta(hours=2), proof=timedelta(days=8)),
        schedule=Schedule(full="0 * * * *"),
        newest=PointMeasures(at(3), 1000),
        proven=None,
        records=(record,),
        running=frozenset({Activity.FULL}),
    )


def values(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Samples by name and the values of their labels but policy and cluster, as Prometheus' own parser has them."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(v for k, v in sorted(sample.labels.items()) if k not in {"policy", "cluster"})
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_everything_that_is_known_of_a_policy_is_a_metric() -> None:
    found = values(metrics.text([example()], at(4, 30), DaemonMeasures(False, at(1))))
    del found["srbackup_build_info"]
    assert found == {
        "srbackup_repository_reachable": {(): 1},
        "srbackup_newest_point_timestamp_seconds": {(): at(3).timestamp()},
        "srbackup_newest_point_age_seconds": {(): 5400},
        "srbackup_newest_point_bytes": {(): 1000},
        "srbackup_objective_seconds": {("rpo",): 7200, ("proof",): 8 * 86400},
        "srbackup_objective_met": {("rpo",): 1, ("proof",): 0},
        "srbackup_next_run_timestamp_seconds": {("full",): at(5).timestamp()},
        "srbackup_last_success_timestamp_seconds": {("full",): at(3, 10).timestamp()},
        "srbackup_last_success_duration_seconds": {("full",): 600},
        "srbackup_last_success_bytes": {("full",): 1000},
        "srbackup_last_exit_status": {("full",): 14},
        "srbackup_last_end_timestamp_seconds": {("full",): at(4, 1).timestamp()},
        "srbackup_running": {("full",): 1},
        "srbackup_done_total": {("full",): 7},
        "srbackup_failures_total": {("full", "storage"): 2, ("full", "partial"): 1},
        "srbackup_missed_total": {("full",): 3},
        "srbackup_skipped_total": {("full",): 4},
        "srbackup_notifications_undelivered_total": {("full",): 5},
        "srbackup_configuration_reload_successful": {(): 0},
        "srbackup_configuration_reload_timestamp_seconds": {(): at(1).timestamp()},
    }


def test_ages_and_objectives_are_those_of_the_scrape() -> None:
    for hours, met in ((1, 1), (2, 1), (3, 0)):
        found = values(metrics.text([example()], at(3 + hours)))
        assert found["srbackup_newest_point_age_seconds"] == {(): hours * 3600}
        assert found["srbackup_objective_met"][("rpo",)] == met


def test_every_metric_has_help_and_a_unit_and_is_in_the_reference() -> None:
    text = metrics.text([example()], at(4), DaemonMeasures(True, at(1)))
    documented = set(re.findall(r"`(srbackup_\w+)`", REFERENCE.read_text()))
    for family in text_string_to_metric_families(text):
        assert family.documentation.endswith("."), family.name
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        assert name in documented, name
        documented.discard(name)
    assert {n for n in documented if not n.startswith("srbackup_newest_proven_point")} == set()


def test_measures_come_from_points_proofs_and_records_in_the_bucket(tmp_path: Path) -> None:
    wiring = fake_wiring(tmp_path, POLICY + "objectives: {rpo: 26h}\n")
    old = put_point(wiring, wiring.clock.now() - timedelta(hours=3))
    judge(wiring, old)
    new = put_point(wiring, wiring.clock.now() - timedelta(hours=1))
    (found,) = measure(wiring)
    assert (found.newest, found.proven) == (PointMeasures(new.created, 0), PointMeasures(old.created, 0))
    assert found.reachable


# -- the daemon's own


def test_a_daemon_measures_what_it_did_and_keeps_what_it_saw_while_the_store_is_away(tmp_path: Path) -> None:
    wiring = fake_wiring(tmp_path, PATIENT + "components: [data]\nschedule: {full: '*/5 * * * *'}\n", speed=500)
    wiring.clusters["production"].create_table("sales", "orders", {"p1": ["a"]})
    file = tmp_path / "srbackup.prom"
    with running(lambda: wiring) as run:
        measures = Measures(run.daemon, ignore, file)
        run.daemon.tick = measures.tick
        until(lambda: file.exists() and values(file.read_text())["srbackup_done_total"].get(("full",)))
        until(lambda: "srbackup_newest_point_bytes" in values(measures.text()))
        bytes_ = values(measures.text())["srbackup_newest_point_bytes"]

        def away(prefix: str):  # type: ignore[no-untyped-def]
            raise StorageUnreachable("memory cannot be reached")

        wiring.memory.names = away  # type: ignore[method-assign]
        until(lambda: values(measures.text())["srbackup_repository_reachable"] == {(): 0})
        assert values(measures.text())["srbackup_newest_point_bytes"] == bytes_
    assert [p.name for p in tmp_path.iterdir() if "srbackup.prom" in p.name] == ["srbackup.prom"]


def test_a_file_that_cannot_be_written_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"cannot be written to .*: No such file or directory"):
        metrics.write(tmp_path / "nowhere" / "srbackup.prom", "")


# -- the pages


def get(port: int, path: str) -> tuple[int, str | None, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    reply = connection.getresponse()
    return reply.status, reply.getheader("Content-Type"), reply.read().decode()


def test_pages_say_what_they_are_asked_at_the_moment_they_are_asked() -> None:
    healthy = [True]
    pages = Pages(
        ("127.0.0.1", 0),
        {"/metrics": metrics_page(lambda: "a 1\n"), "/healthz": health_page(lambda: (healthy[0], {"lanes": []}))},
    )
    try:
        assert get(pages.port, "/metrics?x=1") == (HTTPStatus.OK, metrics.CONTENT_TYPE, "a 1\n")
        assert get(pages.port, "/healthz")[0] == HTTPStatus.OK
        healthy[0] = False
        status, kind, text = get(pages.port, "/healthz")
        assert (status, kind, json.loads(text)) == (HTTPStatus.SERVICE_UNAVAILABLE, "application/json", {"lanes": []})
        assert get(pages.port, "/")[0] == HTTPStatus.NOT_FOUND
        with pytest.raises(Failed, match=f"Cannot listen on 127.0.0.1:{pages.port}: Address already in use"):
            Pages(("127.0.0.1", pages.port), {})
    finally:
        pages.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [("127.0.0.1:9464", ("127.0.0.1", 9464)), ("[::1]:9464", ("::1", 9464)), ("backup-1:80", ("backup-1", 80))],
)
def test_an_address_to_listen_on_is_a_host_and_a_port(text: str, found: tuple[str, int]) -> None:
    assert address(text) == found


@pytest.mark.parametrize("text", ["9464", ":9464", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:99999"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem):
        address(text)
