"""Points of any age in a store, with all that belongs to them, without a run that made them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from srbackup.app.wiring import catalog
from srbackup.catalog import layout, marks
from srbackup.model.point import (
    Exclusion,
    Finding,
    Intent,
    Manifest,
    MetadataRecord,
    PlannedPart,
    PointListing,
    point_id,
)
from srbackup.model.verdict import Outcome, PartitionComparison, Purpose, TableComparison, Verdict
from tests.fakes.wiring import FakeWiring

REPOSITORY = "store"


def put_point(
    wiring: FakeWiring,
    created: datetime,
    *,
    policy: str = "nightly",
    databases: Sequence[str] = ("sales",),
    excluded: Sequence[str] = (),
    metadata: bool = False,
    commit: bool = True,
) -> PointListing:
    """A point with a snapshot of each database; without `commit` an interrupted run."""
    points = catalog(wiring, wiring.configuration.repository(REPOSITORY))
    points.initialise("u")
    nonce = wiring.nonce()
    name = point_id(policy, created, nonce)
    parts = tuple(PlannedPart(n, d, ("t",)) for n, d in enumerate(databases, 1))
    intent = Intent(name, policy, "production", REPOSITORY, REPOSITORY, created, nonce, 1, parts, tuple(databases), ())
    points.begin(intent)
    for part in parts:
        put_snapshot(wiring, f"{name}_{part.number}_{part.database}")
    if commit:
        image = MetadataRecord("fe-1", 100, 1, 100, ()) if metadata else None
        points.commit(
            Manifest(
                point=name,
                policy=policy,
                cluster="production",
                cluster_id="1001",
                starrocks_version="4.1.0",
                starrocks_repository=REPOSITORY,
                created=created,
                completed=created,
                parts=(),
                definitions=(),
                databases=tuple(databases),
                metadata=image,
                metadata_note="",
                excluded=tuple(Exclusion(e, "a test") for e in excluded),
                warnings=(),
                tool_version="0",
            ),
            intent,
        )
    return points.lookup(name, "production")


def put_snapshot(wiring: FakeWiring, label: str) -> None:
    """What BACKUP leaves under a label."""
    place = layout.snapshot(REPOSITORY, label)
    for name in ("__ss_content/__db_1/rows.dat.1", "__meta.1", "__info_2026.1", "other"):
        wiring.memory.put(place + name, b"12345")


def judge(wiring: FakeWiring, point: PointListing, finding: Finding = Finding.PROVEN, *, drill: bool = False) -> None:
    """A verdict on a point, of a restore or a drill."""
    outcome = {Finding.PROVEN: Outcome.EQUAL, Finding.DIFFERENT: Outcome.DIFFERENT, Finding.PART: Outcome.EQUAL}
    table = TableComparison("d.t", "d.t", (PartitionComparison("p", outcome[finding]),))
    now = wiring.clock.now()
    purpose = Purpose.DRILL if drill else Purpose.RESTORE
    verdict = Verdict(point.id, "other", now, now, (table,), purpose=purpose, whole=finding is not Finding.PART)
    assert verdict.finding is finding
    marks.add_verdict(wiring.memory, point.cluster, wiring.ulid(), verdict)


def keys(wiring: FakeWiring, point: str) -> list[str]:
    """All objects that belong to a point, what stays of it in the history aside."""
    label = layout.label_start(point)
    return [o.key for o in wiring.memory.scan("") if (point in o.key or label in o.key) and "/history/" not in o.key]
