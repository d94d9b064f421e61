"""`srbackup drill`: a point restored to a scratch cluster, compared, asked the user's own questions, dropped again.

The copy lies in databases with a prefix of the drill's own, so a scratch cluster may hold other things as well. The
verdict is stored beside the point. What an earlier drill left behind when it was killed is dropped first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from srbackup.app.restore import repository_of
from srbackup.app.restoring import Restoring, restoring
from srbackup.app.wiring import Wiring, catalog
from srbackup.catalog import leases, marks
from srbackup.catalog.catalog import Catalog
from srbackup.catalog.codec import Damaged
from srbackup.catalog.restores import RestoreJournal
from srbackup.errors import ClusterUnreachable, Interrupted, NotFound, RefusedForSafety, SrbackupError, UsageProblem
from srbackup.execution import checking
from srbackup.execution.restore import SnapshotDamagedInStore
from srbackup.model.events import Notify, StepStarted, Warned
from srbackup.model.plan import RestorePlan
from srbackup.model.point import PointKind, PointListing
from srbackup.model.policy import DrillPlan, Policy
from srbackup.model.verdict import Purpose, Verdict
from srbackup.planning.restore import RestoreRequest
from srbackup.planning.selection import Selection

PREFIX = "srbackup_drill_"
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class DrillWish:
    """What is asked for: a policy's newest point or a point by id, a scratch cluster unless the policy names one.

    `keep`: the copy stays until the next drill. `kept`: no restore, the copy that was kept is compared once more.
    """

    policy: str | None = None
    point: str | None = None
    on: str | None = None
    repository: str | None = None
    source: str | None = None
    keep: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True)
class DrillResult:
    """The verdict, and the databases of the copy where it was kept."""

    verdict: Verdict
    databases: tuple[str, ...] = ()


def drill(
    wiring: Wiring,
    wish: DrillWish,
    notify: Notify,
    agree: Callable[[RestorePlan], bool] = lambda _plan: True,
    *,
    lock_wait: float = 0,
) -> DrillResult | None:
    """Carry a drill out and store its verdict; None when `agree` says no to its plan (as for --dry-run)."""
    policy, plan = _plans(wiring, wish)
    target = wiring.configuration.cluster(plan.on)
    repository = repository_of(wiring, policy.repository if policy else wish.repository, wish.source)
    points = catalog(wiring, repository)
    points.require()
    notify(StepStarted("reading the point and looking at the scratch cluster"))
    point = _point(points, policy, wish)
    if target.name == point.cluster:
        raise RefusedForSafety(
            f"{target.name} is the cluster that the point was taken from: a drill needs another one",
            hint="Name a scratch cluster: --on CLUSTER, or `drill: {on: ...}` in the policy.",
        )
    try:
        with restoring(
            wiring, repository, points, point, target, Purpose.DRILL, notify, lock_wait=lock_wait
        ) as restore_into:
            return _Drill(restore_into, plan, wish).carry_out(agree)
    except Damaged as damage:
        return DrillResult(_condemned(wiring, points, point, target.name, damage))


def _plans(wiring: Wiring, wish: DrillWish) -> tuple[Policy | None, DrillPlan]:
    """The policy that is drilled, if one is, and what to do: the policy's drill, or all of the point."""
    policies = wiring.configuration.policies
    name = wish.policy
    if name is None and wish.point is None:
        planned = [p.name for p in policies.values() if p.drill is not None] or list(policies)
        if len(planned) != 1:
            raise UsageProblem(f"There are {len(planned)} policies: say which one", hint=", ".join(sorted(planned)))
        name = planned[0]
    policy = wiring.configuration.policy(name) if name is not None else None
    plan = policy.drill if policy is not None else None
    if plan is None:
        if wish.on is None:
            raise UsageProblem(
                "No scratch cluster is named", hint="Add --on CLUSTER, or a section `drill: {on: ...}` to the policy."
            )
        return policy, DrillPlan(wish.on)
    return policy, plan if wish.on is None else replace(plan, on=wish.on)


def _point(points: Catalog, policy: Policy | None, wish: DrillWish) -> PointListing:
    if policy is None:
        return points.find(wish.point or "latest", wish.source)
    own = [
        p
        for p in points.points(policy.cluster)
        if p.policy == policy.name and p.state.restorable and p.kind is PointKind.FULL
    ]
    if not own:
        raise NotFound(
            f"Policy {policy.name!r} has no restorable point in {points.store.place}",
            hint=f"Make one: srbackup run {policy.name}",
        )
    return own[-1]


