"""docs/reference/what-we-rely-on.md, made from the contracts: `python -m tests.contracts.starrocks.page`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.contracts.starrocks.contract import Contract
from tests.contracts.starrocks.seen import Sight, sights

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "what-we-rely-on.md"
HEAD = """# What we rely on

What srbackup needs of StarRocks, statement by statement. Each line is a test in
[tests/contracts/starrocks](../../tests/contracts/starrocks/), from whose docstrings this page is made
(`python -m tests.contracts.starrocks.page`). *Since* is the oldest release that it is asked of, *source* the place in
StarRocks that decides it, *held* where it was last seen to hold: on the lab, a stand-in that is no StarRocks, or on a
real cluster. Hold them against your own cluster before you trust it with a new release:

    export SRBACKUP_LIVE_FE=fe-1:9030 SRBACKUP_LIVE_USER=root SRBACKUP_LIVE_PASSWORD=...
    export SRBACKUP_LIVE_REPOSITORY=s3://bucket/contracts SRBACKUP_LIVE_ENDPOINT=https://s3.example.com
    export SRBACKUP_LIVE_ACCESS_KEY=... SRBACKUP_LIVE_SECRET_KEY=...
    pytest tests/contracts/starrocks -k real
"""


def page() -> str:
    """The page as the contracts of now have it."""
    seen = sights()
    parts = [HEAD]
    for title, module in modules():
        parts.append(f"\n## {title}\n\n| statement | what | since | source | held |\n|---|---|---|---|---|")
        for contract, test in sorted(contracts(module), key=lambda one: one[0].statement):
            cells = (contract.statement, _sentence(test), contract.since, contract.source)
            parts.append(f"| {' | '.join(cells)} | {_held(seen.get(test.__name__, []))} |")
    return "\n".join(parts) + "\n"


def modules() -> Iterator[tuple[str, Any]]:
    for name in [
        "sessions",
        "cluster",
        "inventory",
        "definitions",
        "fingerprints",
        "repositories",
        "backup",
        "restore",
    ]:
        yield name.capitalize(), importlib.import_module(f"tests.contracts.starrocks.test_{name}")


def contracts(module: Any) -> Iterator[tuple[Contract, Any]]:
    for _, test in inspect.getmembers(module, inspect.isfunction):
        for mark in getattr(test, "pytestmark", ()):
            if mark.name == "contract":
                yield mark.args[0], test


def _sentence(test: Any) -> str:
    return " ".join((inspect.getdoc(test) or "").split()).replace("|", "\\|")


def _held(seen: list[Sight]) -> str:
    """Each kind of cluster with its releases and the day; the fake is ours, and not worth a word."""
    kinds = {"real": "", "containers": "lab in containers", "lab": "lab"}
    found = []
    for kind, word in kinds.items():
        of_kind = [one for one in seen if one.on == kind]
        if of_kind and kind == "real":
            found += [f"**{one.release}** ({one.day})" for one in of_kind]
        elif of_kind:
            found.append(f"{word} {', '.join(one.release for one in of_kind)} ({max(one.day for one in of_kind)})")
    return "; ".join(found) or "not yet"


if __name__ == "__main__":
    PAGE.write_text(page())
