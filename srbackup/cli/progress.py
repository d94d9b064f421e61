"""Progress as people or programs follow it: one live view on a terminal, lines elsewhere, or JSON lines."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from srbackup.clock import Clock
from srbackup.model import events
from srbackup.model.activity import Attempt
from srbackup.model.events import Event, Notify
from srbackup.model.verdict import Outcome
from srbackup.report.documents import API, dumps, plain
from srbackup.report.words import count, duration, size, time

_REFRESH = 4
_NAMED = 3


@contextmanager
def following(console: Console, clock: Clock, *, log_format: str, verbosity: int) -> Iterator[Notify]:
    """A listener for the time of a block; safe to be told by several threads."""
    lock = threading.Lock()
    if log_format == "json":
        listener: _Listener = _JsonLines(clock)
    elif console.is_terminal and verbosity >= 0:
        listener = _LiveView(console, clock)
    else:
        listener = _Lines(console, clock, verbosity)

    def notify(event: Event) -> None:
        with lock:
            listener.told(event)

    listener.begin()
    try:
        yield notify
    finally:
        listener.end()


def logging(
    console: Console,
    clock: Clock,
    log_format: str,
    verbosity: int,
    lock: AbstractContextManager[bool],
    about: Mapping[str, str],
) -> Notify:
    """A listener for a log that runs for months: lines with their date and what they are `about`, or JSON lines."""
    listener = (
        _JsonLines(clock, about)
        if log_format == "json"
        else _Lines(console, clock, verbosity, " ".join(about.values()))
    )

    def notify(event: Event) -> None:
        with lock:
            listener.told(event)

    return notify


class _Listener:
    def begin(self) -> None: ...

    def told(self, event: Event) -> None:
        raise NotImplementedError

    def end(self) -> None: ...


class _JsonLines(_Listener):
    """One JSON object a line on standard error."""

    def __init__(self, clock: Clock, about: Mapping[str, str] | None = None) -> None:
        self._clock = clock
        self._about = about or {}

    def told(self, event: Event) -> None:
        head: dict[str, Any] = {"api": API, "kind": "Event", "event": type(event).__name__, **self._about}
        sys.stderr.write(dumps({**head, "time": plain(self._clock.now()), **plain(event)}) + "\n")
        sys.stderr.flush()


class _Lines(_Listener):
    """A line for everything that ends or goes wrong; with -v also for what moves. `about` stands before each."""

    def __init__(self, console: Console, clock: Clock, verbosity: int, about: str | None = None) -> None:
        self._console = console
        self._clock = clock
        self._verbosity = verbosity
        self._about = about
        self._states: dict[str, str] = {}

    def told(self, event: Event) -> None:
        if isinstance(event, events.JobMoved):
            known = self._states.get(event.job)
            self._states[event.job] = event.state
            if known == event.state and not self._verbosity > 1:
                return
        line = words(event)
        quiet = isinstance(event, events.JobMoved | events.Counted | events.StepStarted | events.Compared)
        problem = isinstance(event, events.Warned | events.JobFailed | events.Missed | events.Skipped)
        if self._verbosity < 0 and not problem:
            return
        if quiet and self._verbosity < 1 and not isinstance(event, events.StepStarted):
            return
        if self._about is None:
            self._console.print(f"{self._clock.now():%H:%M:%S} {line}")
        else:
            self._console.print(f"{time(self._clock.now())} {escape(self._about)}{': ' if self._about else ''}{line}")


@dataclass
class _Row:
    database: str
    state: str
    done: int = 0
    total: int = 0
    bytes: int = 0
    of: int = 0
    began: float = 0.0
    seconds: float | None = None
    error: str = ""


class _LiveView(_Listener):
    """All jobs at once: state, tablets, bytes, rate and what is left of time. What ends or fails scrolls above."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        self._step = ""
        self._metadata = ""
        self._began = clock.monotonic()
        self._console = console
        self._live = Live(console=console, get_renderable=self._view, refresh_per_second=_REFRESH, transient=True)

    def begin(self) -> None:
        self._live.start()

    def end(self) -> None:
        self._live.stop()

    def told(self, event: Event) -> None:
        now = self._clock.monotonic()
        match event:
            case events.StepStarted(step=step):
                self._step = step
            case events.JobSubmitted(job=job, database=database, bytes=total):
                self._rows[job] = _Row(database, "submitted", of=total, began=now)
            case events.JobMoved():
                self._moved(event, now)
            case events.JobDone(job=job, bytes=total, seconds=seconds):
                if row := self._rows.get(job):
                    row.state, row.bytes, row.of, row.seconds, row.error = "done", total, total, seconds, ""
                self._console.print(words(event))
            case events.MetadataMoved():
                self._metadata = words(event)
            case events.Counted() | events.Compared():
                self._step = words(event)
            case _:
                self._console.print(words(event))

    def _moved(self, event: events.JobMoved, now: float) -> None:
        row = self._rows.setdefault(event.job, _Row(event.database, event.state, began=now))
        row.state, row.error = event.state, event.error
        row.total = max(row.total, event.tasks.unfinished, event.tasks.total)
        row.done = event.tasks.done or max(0, row.total - event.tasks.unfinished)
        row.bytes = event.bytes if event.bytes is not None else row.bytes

    def _view(self) -> Group:
        now = self._clock.monotonic()
        table = Table(box=None, pad_edge=False, show_header=bool(self._rows))
        for title in ("database", "state", "tablets", "bytes", "rate", "left", "elapsed"):
            table.add_column(title, style="dim" if title == "rate" else "")
        for row in self._rows.values():
            if row.seconds is None:
                table.add_row(*_cells(row, now - row.began))
        lines = [Text(f"{self._step}  {duration(now - self._began)}", style="bold")]
        if self._metadata:
            lines.append(Text(self._metadata, style="dim"))
        errors = [Text(f"{r.database}: {r.error[:300]}", style="yellow") for r in self._rows.values() if r.error]
        return Group(*lines, table, *errors)


