"""Whether the contracts notice when the lab is no longer like StarRocks: `python -m tests.contracts.mutants`.

Each distortion of mutants.yaml is made in a copy of the lab, and the contract that is to notice it is held against that
copy. A distortion that nothing notices is a rule that nothing watches.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule that is broken, how, and by which contract that is noticed."""

    rule: str
    file: str
    old: str
    new: str
    caught_by: str

    def applied_to(self, text: str) -> str:
        assert self.old in text, f"{self.rule}: {self.file} has no {self.old!r} any longer"
        return text.replace(self.old, self.new, 1)


def mutants() -> list[Mutant]:
    return [Mutant(**entry) for entry in YAML(typ="safe").load(Path(__file__).with_name("mutants.yaml"))]


def is_caught(mutant: Mutant, copy: Path) -> bool:
    """Whether the contract fails on the distorted copy."""
    file = copy / "lab" / mutant.file
    sound = (ROOT / "lab" / mutant.file).read_text()
    file.write_text(mutant.applied_to(sound))
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy),
        "SRBACKUP_CONTRACTS_ON": "lab 4.1",
        "SRBACKUP_CONTRACTS_PATIENCE": "20",
    }
    pytest = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/contracts/starrocks"]
    done = subprocess.run(
        [*pytest, "-k", mutant.caught_by], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    file.write_text(sound)
    return f"::{mutant.caught_by}[" in done.stdout and "FAILED" in done.stdout


def copied(directory: Path) -> Path:
    """The lab and all that is needed to hold contracts against it."""
    for name in ("lab", "srbackup", "tests"):
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", directory)
    return directory


def main(words: list[str]) -> int:
    """Try all of them, or those whose rule has one of the words."""
    everything = [one for one in mutants() if not words or any(word in one.rule for word in words)]
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch, ThreadPoolExecutor(WORKERS) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            copies.put(copied(Path(scratch) / str(number)))

        def tried(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                caught = is_caught(mutant, copy)
            finally:
                copies.put(copy)
            print(f"{'caught' if caught else 'NOT CAUGHT'}: {mutant.rule} ({mutant.caught_by})", flush=True)
            return caught

        caught = sum(pool.map(tried, everything))
    print("RESULT", json.dumps({"mutants": len(everything), "caught": caught}))
    return 0 if caught == len(everything) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
