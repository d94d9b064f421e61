"""The documents of format 1 in `format-1/`, and the values they meant when they were written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from srbackup.catalog.codec import Commits, Objects, decompress, sha256
from srbackup.errors import ExitStatus
from srbackup.model.activity import ActivityRecord, Attempt
from srbackup.model.inventory import Column, TableKind
from srbackup.model.plan import DefinitionStep, Lowered, RestorePlan, RestoreStep
from srbackup.model.point import (
    Commit,
    DatabaseDefinitions,
    Definition,
    DeletedPoint,
    Deletion,
    Exclusion,
    Finding,
    Fingerprint,
    Hold,
    Intent,
    Manifest,
    MetadataFile,
    MetadataRecord,
    Part,
    PartitionRecord,
    PartSummary,
    PlannedPart,
    PointState,
    Reference,
    StoredObject,
    TableRecord,
    VerdictMark,
)
from srbackup.model.policy import Activity
from srbackup.model.restore import Ending, RestoreBegun, RestoreOver, StepDone
from srbackup.model.verdict import Outcome, PartitionComparison, TableComparison, Verdict

FORMAT_1 = Path(__file__).parent / "format-1"
POINT = "nightly-20260105T030022Z-0002"
PLACE = f"clusters/production/points/{POINT}"
LABEL = f"{POINT}_1_sales"


def at(minute: int, second: int, microsecond: int) -> datetime:
    return datetime(2026, 1, 5, 3, minute, second, microsecond, UTC)


def stored(name: str) -> bytes:
    """A document of format 1 as it lay in the bucket, decompressed where it was compressed."""
    compressed = FORMAT_1 / f"{name}.json.zst"
    return decompress(compressed.read_bytes(), name) if compressed.exists() else raw(name)


def raw(name: str) -> bytes:
    return (FORMAT_1 / f"{name}.json").read_bytes()


def record(name: str, identity: int, replicas: int, *partitions: tuple[str, int, int, str]) -> TableRecord:
    made = tuple(PartitionRecord(p, i, ((i, 2),), Fingerprint(rows, sum_)) for p, i, rows, sum_ in partitions)
    return TableRecord(name, identity, replicas, (Column("k", "varchar(10)"),), made)


ORDERS = record(
    "orders", 10003, 3, ("p20260101", 10001, 2, "719112883567984232"), ("p20260102", 10002, 1, "335694708444724083")
)
ITEMS = record("items", 10005, 1, ("items", 10004, 1, "605101658848562694"))
LOADING = Exclusion(
    "sales.loading",
    "BACKUP takes no table with temporary partitions (tp)",
    "A load, INSERT OVERWRITE or OPTIMIZE may be at work: the next run takes it. Else drop them.",
)
METADATA = MetadataRecord(
    frontend="fe-1",
    journal_id=120,
    crc32=1283329644,
    wanted_journal_id=100,
    files=tuple(
        MetadataFile(path, size, digest, f"{PLACE}/metadata/fe-1/{path}.zst")
        for path, size, digest in (
            ("image/ROLE", 14, "99d6a32ef5321eed5f1f0fe8a5f796035a69fdd169b21c85426d7eb0f88a0c6e"),
            ("image/VERSION", 15, "04cd0bb0841e3f2612e82cb483041f41aa5ac101e613a55ab16ff3a161332d31"),
            ("image/v2/checksum.120", 10, "7a7a5ce6ef467607101892bfb0f7cd4a1b1400c715089842d5b7e7fece070cd2"),
            ("image/v2/image.120", 600, "54fadf7844ce68a9405cbb510d260991a4303c23cfcaf0461a11d484746befeb"),
        )
    ),
)
SNAPSHOT = f"__starrocks_repository_store/__ss_{LABEL}"
VIEW = 'CREATE MATERIALIZED VIEW `daily` PROPERTIES ("replication_num" = "{}") AS SELECT k FROM orders'
_COMMIT = Commit(
    point=POINT,
    policy="nightly",
    cluster="production",
    state=PointState.PARTIAL,
    manifest_sha256=sha256(raw("Manifest")),
    epoch=1,
    nonce="0002000000000000",
    created=at(0, 22, 801261),
    completed=at(0, 52, 366696),
    databases=2,
    tables=2,
    bytes=1428,
    excluded=1,
    metadata=True,
)
EXPECTED: dict[str, tuple[Any, Any]] = {
    "Intent": (
        Intent,
        Intent(
            point=POINT,
            policy="nightly",
            cluster="production",
            repository="store",
            starrocks_repository="store",
            created=at(0, 22, 801261),
            nonce="0002000000000000",
            epoch=1,
            parts=(PlannedPart(1, "sales", ("items", "orders")),),
            databases=("empty", "sales"),
            excluded=(LOADING,),
        ),
    ),
    "Part": (Part, Part("sales", LABEL, "2026-01-05-03-00-31-008", (ITEMS, ORDERS), 5, 789)),
    "Objects": (
        Objects,
        (
            StoredObject(f"{SNAPSHOT}/__info_2026-01-05-03-00-31-008.dacd5a93bdeaa2d4c6879c5fdccacc42", 736),
            StoredObject(f"{SNAPSHOT}/__meta.fdbc2e8e3b1f4a46fc425bbd0129603f", 33),
            *(
                StoredObject(f"{SNAPSHOT}/__ss_content/__db_1/{path}", size)
                for path, size in (
                    ("__tbl_10003/__part_10001/__idx_1/__100017/rows.dat.4634e4a13c478a704b0bf870577a31dd", 10),
                    ("__tbl_10003/__part_10002/__idx_1/__100027/rows.dat.a30180c68e8b5797dc9e0dfc4c1746c5", 5),
                    ("__tbl_10005/__part_10004/__idx_1/__100047/rows.dat.68952fd3eb76d7c7d75f5c8c8352c382", 5),
                )
            ),
        ),
    ),
    "Definitions": (
        DatabaseDefinitions,
        DatabaseDefinitions(
            "sales",
            "CREATE DATABASE `sales`",
            (
                Definition("daily", TableKind.MATERIALIZED_VIEW, VIEW.format(3)),
                Definition("items", TableKind.OLAP, "CREATE TABLE `items` ..."),
                Definition("loading", TableKind.OLAP, "CREATE TABLE `loading` ..."),
                Definition("orders", TableKind.OLAP, "CREATE TABLE `orders` ..."),
            ),
        ),
    ),
    "Metadata": (MetadataRecord, METADATA),
    "Manifest": (
        Manifest,
        Manifest(
            point=POINT,
            policy="nightly",
            cluster="production",
            cluster_id="1001",
            starrocks_version="4.1.0-5dafc4f",
            starrocks_repository="store",
            created=at(0, 22, 801261),
            completed=at(0, 52, 366696),
            parts=(
                PartSummary(
                    database="sales",
                    label=LABEL,
                    backup_timestamp="2026-01-05-03-00-31-008",
                    tables=2,
                    partitions=3,
                    rows=4,
                    bytes=789,
                    document=Reference(f"{PLACE}/parts/sales.json", sha256(raw("Part")), 1219),
                    objects=Reference(
                        f"{PLACE}/parts/{LABEL}.objects.json.zst",
                        sha256((FORMAT_1 / "Objects.json.zst").read_bytes()),
                        382,
                    ),
                ),
            ),
            definitions=(
                Reference(
                    f"{PLACE}/definitions/empty.json.zst",
                    "be232b7a5f5dfb57634cd1f9708019bcff7c45310412bd8c897391590288ba76",
                    128,
                ),
                Reference(
                    f"{PLACE}/definitions/sales.json.zst",
                    sha256((FORMAT_1 / "Definitions.json.zst").read_bytes()),
                    285,
                ),
            ),
            databases=("empty", "sales"),
            metadata=METADATA,
            metadata_note="",
            excluded=(LOADING,),
            warnings=(),
            tool_version="0.1.0",
        ),
    ),
    "Commit": (Commit, _COMMIT),
    "Verdict": (
        Verdict,
        Verdict(
            point=POINT,
            target="other",
            started=at(1, 34, 555862),
            finished=at(1, 34, 614900),
            tables=(
                TableComparison(
                    "sales.orders",
                    "sales_2026.orders",
                    tuple(
                        PartitionComparison(p.name, Outcome.EQUAL, p.fingerprint, p.fingerprint)
                        for p in ORDERS.partitions
                    ),
                ),
                TableComparison(
                    "sales.items",
                    "sales_2026.items",
                    (
                        PartitionComparison(
                            "items",
                            Outcome.NOT_COMPARED,
                            Fingerprint(1, "605101658848562694"),
                            None,
                            "it could not be read: StarRocks refused: Backend node not found. "
                            "Check if any backend node is down. [1064]; its versions are equal",
                        ),
                    ),
                ),
            ),
        ),
    ),
    "RestoreBegun": (
        RestoreBegun,
        RestoreBegun(
            plan=RestorePlan(
                point=POINT,
                source_cluster="production",
                target_cluster="other",
                starrocks_repository="store",
                create_databases=("sales_2026",),
                databases=("sales_2026",),
                steps=(
                    RestoreStep("sales", "sales_2026", LABEL, "2026-01-05-03-00-31-008", 2, (ORDERS,), 526),
                    RestoreStep("sales", "sales_2026", LABEL, "2026-01-05-03-00-31-008", 1, (ITEMS,), 263),
                ),
                definitions=(
                    DefinitionStep(
                        "sales_2026",
                        Definition("daily", TableKind.MATERIALIZED_VIEW, VIEW.format(2)),
                        rewritten=True,
                    ),
                ),
                lowered=(Lowered("sales.orders", 3, 2), Lowered("sales.daily", 3, 2)),
                missing=(LOADING,),
            ),
            request="only sales.* exclude  map sales=sales_2026",
            cluster_id="2002",
            started=at(0, 55, 531026),
        ),
    ),
    "Hold": (Hold, Hold(POINT, "ada@backup-1", "before the migration", at(2, 3, 4))),
    "Deletion": (
        Deletion,
        Deletion(POINT, "policy nightly", "no rule keeps it", at(2, 3, 4), datetime(2026, 1, 8, 3, 2, 3, 4, UTC)),
    ),
    "DeletedPoint": (
        DeletedPoint,
        DeletedPoint(
            point=POINT,
            policy="nightly",
            cluster="production",
            created=at(0, 22, 801261),
            starrocks_repository="store",
            labels=(LABEL,),
            deletion=Deletion(
                POINT, "ada@backup-1", "too big", at(2, 3, 4), datetime(2026, 1, 8, 3, 2, 3, 4, UTC), True
            ),
            commit=_COMMIT,
            verdicts=(VerdictMark("01KE6SAB00VERDICT00000000A", Finding.PROVEN, at(2, 0, 0)),),
        ),
    ),
    "Activity": (
        ActivityRecord,
        ActivityRecord(
            policy="nightly",
            cluster="production",
            activity=Activity.FULL,
            since=at(0, 22, 801261),
            last=Attempt(
                started=at(4, 0, 5),
                finished=at(4, 9, 6),
                status=ExitStatus.STORAGE,
                due=at(4, 0, 0),
                tries=2,
                transient=True,
                message="s3://backups cannot be reached: Connection refused",
                hint="Check `endpoint`.",
            ),
            success=Attempt(
                started=at(0, 22, 801261),
                finished=at(0, 55, 531026),
                status=ExitStatus.DONE,
                due=at(0, 0, 0),
                point=POINT,
                bytes=789,
            ),
            done=1,
            failures={"storage": 2},
            missed=3,
            skipped=1,
            undelivered=1,
        ),
    ),
    "Index": (Commits, (_COMMIT,)),
    "StepDone": (StepDone, StepDone(LABEL, "sales_2026", (("orders", 10004),), at(1, 15, 249589))),
    "RestoreOver": (RestoreOver, RestoreOver(Ending.FINISHED, at(1, 35, 155140), "not compared")),
}
