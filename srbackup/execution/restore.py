"""A restore plan carried out: databases, RESTORE jobs, views; and undone when it cannot be.

May be asked twice: what the journal has as done is not done again, a job of ours that is running is adopted. Before
each RESTORE the names must be free, since a RESTORE over an existing table overwrites it, not atomically.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from srbackup.catalog import layout, snapshots
from srbackup.catalog.leases import Guard
from srbackup.catalog.restores import RestoreJournal
from srbackup.clock import Clock
from srbackup.errors import Failed, RefusedForSafety, SrbackupError
from srbackup.execution.jobs import Conversation, told
from srbackup.execution.parallel import Together, all_of
from srbackup.model.events import Created, JobDone, Notify, Verb, Warned
from srbackup.model.inventory import TableKind
from srbackup.model.job import Job, RestoreJob, RestoreState
from srbackup.model.plan import DefinitionStep, RestoreStep
from srbackup.model.point import StoredObject
from srbackup.model.policy import Limits
from srbackup.model.restore import StepDone
from srbackup.starrocks import messages
from srbackup.starrocks.base import StarRocks, StatementRefused
from srbackup.storage.base import ObjectStore


@dataclass(frozen=True, slots=True)
class RestoreTools:
    """What carrying out a restore needs. `objects` gives the objects of a snapshot by its label."""

    starrocks: StarRocks
    store: ObjectStore
    journal: RestoreJournal
    lease: Guard
    clock: Clock
    notify: Notify
    limits: Limits
    objects: Mapping[str, Sequence[StoredObject]]


class SnapshotDamagedInStore(Failed):
    """A snapshot cannot be restored because an object of it is damaged or missing: it was read and found so."""


def create_databases(tools: RestoreTools) -> None:
    """Those of the plan that are not there yet: a restore that is gone on with made them before."""
    wanted = tools.journal.plan.create_databases
    existing = set(tools.starrocks.databases()) if wanted else set()
    for name in wanted:
        if name in existing:
            continue
        tools.lease.check()
        tools.starrocks.create_database(name)
        tools.notify(Created("database", name))


def restore_tables(tools: RestoreTools) -> None:
    """All RESTOREs: databases side by side, those of one database one after the other."""
    numbered = sorted(enumerate(tools.journal.plan.steps, 1), key=lambda pair: pair[1].target_database)
    done = tools.journal.done_steps()
    groups = [
        (database, [(n, s) for n, s in group if n not in done])
        for database, group in groupby(numbered, key=lambda pair: pair[1].target_database)
    ]

    together = Together(tools.lease)

    def work(steps: list[tuple[int, RestoreStep]]) -> None:
        own = replace(tools, starrocks=tools.starrocks.another(), lease=together)
        try:
            for number, step in steps:
                _restore(own, number, step)
        finally:
            own.starrocks.close()

    works = [(database, lambda steps=steps: work(steps)) for database, steps in groups if steps]
    all_of(works, tools.limits.parallel, tools.clock, together)


def _restore(tools: RestoreTools, number: int, step: RestoreStep) -> None:
    began = tools.clock.monotonic()
    talk = _conversation(tools, step)
    job = talk.current()
    if job is None or job.state.over:
        present = _present(tools, step)
        finished = job is not None and job.state is RestoreState.FINISHED and set(present) == set(step.names)
        if not finished:
            _refuse_taken_names(tools, step)
            talk = _conversation(tools, step, before=job)
            talk.submit()
    examined: set[str] = set()

    def seen(job: Job) -> None:
        if job.task_errors and job.task_errors not in examined and not job.state.over:
            examined.add(job.task_errors)
            _examine(tools, step, talk, job.task_errors)

    last = talk.watch(seen)
    if last is not None and last.state is RestoreState.CANCELLED:
        raise Failed(
            f"RESTORE of {step.target_database} from {step.label} was cancelled: {told(last)}",
            hint=messages.hint_for(told(last)),
        )
    ids = _seen(tools, step)
    _stop_upkeep(tools, step)
    tools.journal.step_done(number, StepDone(step.label, step.target_database, ids, tools.clock.now()))
    seconds = tools.clock.monotonic() - began
    tools.notify(JobDone(talk.name, step.target_database, len(step.tables), step.bytes, seconds))


def _conversation(tools: RestoreTools, step: RestoreStep, before: Job | None = None) -> Conversation:
    """`before` is an earlier job of the same snapshot, whose row a follower may go on showing for a moment."""
    starrocks, repository = tools.starrocks, tools.journal.plan.starrocks_repository
    return Conversation(
        verb=Verb.RESTORE,
        name=f"{step.target_database}/{step.label}/{step.replication_num}",
        database=step.target_database,
        label=step.label,
        tables=len(step.tables),
        bytes=step.bytes,
        submit_statement=lambda: starrocks.submit_restore(
            repository,
            step.target_database,
            step.label,
            step.backup_timestamp,
            step.names,
            step.replication_num,
            tools.limits.timeout,
        ),
        look=lambda: starrocks.restore_job(step.target_database),
        is_ours=lambda job: _is_of(job, step) and (before is None or job.id != before.id),
        cancel_statement=lambda: starrocks.cancel_restore(step.target_database),
        lease=tools.lease,
        clock=tools.clock,
        notify=tools.notify,
        limits=tools.limits,
    )


def _is_of(job: Job, step: RestoreStep) -> bool:
    return isinstance(job, RestoreJob) and (job.label, job.timestamp, job.replication_num) == (
        step.label,
        step.backup_timestamp,
        step.replication_num,
    )


def _refuse_taken_names(tools: RestoreTools, step: RestoreStep) -> None:
    """A last look before what cannot be taken back: somebody may have made such a table since the plan."""
    found = tools.starrocks.inventory([step.target_database], columns=False).database(step.target_database)
    taken = [t.qualified for t in (found.tables if found else ()) if t.name in set(step.names)]
    if taken:
        raise RefusedForSafety(
            f"{', '.join(taken[:5])} appeared in the target since the restore was planned",
            hint="Drop what is not wanted, then run the same restore again: it goes on from here.",
        )


def _examine(tools: RestoreTools, step: RestoreStep, talk: Conversation, errors: str) -> None:
    """A node complains of an object: look at the object. If it is damaged, no amount of waiting helps."""
    for complaint in messages.DAMAGED.finditer(errors):
        damage = _damage(tools, step, complaint.groupdict())
        if damage:
            talk.cancel()
            raise SnapshotDamagedInStore(
                f"Snapshot {step.label} is damaged: {damage}\n  StarRocks says: {errors}",
                hint="Restore another point (`srbackup list`); this one cannot be restored whole. Find out who "
                "changed the bucket, and whether versioning or a replica still has the object.",
            )


def _damage(tools: RestoreTools, step: RestoreStep, complaint: Mapping[str, str | None]) -> str:
    """What is wrong with the object that is complained of, as read from the store; '' if it is intact."""
    objects = tools.objects[step.label]
    if (file := complaint.get("file")) and (md5 := complaint.get("md5")):
        found = snapshots.damaged_object(objects, file=file, md5=md5)
        if found is None:
            return f"{file} with MD5 {md5} is not among its objects"
        return _content_damage(tools.store, found, md5)
    if path := complaint.get("path"):
        key = path.partition(layout.snapshot(tools.journal.plan.starrocks_repository, step.label))
        prefix = key[1] + key[2].rstrip("/") + "/"
        if key[1] and not any(True for _ in tools.store.scan(prefix)):
            return f"all objects below {tools.store.place}/{prefix} are gone"
    return ""


def _content_damage(store: ObjectStore, stored: StoredObject, md5: str) -> str:
    digest, size = hashlib.md5(usedforsecurity=False), 0
    try:
        for piece in store.open(stored.key):
            digest.update(piece)
            size += len(piece)
    except SrbackupError as error:
        return f"object {store.place}/{stored.key} cannot be read: {error.message}"
    if digest.hexdigest() == md5:
        return ""
    return (
        f"object {store.place}/{stored.key} has MD5 {digest.hexdigest()} instead of {md5} "
        f"({size} bytes, {stored.size} when it was backed up)"
    )


def _seen(tools: RestoreTools, step: RestoreStep) -> tuple[tuple[str, int], ...]:
    """The ids of the step's tables in the target; Failed when one is not there, whatever state the job claims."""
    found = _present(tools, step)
    if missing := [n for n in step.names if n not in found]:
        raise Failed(
            f"RESTORE of {step.target_database} from {step.label} ended without these tables: {', '.join(missing)}",
            hint="See SHOW RESTORE and fe.log of the target.",
        )
    return tuple(found.items())


