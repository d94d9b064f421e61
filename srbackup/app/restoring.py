"""One restore of a point under the lease of its target: what `restore` and `drill` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from srbackup.app.repository import ensure_repository
from srbackup.app.wiring import Wiring
from srbackup.catalog import layout, leases, listing, marks, restores
from srbackup.catalog.catalog import Catalog
from srbackup.catalog.restores import RestoreJournal
from srbackup.errors import NotFound
from srbackup.execution import restore as steps
from srbackup.execution.comparing import compare, missing_definitions
from srbackup.execution.restore import RestoreTools
from srbackup.model.cluster import Cluster
from srbackup.model.events import Began, Notify, StepStarted, Verb, Warned
from srbackup.model.plan import RestorePlan
from srbackup.model.point import Manifest, Part, PointListing, StoredObject
from srbackup.model.policy import Limits
from srbackup.model.repository import Repository
from srbackup.model.restore import Ending, RestoreBegun, RestoreOver
from srbackup.model.verdict import Phase, Purpose, Verdict
from srbackup.planning.restore import RestoreRequest, plan_restore
from srbackup.planning.selection import Selection
from srbackup.starrocks.base import StarRocks


@contextmanager
def restoring(
    wiring: Wiring,
    repository: Repository,
    catalog: Catalog,
    point: PointListing,
    target: Cluster,
    purpose: Purpose,
    notify: Notify,
    *,
    lock_wait: float,
) -> Iterator[Restoring]:
    """A restore of `point` into `target`, whose lease is held for the time of the block."""
    starrocks = wiring.starrocks(target)
    try:
        key, text = layout.lock(target.name, "restore"), f"{purpose} of {point.id}"
        with leases.held(catalog.store, key, text, wiring.nonce(), wiring.clock, wait=lock_wait) as lease:
            manifest = catalog.manifest(point)
            parts = tuple(catalog.part(s) for s in manifest.parts)
            yield Restoring(
                wiring, repository, catalog, point, manifest, parts, target, starrocks, lease, purpose, notify
            )
    finally:
        starrocks.close()


@dataclass(slots=True)
class Restoring:
    """The steps of a restore, each of which is in the journal before the next one begins."""

    wiring: Wiring
    repository: Repository
    catalog: Catalog
    point: PointListing
    manifest: Manifest
    parts: Sequence[Part]
    target: Cluster
    starrocks: StarRocks
    lease: leases.HeldLease
    purpose: Purpose
    notify: Notify
    phases: list[Phase] = field(default_factory=list)

    def plan(self, request: RestoreRequest) -> RestorePlan:
        facts = self.starrocks.facts()
        definitions = self.catalog.definitions(self.manifest)
        target = self.starrocks.inventory(columns=False)
        return plan_restore(self.manifest, self.parts, definitions, facts, target, self.target.name, request)

    def begin(self, plan: RestorePlan, request: str) -> RestoreJournal:
        ensure_repository(self.starrocks, self._as_backed_up(), self.notify, to_write=False)
        cluster_id, now = self.starrocks.facts().cluster_id, self.wiring.clock.now()
        journal = restores.begin(
            self.catalog.store, self.wiring.ulid(), RestoreBegun(plan, request, cluster_id, now, self.purpose)
        )
        if not listing.confirmed(self.catalog.store, [self.point]):  # a gc writes first and looks then, as we do
            journal.end(RestoreOver(Ending.UNDONE, self.wiring.clock.now(), "a gc deleted the point meanwhile"))
            raise NotFound(f"Point {self.point.id} was deleted by a gc meanwhile", hint="See `srbackup list`.")
        return journal

    def _as_backed_up(self) -> Repository:
        """The repository under the name that the point's snapshots have in their paths."""
        name = self.manifest.starrocks_repository
        if name != self.repository.starrocks_name:
            self.notify(Warned(f"The point was written under the StarRocks repository name {name!r}: it is used here"))
        return self.repository.named(name)

    def carry_out(self, journal: RestoreJournal, selection: Selection, *, resumed: bool = False) -> Verdict:
        """Restore, create views, compare. What is done already by the journal is not done again."""
        plan, tools = journal.plan, self.tools(journal)
        self.notify(
            Began(
                Verb.RESTORE, plan.point, plan.target_cluster, len(plan.steps), plan.tables, plan.bytes, resumed=resumed
            )
        )
        for exclusion in plan.missing:
            self.notify(Warned(f"The point does not hold {exclusion.name}: {exclusion.reason}"))
        started = self.wiring.clock.now()
        with self.timed("restore"):
            steps.create_databases(tools)
            steps.restore_tables(tools)
        self.notify(StepStarted("creating views and materialized views"))
        with self.timed("views"):
            failed = steps.create_views(tools)
        self.notify(StepStarted("comparing every partition with what the point recorded"))
        with self.timed("compare"):
            tables = compare(self.starrocks, plan, self.wiring.clock, self.notify)
            missing = missing_definitions(self.starrocks, plan, failed)
        if self.purpose is Purpose.RESTORE:
            steps.resume_upkeep(tools)
        return Verdict(
            point=plan.point,
            target=plan.target_cluster,
            started=started,
            finished=self.wiring.clock.now(),
            tables=tables,
            missing=missing,
            purpose=self.purpose,
            whole=selection == Selection(),
            phases=tuple(self.phases),
        )

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note how long a phase took, however it ended."""
        began = self.wiring.clock.monotonic()
        try:
            yield
        finally:
            self.phases.append(Phase(name, round(self.wiring.clock.monotonic() - began, 3)))

    def record(self, verdict: Verdict) -> None:
        marks.add_verdict(self.catalog.store, self.point.cluster, self.wiring.ulid(), verdict)

    def tools(self, journal: RestoreJournal) -> RestoreTools:
        labels = {s.label for s in journal.plan.steps}
        objects: dict[str, Sequence[StoredObject]] = {
            s.label: self.catalog.objects(s) for s in self.manifest.parts if s.label in labels
        }
        policies = self.wiring.configuration.policies
        limits = policies[self.manifest.policy].limits if self.manifest.policy in policies else Limits()
        return RestoreTools(
            starrocks=self.starrocks,
            store=self.catalog.store,
            journal=journal,
            lease=self.lease,
            clock=self.wiring.clock,
            notify=self.notify,
            limits=limits,
            objects=objects,
        )

    # -- what was left behind

    def interrupted(self) -> Iterator[RestoreJournal]:
        """Journals of restores into the target that were cut short; those into a cluster that is gone are closed."""
        cluster_id = self.starrocks.facts().cluster_id
        for journal in restores.interrupted(self.catalog.store, self.target.name):
            if journal.begun.cluster_id == cluster_id:
                yield journal
            else:
                journal.end(RestoreOver(Ending.UNDONE, self.wiring.clock.now(), "the target is another cluster now"))

    def undo(self, journal: RestoreJournal) -> None:
        """Drop what a restore created: a drill's databases whole and for good, of others only what is surely theirs."""
        undoing: Callable[[RestoreTools], None] = (
            steps.discard if journal.begun.purpose is Purpose.DRILL else steps.undo
        )
        undoing(self.tools(journal))
        journal.end(RestoreOver(Ending.UNDONE, self.wiring.clock.now()))
