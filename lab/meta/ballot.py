"""Whom a member of the group voted for, in which term: on disk, since a vote holds after a restart too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec


class Ballot:
    """The file `je.epoch` beside the journal."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "je.epoch"

    def write(self, epoch: int, candidate: tuple[str, int]) -> None:
        self._file.write_bytes(msgspec.json.encode({"epoch": epoch, "voted_for": candidate}))

    def read(self) -> tuple[int, tuple[str, int] | None]:
        """The last term that this member took part in, and its vote in it; term 0 at the first start."""
        if not self._file.exists():
            return 0, None
        vote: dict[str, Any] = msgspec.json.decode(self._file.read_bytes())
        return vote["epoch"], (vote["voted_for"][0], vote["voted_for"][1]) if vote["voted_for"] else None
