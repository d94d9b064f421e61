"""`srbackup show POINT`"""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from srbackup.app import listing
from srbackup.app.listing import PointDetails
from srbackup.cli.output import print_document
from srbackup.cli.session import Session, output_option, pass_session, place_options
from srbackup.errors import ExitStatus
from srbackup.model.inventory import TableKind
from srbackup.model.point import PartitionRecord
from srbackup.model.verdict import Outcome
from srbackup.report.words import count, grouped, number, size, time


@click.command()
@click.argument("point", default="latest")
@place_options
@click.option("--partitions", is_flag=True, help="Each partition with its version and fingerprint.")
@output_option
@pass_session
def show(
    session: Session, point: str, repository: str | None, cluster: str | None, partitions: bool, output: str
) -> ExitStatus:
    """Show what POINT holds: an id, the beginning of one, or `latest`."""
    details = listing.details(session.wiring, repository, cluster, point)
    if output != "table":
        print_document(session.out, "PointDetails", details, output)
        return ExitStatus.DONE
    _print_details(session.out, details, partitions=partitions)
    return ExitStatus.DONE


def _print_details(out: Console, details: PointDetails, *, partitions: bool) -> None:
    manifest = details.manifest
    out.print(
        f"[bold]{manifest.point}[/bold] of cluster {manifest.cluster} (id {manifest.cluster_id}), {manifest.state}"
    )
    out.print(f"created {time(manifest.created)}, completed {time(manifest.completed)}, {size(manifest.bytes)}")
    out.print(f"StarRocks {escape(manifest.starrocks_version)}, repository {manifest.starrocks_repository}")
    out.print(_tables(details, partitions=partitions))
    for database in details.definitions:
        for kind in (TableKind.VIEW, TableKind.MATERIALIZED_VIEW):
            if names := [d.name for d in database.of_kind(kind)]:
                out.print(escape(f"{kind}s of {database.name} (from their text): {', '.join(names)}"))
    if empty := sorted(set(manifest.databases) - {p.database for p in details.parts}):
        out.print(escape(f"databases without tables: {', '.join(empty)}"))
    if manifest.metadata is not None:
        image = manifest.metadata
        out.print(
            f"FE metadata of {image.frontend}: image {image.journal_id}, {size(image.bytes)}, CRC32 {image.crc32}"
        )
    else:
        out.print(escape(f"FE metadata: {manifest.metadata_note}"))
    for left_out, exclusion in grouped(manifest.excluded):
        out.print(f"[yellow]not in the point:[/yellow] {escape(f'{left_out}: {exclusion.reason}')}")
    for warning in manifest.warnings:
        out.print(f"[yellow]warning:[/yellow] {escape(warning)}")
    for verdict in details.verdicts:
        text = f"{verdict.purpose} on {verdict.target} at {time(verdict.finished)}: {verdict.finding}, "
        text += f"{verdict.partitions(Outcome.EQUAL)} of {count(verdict.partitions(), 'partition')} equal"
        if verdict.checks:
            text += (
                f", {len(verdict.checks) - len(verdict.failed_checks)} of {count(len(verdict.checks), 'check')} passed"
            )
        out.print(escape(text + (f": {verdict.problem}" if verdict.problem else "")))


def _tables(details: PointDetails, *, partitions: bool) -> Table:
    table = Table("table", "partitions", "rows", "replicas", "compared after a restore")
    for part in details.parts:
        for record in part.tables:
            compared = sum(p.fingerprint is not None for p in record.partitions)
            table.add_row(
                escape(f"{part.database}.{record.name}"),
                number(len(record.partitions)),
                number(record.rows),
                str(record.replication_num),
                f"{compared} of {len(record.partitions)} partitions",
            )
            for partition in record.partitions if partitions else ():
                table.add_row(*_partition_cells(partition))
    return table


def _partition_cells(partition: PartitionRecord) -> tuple[str, ...]:
    versions = ", ".join(str(v) for _, v in partition.versions)
    found = partition.fingerprint
    rows = number(found.rows) if found is not None else "?"
    return f"  {escape(partition.name)}", f"version {versions}", rows, "", (found.checksum or "") if found else ""
