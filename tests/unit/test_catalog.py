"""The catalog: what is written once stays, and leases are told from the bucket alone."""

from __future__ import annotations

import json
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from srbackup.app import run as run_use_case
from srbackup.app.wiring import catalog
from srbackup.catalog import codec, index, leases, marks
from srbackup.catalog.catalog import Catalog
from srbackup.catalog.leases import Lease, LeaseLost
from srbackup.errors import IncompatibleVersion, LockBusy, NotFound
from srbackup.model.point import Deletion, Hold, PointListing, PointState
from srbackup.storage.base import StoredDocument
from srbackup.storage.memory import MemoryStore
from tests.fakes.clock import BEGINNING, FastClock
from tests.fakes.points import put_point
from tests.fakes.wiring import FakeWiring, fake_wiring

KEY = "clusters/c/locks/run.json"


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def store(clock: FastClock) -> MemoryStore:
    return MemoryStore(clock)


def test_a_lease_excludes_everybody_else_until_it_is_released(store: MemoryStore, clock: FastClock) -> None:
    with leases.held(store, KEY, "first", "aa", clock) as lease:
        assert lease.epoch == 1
        with pytest.raises(LockBusy, match="first"), leases.held(store, KEY, "second", "bb", clock):
            pass
    with leases.held(store, KEY, "second", "bb", clock) as lease:
        assert lease.epoch == 2


def test_waiting_for_a_lease_ends_with_it_or_with_the_time_given(store: MemoryStore, clock: FastClock) -> None:
    with leases.held(store, KEY, "first", "aa", clock):
        before = clock.monotonic()
        with pytest.raises(LockBusy), leases.held(store, KEY, "second", "bb", clock, wait=20):
            pass
        assert clock.monotonic() - before >= 20


def test_a_lease_of_a_process_of_this_host_that_is_gone_is_taken_over_at_once(
    store: MemoryStore, clock: FastClock
) -> None:
    child = _ended_child()
    os.waitpid(child, 0)
    _left_by(store, clock, child)
    with leases.held(store, KEY, "second", "bb", clock) as lease:
        assert lease.epoch == 2


def test_a_killed_holder_that_nobody_buried_yet_is_as_dead(store: MemoryStore, clock: FastClock) -> None:
    child = _ended_child()
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    _left_by(store, clock, child)
    with leases.held(store, KEY, "second", "bb", clock) as lease:
        assert lease.epoch == 2
    os.waitpid(child, 0)


def test_a_holder_in_another_process_namespace_may_be_alive(store: MemoryStore, clock: FastClock) -> None:
    child = _ended_child()
    os.waitpid(child, 0)
    _left_by(store, clock, child, processes="another/1")
    with pytest.raises(LockBusy), leases.held(store, KEY, "second", "bb", clock):
        pass


def test_a_lease_of_another_host_lives_until_it_was_not_renewed_for_its_time(
    store: MemoryStore, clock: FastClock
) -> None:
    store.put(KEY, json.dumps(_lease("elsewhere", 1)).encode())
    with pytest.raises(LockBusy, match="elsewhere"), leases.held(store, KEY, "second", "bb", clock):
        pass
    clock.sleep(leases.SECONDS + 1)
    with leases.held(store, KEY, "second", "bb", clock) as lease:
        assert lease.epoch == 8


def test_a_holder_whose_lease_was_taken_over_learns_of_it(store: MemoryStore, clock: FastClock) -> None:
    with leases.held(store, KEY, "first", "aa", clock) as lease:
        store.put(KEY, json.dumps(_lease("elsewhere", 1)).encode())
        with pytest.raises(LeaseLost, match="elsewhere"):
            lease.works_on("some-point")
    assert json.loads(store.read(KEY).data)["released"] is False, "a lease of somebody else is not released by us"


