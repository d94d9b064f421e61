"""Schedules for cron and systemd: the commands, the times, and what neither can say."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from srbackup.app.schedule import jobs, upcoming
from srbackup.cli.main import execute
from srbackup.errors import ExitStatus, RefusedForSafety
from srbackup.model.policy import Activity, DrillPlan, Overlap, Policy, Retention, Schedule
from srbackup.planning.schedule import Timetable
from srbackup.report.units import crontab, on_calendar, systemd
from tests.fakes.wiring import CLUSTERS, REPOSITORIES

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
PROGRAM = ("/opt/srbackup/bin/srbackup", "-c", "/etc/srbackup policies/100%")
SCHEDULE = Schedule(
    full="0 3 * * *", metadata="*/15 * * * *", drill="0 6 1 * sun", prune="30 5 * * *", time_zone="Europe/Berlin"
)
NIGHTLY = Policy(
    "nightly", "production", "minio", schedule=SCHEDULE, retention=Retention(3), drill=DrillPlan("scratch")
)
WEEKLY = Policy("weekly", "other", "minio", schedule=Schedule(full="0 4 * * 6", overlap=Overlap.SKIP, catch_up=False))


def test_what_comes_next_is_that_of_all_policies_in_order() -> None:
    found = upcoming([NIGHTLY, WEEKLY], datetime(2026, 1, 10, 3, 50, tzinfo=UTC), 4)
    assert [(u.local, u.time_zone, u.policy, u.activity) for u in found] == [
        ("2026-01-10T05:00+01:00", "Europe/Berlin", "nightly", Activity.METADATA),
        ("2026-01-10T04:00+00:00", "UTC", "weekly", Activity.FULL),
        ("2026-01-10T05:15+01:00", "Europe/Berlin", "nightly", Activity.METADATA),
        ("2026-01-10T05:30+01:00", "Europe/Berlin", "nightly", Activity.METADATA),
    ]


def test_a_crontab_has_each_activity_in_the_time_zone_of_its_policy() -> None:
    lines = [line for line in crontab(jobs([NIGHTLY, WEEKLY], NOW), PROGRAM).splitlines() if line[:1] not in {"#", ""}]
    start = r"/opt/srbackup/bin/srbackup -c '/etc/srbackup policies/100\%'"
    assert lines == [
        "CRON_TZ=Europe/Berlin",
        f"0 3 * * *  {start} run nightly --lock-wait 21570",
        f"*/15 * * * *  {start} run nightly --metadata --lock-wait 870",
        f"0 6 1 * sun  {start} drill nightly --lock-wait 21570",
        f"30 5 * * *  {start} prune nightly --lock-wait 21570 && "
        f"{start} gc --repository minio --cluster production --lock-wait 21570",
        "CRON_TZ=UTC",
        f"0 4 * * 6  {start} run weekly --lock-wait 0",
    ]


def test_units_have_a_service_and_a_timer_for_each_activity() -> None:
    units = systemd(jobs([NIGHTLY, WEEKLY], NOW), PROGRAM)
    assert sorted(n for n in units if n.endswith(".timer")) == [
        "srbackup-nightly-drill.timer",
        "srbackup-nightly-full.timer",
        "srbackup-nightly-metadata.timer",
        "srbackup-nightly-prune.timer",
        "srbackup-weekly-full.timer",
    ]
    assert "Persistent=true\n" in units["srbackup-nightly-full.timer"]
    assert "Persistent=false\n" in units["srbackup-weekly-full.timer"]
    starts = [line for line in units["srbackup-nightly-prune.service"].splitlines() if line.startswith("ExecStart=")]
    start = 'ExecStart=/opt/srbackup/bin/srbackup -c "/etc/srbackup policies/100%%"'
    assert starts == [
        f"{start} prune nightly --lock-wait 21570",
        f"{start} gc --repository minio --cluster production --lock-wait 21570",
    ]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
@pytest.mark.parametrize(
    "cron", ["0 3 * * *", "*/15 * * * *", "0 6 1 * sun", "5,35 8-18/2 * * mon-fri", "0 0 1,15 */2 *", "59 23 29 2 *"]
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_systemd_understands_a_schedule_as_we_do(cron: str, zone: str) -> None:
    times = Timetable(cron, zone)
    found = set[datetime]()
    base = datetime(2026, 6, 1, tzinfo=UTC)
    for expression in on_calendar(times):
        told = subprocess.run(
            ["systemd-analyze", "calendar", f"--base-time={base:%Y-%m-%d %H:%M:%S} UTC", "--iterations=20", expression],
            capture_output=True,
            text=True,
            check=True,
            env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
        ).stdout
        elapses = [line.partition(": ")[2] for line in told.splitlines() if "elapse" in line or "Iter." in line]
        found |= {datetime.strptime(e, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC) for e in elapses}
    ours = [moment for moment, _ in zip(times.after(base), range(15), strict=False)]
    assert ours == sorted(found)[:15]


@pytest.mark.parametrize("cron", ["0 3 L * *", "0 3 * * 5#2", "0 3 15W * *", "0 3 * * L5"])
def test_days_that_systemd_has_no_words_for_are_refused(cron: str) -> None:
    with pytest.raises(RefusedForSafety, match="it knows no L, W or #"):
        on_calendar(Timetable(cron))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clusters.yaml").write_text(CLUSTERS)
    (tmp_path / "repositories.yaml").write_text(REPOSITORIES)
    (tmp_path / "nightly.yaml").write_text("cluster: production\nrepository: store\nschedule: {full: '0 3 * jul *'}\n")
    return tmp_path


def test_units_are_written_to_a_folder(folder: Path) -> None:
    out = folder / "units"
    assert execute(["-c", str(folder), "schedule", "install", "--systemd", "--output", str(out)]) is ExitStatus.DONE
    assert sorted(p.name for p in out.iterdir()) == ["srbackup-nightly-full.service", "srbackup-nightly-full.timer"]
    assert f"-c {folder} run nightly" in (out / "srbackup-nightly-full.service").read_text()


def test_a_kind_of_installation_must_be_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["-c", str(folder), "schedule", "install"]) is ExitStatus.USAGE
    assert "--crontab or --systemd" in capsys.readouterr().err


def test_the_next_times_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "nightly.yaml").write_text("cluster: production\nrepository: store\nschedule: {full: '0 3 * * *'}\n")
    assert execute(["-c", str(folder), "schedule", "next", "-n", "3"]) is ExitStatus.DONE
    assert capsys.readouterr().out.count("03:00+00:00") == 3
