"""`srbackup delete POINT`"""

from __future__ import annotations

import click

from srbackup.app import marking
from srbackup.app.marking import PointWish
from srbackup.cli.output import print_document
from srbackup.cli.session import Session, lock_wait_option, output_option, pass_session, place_options
from srbackup.errors import ExitStatus
from srbackup.report.words import time


@click.command()
@click.argument("point")
@click.option("--reason", metavar="TEXT", default="deleted by hand", show_default=True, help="Why; it is kept.")
@click.option("--force", is_flag=True, help="Also a held one, the newest or newest proven one, one in use.")
@place_options
@lock_wait_option
@output_option
@pass_session
def delete(
    session: Session,
    point: str,
    reason: str,
    force: bool,
    repository: str | None,
    cluster: str | None,
    lock_wait: float,
    output: str,
) -> ExitStatus:
    """Mark POINT (an id or the beginning of one) to be deleted by `srbackup gc` after the grace of its policy.

    Until then `srbackup keep` rescues it. Exit status 16: it is held, in use, or the newest or newest proven one.
    """
    wish = PointWish(point, repository, cluster)
    found, deletion = marking.delete(session.wiring, wish, reason, force=force, lock_wait=lock_wait)
    if output == "table":
        session.out.print(f"Point [bold]{found.id}[/bold] is marked; gc deletes it from {time(deletion.not_before)} on")
    else:
        print_document(session.out, "Deletion", deletion, output)
    return ExitStatus.DONE
