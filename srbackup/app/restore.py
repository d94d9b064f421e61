"""`srbackup restore`: resolve, connect, read facts, plan, execute, compare, record; or undo what was begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from srbackup.app.restoring import Restoring, restoring
from srbackup.app.wiring import Wiring, catalog
from srbackup.catalog import leases
from srbackup.catalog.restores import RestoreJournal
from srbackup.errors import ClusterUnreachable, Failed, Interrupted, NotFound, RefusedForSafety, SrbackupError
from srbackup.model.events import Notify, StepStarted
from srbackup.model.plan import RestorePlan
from srbackup.model.repository import Repository
from srbackup.model.restore import Ending, RestoreOver
from srbackup.model.verdict import Purpose, Verdict
from srbackup.planning.restore import RestoreRequest


@dataclass(frozen=True, slots=True)
class RestoreWish:
    """What the operator asked for. `point` is what Catalog.lookup understands: an id, `latest`, ..."""

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
    with restoring(
        wiring, repository, points, point, target, Purpose.RESTORE, notify, lock_wait=lock_wait
    ) as restore_into:
        return _carried_out(restore_into, wish, agree)


def _carried_out(restoring: Restoring, wish: RestoreWish, agree: Callable[[RestorePlan], bool]) -> RestoreResult | None:
    journal = _interrupted(restoring, wish)
    resumed = journal is not None
    plan = journal.plan if journal is not None else restoring.plan(wish.request)
    if not agree(plan):
        return None
    if journal is None:
        journal = restoring.begin(plan, wish.text)
    try:
        verdict = restoring.carry_out(journal, wish.request.selection, resumed=resumed)
    except (Interrupted, leases.LeaseLost, ClusterUnreachable) as error:
        raise _left(restoring, error) from error
    except SrbackupError as error:
        raise _undone(restoring, journal, error) from error
    restoring.record(verdict)
    journal.end(RestoreOver(Ending.FINISHED, restoring.wiring.clock.now(), str(verdict.outcome)))
    return RestoreResult(plan, verdict, resumed)


def _interrupted(restoring: Restoring, wish: RestoreWish) -> RestoreJournal | None:
    """A restore that was cut short: to be gone on with if it is this one, discarded if asked, else in the way."""
    found = None
    for journal in restoring.interrupted():
        if wish.discard or journal.begun.purpose is Purpose.DRILL:
            what = f"the interrupted {journal.begun.purpose} of {journal.plan.point}"
            restoring.notify(StepStarted(f"discarding what {what} left"))
            restoring.undo(journal)
        elif (journal.plan.point, journal.begun.request) == (restoring.point.id, wish.text):
            found = journal
        else:
            raise RefusedForSafety(
                f"A restore of {journal.plan.point} into {restoring.target.name} was interrupted and left things there",
                hint=f"Go on with it: srbackup restore {journal.plan.point} --to {restoring.target.name} with the same "
                f"options ({journal.begun.request}); or add --discard-interrupted to drop what it created first.",
            )
    return found


def _command(restoring: Restoring) -> str:
    return f"srbackup restore {restoring.point.id} --to {restoring.target.name}"


def _left(restoring: Restoring, error: SrbackupError) -> SrbackupError:
    message = f"The restore into {restoring.target.name} is not finished: {error.message}"
    again = f"Go on with it, with the same options: {_command(restoring)}"
    match error:
        case Interrupted():
            return type(error)(f"{message}. RESTORE jobs go on there.", hint=again)
        case ClusterUnreachable():
            return ClusterUnreachable(message, hint=f"{error.hint}\nWhen the cluster is back: {again}")
        case _:
            return Failed(message, hint=error.hint)


def _undone(restoring: Restoring, journal: RestoreJournal, error: SrbackupError) -> SrbackupError:
    """After a failure everything that this restore created is dropped again, so that the next try is free."""
    restoring.notify(StepStarted("undoing what this restore created"))
    try:
        restoring.undo(journal)
    except SrbackupError as problem:
        error.hint = (
            f"{error.hint}\nWhat it created could not be dropped ({problem.message}); when the cluster is well: "
            f"{_command(restoring)} --discard-interrupted"
        ).strip()
    return error
