"""Secrets by reference: looked up when they are needed, never kept in a file of ours."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from srbackup.config.schema import REFERENCE, absolute
from srbackup.model.secret import Secret


class UnresolvedSecret(Exception):
    """Why a reference leads nowhere; the loader adds where it stands."""


def resolve(reference: str, base: Path) -> Secret:
    """The secret behind `${VARIABLE}`, `file:/path` or `command:program args` (one trailing newline is dropped)."""
    match = REFERENCE.match(reference)
    if match is None:
        raise UnresolvedSecret("is not a reference to a secret")
    if variable := match["env"]:
        if (value := os.environ.get(variable)) is None:
            raise UnresolvedSecret(f"the environment variable {variable} is not set")
        return Secret(value)
    if file := match["file"]:
        try:
            return Secret(absolute(file, base).read_text(encoding="utf-8").removesuffix("\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise UnresolvedSecret(f"{file} cannot be read: {error}") from error
    return Secret(_output(match["command"]))


def _output(command: str) -> str:
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=60, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UnresolvedSecret(f"the command cannot be run: {error}") from error
    if done.returncode != 0:
        raise UnresolvedSecret(f"the command ended with status {done.returncode}: {done.stderr.strip()[:200]}")
    return done.stdout.removesuffix("\n")
