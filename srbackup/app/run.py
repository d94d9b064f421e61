"""`srbackup run`: resolve, connect, read facts, plan, execute, record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from srbackup import __version__
from srbackup.app.repository import ensure_repository
from srbackup.app.wiring import Wiring, catalog
from srbackup.catalog import index, layout, leases
from srbackup.catalog.catalog import Catalog, unfinished
from srbackup.catalog.leases import HeldLease
from srbackup.errors import Failed, Interrupted, SrbackupError
from srbackup.execution.backup import BackupTools, PartOutcome, back_up
from srbackup.execution.metadata import MetadataTools, back_up_metadata
from srbackup.execution.parallel import Together, Work, all_of
from srbackup.model.cluster import Cluster, ClusterFacts
from srbackup.model.events import Began, Committed, Event, JobDone, JobSubmitted, Notify, StepStarted, Verb, Warned
from srbackup.model.inventory import Inventory, Table
from srbackup.model.plan import BackupPlan
from srbackup.model.point import (
    Commit,
    Exclusion,
    Intent,
    Manifest,
    MetadataRecord,
    PartSummary,
    PointKind,
    Reference,
    point_id,
)
from srbackup.model.policy import Component, Policy
from srbackup.model.repository import Repository
from srbackup.nodes.base import Node
from srbackup.planning.backup import check_source, in_scope, lists_need_checking, plan_backup
from srbackup.planning.selection import Selection
from srbackup.starrocks import messages
from srbackup.starrocks.base import StarRocks, StatementRefused


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run made: the commit and manifest of its point."""

    commit: Commit
    manifest: Manifest
    resumed: bool


def plan(wiring: Wiring, policy: Policy) -> BackupPlan:
    """The plan that a run of this moment would carry out; nothing is written anywhere."""
    starrocks = wiring.starrocks(wiring.configuration.cluster(policy.cluster))
    try:
        facts = starrocks.facts()
        check_source(facts)
        inventory = _inventory(starrocks, facts)
        point = point_id(policy.name, wiring.clock.now(), wiring.nonce())
        return _plan(starrocks, policy, facts, inventory, point)
    finally:
        starrocks.close()


def run(wiring: Wiring, policy: Policy, notify: Notify, *, lock_wait: float = 0) -> RunResult:
    """Make a point of what the policy captures, or go on with the one that an interrupted run of the same left."""
    cluster = wiring.configuration.cluster(policy.cluster)
    repository = wiring.configuration.repository(policy.repository)
    points = catalog(wiring, repository)
    notify(StepStarted("checking the cluster and the store"))
    points.exists()
    starrocks = wiring.starrocks(cluster)
    try:
        facts = starrocks.facts()
        check_source(facts)
        points.initialise(wiring.nonce())
        key, nonce = layout.lock(cluster.name, "run"), wiring.nonce()
        with leases.held(points.store, key, f"run of {policy.name}", nonce, wiring.clock, wait=lock_wait) as lease:
            ensure_repository(starrocks, repository, notify, to_write=True)
            return _Run(wiring, policy, cluster, repository, points, starrocks, facts, lease, nonce, notify).carry_out()
    finally:
        starrocks.close()


