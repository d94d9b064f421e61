"""What all commands share: where the configuration is, and how to speak."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape

from srbackup.app.wiring import RealWiring
from srbackup.clock import SystemClock
from srbackup.config.load import load
from srbackup.config.schema import duration

_STATEMENTS = 2  # -vvv shows every SQL statement
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass
class Session:
    """The options before the command, and what follows from them."""

    folder: Path = Path("policies")
    verbosity: int = 0
    color: bool = True
    log_format: str = "text"
    clock: SystemClock = field(default_factory=SystemClock)

    @cached_property
    def wiring(self) -> RealWiring:
        return self.load_wiring()

    def load_wiring(self) -> RealWiring:
        """The configuration as it is at this moment."""
        return RealWiring(load(self.folder), self.clock, self._trace)

    def _trace(self, statement: str) -> None:
        if self.verbosity > _STATEMENTS:
            self.err.print(f"[dim]sql {escape(statement)}[/dim]")

    @cached_property
    def out(self) -> Console:
        """Data: standard output, as wide as the terminal or as wide as needed."""
        return Console(no_color=not self.color, highlight=False, width=None if sys.stdout.isatty() else 200)

    @cached_property
    def err(self) -> Console:
        """Everything else: standard error."""
        return Console(stderr=True, no_color=not self.color, highlight=False, soft_wrap=True)

    def listen_to_signals(self) -> None:
        """Ctrl-C and SIGTERM stop at the next safe place; a second one ends the process at once."""

        signal.signal(signal.SIGINT, self.stop)
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, number: int, _frame: FrameType | None) -> None:
        """Stop for that signal."""
        self.err.print("[yellow]stopping at the next safe place; once more ends at once[/yellow]")
        self.clock.stop(terminated=number == signal.SIGTERM)
        signal.signal(number, signal.SIG_DFL)


def _seconds(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    """Seconds, plain or as the configuration has durations."""
    try:
        return float(value) if value.replace(".", "", 1).isdigit() else duration(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A time as the catalog is asked for it: `@` and RFC 3339; without a zone it is UTC."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no time: write 2026-01-05T03:00 or 2026-01-05T04:00+01:00") from error
    return f"@{(found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()}"


pass_session = click.make_pass_decorator(Session)


def output_option(command: _Command) -> _Command:
    """-o table|json|jsonl"""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json", "jsonl"]),
        default="table",
        show_default=True,
        help="Form of the data on standard output.",
    )(command)


def place_options(command: _Command) -> _Command:
    """--repository and --cluster, where the policies leave a choice."""
    command = click.option("--repository", metavar="NAME", help="Repository to read, where there are several.")(command)
    return click.option("--cluster", metavar="NAME", help="Only points of this (source) cluster.")(command)


def lock_wait_option(command: _Command) -> _Command:
    return click.option(
        "--lock-wait",
        callback=_seconds,
        default="0",
        metavar="DURATION",
        help="How long to wait for another srbackup that works on the same cluster, such as 90, 30m or 2h.",
    )(command)
