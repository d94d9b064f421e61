"""Commands: a program that reads a JSON document from its standard input."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from srbackup.notify.base import NotDelivered

_SECONDS = 30


class Command:
    """Runs a program without a shell; what it prints is shown only where it fails."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = list(arguments)

    def deliver(self, document: str) -> None:
        name = self._arguments[0]
        try:
            done = subprocess.run(
                self._arguments,
                input=document.encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_SECONDS,
                check=False,
                start_new_session=True,  # Ctrl-C is for us
            )
        except subprocess.TimeoutExpired as error:
            raise NotDelivered(f"{name} did not end within {_SECONDS} s") from error
        except OSError as error:
            raise NotDelivered(f"{name} cannot be run: {error.strerror or error}") from error
        if done.returncode != 0:
            said = done.stdout.decode(errors="replace").strip()[-300:]
            raise NotDelivered(f"{name} ended with status {done.returncode}" + (f": {said}" if said else ""))
