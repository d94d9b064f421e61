"""`srbackup status`"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

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
@click.option(
    "--metrics-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the metrics to this file, for the node exporter's textfile collector.",
)
@output_option
@pass_session
def status(session: Session, check: bool, metrics_file: Path | None, output: str) -> ExitStatus:
    """Show how old each policy's newest point and newest proven point are, against its objectives."""
    found = listing.status(session.wiring)
    if metrics_file is not None:
        from srbackup.app.measuring import measure  # a tenth of the start of a status without them
        from srbackup.report import metrics

        metrics.write(metrics_file, metrics.text(measure(session.wiring), session.clock.now()))
    if output != "table":
        print_documents(session.out, "StatusList", "PolicyStatus", found, output)
    else:
        table = Table("policy", "cluster", "newest point", "age (rpo)", "newest proven point", "age (proof)", "now")
        for policy in found:
            table.add_row(*_cells(policy))
        session.out.print(table)
    missed = [(p.policy, reason) for p in found for reason in p.missed]
    for policy_name, reason in missed if check else ():
        session.err.print(f"[red]objective missed:[/red] policy {escape(policy_name)}: {escape(reason)}")
    return ExitStatus.OBJECTIVE_MISSED if check and missed else ExitStatus.DONE


def _cells(policy: PolicyStatus) -> tuple[str, ...]:
    newest = policy.newest.id if policy.newest else "[red]none[/red]"
    proven = policy.proven.id if policy.proven else "none"
    now = "running" if policy.running else ""
    if policy.interrupted:
        now = f"{now} {len(policy.interrupted)} interrupted".strip()
    if policy.problem:
        now = f"[red]{escape(policy.problem.splitlines()[0])}[/red]"
    age = _against(policy.age, policy.rpo, policy.rpo_met)
    proof_age = _against(policy.proof_age, policy.proof, policy.proof_met)
    return policy.policy, policy.cluster, newest, age, proven, proof_age, now


def _against(age: timedelta | None, objective: timedelta | None, met: bool | None) -> str:
    """An age and what it should be at most."""
    if met is None:
        return duration(age)
    return f"{duration(age)} of {duration(objective)} " + ("[green]met[/green]" if met else "[red]missed[/red]")
