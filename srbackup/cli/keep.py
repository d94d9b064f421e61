"""`srbackup keep POINT`"""

from __future__ import annotations

import click
from rich.markup import escape

from srbackup.app import marking
from srbackup.app.marking import PointWish
from srbackup.cli.output import print_document
from srbackup.cli.session import Session, output_option, pass_session, place_options
from srbackup.errors import ExitStatus, UsageProblem


@click.command()
@click.argument("point")
@click.option("--reason", metavar="TEXT", help="Why; whoever finds the point in a year reads it.")
@click.option("--release", is_flag=True, help="Take the hold off again: the rules decide with the next prune.")
@place_options
@output_option
@pass_session
def keep(
    session: Session,
    point: str,
    reason: str | None,
    release: bool,
    repository: str | None,
    cluster: str | None,
    output: str,
) -> ExitStatus:
    """Hold POINT (an id, the beginning of one, or `latest`): it is kept whatever the rules say.

    A point that has expired is rescued, as long as no gc has deleted it.
    """
    if release == (reason is not None):
        raise UsageProblem("Give --reason to hold a point, or --release to hold it no longer")
    wish = PointWish(point, repository, cluster)
    if reason is None:
        found = marking.release(session.wiring, wish)
        text = f"Point [bold]{found.id}[/bold] is held no longer: the next prune decides"
    else:
        found = marking.keep(session.wiring, wish, reason)
        text = f"Point [bold]{found.id}[/bold] is held: {escape(reason)}"
    if output == "table":
        session.out.print(text)
    else:
        print_document(session.out, "PointListing", found, output)
    return ExitStatus.DONE
