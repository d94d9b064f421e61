"""Documents of the catalog: what is written is read again, for ever, and what was not written by us is refused."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srbackup.catalog import codec
from srbackup.catalog.codec import Commits, Damaged, Objects, compress, decode, decompress, encode
from srbackup.errors import ExitStatus, IncompatibleVersion
from srbackup.model.activity import ActivityRecord, Attempt
from srbackup.model.point import (
    Commit,
    DatabaseDefinitions,
    DeletedPoint,
    Deletion,
    Hold,
    Intent,
    Manifest,
    MetadataRecord,
    Part,
    StoredObject,
    VerdictMark,
)
from srbackup.model.restore import Ending, RestoreBegun, RestoreOver, StepDone
from srbackup.model.verdict import Verdict
from tests.data.format_1 import EXPECTED, FORMAT_1, stored

# -- format 1 is read for ever


def test_one_real_file_of_every_kind_that_is_written_is_kept() -> None:
    assert {p.name.partition(".")[0] for p in FORMAT_1.iterdir()} == set(EXPECTED) == set(codec._KINDS.values())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_document_of_format_1_is_read_as_what_it_meant(name: str) -> None:
    kind, value = EXPECTED[name]
    head = json.loads(stored(name))
    assert (head["api"], head["kind"], head["format"]) == ("srbackup/v1", name, 1)
    assert decode(stored(name), kind, name) == value


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_read_from_format_1_is_written_and_read_again(name: str) -> None:
    kind, value = EXPECTED[name]
    assert decode(encode(value, kind), kind, name) == value


def test_a_key_that_a_later_format_1_adds_is_passed_over() -> None:
    later = json.loads(stored("Commit")) | {"comment": "new"}
    assert decode(json.dumps(later).encode(), Commit, "here") == EXPECTED["Commit"][1]


# -- what is written is read

utc = st.datetimes(timezones=st.just(UTC))
attempts = st.builds(Attempt, started=utc, finished=utc, due=st.none() | utc)
counts = st.dictionaries(st.text(), st.integers(0, 9))
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    Intent: st.builds(Intent, created=utc),
    Part: st.builds(Part),
    Objects: st.lists(st.builds(StoredObject)).map(tuple),
    DatabaseDefinitions: st.builds(DatabaseDefinitions),
    MetadataRecord: st.builds(MetadataRecord),
    Manifest: st.builds(Manifest, created=utc, completed=utc),
    Commit: st.builds(Commit, created=utc, completed=utc),
    Verdict: st.builds(Verdict, started=utc, finished=utc),
    Hold: st.builds(Hold, since=utc),
    Deletion: st.builds(Deletion, since=utc, not_before=utc),
    DeletedPoint: st.builds(
        DeletedPoint,
        created=utc,
        deletion=st.builds(Deletion, since=utc, not_before=utc),
        commit=st.none() | st.builds(Commit, created=utc, completed=utc),
        verdicts=st.lists(st.builds(VerdictMark, at=utc)).map(tuple),
    ),
    Commits: st.lists(st.builds(Commit, created=utc, completed=utc)).map(tuple),
    RestoreBegun: st.builds(RestoreBegun, started=utc),
    RestoreOver: st.builds(RestoreOver, finished=utc),
    StepDone: st.builds(StepDone, finished=utc),
    ActivityRecord: st.builds(
        ActivityRecord, since=utc, last=st.none() | attempts, success=st.none() | attempts, failures=counts
    ),
}


@pytest.mark.parametrize("kind", VALUES, ids=lambda k: codec._KINDS[k])
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_value_comes_back_as_it_was(kind: Any, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    written = encode(value, kind)
    assert decode(written, kind, "here") == value
    assert encode(value, kind) == written


def test_no_field_of_a_document_can_hide_its_head() -> None:
    assert set(VALUES) == set(codec._KINDS)
    for kind in set(VALUES) - {Objects, Commits}:
        assert not {"api", "kind", "format", "items"} & set(kind.__dataclass_fields__)


def test_a_document_is_readable_by_people() -> None:
    over = RestoreOver(Ending.UNDONE, datetime(2026, 1, 5, 3, 0, 1, tzinfo=UTC), "größer als «Straße»")
    assert encode(over).decode() == (
        '{\n "api": "srbackup/v1",\n "kind": "RestoreOver",\n "format": 1,\n "ending": "undone",\n'
        ' "finished": "2026-01-05T03:00:01Z",\n "note": "größer als «Straße»"\n}\n'
    )


# -- what is refused


def test_a_newer_format_asks_for_a_newer_srbackup() -> None:
    newer = json.dumps({"api": "srbackup/v2", "kind": "Commit", "format": 2, "anything": 1}).encode()
    with pytest.raises(IncompatibleVersion) as raised:
        decode(newer, Commit, "s3://b/COMMIT")
    assert raised.value.message == "s3://b/COMMIT has format 2, this srbackup reads formats up to 1"
    assert (raised.value.hint, raised.value.status) == ("Upgrade srbackup.", ExitStatus.INCOMPATIBLE)


def test_a_document_of_another_kind_is_damage() -> None:
    with pytest.raises(Damaged, match=r"^here is a document of kind Intent, not Commit$"):
        decode(stored("Intent"), Commit, "here")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b"null", b"7", b"{}", b'{"kind": "Commit", "format": 1}', b"not JSON"]
)
def test_what_is_no_document_is_damage(content: bytes) -> None:
    with pytest.raises(Damaged, match=r"^here is not a document of srbackup: "):
        decode(content, Commit, "here")


@pytest.mark.parametrize("change", [{"tables": None}, {"state": "good"}, {"created": "yesterday"}, {"bytes": "many"}])
def test_a_document_that_is_not_whole_is_damage(change: dict[str, Any]) -> None:
    content = json.loads(stored("Commit")) | change
    with pytest.raises(Damaged, match=r"^here is not a whole Commit: "):
        decode(json.dumps(content).encode(), Commit, "here")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_document_that_lacks_any_one_of_its_required_keys_is_damage(name: str) -> None:
    kind, _ = EXPECTED[name]
    content = json.loads(stored(name))
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    optional = {f.name for f in fields if (f.default, f.default_factory) != (dataclasses.MISSING,) * 2}
    for key in set(content) - optional:
        less = {k: v for k, v in content.items() if k != key}
        with pytest.raises(Damaged):
            decode(json.dumps(less).encode(), kind, "here")


@pytest.mark.parametrize("version", ["1", None, [1]])
def test_a_format_that_is_no_number_is_damage_and_no_traceback(version: Any) -> None:
    content = json.loads(stored("Commit")) | {"format": version}
    with pytest.raises(Damaged):
        decode(json.dumps(content).encode(), Commit, "here")


# -- compression


@given(st.binary())
def test_what_is_compressed_comes_back_and_gives_the_same_bytes_each_time(content: bytes) -> None:
    assert decompress(compress(content), "here") == content
    assert compress(content) == compress(content)


@pytest.mark.parametrize("content", [b"", b"x", compress(b"abc" * 1000)[:-3], compress(b"abc")[1:]])
def test_what_cannot_be_decompressed_is_damage(content: bytes) -> None:
    with pytest.raises(Damaged, match=r"^here cannot be decompressed: "):
        decompress(content, "here")
