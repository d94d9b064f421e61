"""Where and when each contract was last seen to hold: tests/data/contracts-seen.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[2] / "data" / "contracts-seen.json"


@dataclass(frozen=True, slots=True, order=True)
class Sight:
    """A contract held: `on` what (fake, lab, containers, real), of which release, on which day."""

    on: str
    release: str
    day: str


def sights() -> dict[str, list[Sight]]:
    """All of them, by the contract's test."""
    found = json.loads(FILE.read_text()) if FILE.exists() else {}
    return {
        name: sorted(Sight(*where.split(" ", 1), day) for where, day in some.items()) for name, some in found.items()
    }


def note(name: str, sight: Sight) -> None:
    """Write one down; it takes the place of an older one on the same cluster."""
    found = json.loads(FILE.read_text()) if FILE.exists() else {}
    found.setdefault(name, {})[f"{sight.on} {sight.release}"] = sight.day
    FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
