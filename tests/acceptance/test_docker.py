"""The main job with containers, as in the users' cluster: FE metadata comes out by docker exec."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from lab.datasets.load import Dataset, load_dataset
from lab.drivers.document import DriverKind, Lab
from lab.labs import Labs, LabSpec, client_of
from lab.pytest_plugin import required
from lab.stores.base import client as s3_client
from lab.stores.radosgw import Radosgw
from tests.acceptance.conftest import write_configuration

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def containers(labs: Labs) -> Iterator[Lab]:
    """Three FE and three BE in containers, loaded."""
    with required("docker"):
        lab = labs.up(LabSpec(f"boxes-{os.getpid()}", DriverKind.DOCKER, tick_seconds=0.1))
    try:
        list(load_dataset(lab, Dataset.MODELS))
        yield lab
    finally:
        labs.down(lab.name)


@pytest.fixture(scope="module")
def empty_containers(labs: Labs, containers: Lab) -> Iterator[Lab]:
    lab = labs.up(LabSpec(f"empty-{os.getpid()}", DriverKind.DOCKER, 1, 2, tick_seconds=0.1))
    try:
        yield lab
    finally:
        labs.down(lab.name)


def test_data_and_metadata_of_containers_come_back(
    tmp_path: Path, containers: Lab, empty_containers: Lab, radosgw: Radosgw
) -> None:
    srbackup = write_configuration(
        tmp_path / "policies",
        {"production": containers, "new": empty_containers},
        radosgw.access,
        prefix=f"d{os.getpid()}",
    )
    manifest = srbackup.json("run", "nightly")

    image = manifest["metadata"]
    leader = client_of(containers.frontends[0]).sql("SHOW FRONTENDS").named()
    (name,) = [row["IP"] for row in leader if row["Role"] == "LEADER"]
    assert image["frontend"] in {n.name for n in containers.frontends if name in (n.place.known_as, n.name)}
    s3 = s3_client(radosgw.access)
    stored = {
        f["path"]: zstandard.ZstdDecompressor()
        .decompressobj()
        .decompress(s3.get_object(Bucket=radosgw.access.bucket, Key=f"d{os.getpid()}/{f['key']}")["Body"].read())
        for f in image["files"]
    }
    inside = subprocess.run(
        ["docker", "exec", image["frontend"], "cat", "/opt/starrocks/fe/meta/image/VERSION"],
        capture_output=True,
        check=True,
    ).stdout
    assert stored["image/VERSION"] == inside
    assert stored[f"image/v2/checksum.{image['journal_id']}"].decode() == str(image["crc32"])

    result = srbackup.json("restore", "--to", "new", "--yes")
    assert {p["outcome"] for t in result["verdict"]["tables"] for p in t["partitions"]} == {"equal"}


def test_a_container_that_is_not_there_makes_the_point_partial_and_names_it(
    tmp_path: Path, containers: Lab, radosgw: Radosgw
) -> None:
    client_of(containers.frontends[0]).sql("DROP REPOSITORY `store`")
    srbackup = write_configuration(tmp_path / "policies", {"production": containers}, radosgw.access)
    clusters = srbackup.folder / "clusters.yaml"
    for node in containers.frontends:
        clusters.write_text(clusters.read_text().replace(f'"container": "{node.name}"', '"container": "gone"'))
    policy = srbackup.folder / "nightly.yaml"
    policy.write_text(policy.read_text() + "include: ['cluster_test.*']\n")
    manifest = srbackup.json("run", "nightly", status=3)
    (missing,) = manifest["excluded"]
    assert missing["name"] == "FE metadata"
    assert "gone" in missing["reason"]
    assert [p["database"] for p in manifest["parts"]] == ["cluster_test"]
