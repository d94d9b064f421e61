"""What a full run backs up: one BACKUP for each database, without the tables that would sink it."""

from __future__ import annotations

from collections.abc import Mapping

from srbackup.errors import ClusterUnhealthy, IncompatibleVersion
from srbackup.model.cluster import ClusterFacts, Version
from srbackup.model.inventory import Database, Inventory, Table, TableKind
from srbackup.model.plan import BackupPlan
from srbackup.model.point import Exclusion, PlannedPart
from srbackup.planning.selection import Selection


def check_source(facts: ClusterFacts) -> None:
    """Raise when no run on this cluster can succeed."""
    if facts.leader is None:
        raise ClusterUnhealthy(
            "The cluster has no leader", hint="See SHOW FRONTENDS; wait for an election or recover a quorum."
        )
    if facts.run_mode == "shared_data":
        raise IncompatibleVersion(
            "The cluster runs in shared-data mode, in which StarRocks' BACKUP takes no tables",
            hint="Use StarRocks' automated cluster snapshots there.",
        )
    if facts.usable_backends == 0:
        raise ClusterUnhealthy("The cluster has no alive backend", hint="See SHOW BACKENDS.")


def lists_need_checking(version: Version) -> bool:
    """Whether BACKUP of this release refuses list-partitioned tables (3.1.16, 3.2.13, 3.3.8 and 3.4.0 do not)."""
    fixed = {(3, 1): 16, (3, 2): 13, (3, 3): 8}.get((version.major, version.minor))
    return version.known and (version.before(3, 1) or (fixed is not None and version.patch < fixed))


def plan_backup(
    point: str, selection: Selection, facts: ClusterFacts, inventory: Inventory, broken: Mapping[str, str]
) -> BackupPlan:
    """The plan of a full run. `broken` says by qualified name which tables have tablets without a replica.

    Views and materialized views are not given to BACKUP: their text is, and a restore makes them anew from it
    (3.2 refuses a database's BACKUP for one view; a materialized view comes back inactive).
    """
    check_source(facts)
    parts: list[PlannedPart] = []
    databases: list[str] = []
    excluded = [
        Exclusion(name, f"could not be listed: {reason}", "Give the user the privileges of docs/how-to/privileges.md.")
        for name, reason in inventory.unreadable
        if _in_scope(selection, name)
    ]
    refused = {e.name for e in excluded}
    for database in inventory.databases:
        tables = [t for t in database.tables if selection.covers(t.database, t.name)]
        if not tables and not selection.covers_database(database.name):
            continue
        databases.append(database.name)
        taken = []
        for table in tables:
            exclusion = _refused_by_backup(table, facts.version, broken)
            if table.qualified in refused:
                continue
            if exclusion is not None:
                excluded.append(exclusion)
            elif table.kind is TableKind.OLAP:
                taken.append(table.name)
        if taken:
            parts.append(PlannedPart(len(parts) + 1, database.name, tuple(taken)))
    return BackupPlan(
        point, tuple(parts), tuple(databases), tuple(excluded), tuple(_warnings(selection, inventory, facts))
    )


def in_scope(selection: Selection, database: Database) -> tuple[Table, ...]:
    """The objects of a database that the policy speaks of, of whatever kind."""
    return tuple(t for t in database.tables if selection.covers(t.database, t.name))


def _in_scope(selection: Selection, name: str) -> bool:
    database, _, table = name.partition(".")
    return selection.covers(database, table) if table else selection.covers_database(database)


def _refused_by_backup(table: Table, version: Version, broken: Mapping[str, str]) -> Exclusion | None:
    """Why BACKUP would refuse the table, or never finish because of it (BackupHandler, BackupRestoreAnalyzer)."""
    name = table.qualified
    match table.kind:
        case TableKind.EXTERNAL:
            return Exclusion(
                name,
                f"BACKUP takes no external tables (type {table.type_text or 'external'})",
                "Its definition is in the point. Exclude it in the policy to have complete points.",
            )
        case TableKind.CLOUD_NATIVE:
            return Exclusion(
                name, f"BACKUP takes no cloud-native tables (type {table.type_text})", "Exclude it in the policy."
            )
        case TableKind.VIEW | TableKind.MATERIALIZED_VIEW:
            return None
        case TableKind.OLAP:
            pass
    if temporary := [p.name for p in table.partitions if p.temporary]:
        return Exclusion(
            name,
            f"BACKUP takes no table with temporary partitions ({', '.join(sorted(set(temporary))[:3])})",
            "A load, INSERT OVERWRITE or OPTIMIZE may be at work: the next run takes it. Else drop them.",
        )
    if table.partition_kind.startswith("LIST") and lists_need_checking(version):
        return Exclusion(
            name, f"BACKUP of StarRocks {version.text} takes no list-partitioned tables", "Upgrade StarRocks."
        )
    if reason := broken.get(name):
        return Exclusion(
            name, reason, "BACKUP would be cancelled for it. Bring its backend back, or repair the tablets."
        )
    return None


def _warnings(selection: Selection, inventory: Inventory, facts: ClusterFacts) -> list[str]:
    names = [(t.database, t.name) for t in inventory.tables()] + [(d.name, "*") for d in inventory.databases]
    found = [f"the include pattern {p!r} matches nothing in the cluster" for p in selection.unmatched(names)]
    if dead := [b.host for b in facts.backends if not b.alive]:
        found.append(f"backends are down: {', '.join(dead)}; a BACKUP that needs one of them waits for it")
    return found
