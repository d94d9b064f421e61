"""`srbackup run [POLICY]`"""

from __future__ import annotations

from functools import partial

import click
from rich.markup import escape
from rich.table import Table

from srbackup.app import run as use_case
from srbackup.app.activities import metadata_only, of_run, recorded
from srbackup.cli.progress import following
from srbackup.cli.session import Session, lock_wait_option, output_option, pass_session
from srbackup.errors import ExitStatus, UsageProblem
from srbackup.model.plan import BackupPlan
from srbackup.model.point import PointState
from srbackup.model.policy import Activity
from srbackup.report.documents import document, dumps
from srbackup.report.words import count, grouped, number, size


@click.command()
@click.argument("policy", required=False)
@click.option("--full", is_flag=True, help="A full point. This is what every run makes for now.")
@click.option("--metadata", is_flag=True, help="FE metadata alone: a point without table data.")
@click.option("--dry-run", is_flag=True, help="Print the plan and do nothing.")
@lock_wait_option
@output_option
@pass_session
def run(
    session: Session,
    policy: str | None,
    full: bool,
    metadata: bool,
    dry_run: bool,
    lock_wait: float,
    output: str,
) -> ExitStatus:
    """Back up what POLICY covers and make a recovery point of it.

    Without POLICY: the only one there is. A run that was interrupted less than `limits.resume` ago is gone on with.
    Whom the policy's notifications name is told how it ended. Exit status 3: the point was made, but something in
    scope is not in it.
    """
    if full and metadata:
        raise UsageProblem("--full and --metadata exclude each other")
    activity = Activity.METADATA if metadata else Activity.FULL
    whole = session.wiring.configuration.policy(policy)
    chosen = metadata_only(whole) if metadata else whole
    if dry_run:
        plan = use_case.plan(session.wiring, chosen)
        if output == "table":
            _print_plan(session, plan)
        else:
            session.out.out(dumps(document("BackupPlan", plan), indent=1 if output == "json" else None))
        return ExitStatus.PARTIAL if plan.excluded else ExitStatus.DONE
    with following(session.err, session.clock, log_format=session.log_format, verbosity=session.verbosity) as notify:
        work = partial(use_case.run, session.wiring, chosen, notify, lock_wait=lock_wait)
        result = recorded(session.wiring, whole, activity, work, of_run, notify)
    if output == "table":
        _print_result(session, result)
    else:
        session.out.out(dumps(document("Point", result.manifest), indent=1 if output == "json" else None))
    return ExitStatus.PARTIAL if result.commit.state is PointState.PARTIAL else ExitStatus.DONE


def _print_plan(session: Session, plan: BackupPlan) -> None:
    table = Table("#", "database", "tables", title=f"{count(len(plan.parts), 'BACKUP job')} for {plan.point}")
    for part in plan.parts:
        table.add_row(str(part.number), escape(part.database), escape(", ".join(part.tables)))
    session.out.print(table)
    empty = sorted(set(plan.databases) - {p.database for p in plan.parts})
    if empty:
        session.out.print(f"Without tables to back up (definitions only): {escape(', '.join(empty))}")
    for names, exclusion in grouped(plan.excluded):
        hint = f" {exclusion.hint}" if exclusion.hint else ""
        session.out.print(f"[yellow]left out[/yellow] {escape(names)}: {escape(exclusion.reason)}.{escape(hint)}")
    for warning in plan.warnings:
        session.out.print(f"[yellow]warning[/yellow] {escape(warning)}")


def _print_result(session: Session, result: use_case.RunResult) -> None:
    manifest, commit = result.manifest, result.commit
    table = Table("database", "tables", "partitions", "rows", "bytes", "label")
    for part in manifest.parts:
        table.add_row(
            escape(part.database),
            number(part.tables),
            number(part.partitions),
            number(part.rows),
            size(part.bytes),
            part.label,
        )
    session.out.print(table)
    if manifest.metadata is not None:
        image = manifest.metadata
        text = f"FE metadata of {image.frontend}: image {image.journal_id}, {size(image.bytes)}, CRC32 {image.crc32}"
        session.out.print(escape(text))
    else:
        session.out.print(f"FE metadata: {escape(manifest.metadata_note)}")
    for names, exclusion in grouped(manifest.excluded):
        session.out.print(f"[yellow]not in the point:[/yellow] {escape(names)}: {escape(exclusion.reason)}")
    color = "green" if commit.state is PointState.COMPLETE else "yellow"
    session.out.print(f"Point [bold]{commit.point}[/bold] is [{color}]{commit.state}[/{color}]")
