"""The catalog: what is written once stays, and leases are told from the bucket alone."""

from __future__ import annotations

import json
import os
import threading

import pytest

from srbackup.catalog import leases
from srbackup.catalog.catalog import Catalog
from srbackup.catalog.leases import Lease, LeaseLost
from srbackup.errors import IncompatibleVersion, LockBusy, NotFound
from srbackup.storage.memory import MemoryStore
from tests.fakes.clock import FastClock

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
