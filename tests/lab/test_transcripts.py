"""The lab answers as StarRocks did, statement by statement, when the recorded conversations are held with it again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.preparations import BEFORE, FIRST, SIGHTS
from tests.lab.replaying import Cluster, Replay, Step, read_steps

DATA = Path(__file__).parents[1] / "data" / "transcripts"
# Conversations that were held one after another with the same cluster.
CHAINS = {
    "4.1-backup": [
        "backup_restore/02-show-columns",
        "backup_restore/03-submit-errors",
        "backup_restore/04-state-table-backup",
        "backup_restore/05-state-table-restore",
        "backup_restore/07-restore-semantics",
    ],
    "4.1-versions": ["catalog/03-versions-and-ids"],
    "4.1-ddl": ["catalog/04-table-ddl-round-trip"],
    "4.1-users": ["catalog/01-users-roles-grants"],
    "4.0-backup": [
        "v4.0/02-show-columns",
        "v4.0/03-submit-errors",
        "v4.0/05-state-table-restore",
        "v4.0/07-restore-semantics",
    ],
    "4.0-catalog": ["v4.0/13-versions-and-ids", "v4.0/14-table-ddl-round-trip", "v4.0/11-users-roles-grants"],
    "3.2-backup": ["v3.2/02-show-columns", "v3.2/03-submit-errors", "v3.2/05-state-table-restore"],
    "3.2-catalog": ["v3.2/08-versions-and-ids"],
}
RESTORED = re.compile(r"RESTORE SNAPSHOT (?:\w+\.)?(\w+) FROM.*'backup_timestamp' ?= ?'(?!2020)([\d-]{23})'")
DIFFERENCES: dict[str, dict[str, str]] = json.loads((DATA / "differences.json").read_text())


@pytest.mark.lab
@pytest.mark.parametrize("chain", CHAINS)
def test_the_lab_answers_as_starrocks_did(chain: str, replay_cluster: Callable[[str], Cluster]) -> None:
    cluster = replay_cluster(chain.partition("-")[0])
    transcripts = {name: read_steps(DATA / f"{name}.jsonl.gz") for name in CHAINS[chain]}
    timestamps = _timestamps([step for steps in transcripts.values() for step in steps])
    unexpected, mended = [], []
    for name, steps in transcripts.items():
        for sql in FIRST.get(name, ()):
            cluster.rows(sql)
        found = {
            str(one.seq): one
            for one in Replay(cluster, steps, timestamps, BEFORE.get(name, {}), SIGHTS.get(name, {})).run()
        }
        known = DIFFERENCES.get(name, {})
        unexpected += [f"{name} {one}" for seq, one in found.items() if seq not in known]
        mended += [f"{name} #{seq}" for seq in known if seq not in found and not known[seq].startswith("sometimes")]
    assert unexpected == []
    assert mended == [], "these answers are right by now: take them off the list of differences"


def _timestamps(steps: list[Step]) -> dict[str, set[str]]:
    """The labels that a snapshot timestamp of the recording belongs to."""
    found: dict[str, set[str]] = {}
    for step in steps:
        if step.sql.startswith("SHOW SNAPSHOT"):
            for row in step.rows:
                if re.fullmatch(r"[\d-]{23}", str(row[1])):
                    found.setdefault(row[1], set()).add(row[0])
        elif restore := RESTORED.search(step.sql):
            found.setdefault(restore.group(2), set()).add(restore.group(1))
    return found
