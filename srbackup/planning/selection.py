"""Which databases and tables patterns of the form database.table choose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Selection:
    """Names that an include pattern matches and no exclude pattern does. Case counts, as in StarRocks."""

    include: tuple[str, ...] = ("*.*",)
    exclude: tuple[str, ...] = ()

    def covers(self, database: str, table: str) -> bool:
        return _matches(self.include, database, table) and not _matches(self.exclude, database, table)

    def covers_database(self, database: str) -> bool:
        """Whether the database as such is in scope, though it may hold nothing: some table of it could be."""
        if any(_whole(p, database) for p in self.exclude):
            return False
        return any(fnmatchcase(database, p.partition(".")[0]) for p in self.include)

    def unmatched(self, names: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """Include patterns that match none of these names: most likely typing errors."""
        known = list(names)
        return tuple(p for p in self.include if not any(_matches((p,), d, t) for d, t in known))


def _matches(patterns: Iterable[str], database: str, table: str) -> bool:
    for pattern in patterns:
        left, _, right = pattern.partition(".")  # names of databases hold no dot, those of tables may
        if fnmatchcase(database, left) and fnmatchcase(table, right):
            return True
    return False


def _whole(pattern: str, database: str) -> bool:
    left, _, right = pattern.partition(".")
    return right == "*" and fnmatchcase(database, left)
