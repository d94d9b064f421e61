"""`srbackup list`"""

from __future__ import annotations

import click

from srbackup.app import listing
from srbackup.cli.output import print_documents, print_table
from srbackup.cli.session import Session, output_option, pass_session, place_options
from srbackup.errors import ExitStatus
from srbackup.model.point import Finding, PointListing, PointState
from srbackup.report.words import duration, number, size, time

_COLORS = {
    PointState.COMPLETE: "green",
    PointState.PARTIAL: "yellow",
    PointState.EXPIRED: "magenta",
    PointState.RUNNING: "cyan",
    PointState.INTERRUPTED: "red",
}
_COLUMNS = ("point", "cluster", "state", "created", "took", "databases", "tables", "bytes", "FE metadata", "proven")


@click.command("list")
@place_options
@click.option("--all", "everything", is_flag=True, help="Also what is running, interrupted or expired.")
@output_option
@pass_session
def list_points(
    session: Session, repository: str | None, cluster: str | None, everything: bool, output: str
) -> ExitStatus:
    """List recovery points, oldest first: every one listed can be restored."""
    points = listing.points(session.wiring, repository, cluster, everything=everything)
    if output != "table":
        print_documents(session.out, "PointList", "PointListing", points, output)
        return ExitStatus.DONE
    print_table(session.out, _COLUMNS, [_cells(p) for p in points])
    return ExitStatus.DONE


def _cells(point: PointListing) -> tuple[str, ...]:
    state = f"[{_COLORS[point.state]}]{point.state}[/]"
    if (commit := point.commit) is None:
        return point.id, point.cluster, state, time(point.created), "", "", "", "", "", ""
    if point.held:
        state += ", held"
    left_out = f" ({commit.excluded} left out)" if commit.excluded else ""
    return (
        point.id,
        point.cluster,
        state + left_out,
        time(point.created),
        duration(commit.completed - commit.created),
        number(commit.databases),
        number(commit.tables),
        size(commit.bytes),
        "yes" if commit.metadata else "no",
        _proof(point),
    )


def _proof(point: PointListing) -> str:
    """When it was proven; or what the newest look at it found."""
    if point.proven is not None:
        return f"[green]{time(point.proven)}[/green]"
    newest = max(point.verdicts, key=lambda v: v.at, default=None)
    if newest is None:
        return ""
    return "[red]different[/red]" if newest.finding is Finding.DIFFERENT else "in part"
