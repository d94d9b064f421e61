"""What the product relies on of an object store, held against every store that is at hand."""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.stores.base import S3Access
from srbackup.errors import CredentialsRejected, NotFound, StorageUnreachable
from srbackup.model.repository import Repository
from srbackup.model.secret import Secret
from srbackup.storage.base import AlreadyExists, Changed, ObjectNotFound, ObjectStore
from srbackup.storage.local import LocalStore
from srbackup.storage.memory import MemoryStore
from srbackup.storage.probe import probe
from srbackup.storage.s3 import s3_store
from tests.fakes.clock import FastClock

STORES = ["memory", "local", "radosgw", "localstack", "rclone"]


def repository(access: S3Access, prefix: str = "") -> Repository:
    return Repository(
        name="store",
        url=f"s3://{access.bucket}/{prefix or uuid.uuid4().hex}",
        starrocks_name="store",
        endpoint=access.endpoint,
        region=access.region,
        path_style=True,
        access_key=Secret(access.access_key),
        secret_key=Secret(access.secret_key),
    )


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    match request.param:
        case "memory":
            return MemoryStore(FastClock(1))
        case "local":
            return LocalStore(tmp_path)
        case "rclone":
            return s3_store(repository(request.getfixturevalue("rclone_store").access))
        case name:
            return s3_store(repository(request.getfixturevalue(name).access))


@pytest.fixture
def conditional(store: ObjectStore, request: pytest.FixtureRequest) -> ObjectStore:
    if "rclone" in request.node.name:
        pytest.skip("rclone ignores conditions: doctor warns of it, see test_a_probe_tells_what_a_store_can_do")
    return store


def test_what_was_written_is_read_back_at_once(store: ObjectStore) -> None:
    store.put("a/b.json", b"one")
    store.put("a/b.json", b"two")
    assert store.read("a/b.json").data == b"two"
    assert b"".join(store.open("a/b.json")) == b"two"
    assert store.read_range("a/b.json", 1, 2) == b"wo"


def test_an_object_that_is_not_there_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound, match="missing"):
        store.read("missing")
    with pytest.raises(ObjectNotFound, match="missing"):
        list(store.open("missing"))


def test_create_does_not_overwrite(conditional: ObjectStore) -> None:
    conditional.create("x", b"first")
    with pytest.raises(AlreadyExists, match="x"):
        conditional.create("x", b"second")
    assert conditional.read("x").data == b"first"


def test_create_may_be_asked_twice_since_the_first_answer_may_have_been_lost(store: ObjectStore) -> None:
    store.create("x", b"same")
    store.create("x", b"same")
    assert store.read("x").data == b"same"


def test_of_many_that_create_at_once_one_wins_and_the_others_know(conditional: ObjectStore) -> None:
    outcomes: list[str] = []
    gate = threading.Barrier(8)

    def create(number: int) -> None:
        gate.wait()
        try:
            conditional.create("race", f"{number}".encode())
            outcomes.append("won")
        except AlreadyExists:
            outcomes.append("lost")

    threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost"] * 7 + ["won"]


def test_replace_takes_only_the_content_that_was_read(conditional: ObjectStore) -> None:
    conditional.put("x", b"first")
    read = conditional.read("x")
    conditional.replace("x", b"second", read.etag)
    with pytest.raises(Changed):
        conditional.replace("x", b"third", read.etag)
    assert conditional.read("x").data == b"second"


def test_a_listing_is_complete_sorted_and_shows_sizes(store: ObjectStore) -> None:
    names = [f"list/{n:04}" for n in range(1205 if not isinstance(store, LocalStore) else 50)]
    threads = [
        threading.Thread(target=lambda part=names[i::8]: [store.put(n, n.encode()) for n in part]) for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.put("list2", b"")
    found = list(store.scan("list/"))
    assert [o.key for o in found] == names
    assert {o.size for o in found} == {len(names[0])}


def test_names_are_those_directly_below(store: ObjectStore) -> None:
    for key in ("n/a.json", "n/b/c", "n/b/d", "n/e/f/g", "other"):
        store.put(key, b"x")
    assert store.names("n/") == ("a.json", "b/", "e/")
    assert store.names("none/") == ()


def test_keys_with_odd_characters_are_kept(store: ObjectStore) -> None:
    key = "odd/a b%20c+d=e&f~g-ü.json"
    store.put(key, b"x")
    assert [o.key for o in store.scan("odd/")] == [key]
    assert store.read(key).data == b"x"


def test_a_stream_of_any_size_is_stored_whole(store: ObjectStore) -> None:
    data = bytes(range(256)) * (40 << 12)
    store.upload("big", io.BytesIO(data))
    assert b"".join(store.open("big")) == data


def test_deleting_what_is_not_there_is_no_error(store: ObjectStore) -> None:
    store.put("d/1", b"x")
    store.delete(["d/1", "d/2"])
    store.delete(["d/1"])
    assert list(store.scan("d/")) == []


def test_an_objects_age_is_measured_by_the_stores_own_clock(store: ObjectStore) -> None:
    store.put("aged", b"x")
    assert 0 <= store.read("aged").age < 30


def test_a_probe_tells_what_a_store_can_do(store: ObjectStore, request: pytest.FixtureRequest) -> None:
    found = probe(store, uuid.uuid4().hex)
    assert (found.range_reads, found.multipart, found.listing) == (None, None, None)
    if "rclone" in request.node.name:
        assert found.conditional_create is not None
        assert "ignored" in found.conditional_create
    else:
        assert (found.conditional_create, found.conditional_replace) == (None, None)
    assert list(store.scan("probe/")) == []


# -- errors, by name and with a way out


Changed_ = Callable[[Repository], Repository]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda r: replace(r, url="s3://no-such-bucket/x"), NotFound, "Bucket 'no-such-bucket' does not exist"),
        (lambda r: replace(r, secret_key=Secret("wrong")), CredentialsRejected, "refuses the access key"),
        (lambda r: replace(r, access_key=Secret("nobody")), CredentialsRejected, "refuses the access key"),
        (lambda r: replace(r, endpoint="http://127.0.0.1:1"), StorageUnreachable, "http://127.0.0.1:1 does not answer"),
    ],
)
def test_what_is_wrong_with_a_store_is_told_apart(
    radosgw: object, change: Changed_, error: type[Exception], words: str
) -> None:
    access: S3Access = radosgw.access  # type: ignore[attr-defined]
    with pytest.raises(error, match=words) as caught:
        s3_store(change(repository(access))).put("x", b"x")
    assert getattr(caught.value, "hint", "")
