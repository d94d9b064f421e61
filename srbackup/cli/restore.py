"""`srbackup restore [POINT] --to CLUSTER`"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from srbackup.app import restore as use_case
from srbackup.app.restore import RestoreResult, RestoreWish
from srbackup.cli.output import print_document
from srbackup.cli.progress import following
from srbackup.cli.session import Session, lock_wait_option, moment, output_option, pass_session, place_options
from srbackup.errors import ExitStatus, UsageProblem
from srbackup.model.plan import RestorePlan
from srbackup.model.verdict import Outcome, Purpose, Verdict
from srbackup.planning.restore import RestoreRequest
from srbackup.planning.selection import Selection
from srbackup.report.words import count, grouped, size


@click.command()
@click.argument("point", required=False)
@click.option("--to", "target", required=True, metavar="CLUSTER", help="The cluster to restore into.")
@click.option("--only", multiple=True, metavar="DB.TABLE", help="Restore only what matches (globs; repeatable).")
@click.option("--exclude", multiple=True, metavar="DB.TABLE", help="Leave out what matches (globs; repeatable).")
@click.option("--map", "mapping", multiple=True, metavar="DB=NEW", help="Restore a database under another name.")
@click.option("--at", callback=moment, metavar="TIME", help="The newest point complete at this time, UTC without zone.")
@place_options
@click.option("--dry-run", is_flag=True, help="Print the plan and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--discard-interrupted", is_flag=True, help="First drop what an interrupted restore into CLUSTER created."
)
@lock_wait_option
@output_option
@pass_session
def restore(
    session: Session,
    point: str | None,
    target: str,
    only: Sequence[str],
    exclude: Sequence[str],
    mapping: Sequence[str],
    at: str | None,
    repository: str | None,
    cluster: str | None,
    dry_run: bool,
    yes: bool,
    discard_interrupted: bool,
    lock_wait: float,
    output: str,
) -> ExitStatus:
    """Restore POINT (an id, the beginning of one, `latest` or `latest-proven`) into a cluster, and compare.

    Nothing is overwritten: tables or views of the same names in the target refuse the restore (exit status 16).
    Afterwards every partition's rows and content are compared with what the point recorded (exit status 4 if they
    differ). A restore that was interrupted is gone on with by the same command.
    """
    if discard_interrupted and dry_run:
        raise UsageProblem("--discard-interrupted drops tables, so it does not go with --dry-run")
    if point is not None and at is not None:
        raise UsageProblem("Name a point or a time (--at), not both")
    selection = Selection(_patterns(only) or ("*.*",), _patterns(exclude))
    request = RestoreRequest(selection, _mapping(mapping))
    wish = RestoreWish(at or point or "latest", target, request, repository, cluster, discard_interrupted)
    interactive = sys.stdin.isatty() and sys.stderr.isatty()

    def attempt(agree: Callable[[RestorePlan], bool]) -> RestoreResult | None:
        with following(
            session.err, session.clock, log_format=session.log_format, verbosity=session.verbosity
        ) as notify:
            return use_case.restore(session.wiring, wish, notify, agree, lock_wait=lock_wait)

    planned: list[RestorePlan] = []

    def look(plan: RestorePlan) -> bool:
        planned.append(plan)
        return yes and not dry_run

    result = attempt(look)
    if result is None:
        print_plan(session.out if dry_run else session.err, planned[0], output if dry_run else "table")
        if dry_run:
            return ExitStatus.DONE
        if not interactive:
            raise UsageProblem("This restore needs a yes", hint="Look at the plan above, then add --yes.")
        if not click.confirm("Carry this out?", err=True):
            return ExitStatus.DONE
        result = attempt(lambda plan: plan == planned[0])
    if result is None:
        raise UsageProblem("The plan changed while you looked at it", hint="Run the command again.")
    if output == "table":
        _print_result(session.out, result)
    else:
        print_document(session.out, "Restore", result, output)
    return ExitStatus.DIFFERENCE if result.verdict.outcome is Outcome.DIFFERENT else ExitStatus.DONE


def _patterns(values: Sequence[str]) -> tuple[str, ...]:
    """`db` alone means all of it."""
    return tuple(v if "." in v else f"{v}.*" for v in values)


def _mapping(values: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for value in values:
        old, equals, new = value.partition("=")
        if not (old and equals and new):
            raise UsageProblem(f"--map {value!r} is not of the form DB=NEW")
        pairs[old] = new
    return pairs


def print_plan(console: Console, plan: RestorePlan, output: str) -> None:
    if output != "table":
        print_document(console, "RestorePlan", plan, output)
        return
    console.print(
        f"Restore of [bold]{plan.point}[/bold] ({plan.source_cluster}) into [bold]{plan.target_cluster}[/bold]: "
        f"{count(len(plan.steps), 'RESTORE job')}, {count(plan.tables, 'table')}, {size(plan.bytes)}"
    )
    table = Table("into", "tables", "replicas", "bytes", "snapshot")
    for step in plan.steps:
        into = step.target_database + (" (new)" if step.target_database in plan.create_databases else "")
        table.add_row(
            escape(into), escape(", ".join(step.names)), str(step.replication_num), size(step.bytes), escape(step.label)
        )
    console.print(table)
    for view in plan.definitions:
        rewritten = " (text rewritten)" if view.rewritten else ""
        console.print(
            escape(f"{view.definition.kind} {view.database}.{view.definition.name}, from its text{rewritten}")
        )
    if empty := [d for d in plan.create_databases if d not in {s.target_database for s in plan.steps}]:
        console.print(escape(f"databases without tables: {', '.join(empty)}"))
    for (wanted, given), tables in _lowered(plan).items():
        text = f"{given} instead of {wanted} for {', '.join(tables)}: the target has no more backends"
        console.print(f"[yellow]fewer replicas:[/yellow] {escape(text)}")
    for rule in plan.upkeep:
        text = f'"{rule.key}" of {rule.database}.{rule.table}'
        text += ", which drops old partitions, stays off" if rule.drops else " is off until the end"
        console.print(f"[yellow]upkeep:[/yellow] {escape(text)}")
    for names, exclusion in grouped(plan.missing):
        console.print(f"[yellow]not in the point:[/yellow] {escape(f'{names}: {exclusion.reason}')}")


def _lowered(plan: RestorePlan) -> dict[tuple[int, int], list[str]]:
    found: dict[tuple[int, int], list[str]] = {}
    for lowered in plan.lowered:
        found.setdefault((lowered.wanted, lowered.given), []).append(lowered.table)
    return found


def _print_result(console: Console, result: RestoreResult) -> None:
    print_comparison(console, result.verdict)
    console.print(_summary(result.verdict, result.plan))


def print_comparison(console: Console, verdict: Verdict) -> None:
    """Every table with its outcome, then what is not equal, partition by partition.

    A drill's tables go by the names that they have in the protected cluster: nobody knows the copy's.
    """
    tables = [(t.source if verdict.purpose is Purpose.DRILL else t.target, t) for t in verdict.tables]
    table = Table("table", "partitions", "rows", "comparison")
    for name, compared in tables:
        color = {Outcome.EQUAL: "green", Outcome.DIFFERENT: "red", Outcome.NOT_COMPARED: "yellow"}[compared.outcome]
        rows = f"{compared.rows:,}"
        table.add_row(escape(name), str(len(compared.partitions)), rows, f"[{color}]{compared.outcome}[/]")
    console.print(table)
    for name, compared in tables:
        for partition in compared.partitions:
            if partition.outcome is not Outcome.EQUAL:
                where = f"{name}, partition {partition.partition}"
                console.print(f"{partition.outcome}: {escape(where)}: {escape(partition.reason)}")
    for name in verdict.missing:
        console.print(f"[red]missing:[/red] {escape(name)}")


def _summary(verdict: Verdict, plan: RestorePlan) -> str:
    equal = verdict.partitions(Outcome.EQUAL)
    total = verdict.partitions()
    color = {Outcome.EQUAL: "green", Outcome.DIFFERENT: "red", Outcome.NOT_COMPARED: "yellow"}[verdict.outcome]
    return (
        f"[bold {color}]{verdict.outcome}[/]: {plan.point} in {plan.target_cluster}: {equal} of "
        f"{count(total, 'partition')} equal in rows and content, {verdict.partitions(Outcome.DIFFERENT)} different, "
        f"{verdict.partitions(Outcome.NOT_COMPARED)} not compared"
    )
