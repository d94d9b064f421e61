"""`srbackup`: the options before the command, and the commands."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from srbackup import __version__
from srbackup.cli.errors import guarded
from srbackup.cli.session import Session
from srbackup.errors import ExitStatus

_COMMANDS = {
    "run": "run:run",
    "list": "list_:list_points",
    "show": "show:show",
    "status": "status:status",
    "restore": "restore:restore",
    "drill": "drill:drill",
    "prune": "prune:prune",
    "keep": "keep:keep",
    "delete": "delete:delete",
    "gc": "gc:gc",
    "daemon": "daemon:daemon",
    "schedule": "schedule:schedule",
    "doctor": "doctor:doctor",
    "config": "config:config",
}


class _Commands(click.Group):
    """The commands, in an order to read them in; each is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"srbackup.cli.{module}"), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "SRBACKUP"})
@click.option(
    "-c",
    "--config",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("policies"),
    show_default=True,
    envvar="SRBACKUP_CONFIG",
    metavar="FOLDER",
    help="Folder with clusters.yaml, repositories.yaml and the policies.",
)
@click.option("-v", "--verbose", count=True, help="Say more; -vv every look at a job, -vvv every SQL statement.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what goes wrong.")
@click.option("--no-color", is_flag=True, envvar="NO_COLOR", help="No colors.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of progress and warnings on standard error.",
)
@click.version_option(__version__, prog_name="srbackup")
@click.pass_context
def cli(context: click.Context, folder: Path, verbose: int, quiet: bool, no_color: bool, log_format: str) -> None:
    """Backup and disaster recovery for StarRocks.

    Data goes to standard output, everything else to standard error. Exit statuses: 0 done, 1 failed, 2 usage or
    configuration, 3 partial, 4 difference found, 10 not found, 11 busy, 12 credentials, 13 cluster, 14 storage,
    15 version, 16 refused for safety, 130 interrupted.
    """
    session = context.ensure_object(Session)
    session.folder, session.verbosity = folder, -1 if quiet else verbose
    session.color, session.log_format = not no_color, log_format
    session.listen_to_signals()


def main() -> None:
    """The console script."""
    gc.set_threshold(50_000)  # a long list is thousands of values at once, and no cycles
    sys.exit(int(execute(sys.argv[1:])))


def execute(arguments: list[str]) -> ExitStatus:
    """Run the command line and return its exit status; nothing else decides it."""
    session = Session()
    try:
        return guarded(
            lambda: _status(cli.main(arguments, prog_name="srbackup", standalone_mode=False, obj=session)), session
        )
    except click.ClickException as error:
        error.show()
        return ExitStatus.USAGE


def _status(result: Any) -> ExitStatus:
    """What a command returned; --help and --version end with 0 without returning one."""
    return result if isinstance(result, ExitStatus) else ExitStatus.DONE
