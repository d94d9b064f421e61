"""`srbackup gc`"""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape

from srbackup.app import gc as use_case
from srbackup.app.gc import GcResult, GcWish, Swept
from srbackup.cli.output import print_document, print_table
from srbackup.cli.progress import following
from srbackup.cli.session import Session, lock_wait_option, output_option, pass_session, place_options
from srbackup.errors import ExitStatus
from srbackup.planning.sweeping import Action
from srbackup.report.words import count, number, size

_COLORS = {Action.DUE: "red", Action.BEGUN: "red", Action.WAITING: "yellow", Action.SPARED: "green"}
_NAMED = 10


@click.command()
@place_options
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@lock_wait_option
@output_option
@pass_session
def gc(
    session: Session, repository: str | None, cluster: str | None, dry_run: bool, lock_wait: float, output: str
) -> ExitStatus:
    """Delete the objects of marked points whose grace is over by the store's clock.

    Spared after all: what is held, in use, or the newest or newest proven point of its policy by now. No backup of
    the cluster runs meanwhile. A gc that was interrupted is finished by the next. Snapshots that srbackup did not
    make are never touched.
    """
    wish = GcWish(repository, cluster)
    if dry_run:
        result = use_case.plan(session.wiring, wish)
    else:
        with following(
            session.err, session.clock, log_format=session.log_format, verbosity=session.verbosity
        ) as notify:
            result = use_case.gc(session.wiring, wish, notify, lock_wait=lock_wait)
    if output == "table":
        _print_table(session.out, result, dry_run=dry_run)
    else:
        print_document(session.out, "Gc", result, output)
    return ExitStatus.DONE


def _print_table(console: Console, result: GcResult, *, dry_run: bool) -> None:
    if result.swept:
        rows = [_cells(s, dry_run=dry_run) for s in result.swept]
        print_table(console, ("point", "cluster", "", "objects", "bytes", "reason"), rows)
    else:
        console.print("No point is marked to be deleted")
    gone = [s.removed for s in result.swept if s.removed is not None]
    if gone:
        objects, freed = sum(r.objects for r in gone), size(sum(r.bytes for r in gone))
        console.print(f"{count(len(gone), 'point')} deleted: {count(objects, 'object')}, {freed}")
    if result.foreign:
        named = ", ".join(result.foreign[:_NAMED]) + (", ..." if len(result.foreign) > _NAMED else "")
        console.print(f"{count(len(result.foreign), 'snapshot')} of others, not touched: {escape(named)}")


def _cells(swept: Swept, *, dry_run: bool) -> tuple[str, ...]:
    sweep, removed = swept.sweep, swept.removed
    action = "deleted" if removed is not None else str(sweep.action)
    if dry_run and sweep.action is Action.BEGUN:
        action = "to be finished"
    return (
        sweep.id,
        swept.cluster,
        f"[{_COLORS[sweep.action]}]{action}[/]",
        number(removed.objects) if removed is not None else "",
        size(removed.bytes) if removed is not None else "",
        escape(sweep.reason),
    )