def test_of_many_that_want_the_lease_at_once_one_gets_it(store: MemoryStore, clock: FastClock) -> None:
    got, over = [], threading.Barrier(8)

    def want(number: int) -> None:
        over.wait()
        try:
            with leases.held(store, KEY, str(number), f"{number:02}", clock):
                got.append(number)
                over.wait()
        except LockBusy:
            over.wait()

    threads = [threading.Thread(target=want, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_a_repository_that_needs_a_newer_reader_is_left_alone(store: MemoryStore, clock: FastClock) -> None:
    store.put("srbackup.json", b'{"format": 9, "min_reader": 9}')
    with pytest.raises(IncompatibleVersion):
        Catalog(store, clock).require()


def test_a_place_without_marker_is_no_repository(store: MemoryStore, clock: FastClock) -> None:
    with pytest.raises(NotFound, match="holds no srbackup repository"):
        Catalog(store, clock).require()
    Catalog(store, clock).initialise("u1")
    Catalog(store, clock).require()
    Catalog(store, clock).initialise("u2")
    assert json.loads(store.read("srbackup.json").data)["uuid"] == "u1"
    assert b"nothing but the bucket" not in store.read("README-RECOVERY.md").data
    assert b"RESTORE SNAPSHOT" in store.read("README-RECOVERY.md").data


def _lease(host: str, pid: int) -> dict[str, object]:
    lease = Lease(f"u@{host}", host, pid, "other work", "cc", 7)
    return {f: getattr(lease, f) for f in Lease.__dataclass_fields__}


def _ended_child() -> int:
    child = os.fork()
    if child == 0:
        os._exit(0)
    return child


def _left_by(store: MemoryStore, clock: FastClock, pid: int, **other: str) -> None:
    """A lease of this host as a process of that number would have left it."""
    with leases.held(store, KEY, "first", "aa", clock):
        left = json.loads(store.read(KEY).data)
    store.put(KEY, json.dumps(left | {"pid": pid, **other}).encode())


# -- the index: a copy that decides nothing


@pytest.fixture
def wiring(tmp_path: Path) -> FakeWiring:
    return fake_wiring(tmp_path)


def indexed(wiring: FakeWiring, count: int = 40) -> list[PointListing]:
    """So many points, all in the index."""
    points = [put_point(wiring, BEGINNING - timedelta(hours=n)) for n in reversed(range(count))]
    index.refresh(wiring.memory, "production", points)
    assert len(index.read(wiring.memory, "production")) == count
    return points


def listed(wiring: FakeWiring) -> list[PointListing]:
    return list(catalog(wiring, wiring.configuration.repository("store")).points())


def test_points_in_the_index_are_listed_without_being_read(wiring: FakeWiring) -> None:
    points = indexed(wiring)
    younger = put_point(wiring, BEGINNING + timedelta(hours=1))
    read, keys = wiring.memory.read, []

    def reading(key: str) -> StoredDocument:
        keys.append(key)
        return read(key)

    wiring.memory.read = reading  # type: ignore[method-assign]
    assert listed(wiring) == [*points, younger]
    assert [k for k in keys if k.endswith("COMMIT")] == [f"clusters/production/points/{younger.id}/COMMIT"]


def test_a_point_whose_objects_are_gone_is_not_listed_though_the_index_has_it(wiring: FakeWiring) -> None:
    points = indexed(wiring)
    wiring.memory.delete([o.key for o in wiring.memory.scan(f"clusters/production/points/{points[3].id}/")])
    assert [p.id for p in listed(wiring)] == [p.id for p in points if p is not points[3]]


def test_what_is_acted_upon_is_read_itself(wiring: FakeWiring) -> None:
    """COMMIT is gone: neither by its id nor as the latest is it a point to restore."""
    points = indexed(wiring)
    wiring.memory.delete([f"clusters/production/points/{points[-1].id}/COMMIT"])
    found = catalog(wiring, wiring.configuration.repository("store"))
    for wanted in (points[-1].id, points[-1].id[:-1], "latest"):
        with pytest.raises(NotFound, match="never committed"):
            found.find(wanted)


NEWER = codec.compress(b'{"api": "srbackup/v2", "kind": "Index", "format": 2, "items": []}')


@pytest.mark.parametrize("content", [b"", b"not zstd", codec.compress(b"{}"), NEWER])
def test_an_index_that_cannot_be_read_costs_time_and_nothing_else(wiring: FakeWiring, content: bytes) -> None:
    points = indexed(wiring)
    wiring.memory.put("clusters/production/index.json.zst", content)
    assert listed(wiring) == points
    index.refresh(wiring.memory, "production", points)
    assert len(index.read(wiring.memory, "production")) == len(points)


def test_the_index_is_written_again_only_when_it_lacks_many_points(wiring: FakeWiring) -> None:
    points = indexed(wiring)
    more = [put_point(wiring, BEGINNING + timedelta(hours=n)) for n in range(1, 34)]
    index.refresh(wiring.memory, "production", [*points, *more[:-1]])
    assert len(index.read(wiring.memory, "production")) == 40
    index.refresh(wiring.memory, "production", [*points, *more])
    assert len(index.read(wiring.memory, "production")) == 73
    index.refresh(wiring.memory, "production", [*points, *more][40:])
    assert len(index.read(wiring.memory, "production")) == 33, "many that are gone"


def test_a_held_point_whose_deletion_had_begun_is_not_shown_as_whole(wiring: FakeWiring) -> None:
    points = indexed(wiring)
    now = wiring.clock.now()
    marks.delete(wiring.memory, "production", Deletion(points[0].id, "me", "", now, now))
    marks.hold(wiring.memory, "production", Hold(points[0].id, "me", "", now))
    assert listed(wiring)[0].state is PointState.COMPLETE
    wiring.memory.delete([f"clusters/production/points/{points[0].id}/COMMIT"])
    assert listed(wiring)[0].state is PointState.EXPIRED


def test_a_run_writes_the_index(wiring: FakeWiring) -> None:
    points = indexed(wiring)
    wiring.memory.delete(["clusters/production/index.json.zst"])
    wiring.clusters["production"].create_table("sales", "t", {"p": ["a"]})
    run_use_case.run(wiring, wiring.configuration.policy(None), lambda _: None)
    assert set(index.read(wiring.memory, "production")) == {p.id for p in points}
