"""`srbackup config validate|show|schema`"""

from __future__ import annotations

import click

from srbackup.cli.output import print_document
from srbackup.cli.session import Session, output_option, pass_session
from srbackup.config.schema import FILES, json_schema
from srbackup.errors import ExitStatus
from srbackup.report.documents import dumps
from srbackup.report.words import count


@click.group()
def config() -> None:
    """Check and show the configuration."""


@config.command()
@pass_session
def validate(session: Session) -> ExitStatus:
    """Check every file; all problems at once as file:line:column: path: problem."""
    found = session.wiring.configuration
    session.out.print(
        f"{found.folder}: {count(len(found.cluster_names), 'cluster')}, "
        f"{len(found.repository_names)} {'repository' if len(found.repository_names) == 1 else 'repositories'}, "
        f"{'1 policy' if len(found.policies) == 1 else f'{len(found.policies)} policies'}: no problem found"
    )
    return ExitStatus.DONE


@config.command()
@output_option
@pass_session
def show(session: Session, output: str) -> ExitStatus:
    """Show the configuration as it is understood, with every default; secrets are looked up and masked."""
    found = session.wiring.configuration
    value = {
        "clusters": {n: found.cluster(n) for n in found.cluster_names},
        "repositories": {n: found.repository(n) for n in found.repository_names},
        "policies": dict(found.policies),
    }
    print_document(session.out, "Configuration", value, "json" if output == "table" else output)
    return ExitStatus.DONE


@config.command()
@click.argument("kind", type=click.Choice(list(FILES)))
@pass_session
def schema(session: Session, kind: str) -> ExitStatus:
    """Print the JSON Schema of one kind of file, for editors."""
    session.out.out(dumps(json_schema(kind), indent=2), highlight=False)
    return ExitStatus.DONE