@dataclass(slots=True)
class _Run:
    """One run under its lease."""

    wiring: Wiring
    policy: Policy
    cluster: Cluster
    repository: Repository
    catalog: Catalog
    starrocks: StarRocks
    facts: ClusterFacts
    lease: HeldLease
    nonce: str
    notify: Notify
    running: dict[str, str] = field(default_factory=dict)

    def carry_out(self) -> RunResult:
        started = self.wiring.clock.monotonic()
        self.notify(StepStarted("listing databases, tables and partitions"))
        inventory = _inventory(self.starrocks, self.facts)
        intent, warnings, resumed = self._intent(inventory)
        self.lease.works_on(intent.point)
        try:
            result = self._execute(intent, inventory, warnings, resumed=resumed)
        except Interrupted as error:
            raise type(error)(self._left(intent), hint=f"Go on with it: {self._command()}") from error
        commit = result.commit
        seconds = self.wiring.clock.monotonic() - started
        self.notify(Committed(commit.point, commit.state, commit.bytes, seconds))
        return result

    def _command(self) -> str:
        kind = PointKind.of(self.policy.components)
        return f"srbackup run {self.policy.name}" + (" --metadata" if kind is PointKind.METADATA else "")

    def _intent(self, inventory: Inventory) -> tuple[Intent, tuple[str, ...], bool]:
        """The intent to carry out: an interrupted one that is young enough, or a new one."""
        kind = PointKind.of(self.policy.components)
        listed = self.catalog.points(self.cluster.name)
        index.refresh(self.catalog.store, self.cluster.name, listed)
        for old in unfinished(listed, self.policy.name, kind):
            age = self.wiring.clock.now() - old.created
            if age <= self.policy.limits.resume and old.starrocks_repository == self.repository.starrocks_name:
                return old, (), True
            self._abandon(old)
            break
        created, nonce = self.wiring.clock.now(), self.nonce
        point = point_id(self.policy.name, created, nonce)
        plan = _plan(self.starrocks, self.policy, self.facts, inventory, point)
        for warning in plan.warnings:
            self.notify(Warned(warning))
        for exclusion in plan.excluded:
            self.notify(Warned(f"{exclusion.name} is left out: {exclusion.reason}", exclusion.hint))
        if not plan.databases and Component.DATA in self.policy.components:
            raise Failed(
                f"Policy {self.policy.name!r} covers no database of cluster {self.cluster.name!r}",
                hint="Check `include` and `exclude`, and what the user may see.",
            )
        intent = _new_intent(plan, self.policy, self.repository, created, nonce, self.lease.epoch)
        self.catalog.begin(intent)
        return intent, plan.warnings, False

    def _abandon(self, old: Intent) -> None:
        """An interrupted run too old to be gone on with: cancel what it may have left running."""
        self.notify(Warned(f"Point {old.point} was interrupted and is too old to be gone on with: it stays unfinished"))
        for part in old.parts:
            job = self.starrocks.backup_job(part.database)
            if job is not None and job.label.startswith(f"{old.point}_") and not job.state.over:
                try:
                    self.starrocks.cancel_backup(part.database)
                except StatementRefused as error:
                    if not messages.NO_JOB.search(error.text):
                        raise

    def _execute(self, intent: Intent, inventory: Inventory, warnings: Sequence[str], *, resumed: bool) -> RunResult:
        clock = self.wiring.clock
        planned = {(p.database, t) for p in intent.parts for t in p.tables}
        partitions = (p for t in inventory.tables() if (t.database, t.name) in planned for p in t.partitions)
        size = sum((p.bytes or 0) // max(p.replication_num, 1) for p in partitions)
        tables = sum(len(p.tables) for p in intent.parts)
        self.notify(Began(Verb.BACKUP, intent.point, intent.cluster, len(intent.parts), tables, size, resumed=resumed))
        metadata = _Metadata(self, intent)
        metadata.begin()
        definitions, undefined = self._definitions(intent, inventory)
        outcomes = self._parts(intent, inventory)
        record, note, unproven = metadata.result()
        excluded = (
            *intent.excluded,
            *undefined,
            *(e for o in outcomes for e in o.excluded),
            *unproven,
        )
        parts = tuple(o.summary for o in outcomes if o.summary is not None)
        if not parts and (intent.parts or (record is None and not intent.databases)):
            reasons = [f"{e.name}: {e.reason}" for e in excluded[:10]] or [f"FE metadata is {note}"]
            raise Failed(
                "Nothing could be backed up:\n  " + "\n  ".join(reasons),
                hint=next((e.hint for e in excluded if e.hint), ""),
            )
        self.notify(StepStarted("committing the point"))
        notes = (*warnings, *(w for o in outcomes for w in o.warnings))
        for outcome in outcomes:
            for warning in outcome.warnings:
                self.notify(Warned(warning))
        self.lease.check()
        manifest = self._manifest(intent, parts, definitions, record, note, excluded, notes, clock.now())
        commit = self.catalog.commit(manifest, intent)
        return RunResult(commit, manifest, resumed)

    def _definitions(self, intent: Intent, inventory: Inventory) -> tuple[list[Reference], list[Exclusion]]:
        self.notify(StepStarted("reading the definitions of all objects"))
        selection = Selection(self.policy.include, self.policy.exclude)
        references, missing = [], []
        for name in intent.databases:
            database = inventory.database(name)
            if database is None:
                missing.append(Exclusion(name, "the database was dropped since the run was begun"))
                continue
            self.wiring.clock.sleep(0)
            found, problems = self.starrocks.definitions(name, in_scope(selection, database))
            missing += [Exclusion(f"definition of {p.partition(':')[0]}", p.partition(": ")[2]) for p in problems]
            references.append(self.catalog.add_definitions(intent, found))
        return references, missing

    def _parts(self, intent: Intent, inventory: Inventory) -> list[PartOutcome]:
        together = Together(self.lease)
        tools = BackupTools(
            starrocks=self.starrocks,
            catalog=self.catalog,
            lease=together,
            clock=self.wiring.clock,
            notify=self._remembering,
            limits=self.policy.limits,
            fingerprint=self.policy.fingerprint,
            relist=self._relist,
        )
        works = [
            (part.database, _bind(tools, intent, part.number - 1, _tables(inventory, part.database)))
            for part in intent.parts
        ]
        return all_of(works, self.policy.limits.parallel, self.wiring.clock, together)

    def _relist(self, database: str) -> Inventory:
        own = self.starrocks.another()
        try:
            return own.inventory([database])
        finally:
            own.close()

    def _remembering(self, event: Event) -> None:
        """Keep in mind which jobs are under way, to name them when the run is interrupted."""
        match event:
            case JobSubmitted(label=label, database=database):
                self.running[label] = database
            case JobDone(job=label):
                self.running.pop(label, None)
            case _:
                pass
        self.notify(event)

    def _left(self, intent: Intent) -> str:
        jobs = ", ".join(f"{d} ({label})" for label, d in self.running.items())
        left = f"BACKUP jobs go on in the cluster: {jobs}. " if jobs else ""
        return f"Point {intent.point} is not finished and will not be listed. {left}Nothing is lost."

    def _manifest(
        self,
        intent: Intent,
        parts: tuple[PartSummary, ...],
        definitions: Sequence[Reference],
        metadata: MetadataRecord | None,
        metadata_note: str,
        excluded: tuple[Exclusion, ...],
        warnings: tuple[str, ...],
        completed: datetime,
    ) -> Manifest:
        return Manifest(
            point=intent.point,
            policy=intent.policy,
            cluster=intent.cluster,
            cluster_id=self.facts.cluster_id,
            starrocks_version=self.facts.version.text,
            starrocks_repository=intent.starrocks_repository,
            created=intent.created,
            completed=completed,
            parts=parts,
            definitions=tuple(definitions),
            databases=intent.databases,
            metadata=metadata,
            metadata_note=metadata_note,
            excluded=excluded,
            warnings=warnings,
            tool_version=__version__,
        )


class _Metadata:
    """The metadata component beside the data: off where no FE can be entered, partial where it fails."""

    def __init__(self, run: _Run, intent: Intent) -> None:
        self._run, self._intent = run, intent
        self._work: Work[MetadataRecord] | None = None
        self._note, self._problem = "", ""

    def begin(self) -> None:
        run = self._run
        if Component.METADATA not in run.policy.components:
            self._note = "not wanted by the policy"
            return
        if not run.cluster.has_nodes:
            self._note = f"off: no FE of cluster {run.cluster.name!r} has a container or directory in clusters.yaml"
            run.notify(Warned(f"FE metadata is not backed up: {self._note}"))
            return
        try:
            node = self._node()
        except SrbackupError as error:
            self._problem = error.brief
            return
        tools = MetadataTools(run.starrocks, node, run.catalog.store, run.wiring.clock, run.notify, run.policy.limits)
        self._work = Work(lambda: self._carried_out(tools), "metadata").begin()

    def _carried_out(self, tools: MetadataTools) -> MetadataRecord:
        points, intent = self._run.catalog, self._intent
        return points.finished_metadata(intent) or points.add_metadata(intent, back_up_metadata(tools, intent))

    def _node(self) -> Node:
        run = self._run
        leader = run.starrocks.leader()
        nodes = run.wiring.nodes(run.cluster)
        if leader is None:
            raise Failed("which FE of clusters.yaml is the leader could not be told; set `internal` of the FEs")
        if leader not in nodes:
            raise Failed(f"the leader {leader} has no container or directory in clusters.yaml")
        return nodes[leader]

    def result(self) -> tuple[MetadataRecord | None, str, tuple[Exclusion, ...]]:
        if self._work is not None:
            try:
                return self._work.wait(self._run.wiring.clock), "", ()
            except Interrupted:
                raise
            except SrbackupError as error:
                self._problem = error.brief
        if not self._problem:
            return None, self._note, ()
        self._run.notify(Warned(f"FE metadata could not be backed up: {self._problem}"))
        return None, self._problem, (Exclusion("FE metadata", self._problem, "See docs/how-to/metadata.md."),)


def _inventory(starrocks: StarRocks, facts: ClusterFacts) -> Inventory:
    return starrocks.inventory(partition_kinds=lists_need_checking(facts.version))


def _plan(starrocks: StarRocks, policy: Policy, facts: ClusterFacts, inventory: Inventory, point: str) -> BackupPlan:
    selection = Selection(policy.include, policy.exclude)
    if Component.DATA not in policy.components:
        selection = Selection((), ())
    chosen = [t for d in inventory.databases for t in in_scope(selection, d)]
    broken = starrocks.broken_tablets([t for t in chosen if t.partitions])
    return plan_backup(point, selection, facts, inventory, broken)


def _new_intent(
    plan: BackupPlan, policy: Policy, repository: Repository, created: datetime, nonce: str, epoch: int
) -> Intent:
    return Intent(
        point=plan.point,
        policy=policy.name,
        cluster=policy.cluster,
        repository=repository.name,
        starrocks_repository=repository.starrocks_name,
        created=created,
        nonce=nonce,
        epoch=epoch,
        parts=plan.parts,
        databases=plan.databases,
        excluded=plan.excluded,
    )


def _tables(inventory: Inventory, database: str) -> Mapping[str, Table]:
    found = inventory.database(database)
    return {} if found is None else {t.name: t for t in found.tables}


def _bind(tools: BackupTools, intent: Intent, index: int, tables: Mapping[str, Table]) -> Callable[[], PartOutcome]:
    return lambda: back_up(tools, intent, intent.parts[index], tables)
