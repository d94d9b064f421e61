"""`srbackup doctor [POLICY]`"""

from __future__ import annotations

import click
from rich.markup import escape

from srbackup.app import doctor as use_case
from srbackup.app.doctor import Finding, Level
from srbackup.cli.output import print_documents
from srbackup.cli.session import Session, output_option, pass_session
from srbackup.errors import ExitStatus

_MARKS = {
    Level.OK: "[green]ok[/green]     ",
    Level.WARNING: "[yellow]warning[/yellow]",
    Level.FAILURE: "[red]failure[/red]",
}


@click.command()
@click.argument("policy", required=False)
@output_option
@pass_session
def doctor(session: Session, policy: str | None, output: str) -> ExitStatus:
    """Check the store, the cluster and the way between them, for POLICY or for all; say what to mend.

    Exit status: that of the first failure, 0 when there are only warnings.
    """
    configuration = session.wiring.configuration
    chosen = [configuration.policy(policy)] if policy else list(configuration.policies.values())
    findings: list[Finding] = []
    for one in chosen:
        if output == "table":
            session.out.print(f"[bold]{one.name}[/bold] (cluster {one.cluster}, repository {one.repository})")
        for finding in use_case.examine(session.wiring, one):
            findings.append(finding)
            if output == "table":
                session.out.print(f"  {_MARKS[finding.level]}  {escape(finding.subject)}: {escape(finding.text)}")
                if finding.remedy and finding.level is not Level.OK:
                    session.out.print(f"           [dim]{escape(finding.remedy)}[/dim]")
    if output != "table":
        print_documents(session.out, "Findings", "Finding", findings, output)
    failures = [f for f in findings if f.level is Level.FAILURE]
    return ExitStatus(failures[0].status or int(ExitStatus.FAILED)) if failures else ExitStatus.DONE
