"""`srbackup restore`: resolve, connect, read facts, plan, execute, compare, record; or undo what was begun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from srbackup.app.repository import ensure_repository
from srbackup.app.wiring import Wiring, catalog
from srbackup.catalog import layout, leases, marks, restores
from srbackup.catalog.catalog import Catalog
from srbackup.catalog.restores import RestoreJournal
from srbackup.errors import Failed, Interrupted, NotFound, RefusedForSafety, SrbackupError
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
from srbackup.model.verdict import Verdict
from srbackup.planning.restore import RestoreRequest, plan_restore
from srbackup.planning.selection import Selection
from srbackup.starrocks.base import StarRocks


@dataclass(frozen=True, slots=True)
class RestoreWish:
    """What the operator asked for. `point` is an id, the beginning of one, or `latest`."""

    point: str
    target: str
    request: RestoreRequest
    repository: str | None = None
    source: str | None = None
    discard: bool = False

    @property
    def text(self) -> str:
        """Selection and mapping in words: two restores with the same text are the same restore."""
        selection = self.request.selection
        words = [f"--only '{p}'" for p in selection.include if selection.include != ("*.*",)]
        words += [f"--exclude '{p}'" for p in selection.exclude]
        words += [f"--map {a}={b}" for a, b in sorted(self.request.mapping.items())]
        return " ".join(words) or "everything"


@dataclass(frozen=True, slots=True)
class RestoreResult:
    plan: RestorePlan
    verdict: Verdict
    resumed: bool


def repository_of(wiring: Wiring, name: str | None, cluster: str | None = None) -> Repository:
    """The repository by name, or the one that the cluster's policies use, or the only one there is."""
    configuration = wiring.configuration
    if name is not None:
        return configuration.repository(name)
    used = {p.repository for p in configuration.policies.values() if cluster in {None, p.cluster}}
    names = used or set(configuration.repository_names)
    if len(names) != 1:
        raise NotFound(
            f"There are {len(names)} repositories: say which one", hint=f"--repository {' | '.join(sorted(names))}"
        )
    return configuration.repository(names.pop())


def restore(
    wiring: Wiring,
    wish: RestoreWish,
    notify: Notify,
    agree: Callable[[RestorePlan], bool],
    *,
    lock_wait: float = 0,
) -> RestoreResult | None:
    """Carry the restore out, once `agree` says yes to its plan; None when it says no (as for --dry-run)."""
    repository = repository_of(wiring, wish.repository, wish.source)
    points = catalog(wiring, repository)
    points.require()
    target = wiring.configuration.cluster(wish.target)
    notify(StepStarted("reading the point and looking at the target"))
    point = points.find(wish.point, wish.source)
    manifest = points.manifest(point)
    parts = tuple(points.part(s) for s in manifest.parts)
    starrocks = wiring.starrocks(target)
    try:
        key = layout.lock(target.name, "restore")
        with leases.held(
            points.store, key, f"restore of {point.id}", wiring.nonce(), wiring.clock, wait=lock_wait
        ) as lease:
            session = _Restore(
                wiring, wish, notify, repository, points, point, manifest, parts, target, starrocks, lease
            )
            return session.carry_out(agree)
    finally:
        starrocks.close()


