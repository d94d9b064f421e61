"""Schedules as other programs read them: a crontab, and timers and services of systemd."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srbackup.errors import RefusedForSafety
from srbackup.model.policy import Activity
from srbackup.planning.schedule import Timetable

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@dataclass(frozen=True, slots=True)
class Job:
    """What to run and when: `commands` are arguments of srbackup, to be run one after the other while they succeed."""

    policy: str
    activity: Activity
    times: Timetable
    commands: tuple[tuple[str, ...], ...]
    catch_up: bool

    @property
    def name(self) -> str:
        return f"srbackup-{self.policy}-{self.activity}"


def crontab(jobs: Sequence[Job], program: Sequence[str]) -> str:
    """Lines for crontab(1) of a cron that knows CRON_TZ (cronie); that of Debian takes the host's time zone for all."""
    lines = [
        "# Written by `srbackup schedule install --crontab`.",
        "# CRON_TZ is heeded by cronie (RHEL, SUSE, Arch); Debian's cron ignores it: take --systemd or the daemon.",
    ]
    zone = None
    for job in sorted(jobs, key=lambda j: j.times.time_zone):
        if job.times.time_zone != zone:
            zone = job.times.time_zone
            lines += ["", f"CRON_TZ={zone}"]
        commands = " && ".join(shlex.join((*program, *c)) for c in job.commands)
        lines.append(f"{job.times.cron}  {commands}".replace("%", r"\%"))
    return "\n".join(lines) + "\n"


def systemd(jobs: Sequence[Job], program: Sequence[str]) -> Mapping[str, str]:
    """A service and a timer for each job, by the names of their files."""
    units = {}
    for job in jobs:
        units[f"{job.name}.service"] = _service(job, program)
        units[f"{job.name}.timer"] = _timer(job)
    return units


def _service(job: Job, program: Sequence[str]) -> str:
    starts = "\n".join(f"ExecStart={' '.join(_quoted(w) for w in (*program, *c))}" for c in job.commands)
    return f"""\
# Written by `srbackup schedule install --systemd`.
[Unit]
Description=srbackup: {job.activity} of {job.policy}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
# The secrets that the configuration refers to as ${{VARIABLE}}:
EnvironmentFile=-/etc/srbackup/environment
{starts}
# SIGTERM interrupts at the next safe place; the next start goes on.
SuccessExitStatus=143
"""


def _timer(job: Job) -> str:
    calendar = "\n".join(f"OnCalendar={c}" for c in on_calendar(job.times))
    return f"""\
# Written by `srbackup schedule install --systemd`.
[Unit]
Description=srbackup: when {job.activity} of {job.policy} is due ({job.times.cron})

[Timer]
{calendar}
Persistent={"true" if job.catch_up else "false"}
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def on_calendar(times: Timetable) -> tuple[str, ...]:
    """The expressions of systemd.time(7) that together mean a cron expression.

    Two where cron takes a day of the month or of the week, whichever comes: systemd takes both together.
    """
    if re.search(r"[lw#]", re.sub(r"[a-z]{3}", "", times.cron.lower())):
        raise RefusedForSafety(
            f"systemd has no words for {times.cron!r}: it knows no L, W or #",
            hint="Use the daemon (srbackup daemon) or a crontab for it, or write the days out.",
        )
    minute, hour, day, month, weekday = times.fields()
    clock = f"{_listed(hour)}:{_listed(minute)}:00 {times.time_zone}"
    days = ",".join(_DAYS[int(d)] for d in weekday) if weekday else ""
    on_days, on_weekdays = f"*-{_listed(month)}-{_listed(day)} {clock}", f"{days} *-{_listed(month)}-* {clock}"
    if day and weekday:
        return on_days, on_weekdays
    return (on_weekdays if weekday else on_days,)


def _listed(numbers: Sequence[int]) -> str:
    return ",".join(f"{n:02}" for n in numbers) or "*"


def _quoted(word: str) -> str:
    """A word of ExecStart: systemd.service(5) has quotes of its own, and % and $ mean something."""
    word = word.replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[\w./:=@%$+,-]+", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