def _cells(row: _Row, elapsed: float) -> tuple[str, ...]:
    rate = row.bytes / elapsed if elapsed > 1 and row.bytes else 0.0
    left = (row.of - row.bytes) / rate if rate and row.of > row.bytes else None
    tablets = f"{row.done}/{row.total}" if row.total else ""
    amount = (size(row.bytes) if row.bytes else "") + (f" of {size(row.of)}" if row.of else "")
    speed = f"{size(int(rate))}/s" if rate else ""
    return row.database, row.state, tablets, amount, speed, duration(left) if left else "", duration(elapsed)


def words(event: Event) -> str:  # noqa: PLR0912 - one case an event
    """An event in one line, with markup."""
    match event:
        case events.Began(verb=verb, point=point, cluster=cluster, jobs=jobs, tables=tables, resumed=resumed):
            again = "going on with" if resumed else "beginning"
            return f"{again} {verb} [bold]{point}[/bold] of {cluster}: {count(jobs, 'job')}, {count(tables, 'table')}"
        case events.StepStarted(step=step):
            return f"[dim]{escape(step)}[/dim]"
        case events.JobSubmitted(verb=verb, database=database, label=label, tables=tables):
            return f"{escape(database)}: {verb} of {count(tables, 'table')} submitted as {escape(label)}"
        case events.JobMoved(database=database, state=state, tasks=tasks, error=error):
            todo = f", {count(tasks.unfinished, 'task')} left" if tasks.unfinished else ""
            return f"{escape(database)}: {state}{todo}" + (f" [yellow]{escape(error[:500])}[/yellow]" if error else "")
        case events.JobDone(database=database, tables=tables, bytes=total, seconds=seconds):
            return f"[green]{escape(database)}[/green]: {count(tables, 'table')}, {size(total)} in {duration(seconds)}"
        case events.JobFailed(database=database, reason=reason, again=again):
            return f"[red]{escape(database)}[/red]: {escape(reason)}" + (" (trying again)" if again else "")
        case events.Counted(database=database, table=table, partitions=partitions, rows=rows):
            return f"{escape(f'{database}.{table}')}: {rows} rows in {count(partitions, 'partition')} fingerprinted"
        case events.MetadataMoved(frontend=frontend, step=step, detail=detail):
            return f"{escape(frontend)}: {step} {escape(detail)}"
        case events.Created(what=what, name=name):
            return f"created {what} {escape(name)}"
        case events.Compared(table=table):
            color = {Outcome.EQUAL: "green", Outcome.DIFFERENT: "red", Outcome.NOT_COMPARED: "yellow"}[table.outcome]
            amount = f"{table.rows} rows in {count(len(table.partitions), 'partition')}"
            return f"[{color}]{escape(table.target)}[/{color}]: {amount}, {table.outcome}"
        case events.Checked(result=check):
            said = check.problem or (f"{check.found}" if check.passed else f"{check.found} instead of {check.expected}")
            return f"[{'green' if check.passed else 'red'}]{escape(check.name)}[/]: {escape(said)}"
        case events.Warned(text=text, hint=hint):
            return f"[yellow]warning:[/yellow] {escape(text)}" + (f" [dim]({escape(hint)})[/dim]" if hint else "")
        case events.Committed(point=point, state=state, bytes=total, seconds=seconds):
            return f"[bold green]{point}[/bold green] is {state}: {size(total)} in {duration(seconds)}"
        case events.Missed(due=due, reason=reason):
            return f"[red]missed[/red] {_times(due)}: {escape(reason)}"
        case events.Skipped(due=due, reason=reason):
            return f"[yellow]skipped[/yellow] {_times(due)}: {escape(reason)}"
        case events.Ended(attempt=attempt):
            return _ended(attempt)
    assert_never(event)


def _times(due: tuple[datetime, ...]) -> str:
    """What was due; of many the first and the last."""
    if len(due) > _NAMED:
        return f"{len(due)} times from {time(due[0])} to {time(due[-1])}"
    return ", ".join(time(moment) for moment in due)


def _ended(attempt: Attempt) -> str:
    took = duration(attempt.finished - attempt.started)
    if attempt.done:
        return f"[green]done[/green] in {took}" + (f": {escape(attempt.message)}" if attempt.message else "")
    color = "red" if attempt.failed else "yellow"
    what = f"failed ({attempt.cause})" if attempt.failed else attempt.cause
    hint = f" [dim]({escape(attempt.hint)})[/dim]" if attempt.hint else ""
    return f"[{color}]{what}[/{color}] after {took}: {escape(attempt.message)}{hint}"