def _present(tools: RestoreTools, step: RestoreStep) -> dict[str, int]:
    """Those of the step's tables that are in the target, with their ids."""
    found = tools.starrocks.inventory([step.target_database], columns=False).database(step.target_database)
    tables = {t.name: t for t in (found.tables if found else ()) if t.kind is TableKind.OLAP}
    return {n: tables[n].id for n in step.names if n in tables}


def _stop_upkeep(tools: RestoreTools, step: RestoreStep) -> None:
    """Before anything else: the rules of the step's tables drop partitions that are old by them, minutes from now."""
    names = set(step.names)
    for rule in tools.journal.plan.upkeep:
        if rule.database == step.target_database and rule.table in names:
            tools.starrocks.set_property(rule.database, rule.table, rule.key, rule.off)


def resume_upkeep(tools: RestoreTools) -> None:
    """Turn on again what drops nothing; say of the rest that it is off, and how to turn it on."""
    for rule in tools.journal.plan.upkeep:
        if not rule.drops:
            tools.starrocks.set_property(rule.database, rule.table, rule.key, rule.value)
            continue
        text = f'{rule.database}.{rule.table}: "{rule.key}" was "{rule.value}" and is off, since it would drop '
        text += (
            "partitions that were just restored; no new ones are made either"
            if rule.off == "false"
            else ("partitions that were just restored")
        )
        tools.notify(Warned(text, f"When that is what you want: {rule.statement}"))


