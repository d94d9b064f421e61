"""`srbackup status`"""

from __future__ import annotations

import click
from rich.markup import escape
from rich.table import Table

from srbackup.app import listing
from srbackup.app.listing import PolicyStatus
from srbackup.cli.output import print_documents
from srbackup.cli.session import Session, output_option, pass_session
from srbackup.errors import ExitStatus
from srbackup.report.words import duration


@click.command()
@click.option("--check", is_flag=True, help="Exit with 5 when an objective is missed, saying which.")
@output_option
@pass_session
def status(session: Session, check: bool, output: str) -> ExitStatus:
    """Show how old each policy's newest point is, against its objective."""
    found = listing.status(session.wiring)
    if output != "table":
        print_documents(session.out, "StatusList", "PolicyStatus", found, output)
    else:
        table = Table("policy", "cluster", "newest point", "age", "objective (rpo)", "now")
        for policy in found:
            table.add_row(*_cells(policy))
        session.out.print(table)
    missed = [p for p in found if p.rpo_met is False]
    if check and missed:
        for policy in missed:
            age = f"is {duration(policy.age)} old" if policy.age is not None else "does not exist"
            reason = policy.problem or f"its newest point {age}, the objective is {duration(policy.rpo)}"
            session.err.print(f"[red]objective missed:[/red] policy {escape(policy.policy)}: {escape(reason)}")
        return ExitStatus.OBJECTIVE_MISSED
    return ExitStatus.DONE


def _cells(policy: PolicyStatus) -> tuple[str, ...]:
    newest = policy.newest.id if policy.newest else "[red]none[/red]"
    objective = duration(policy.rpo) if policy.rpo else "none"
    if policy.rpo_met is not None:
        objective += " [green]met[/green]" if policy.rpo_met else " [red]missed[/red]"
    now = "running" if policy.running else ""
    if policy.interrupted:
        now = f"{now} {len(policy.interrupted)} interrupted".strip()
    if policy.problem:
        now = f"[red]{escape(policy.problem.splitlines()[0])}[/red]"
    return policy.policy, policy.cluster, newest, duration(policy.age), objective, now
