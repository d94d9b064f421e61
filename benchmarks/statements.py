"""How many SQL statements a full run sends at 10, 100 and 1 000 partitions: constant, not one for each partition.

    .venv/bin/python benchmarks/statements.py

Ten tables with 1, 10 and 100 partitions each, on a lab in processes. SHOW BACKUP is counted apart: it is asked as
often as the job lasts.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from lab.drivers.document import DriverKind
from lab.labs import Labs, LabSpec, client_of
from lab.stores.shelf import Shelf, StoreKind
from srbackup.app import run as use_case
from srbackup.app.wiring import RealWiring
from srbackup.config.load import load
from tests.acceptance.conftest import write_configuration

TABLES = 10
SIZES = (10, 100, 1000)


def fill(sql: list[str], partitions: int) -> None:
    """Ten tables whose partitions are `partitions` in all."""
    each = partitions // TABLES
    sql += ["DROP DATABASE IF EXISTS many FORCE", "CREATE DATABASE many"]
    for table in range(TABLES):
        ranges = ", ".join(f"PARTITION p{n} VALUES LESS THAN ('{(n + 1) * 10}')" for n in range(each))
        sql.append(
            f"CREATE TABLE many.t{table} (k INT NOT NULL, v INT) DUPLICATE KEY(k) PARTITION BY RANGE(k) ({ranges}) "
            "DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES('replication_num'='1')"
        )
        sql.append(f"INSERT INTO many.t{table} VALUES ({(each - 1) * 10}, 1)")


def main() -> None:
    counts: dict[int, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        labs, shelf = Labs(home), Shelf(home)
        store = shelf.up("bench", StoreKind.RCLONE, "127.0.0.1")
        lab = labs.up(LabSpec(f"bench-{os.getpid()}", DriverKind.PROCESS, 1, 1, tick_seconds=0.05))
        try:
            command = write_configuration(
                home / "policies", {"production": lab}, store.server.access, "components: [data]"
            )
            os.environ |= command.environment
            for size in SIZES:
                script: list[str] = []
                fill(script, size)
                client_of(lab.frontends[0]).script(script)
                seen: Counter[str] = Counter()
                wiring = RealWiring(load(command.folder), trace=lambda s, seen=seen: seen.update([kind(s)]))
                use_case.run(wiring, wiring.configuration.policy("nightly"), lambda _event: None)
                counts[size] = seen
        finally:
            labs.down(lab.name)
            shelf.down("bench")
    report(counts)


def kind(statement: str) -> str:
    """What sort of statement it is."""
    words = statement.upper()
    for name in ("SHOW BACKUP", "SHOW PARTITIONS", "SHOW CREATE", "SET ", "BACKUP SNAPSHOT"):
        if words.startswith(name):
            return name.strip()
    if "UNION ALL" in words or "COUNT(*) AS N" in words:
        return "fingerprint"
    return "information_schema" if "INFORMATION_SCHEMA" in words else "other"


def report(counts: dict[int, Counter[str]]) -> None:
    kinds = sorted({k for seen in counts.values() for k in seen} - {"SHOW BACKUP"})
    print(f"{'statement':22}" + "".join(f"{size:>8}" for size in counts) + "   partitions in 10 tables")
    for name in kinds:
        print(f"{name:22}" + "".join(f"{counts[size][name]:>8}" for size in counts))
    totals = {size: sum(seen[k] for k in kinds) for size, seen in counts.items()}
    print(f"{'all':22}" + "".join(f"{total:>8}" for total in totals.values()))
    print(f"{'SHOW BACKUP (polls)':22}" + "".join(f"{counts[size]['SHOW BACKUP']:>8}" for size in counts))
    growth = (totals[SIZES[-1]] - totals[SIZES[0]]) / (SIZES[-1] - SIZES[0])
    result = {"partitions": list(totals), "statements": list(totals.values()), "per_partition": round(growth, 4)}
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main()