@dataclass(slots=True)
class _Restore:
    """One restore under the target's lease."""

    wiring: Wiring
    wish: RestoreWish
    notify: Notify
    repository: Repository
    catalog: Catalog
    point: PointListing
    manifest: Manifest
    parts: Sequence[Part]
    target: Cluster
    starrocks: StarRocks
    lease: leases.HeldLease

    def carry_out(self, agree: Callable[[RestorePlan], bool]) -> RestoreResult | None:
        journal = self._interrupted()
        resumed = journal is not None
        plan = journal.plan if journal is not None else self._plan()
        if not agree(plan):
            return None
        if journal is None:
            journal = self._begin(plan)
        tools = self._tools(journal)
        began = Began(
            Verb.RESTORE, plan.point, plan.target_cluster, len(plan.steps), plan.tables, plan.bytes, resumed=resumed
        )
        self.notify(began)
        try:
            verdict = self._execute(tools)
        except (Interrupted, leases.LeaseLost) as error:
            raise self._left(error) from error
        except SrbackupError as error:
            raise self._undone(tools, error) from error
        marks.add_verdict(self.catalog.store, self.point.cluster, self.wiring.ulid(), verdict)
        journal.end(RestoreOver(Ending.FINISHED, self.wiring.clock.now(), str(verdict.outcome)))
        return RestoreResult(plan, verdict, resumed)

    def _interrupted(self) -> RestoreJournal | None:
        """A restore that was cut short: to be gone on with if it is this one, discarded if asked, else in the way."""
        journal = restores.interrupted(self.catalog.store, self.target.name)
        if journal is None:
            return None
        same_cluster = journal.begun.cluster_id == self.starrocks.facts().cluster_id
        if not same_cluster:
            journal.end(RestoreOver(Ending.UNDONE, self.wiring.clock.now(), "the target is another cluster now"))
            return None
        if self.wish.discard:
            self.notify(StepStarted(f"discarding what the interrupted restore of {journal.plan.point} left"))
            self._undo(self._tools(journal))
            return None
        if (journal.plan.point, journal.begun.request) == (self.point.id, self.wish.text):
            return journal
        raise RefusedForSafety(
            f"A restore of {journal.plan.point} into {self.target.name} was interrupted and left things behind",
            hint=f"Go on with it: srbackup restore {journal.plan.point} --to {self.target.name} with the same options "
            f"({journal.begun.request}); or add --discard-interrupted to drop what it created first.",
        )

    def _plan(self) -> RestorePlan:
        facts = self.starrocks.facts()
        definitions = self.catalog.definitions(self.manifest)
        target = self.starrocks.inventory(columns=False)
        return plan_restore(self.manifest, self.parts, definitions, facts, target, self.target.name, self.wish.request)

    def _begin(self, plan: RestorePlan) -> RestoreJournal:
        ensure_repository(self.starrocks, self._as_backed_up(), self.notify, to_write=False)
        begun = RestoreBegun(plan, self.wish.text, self.starrocks.facts().cluster_id, self.wiring.clock.now())
        return restores.begin(self.catalog.store, self.wiring.ulid(), begun)

    def _as_backed_up(self) -> Repository:
        """The repository under the name that the point's snapshots have in their paths."""
        name = self.manifest.starrocks_repository
        if name != self.repository.starrocks_name:
            self.notify(Warned(f"The point was written under the StarRocks repository name {name!r}: it is used here"))
        return self.repository.named(name)

    def _tools(self, journal: RestoreJournal) -> RestoreTools:
        labels = {s.label for s in journal.plan.steps}
        objects: dict[str, Sequence[StoredObject]] = {
            s.label: self.catalog.objects(s) for s in self.manifest.parts if s.label in labels
        }
        limits = next(
            (p.limits for p in self.wiring.configuration.policies.values() if p.name == self.manifest.policy), Limits()
        )
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

    def _execute(self, tools: RestoreTools) -> Verdict:
        plan = tools.journal.plan
        for exclusion in plan.missing:
            self.notify(Warned(f"The point does not hold {exclusion.name}: {exclusion.reason}"))
        steps.create_databases(tools)
        steps.restore_tables(tools)
        self.notify(StepStarted("creating views and materialized views"))
        failed = steps.create_views(tools)
        self.notify(StepStarted("comparing every partition with what the point recorded"))
        started = self.wiring.clock.now()
        tables = compare(self.starrocks, plan, self.wiring.clock, self.notify)
        return Verdict(
            point=plan.point,
            target=plan.target_cluster,
            started=started,
            finished=self.wiring.clock.now(),
            tables=tables,
            missing=missing_definitions(self.starrocks, plan, failed),
            whole=self.wish.request.selection == Selection(),
        )

    def _left(self, error: SrbackupError) -> SrbackupError:
        command = f"srbackup restore {self.point.id} --to {self.target.name}"
        message = f"The restore into {self.target.name} is not finished: {error.message}. RESTORE jobs go on there."
        if isinstance(error, Interrupted):
            return type(error)(message, hint=f"Go on with it, with the same options: {command}")
        return Failed(message, hint=error.hint)

    def _undone(self, tools: RestoreTools, error: SrbackupError) -> SrbackupError:
        """After a failure everything that this restore created is dropped again, so that the next try is free."""
        self.notify(StepStarted("undoing what this restore created"))
        try:
            self._undo(tools)
        except SrbackupError as problem:
            error.hint = (
                f"{error.hint}\nWhat it created could not be dropped ({problem.message}); when the cluster is well: "
                f"srbackup restore {self.point.id} --to {self.target.name} --discard-interrupted"
            ).strip()
        return error

    def _undo(self, tools: RestoreTools) -> None:
        steps.undo(tools)
        tools.journal.end(RestoreOver(Ending.UNDONE, self.wiring.clock.now()))
