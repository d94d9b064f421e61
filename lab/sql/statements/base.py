"""What all statements have in common: a syntax, and the FE that carries them out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from lab.versions import Release


class Sent(Enum):
    """Who executes a statement (qe/RedirectStatus.java)."""

    NO_FORWARD = "the FE it was said to"
    FORWARD_NO_SYNC = "the leader"
    FORWARD_WITH_SYNC = "the leader, and the answer waits until this FE has replayed what it did"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement. SYNTAX holds one pattern a form (see lab.sql.grammar)."""

    SYNTAX: ClassVar[tuple[str, ...]] = ()
    SYNTAX_BEFORE_3_4: ClassVar[tuple[str, ...]] = ()  # where it was another
    SENT: ClassVar[Sent] = Sent.FORWARD_WITH_SYNC
    EXPLICIT_TRANSACTION: ClassVar[bool] = False  # whether it may stand between BEGIN and COMMIT

    def check(self, release: Release) -> None:
        """Refuse what the grammar lets through and the parser does not, or not in this release."""


@dataclass(frozen=True, slots=True)
class Show(Statement):
    """A statement that only looks, at the state of the FE it was said to."""

    SENT: ClassVar[Sent] = Sent.NO_FORWARD