def _condemned(wiring: Wiring, points: Catalog, point: PointListing, target: str, damage: SrbackupError) -> Verdict:
    """The verdict on a point whose own documents are damaged: nothing could be restored from it."""
    now = wiring.clock.now()
    verdict = Verdict(point.id, target, now, now, (), purpose=Purpose.DRILL, problem=damage.message)
    marks.add_verdict(points.store, point.cluster, wiring.ulid(), verdict)
    return verdict


@dataclass(slots=True)
class _Drill:
    """One drill under the scratch cluster's lease."""

    restoring: Restoring
    plan: DrillPlan
    wish: DrillWish

    def carry_out(self, agree: Callable[[RestorePlan], bool]) -> DrillResult | None:
        restoring = self.restoring
        if restoring.starrocks.facts().cluster_id == restoring.manifest.cluster_id:
            raise RefusedForSafety(
                f"{restoring.target.name} has the cluster id {restoring.manifest.cluster_id} of the cluster that the "
                "point was taken from: it is that cluster, or a copy of its metadata",
                hint="A drill needs a cluster of its own.",
            )
        journal = self._kept() if self.wish.kept else self._begun(agree)
        if journal is None:
            return None
        try:
            verdict = self._verdict(journal)
        except (Interrupted, leases.LeaseLost):
            raise  # the next drill drops what this one leaves: a stop is to be quick
        except ClusterUnreachable as error:
            error.hint = f"{error.hint}\nWhat is left of the drill there: the next drill drops it.".strip()
            raise
        except SrbackupError as error:
            self._drop(journal, error)
            raise
        if not self.wish.keep:
            with restoring.timed("drop"):
                self._drop(journal)
        verdict = replace(verdict, phases=tuple(restoring.phases))
        restoring.record(verdict)
        return DrillResult(verdict, journal.plan.databases if self.wish.keep else ())

    def _begun(self, agree: Callable[[RestorePlan], bool]) -> RestoreJournal | None:
        self._clear_away()
        restoring = self.restoring
        prefix = f"{PREFIX}{restoring.wiring.nonce()[:_DIGITS]}_"
        databases = {name: prefix + name for name in restoring.manifest.databases}
        plan = restoring.plan(RestoreRequest(self._selection, databases))
        return restoring.begin(plan, f"drill in {prefix}*") if agree(plan) else None

    def _kept(self) -> RestoreJournal:
        for journal in self.restoring.interrupted():
            if journal.begun.purpose is Purpose.DRILL and journal.plan.point == self.restoring.point.id:
                return journal
        raise NotFound(
            f"{self.restoring.target.name} has no kept copy of {self.restoring.point.id}",
            hint="Make one: srbackup drill --keep",
        )

    @property
    def _selection(self) -> Selection:
        return Selection(self.plan.include, self.plan.exclude)

    def _verdict(self, journal: RestoreJournal) -> Verdict:
        restoring, clock = self.restoring, self.restoring.wiring.clock
        databases = {target[len(PREFIX) + _DIGITS + 1 :]: target for target in journal.plan.databases}
        started = clock.now()
        try:
            verdict = restoring.carry_out(journal, self._selection, resumed=self.wish.kept)
        except SnapshotDamagedInStore as damage:
            return Verdict(
                point=restoring.point.id,
                target=restoring.target.name,
                started=started,
                finished=clock.now(),
                tables=(),
                purpose=Purpose.DRILL,
                problem=damage.message,
            )
        if self.plan.checks:
            restoring.notify(StepStarted("asking the checks of the policy"))
        with restoring.timed("checks"):
            checks = checking.ask(restoring.starrocks, self.plan.checks, databases, clock, restoring.notify)
        return replace(verdict, checks=checks, finished=clock.now())

    def _clear_away(self) -> None:
        """What killed drills left in the scratch cluster; an interrupted restore of somebody's is none of ours."""
        for journal in self.restoring.interrupted():
            if journal.begun.purpose is Purpose.DRILL:
                self.restoring.notify(StepStarted(f"dropping what the drill of {journal.plan.point} left behind"))
                self.restoring.undo(journal)

    def _drop(self, journal: RestoreJournal, error: SrbackupError | None = None) -> None:
        self.restoring.notify(StepStarted("dropping the drill's databases"))
        try:
            self.restoring.undo(journal)
        except SrbackupError as problem:
            text = f"The drill's databases could not be dropped: {problem.message}"
            self.restoring.notify(Warned(text, "The next drill on this cluster drops them."))
            if error is None:
                return
            error.hint = f"{error.hint}\n{text}; the next drill drops them.".strip()