def create_views(tools: RestoreTools) -> list[str]:
    """Views and materialized views, again and again as long as any succeeds: they may rest on each other.

    Returns those that could not be created; each has been warned of with StarRocks' own words.
    """
    existing = {
        (t.database, t.name) for t in tools.starrocks.inventory(tools.journal.plan.databases, columns=False).tables()
    }
    waiting = [s for s in tools.journal.plan.definitions if (s.database, s.definition.name) not in existing]
    problems: dict[str, SrbackupError] = {}
    while waiting:
        left: list[DefinitionStep] = []
        for step in waiting:
            tools.clock.sleep(0)
            tools.lease.check()
            name = f"{step.database}.{step.definition.name}"
            try:
                tools.starrocks.create(step.database, step.definition)
            except StatementRefused as error:
                problems[name] = error
                left.append(step)
                continue
            problems.pop(name, None)
            tools.journal.view_done(name)
            tools.notify(Created(step.definition.kind, name))
            if step.definition.kind is TableKind.MATERIALIZED_VIEW:
                _refresh(tools, step)
        if len(left) == len(waiting):
            break
        waiting = left
    for name, problem in problems.items():
        tools.notify(Warned(f"{name} could not be created from its text: {problem.message}", problem.hint))
    return list(problems)


def _refresh(tools: RestoreTools, step: DefinitionStep) -> None:
    try:
        tools.starrocks.refresh(step.database, step.definition.name)
    except SrbackupError as error:
        name = f"{step.database}.{step.definition.name}"
        tools.notify(Warned(f"{name} could not be refreshed: {error.message}", f"REFRESH MATERIALIZED VIEW {name}"))


def discard(tools: RestoreTools) -> None:
    """Drop the databases that this restore made, whatever is in them by now, for good: a drill's copy is no loss.

    Its jobs are cancelled first: dropping a database under a RESTORE leaves a job that nobody can cancel any more.
    """
    plan = tools.journal.plan
    for step in plan.steps:
        _conversation(tools, step).cancel()
    existing = {d.name for d in tools.starrocks.inventory(list(plan.create_databases), columns=False).databases}
    for database in plan.create_databases:
        if database in existing:
            tools.starrocks.drop_database(database, force=True)


def undo(tools: RestoreTools) -> None:
    """Drop what this restore created, into the recycle bin: jobs, tables, views, and databases that it made.

    Only what the journal or the job's own row shows to be ours: a table of the same name that somebody made in the
    meantime stays.
    """
    plan, done = tools.journal.plan, tools.journal.done_steps()
    ours: dict[tuple[str, str], int] = {}
    for number, step in enumerate(plan.steps, 1):
        talk = _conversation(tools, step)
        talk.cancel()
        job = talk.current()
        if number in done:
            ours |= {(step.target_database, name): table_id for name, table_id in done[number].tables}
        elif job is not None and job.state is RestoreState.FINISHED:
            ours |= {(step.target_database, name): table_id for name, table_id in _present(tools, step).items()}
    found = tools.starrocks.inventory(list(plan.databases), columns=False)
    created = tools.journal.views_done()
    for view in reversed(plan.definitions):
        name = f"{view.database}.{view.definition.name}"
        if name in created and found.table(view.database, view.definition.name) is not None:
            materialized = view.definition.kind is TableKind.MATERIALIZED_VIEW
            tools.starrocks.drop_view(view.database, view.definition.name, materialized=materialized)
    for (database, name), table_id in ours.items():
        table = found.table(database, name)
        if table is not None and table.id == table_id:
            tools.starrocks.drop_table(database, name)
    for database in plan.create_databases:
        left = tools.starrocks.inventory([database], columns=False).database(database)
        if left is not None and not left.tables:
            tools.starrocks.drop_database(database)
