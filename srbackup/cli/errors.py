"""Errors become words and exit statuses here and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
from rich.console import Console
from rich.markup import escape

from srbackup.cli.session import Session
from srbackup.errors import ConfigurationError, ExitStatus, Interrupted, SrbackupError


def guarded(work: Callable[[], ExitStatus], session: Session) -> ExitStatus:
    """Run a command; a known error is explained, a bug keeps its traceback."""
    try:
        return work()
    except SrbackupError as error:
        explain(error, session.err)
        return error.status
    except click.exceptions.Abort:
        session.err.print("[yellow]aborted[/yellow]")
        return ExitStatus.INTERRUPTED
    except KeyboardInterrupt:
        session.err.print("[yellow]interrupted[/yellow]")
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return ExitStatus.FAILED


def explain(error: SrbackupError, console: Console) -> None:
    """What happened, to what, why; and what to do next."""
    if isinstance(error, ConfigurationError):
        for problem in error.problems:
            console.print(escape(problem))
    else:
        word = "interrupted" if isinstance(error, Interrupted) else "error"
        console.print(f"[bold red]{word}:[/bold red] {escape(error.message)}")
    if error.hint:
        console.print(f"[bold]next:[/bold] {escape(error.hint)}")
