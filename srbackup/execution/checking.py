"""Checks of the user's own: SQL asked of a drill's copy, and the value that its one cell must have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from srbackup.clock import Clock
from srbackup.errors import SrbackupError
from srbackup.model.events import Checked, Notify
from srbackup.model.policy import Check
from srbackup.model.verdict import CheckResult
from srbackup.starrocks.base import StarRocks


def ask(
    starrocks: StarRocks, checks: Sequence[Check], databases: Mapping[str, str], clock: Clock, notify: Notify
) -> tuple[CheckResult, ...]:
    """The results of all checks; `databases` gives the copy of each database by the name in the protected cluster."""
    results = []
    for check in checks:
        clock.sleep(0)
        result = _asked(starrocks, check, databases)
        notify(Checked(result))
        results.append(result)
    return tuple(results)


def _asked(starrocks: StarRocks, check: Check, databases: Mapping[str, str]) -> CheckResult:
    expected = _text(check.expect)
    if check.database not in databases:
        return CheckResult(check.name, check.sql, expected, problem=f"the drill has no database {check.database}")
    sql = re.sub(r"\{([^{}]+)\}", lambda found: _name(found, databases), check.sql)
    try:
        found = _text(starrocks.value(databases[check.database], sql))
    except SrbackupError as error:
        return CheckResult(check.name, sql, expected, problem=error.brief)
    return CheckResult(check.name, sql, expected, found, passed=_equal(found, expected))


def _name(found: re.Match[str], databases: Mapping[str, str]) -> str:
    name = databases.get(found[1])
    return found[0] if name is None else f"`{name}`"


def _text(value: str | int | float | bool | None) -> str:
    """A value as StarRocks prints it: truth is 1 and 0."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(int(value))
        case _:
            return str(value)


def _equal(found: str, expected: str) -> bool:
    """Numbers as numbers (1.50 is 1.5), everything else letter by letter."""
    try:
        return Decimal(found) == Decimal(expected)
    except InvalidOperation:
        return found == expected
