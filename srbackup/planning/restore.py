"""How a point gets into a cluster: one RESTORE for each snapshot, database and number of replicas, then the views.

Nothing in the target is overwritten: what stands in the way is a conflict, and conflicts refuse the whole restore. A
restored table whose name is a view's in the target would even stop every job of that cluster (RestoreJob.java:633).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from srbackup.errors import ClusterUnhealthy, IncompatibleVersion, NotFound, RefusedForSafety
from srbackup.model.cluster import ClusterFacts, Version
from srbackup.model.inventory import Inventory, TableKind
from srbackup.model.plan import Conflict, DefinitionStep, Lowered, RestorePlan, RestoreStep, Upkeep
from srbackup.model.point import DatabaseDefinitions, Manifest, Part, TableRecord
from srbackup.planning import rewriting, upkeep
from srbackup.planning.selection import Selection


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """What is asked for: which objects of the point, and under which names of databases."""

    selection: Selection = field(default_factory=Selection)
    mapping: Mapping[str, str] = field(default_factory=dict)

    def target(self, database: str) -> str:
        return self.mapping.get(database, database)


def check_target(facts: ClusterFacts, source: Version) -> None:
    """Raise when no restore into this cluster can succeed."""
    if facts.leader is None:
        raise ClusterUnhealthy("The target cluster has no leader", hint="See SHOW FRONTENDS.")
    if facts.run_mode == "shared_data":
        raise IncompatibleVersion(
            "The target runs in shared-data mode, in which tables from this snapshot would be unreadable",
            hint="Restore into a shared-nothing cluster.",
        )
    if facts.usable_backends == 0:
        raise ClusterUnhealthy("The target cluster has no alive backend", hint="See SHOW BACKENDS.")
    target = facts.version
    if source.known and target.known and (target.major, target.minor) < (source.major, source.minor):
        raise IncompatibleVersion(
            f"The point is of StarRocks {source.text}, the target runs {target.text}: snapshots do not go back",
            hint="Upgrade the target to at least the release that was backed up.",
        )


def plan_restore(
    manifest: Manifest,
    parts: Sequence[Part],
    definitions: Sequence[DatabaseDefinitions],
    facts: ClusterFacts,
    target: Inventory,
    target_cluster: str,
    request: RestoreRequest,
) -> RestorePlan:
    """The plan, or RefusedForSafety with everything that is in the way."""
    check_target(facts, Version.parse(manifest.starrocks_version))
    chosen = _chosen(manifest, parts, definitions, request)
    steps, lowered = _steps(chosen.tables, facts.usable_backends, request)
    rules = tuple(_upkeep(steps, definitions))
    views, lowered_views = _views(chosen.views, facts.usable_backends, request)
    _refuse_conflicts(steps, views, target, request)
    _refuse_full_disks(steps, facts)
    databases = tuple(dict.fromkeys(request.target(d) for d in chosen.databases))
    existing = {d.name for d in target.databases}
    return RestorePlan(
        point=manifest.point,
        source_cluster=manifest.cluster,
        target_cluster=target_cluster,
        starrocks_repository=manifest.starrocks_repository,
        create_databases=tuple(d for d in databases if d not in existing),
        databases=databases,
        steps=tuple(steps),
        definitions=tuple(views),
        lowered=(*lowered, *lowered_views),
        missing=tuple(e for e in manifest.excluded if _asked_for(request.selection, e.name)),
        upkeep=rules,
    )


@dataclass(frozen=True, slots=True)
class _Chosen:
    databases: tuple[str, ...]
    tables: tuple[tuple[Part, tuple[TableRecord, ...]], ...]
    views: tuple[DatabaseDefinitions, ...]


def _chosen(
    manifest: Manifest, parts: Sequence[Part], definitions: Sequence[DatabaseDefinitions], request: RestoreRequest
) -> _Chosen:
    covers = request.selection.covers
    tables = [(p, tuple(t for t in p.tables if covers(p.database, t.name))) for p in parts]
    views = [
        replace(
            d,
            objects=tuple(
                o
                for o in d.objects
                if o.kind in {TableKind.VIEW, TableKind.MATERIALIZED_VIEW} and covers(d.name, o.name)
            ),
        )
        for d in definitions
    ]
    names = [(p.database, t.name) for p in parts for t in p.tables]
    names += [(d.name, o.name) for d in definitions for o in d.objects] + [(d, "*") for d in manifest.databases]
    if unmatched := request.selection.unmatched(names):
        raise NotFound(
            f"Point {manifest.point} holds nothing that matches {', '.join(map(repr, unmatched))}",
            hint=f"`srbackup show {manifest.point}` lists what it holds.",
        )
    if unknown := sorted(set(request.mapping) - set(manifest.databases)):
        raise NotFound(
            f"Point {manifest.point} has no database {', '.join(unknown)} to be mapped",
            hint=f"It holds: {', '.join(manifest.databases)}.",
        )
    busy = {p.database for p, chosen in tables if chosen} | {d.name for d in views if d.objects}
    whole = {d for d in manifest.databases if request.selection.covers_database(d) and request.selection.covers(d, "*")}
    return _Chosen(
        tuple(d for d in manifest.databases if d in busy | whole),
        tuple((p, chosen) for p, chosen in tables if chosen),
        tuple(d for d in views if d.objects),
    )


def _steps(
    tables: Sequence[tuple[Part, tuple[TableRecord, ...]]], backends: int, request: RestoreRequest
) -> tuple[list[RestoreStep], list[Lowered]]:
    steps: list[RestoreStep] = []
    lowered: list[Lowered] = []

    def given(table: TableRecord) -> int:
        return min(table.replication_num, backends)

    for part, chosen in tables:
        rows = sum(len(t.partitions) for t in part.tables) or 1
        for replicas, group in groupby(sorted(chosen, key=lambda t: (-given(t), t.name)), key=given):
            members = tuple(group)
            share = part.bytes * sum(len(t.partitions) for t in members) // rows
            steps.append(
                RestoreStep(
                    part.database,
                    request.target(part.database),
                    part.label,
                    part.backup_timestamp,
                    replicas,
                    members,
                    share if len(members) < len(part.tables) else part.bytes,
                )
            )
        lowered += [
            Lowered(f"{part.database}.{t.name}", t.replication_num, given(t))
            for t in chosen
            if given(t) < t.replication_num
        ]
    return steps, lowered


def _upkeep(steps: Sequence[RestoreStep], definitions: Sequence[DatabaseDefinitions]) -> Iterator[Upkeep]:
    texts = {(d.name, o.name): o.statement for d in definitions for o in d.of_kind(TableKind.OLAP)}
    for step in steps:
        for name in step.names:
            yield from upkeep.of_table(step.target_database, name, texts.get((step.source_database, name), ""))


def _views(
    definitions: Sequence[DatabaseDefinitions], backends: int, request: RestoreRequest
) -> tuple[list[DefinitionStep], list[Lowered]]:
    steps: list[DefinitionStep] = []
    lowered: list[Lowered] = []
    for database in definitions:
        for definition in database.objects:
            text = rewriting.with_databases(definition.statement, request.mapping)
            text, wanted = rewriting.with_replicas(text, backends)
            if wanted is not None:
                lowered.append(Lowered(f"{database.name}.{definition.name}", wanted, backends))
            steps.append(
                DefinitionStep(
                    request.target(database.name), replace(definition, statement=text), text != definition.statement
                )
            )
    return sorted(steps, key=lambda s: s.definition.kind is TableKind.MATERIALIZED_VIEW), lowered


def _refuse_conflicts(
    steps: Sequence[RestoreStep], views: Sequence[DefinitionStep], target: Inventory, request: RestoreRequest
) -> None:
    wanted = [(s.target_database, n, TableKind.OLAP) for s in steps for n in s.names]
    wanted += [(v.database, v.definition.name, v.definition.kind) for v in views]
    conflicts: list[str] = []
    taken: list[str] = []
    for database, name, kind in wanted:
        if (found := target.table(database, name)) is not None:
            conflicts.append(str(Conflict(f"{database}.{name}", found, kind)))
            taken.append(database)
    seen: set[tuple[str, str]] = set()
    for database, name, _ in wanted:
        if (database, name) in seen:
            conflicts.append(f"{database}.{name} would come from two databases of the point: check --map")
            taken.append(database)
        seen.add((database, name))
    if conflicts:
        shown = "\n  ".join(conflicts[:20]) + (f"\n  ... and {len(conflicts) - 20} more" if len(conflicts) > 20 else "")
        database = next((old for old, new in request.mapping.items() if new == taken[0]), taken[0])
        raise RefusedForSafety(
            f"{len(conflicts)} names are taken in the target, and nothing is ever overwritten:\n  {shown}",
            hint=f"Restore beside them with --map {database}=NEW_NAME, choose with --only, or drop them first.",
        )


def _refuse_full_disks(steps: Sequence[RestoreStep], facts: ClusterFacts) -> None:
    """The files come down once for each replica; a backend refuses them when its disk runs full."""
    known = [b.available_bytes for b in facts.backends if b.usable and b.available_bytes is not None]
    needed = sum(s.bytes * s.replication_num for s in steps)
    if known and needed > sum(known):
        raise RefusedForSafety(
            f"The restore needs {needed} bytes on the backends' disks, {sum(known)} are free",
            hint="Add backends or disks, or restore less with --only.",
        )


def _asked_for(selection: Selection, name: str) -> bool:
    database, _, table = name.removeprefix("definition of ").partition(".")
    return selection.covers(database, table) if table else selection.covers_database(database)
