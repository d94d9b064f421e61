"""The protocol of a way to tell somebody, and the error that every implementation raises."""

from __future__ import annotations

from typing import Protocol

from srbackup.errors import Failed


class NotDelivered(Failed):
    """Nobody was told; the message says why, and holds nothing of the address."""


class Messenger(Protocol):
    """One way to tell somebody."""

    def deliver(self, document: str) -> None:
        """Hand over a JSON document; NotDelivered where that fails. Ends within a minute in any case."""
        ...
