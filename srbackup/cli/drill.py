"""`srbackup drill [POLICY|POINT] --on SCRATCH`"""

from __future__ import annotations

from functools import partial

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from srbackup.app import drill as use_case
from srbackup.app.activities import of_drill, recorded
from srbackup.app.drill import DrillWish
from srbackup.cli.output import print_document
from srbackup.cli.progress import following
from srbackup.cli.restore import print_comparison, print_plan
from srbackup.cli.session import Session, lock_wait_option, output_option, pass_session, place_options
from srbackup.errors import ExitStatus, UsageProblem
from srbackup.model.plan import RestorePlan
from srbackup.model.point import Finding
from srbackup.model.policy import Activity
from srbackup.model.verdict import Outcome, Verdict
from srbackup.report.words import count, duration

_COLORS = {Finding.PROVEN: "green", Finding.PART: "yellow", Finding.DIFFERENT: "red"}


@click.command()
@click.argument("what", metavar="[POLICY|POINT]", required=False)
@click.option("--on", "scratch", metavar="CLUSTER", help="The scratch cluster; default: the one the policy names.")
@place_options
@click.option("--dry-run", is_flag=True, help="Print the plan and do nothing.")
@click.option("--keep", is_flag=True, help="Leave the copy where it is, to be looked at; the next drill drops it.")
@click.option("--kept", is_flag=True, help="Restore nothing: compare the copy that was kept once more.")
@lock_wait_option
@output_option
@pass_session
def drill(
    session: Session,
    what: str | None,
    scratch: str | None,
    repository: str | None,
    cluster: str | None,
    dry_run: bool,
    keep: bool,
    kept: bool,
    lock_wait: float,
    output: str,
) -> ExitStatus:
    """Prove a point: restore it to a scratch cluster, compare every partition, ask the policy's checks, drop it again.

    The newest point of POLICY, or POINT (an id, the beginning of one, or `latest`). The copy lies in databases of the
    drill's own. The verdict is stored beside the point. Of a drill of POLICY, whom its notifications name is told how
    it ended. Exit status 4: something differs.
    """
    is_policy = what is not None and what in session.wiring.configuration.policies
    wish = DrillWish(
        policy=what if is_policy else None,
        point=None if is_policy else what,
        on=scratch,
        repository=repository,
        source=cluster,
        keep=keep,
        kept=kept,
    )
    if kept and dry_run:
        raise UsageProblem("--kept restores nothing, so there is no plan that --dry-run could print")
    planned: list[RestorePlan] = []

    def look(plan: RestorePlan) -> bool:
        planned.append(plan)
        return not dry_run

    with following(session.err, session.clock, log_format=session.log_format, verbosity=session.verbosity) as notify:
        work = partial(use_case.drill, session.wiring, wish, notify, look, lock_wait=lock_wait)
        policy = session.wiring.configuration.policies[what] if what is not None and is_policy else None
        if policy is None or dry_run or kept:
            result = work()
        else:
            result = recorded(session.wiring, policy, Activity.DRILL, work, of_drill, notify)
    if result is None:
        print_plan(session.out, planned[0], output)
        return ExitStatus.DONE
    if output == "table":
        _print_verdict(session.out, result.verdict)
        for database in result.databases:
            session.out.print(f"kept: {escape(database)}")
    else:
        print_document(session.out, "Drill", result, output)
    return ExitStatus.DIFFERENCE if result.verdict.finding is Finding.DIFFERENT else ExitStatus.DONE


def _print_verdict(console: Console, verdict: Verdict) -> None:
    if verdict.problem:
        console.print(f"[red]cannot be restored:[/red] {escape(verdict.problem)}")
    else:
        print_comparison(console, verdict)
    if verdict.checks:
        table = Table("check", "expected", "found", "")
        for check in verdict.checks:
            said = "[green]passed[/green]" if check.passed else "[red]failed[/red]"
            table.add_row(escape(check.name), escape(check.expected), escape(check.problem or check.found), said)
        console.print(table)
    spent = ", ".join(f"{p.name} {duration(p.seconds)}" for p in verdict.phases)
    console.print(f"took {duration(verdict.finished - verdict.started)} ({spent})")
    finding = verdict.finding
    text = f"{verdict.point} on {verdict.target}: {verdict.partitions(Outcome.EQUAL)} of "
    text += f"{count(verdict.partitions(), 'partition')} equal in rows and content"
    if verdict.checks:
        text += f", {len(verdict.checks) - len(verdict.failed_checks)} of {count(len(verdict.checks), 'check')} passed"
    console.print(f"[bold {_COLORS[finding]}]{finding}[/]: {escape(text)}")
