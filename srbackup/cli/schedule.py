"""`srbackup schedule next|install`"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from srbackup.app import schedule as use_case
from srbackup.app.schedule import Upcoming
from srbackup.cli.output import print_documents, print_table
from srbackup.cli.session import Session, output_option, pass_session
from srbackup.errors import ExitStatus, Failed, UsageProblem
from srbackup.report.units import crontab, systemd
from srbackup.report.words import duration


@click.group()
def schedule() -> None:
    """What the policies' schedules will make due."""


@schedule.command("next")
@click.argument("policy", required=False)
@click.option("-n", "number", type=click.IntRange(1, 1000), default=10, show_default=True, help="So many.")
@output_option
@pass_session
def next_(session: Session, policy: str | None, number: int, output: str) -> ExitStatus:
    """Show what is due next, for POLICY or for all; times are those of the policies' time zones."""
    configuration = session.wiring.configuration
    chosen = [configuration.policy(policy)] if policy else list(configuration.policies.values())
    now = session.clock.now()
    found = use_case.upcoming(chosen, now, number)
    if output != "table":
        print_documents(session.out, "UpcomingList", "Upcoming", found, output)
        return ExitStatus.DONE

    def cells(upcoming: Upcoming) -> tuple[str, ...]:
        local = upcoming.local.replace("T", " ")
        in_ = duration(upcoming.at - now)
        return local, upcoming.time_zone, in_, upcoming.policy, upcoming.activity.value, upcoming.cluster

    print_table(session.out, ("due", "time zone", "in", "policy", "activity", "cluster"), [cells(u) for u in found])
    return ExitStatus.DONE


@schedule.command()
@click.option("--crontab", "kind", flag_value="crontab", help="Lines for a crontab.")
@click.option("--systemd", "kind", flag_value="systemd", help="A service and a timer for each activity.")
@click.option(
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write files there, such as /etc/systemd/system; without it they are printed.",
)
@pass_session
def install(session: Session, kind: str | None, folder: Path | None) -> ExitStatus:
    """Let cron or systemd do what is due, where no daemon is to run: do not use both."""
    if kind is None:
        raise UsageProblem("Say what to write: --crontab or --systemd")
    configuration = session.wiring.configuration
    jobs = use_case.jobs(configuration.policies.values(), session.clock.now())
    program = (str(Path(sys.argv[0]).resolve()), "-c", str(configuration.folder.resolve()))
    files = {"srbackup.crontab": crontab(jobs, program)} if kind == "crontab" else systemd(jobs, program)
    if folder is not None:
        _write(folder, files)
        for name in files:
            session.err.print(f"wrote {folder / name}")
        return ExitStatus.DONE
    for name, text in files.items():
        heading = "" if len(files) == 1 else f"# -- {name}\n"
        session.out.out(heading + text, highlight=False)
    return ExitStatus.DONE


def _write(folder: Path, files: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failed(
            f"{folder} cannot be written: {error.strerror or error}", hint="Choose another --output."
        ) from error
