"""FE metadata: only a proven copy of a new image counts, however the FE replaces its files meanwhile."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
import zstandard

from srbackup.app import run as use_case
from srbackup.model.events import Event, Warned
from srbackup.model.point import PointState
from tests.fakes.node import IMAGE
from tests.fakes.wiring import POLICY, FakeWiring, fake_wiring

CONTENT = b"\0\0\0\4" + b'{"beid":20000}' * 5000


@pytest.fixture
def wiring(tmp_path: Path) -> FakeWiring:
    wiring = fake_wiring(tmp_path, POLICY + "components: [metadata]\n", speed=400)
    wiring.node.put_image(120, CONTENT)
    return wiring


def run(wiring: FakeWiring, told: list[Event] | None = None) -> use_case.RunResult:
    return use_case.run(wiring, wiring.configuration.policy(None), (told if told is not None else []).append)


def test_the_image_is_copied_with_version_and_role_and_its_checksum(wiring: FakeWiring) -> None:
    result = run(wiring)

    record = result.manifest.metadata
    assert record is not None
    assert (record.frontend, record.journal_id, record.crc32, record.wanted_journal_id) == (
        "fe-1",
        120,
        zlib.crc32(CONTENT),
        100,
    )
    assert [f.path for f in record.files] == [
        "image/ROLE",
        "image/VERSION",
        "image/v2/checksum.120",
        "image/v2/image.120",
    ]
    image = record.files[-1]
    assert zstandard.ZstdDecompressor().decompressobj().decompress(wiring.memory.read(image.key).data) == CONTENT
    assert result.commit.state is PointState.COMPLETE


def test_an_image_older_than_the_journal_of_the_start_is_not_taken(wiring: FakeWiring) -> None:
    wiring.clusters["production"].journal_id = 121
    looks = 0
    files = wiring.node.files

    def later(directory: str):  # type: ignore[no-untyped-def]
        nonlocal looks
        looks += 1
        if looks == 3:
            wiring.node.put_image(125, CONTENT)
        return files(directory)

    wiring.node.files = later  # type: ignore[method-assign]
    record = run(wiring).manifest.metadata
    assert record is not None
    assert record.journal_id == 125


def test_an_image_that_is_replaced_while_it_is_copied_is_copied_again(wiring: FakeWiring) -> None:
    def replace_once(path: str) -> None:
        if path.endswith("image.120"):
            wiring.node.put_image(130, CONTENT + b"more")

    wiring.node.before_read = replace_once
    record = run(wiring).manifest.metadata
    assert record is not None
    assert (record.journal_id, record.crc32) == (130, zlib.crc32(CONTENT + b"more"))


def test_an_image_that_does_not_match_its_checksum_is_never_recorded(wiring: FakeWiring) -> None:
    wiring.node.put_image(120, CONTENT, crc=1)
    with pytest.raises(Exception, match="CRC32"):
        run(wiring)


def test_without_version_or_role_there_is_no_backup_since_the_cluster_would_get_a_new_identity(
    wiring: FakeWiring,
) -> None:
    del wiring.node.contents[f"{IMAGE}/ROLE"]
    with pytest.raises(Exception, match="no ROLE"):
        run(wiring)


def test_a_stray_image_file_is_warned_of_and_not_copied(wiring: FakeWiring) -> None:
    wiring.node.contents[f"{IMAGE}/v2/image.old.999"] = b"stray"
    told: list[Event] = []
    record = run(wiring, told).manifest.metadata
    assert record is not None
    assert not any("999" in f.path for f in record.files)
    assert any("image.old.999" in e.text for e in told if isinstance(e, Warned))


def test_no_image_in_time_makes_a_point_with_data_partial(tmp_path: Path) -> None:
    wiring = fake_wiring(tmp_path, POLICY.replace("checkpoint: 2m", "checkpoint: 10s"), speed=400)
    wiring.clusters["production"].create_table("sales", "orders", {"p1": ["a"]})
    result = run(wiring)
    assert result.commit.state is PointState.PARTIAL
    (missing,) = result.manifest.excluded
    assert missing.name == "FE metadata"
    assert "no image of journal 100 or later" in missing.reason


def test_a_cluster_without_containers_has_no_metadata_and_its_points_say_so(tmp_path: Path) -> None:
    wiring = fake_wiring(tmp_path, POLICY.replace("production", "other"))
    wiring.clusters["other"].create_table("sales", "orders", {"p1": ["a"]})
    result = run(wiring)
    assert result.commit.state is PointState.COMPLETE
    assert result.manifest.metadata is None
    assert result.manifest.metadata_note.startswith("off: ")
