"""StarRocks' own snapshots in the bucket: what was taken is read from `__info_*`, and what is missing is noticed."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.catalog import layout, snapshots
from srbackup.catalog.snapshots import Snapshot, SnapshotDamaged, SnapshotPartition, SnapshotTable
from srbackup.clock import SystemClock
from srbackup.model.point import StoredObject
from srbackup.storage.memory import MemoryStore
from tests import data

RELEASES = ["3.2", "4.0", "4.1"]
REPOSITORY = "r1"


def stored(release: str = "4.1") -> MemoryStore:
    """The recorded snapshot: its keys with one byte each, and its `__info_*` as it was."""
    recorded = data.snapshot(release)
    store = MemoryStore(SystemClock())
    for key in recorded.keys:
        store.put(key, b"x")
    store.put(recorded.info_key, recorded.info)
    return store


def find(store: MemoryStore) -> Snapshot | None:
    return snapshots.find(store, REPOSITORY, "s_all")


def with_info(store: MemoryStore, change: dict[str, Any]) -> MemoryStore:
    """The same snapshot with a changed `__info_*`, whose name still tells its MD5."""
    recorded = data.snapshot("4.1")
    text = json.dumps({**json.loads(recorded.info), **change}).encode()
    store.delete([recorded.info_key])
    stem = recorded.info_key.rpartition(".")[0]
    store.put(f"{stem}.{hashlib.md5(text).hexdigest()}", text)
    return store


def table(name: str, identity: int, *partitions: SnapshotPartition) -> SnapshotTable:
    return SnapshotTable(name, identity, partitions)


def part(name: str, identity: int, physical: int, version: int, *tablets: int) -> SnapshotPartition:
    return SnapshotPartition(name, identity, ((physical, version),), tablets)


# -- whole snapshots


def test_a_snapshot_of_4_1_is_read_with_physical_partitions_and_versions() -> None:
    recorded = data.snapshot("4.1")
    sizes = {recorded.info_key: len(recorded.info)}
    assert find(stored("4.1")) == Snapshot(
        label="s_all",
        database="db1",
        timestamp="2026-11-24-02-03-52-365",
        tables=(
            table("t_agg", 10553, part("t_agg", 10552, 10555, 1, 10556)),
            table(
                "t_dup",
                10527,
                part("p1", 10524, 10529, 2, 10530, 10532),
                part("p2", 10525, 10534, 2, 10535, 10537),
                part("p3", 10526, 10539, 1, 10540, 10542),
            ),
            table("t_list", 10561, part("pa", 10559, 10563, 1, 10564), part("pb", 10560, 10566, 1, 10567)),
            table("t_pk", 10545, part("t_pk", 10544, 10547, 2, 10548)),
            table("v1", 10569),
        ),
        objects=tuple(StoredObject(key, sizes.get(key, 1)) for key in sorted(recorded.keys)),
    )


def test_a_snapshot_of_3_2_is_read_without_physical_partitions() -> None:
    found = find(stored("3.2"))
    assert found is not None
    assert (found.database, found.timestamp) == ("db1", "2026-11-24-03-24-51-595")
    assert found.tables == (
        table("mv1", 11792, part("mv1", 11794, 11794, 1, 11795)),
        table("t_agg", 11778, part("t_agg", 11777, 11777, 1, 11780)),
        table(
            "t_dup",
            11756,
            part("p1", 11753, 11753, 2, 11758, 11760),
            part("p2", 11754, 11754, 2, 11762, 11764),
            part("p3", 11755, 11755, 1, 11766, 11768),
        ),
        table("t_pk", 11771, part("t_pk", 11770, 11770, 2, 11773)),
    )


@pytest.mark.parametrize("release", RELEASES)
def test_versions_of_the_snapshot_are_those_that_show_partitions_told(release: str) -> None:
    found = find(stored(release))
    assert found is not None
    taken = found.table("t_dup")
    assert taken is not None
    shown = data.rows(release, "SHOW PARTITIONS FROM db1.t_dup")
    assert {p.name: p.versions for p in taken.partitions} == {
        r.text("PartitionName"): ((r.number("PartitionId"), r.number("VisibleVersion")),) for r in shown
    }


@pytest.mark.parametrize("release", RELEASES)
def test_bytes_and_objects_are_those_of_the_listing(release: str) -> None:
    recorded, found = data.snapshot(release), find(stored(release))
    assert found is not None
    assert len(found.objects) == len(recorded.keys)
    assert found.bytes == len(recorded.keys) - 1 + len(recorded.info)
    assert found.table("gone") is None


def test_several_physical_partitions_are_one_partition_with_several_versions() -> None:
    physical = {
        str(i): {"id": i, "version": v, "indexes": {"t": {"id": 1, "tablets": {str(t): []}}}}
        for i, v, t in ((30, 5, 300), (4, 6, 40))
    }
    info = {"name": "l", "database": "d", "backup_objects": {"t": {"id": 7, "partitions": {"t": {"id": 3, "subPartitions": physical}}}}}  # fmt: skip # noqa: E501
    assert snapshots.parse_info(json.dumps(info).encode(), "l") == (
        "d",
        (SnapshotTable("t", 7, (SnapshotPartition("t", 3, ((4, 6), (30, 5)), (40, 300)),)),),
    )


# -- what is not whole


def test_a_label_under_which_nothing_or_no_info_was_written_is_no_snapshot() -> None:
    store = stored()
    store.delete([data.snapshot("4.1").info_key])
    assert find(store) is None
    assert find(MemoryStore(SystemClock())) is None


def test_a_label_is_used_up_as_soon_as_one_object_is_there() -> None:
    store = MemoryStore(SystemClock())
    assert not snapshots.exists(store, REPOSITORY, "s")
    store.put("__starrocks_repository_r1/__ss_s2/__meta.x", b"another label")
    assert not snapshots.exists(store, REPOSITORY, "s")
    store.put("__starrocks_repository_r1/__ss_s/__ss_content/__db_1/x", b"12345")
    assert snapshots.exists(store, REPOSITORY, "s")
    assert list(snapshots.sizes(store, REPOSITORY, "s")) == [5]


def problems(store: MemoryStore) -> str:
    with pytest.raises(SnapshotDamaged) as raised:
        find(store)
    return raised.value.message


def test_an_info_whose_content_is_not_what_its_name_says_is_damage() -> None:
    store, recorded = stored(), data.snapshot("4.1")
    store.put(recorded.info_key, recorded.info + b" ")
    md5 = hashlib.md5(recorded.info + b" ").hexdigest()
    assert problems(store) == f"memory/{recorded.info_key} is damaged: the MD5 of its content is {md5}"


def test_two_infos_of_one_label_are_damage() -> None:
    store, recorded = stored(), data.snapshot("4.1")
    other = recorded.info_key.replace("2026-11-24-02", "2026-11-24-03")
    store.put(other, recorded.info)
    names = [key.rpartition("/")[2] for key in (recorded.info_key, other)]
    assert problems(store) == f"Snapshot s_all has 2 __info_* objects: {', '.join(names)}"


def test_a_snapshot_under_another_label_than_its_own_is_damage() -> None:
    store = with_info(stored(), {"name": "other"})
    assert problems(store) == "Snapshot s_all calls itself 'other': StarRocks would look there"


def test_a_tablet_without_objects_is_named_with_its_table() -> None:
    store = stored()
    store.delete([key for key in data.snapshot("4.1").keys if "/__10548/" in key or "/__10535/" in key])
    assert problems(store).splitlines() == [
        "Snapshot s_all is not whole (2 problems):",
        "  tablet 10535 of t_dup, partition p2, has no objects",
        "  tablet 10548 of t_pk, partition t_pk, has no objects",
    ]


@pytest.mark.parametrize("name", ["__meta.part", "__info_2026-11-24-02-03-52-365.part", "__ss_content/x/1.dat"])
def test_what_was_never_finished_is_named(name: str) -> None:
    store = stored()
    store.put(f"__starrocks_repository_r1/__ss_s_all/{name}", b"")
    assert problems(store).splitlines()[1:] == [f"  {name} does not end in an MD5: it was never finished"]


def test_a_snapshot_has_exactly_one_meta() -> None:
    store = stored()
    (meta,) = [key for key in data.snapshot("4.1").keys if "/__meta." in key]
    store.put(f"{meta[:-1]}0", b"")
    assert problems(store).splitlines()[1:] == ["  2 __meta objects instead of one"]
    store.delete([meta, f"{meta[:-1]}0"])
    assert problems(store).splitlines()[1:] == ["  0 __meta objects instead of one"]


def test_many_problems_are_counted_and_the_first_ones_shown() -> None:
    store = stored()
    store.delete([key for key in data.snapshot("4.1").keys if "/__ss_content/" in key])
    lines = problems(store).splitlines()
    assert (lines[0], len(lines)) == ("Snapshot s_all is not whole (10 problems):", 11)


@pytest.mark.parametrize(
    "change",
    [
        {"backup_objects": None},
        {"backup_objects": {"t": {}}},
        {"backup_objects": {"t": {"id": "x", "partitions": {}}}},
        {"backup_objects": {"t": {"id": 1, "partitions": {"p": {"id": 1}}}}},
        {"backup_objects": {"t": {"id": 1, "partitions": {"p": {"id": 1, "version": 1, "indexes": {"i": {}}}}}}},
        {"backup_objects": {"t": {"id": 1, "partitions": {"p": {"id": 1, "subPartitions": [1]}}}}},
    ],
)
def test_an_info_that_is_no_backup_job_info_is_damage_and_no_traceback(change: dict[str, Any]) -> None:
    assert problems(with_info(stored(), change)).startswith("The __info_* of snapshot s_all is not readable: ")


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_infinity=False) | st.text()
documents = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
named = st.fixed_dictionaries({"name": st.just("l"), "database": st.just("d"), "backup_objects": documents})


@given(documents | named)
def test_whatever_an_info_holds_it_is_read_or_refused(document: Any) -> None:
    refused_or_read(json.dumps(document).encode())


@given(st.binary())
def test_whatever_bytes_an_info_has_they_are_read_or_refused(content: bytes) -> None:
    refused_or_read(content)


def refused_or_read(content: bytes) -> None:
    with suppress(SnapshotDamaged):
        snapshots.parse_info(content, "l")


def test_an_info_with_a_number_beyond_all_numbers_is_damage_and_no_traceback() -> None:
    refused_or_read(b'{"name": "l", "database": "d", "backup_objects": {"t": {"id": 1e999, "partitions": {}}}}')


# -- complaints of backends


def test_a_complaint_leads_to_the_object_by_name_and_md5() -> None:
    objects = tuple(StoredObject(key, 1) for key in data.snapshot("4.1").keys)
    (key,) = [k for k in data.snapshot("4.1").keys if "/__10530/" in k and ".dat." in k]
    file, _, md5 = key.rpartition("/")[2].rpartition(".")
    for named_as in (f"<storage of be41>/snapshot/1.2.3/10600/77/{file}", file, f"{file}.{md5}"):
        assert snapshots.damaged_object(objects, file=named_as, md5=md5) == StoredObject(key, 1)
    assert snapshots.damaged_object(objects, file=file, md5="0" * 32) is None
    assert snapshots.damaged_object(objects, file="other.dat", md5=md5) is None


@pytest.mark.parametrize("suffix", ["hdr", "dcgs_snapshot"])
def test_a_complaint_about_a_file_named_after_the_new_tablet_leads_to_the_object(suffix: str) -> None:
    objects = tuple(StoredObject(key, 1) for key in data.snapshot("4.1").keys)
    (key,) = [k for k in data.snapshot("4.1").keys if f"/10530.{suffix}." in k]
    md5 = key.rpartition(".")[2]
    complained = f"<storage of be41>/snapshot/1.2.3/10600/77/10600.{suffix}"
    assert snapshots.damaged_object(objects, file=complained, md5=md5) == StoredObject(key, 1)


# -- where they lie


def test_a_snapshot_lies_where_starrocks_puts_it() -> None:
    assert layout.snapshot("r1", "s_all") == "__starrocks_repository_r1/__ss_s_all/"
    assert all(key.startswith(layout.snapshot("r1", "s_all")) for key in data.snapshot("4.0").keys)


@given(st.text(min_size=1))
def test_a_name_in_a_key_is_one_step_and_can_be_told_from_every_other(name: str) -> None:
    step = layout.safe(name)
    assert "/" not in step
    assert unquote(step) == name
