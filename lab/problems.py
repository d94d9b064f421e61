"""What can go wrong with a lab itself, in words for the one who runs it."""

from __future__ import annotations


class LabProblem(Exception):
    """A lab could not do what was asked; `hint` is what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(filter(None, (self.message, self.hint)))


class NotAvailable(LabProblem):
    """This machine lacks what was asked for: a Docker engine, radosgw, ... A test skips, a command says so."""
