"""Runs of FE metadata alone beside runs of everything: neither goes on with what the other left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from srbackup.app import run as use_case
from srbackup.app.wiring import catalog
from srbackup.catalog import layout, leases
from srbackup.errors import Failed, LockBusy
from srbackup.model.events import ignore
from srbackup.model.point import PointKind, PointState
from srbackup.model.policy import Component, Policy
from tests.fakes.wiring import FakeWiring, fake_wiring


class Killed(BaseException):
    pass


@pytest.fixture
def wiring(tmp_path: Path) -> FakeWiring:
    wiring = fake_wiring(tmp_path)
    wiring.clusters["production"].create_table("sales", "orders", {"p1": ["a", "b"]})
    wiring.node.put_image(wiring.clusters["production"].journal_id, b"image")
    return wiring


def everything(wiring: FakeWiring) -> Policy:
    return wiring.configuration.policy("nightly")


def metadata(wiring: FakeWiring) -> Policy:
    return replace(everything(wiring), components=frozenset({Component.METADATA}))


def killed(wiring: FakeWiring, policy: Policy, path: str) -> str:
    """Kill a run while it copies that file; the id of the point that it left."""
    before: Callable[[str], None] = wiring.node.before_read

    def die(read: str) -> None:
        if path in read:
            wiring.node.before_read = before
            raise Killed

    wiring.node.before_read = die
    with pytest.raises(Killed):
        use_case.run(wiring, policy, ignore)
    listed = catalog(wiring, wiring.configuration.repository("store")).points()
    return next(p.id for p in listed if p.state is PointState.INTERRUPTED)


def test_a_run_of_metadata_makes_a_point_without_data_and_submits_no_backup(wiring: FakeWiring) -> None:
    result = use_case.run(wiring, metadata(wiring), ignore)
    assert (result.commit.kind, result.commit.state) == (PointKind.METADATA, PointState.COMPLETE)
    assert result.manifest.metadata is not None
    assert not [s for s in wiring.clusters["production"].statements if s.startswith("backup ")]


def test_an_interrupted_run_of_everything_is_not_gone_on_with_by_one_of_metadata(wiring: FakeWiring) -> None:
    left = killed(wiring, everything(wiring), "image.")
    result = use_case.run(wiring, metadata(wiring), ignore)
    assert (result.resumed, result.commit.kind) == (False, PointKind.METADATA)
    assert use_case.run(wiring, everything(wiring), ignore).commit.point == left


def test_an_interrupted_run_of_metadata_is_not_gone_on_with_by_one_of_everything(wiring: FakeWiring) -> None:
    left = killed(wiring, metadata(wiring), "image.")
    result = use_case.run(wiring, everything(wiring), ignore)
    assert (result.resumed, result.commit.kind) == (False, PointKind.FULL)
    assert use_case.run(wiring, metadata(wiring), ignore).commit.point == left


def test_a_run_of_metadata_does_not_begin_while_a_run_of_everything_is_under_way(wiring: FakeWiring) -> None:
    full = leases.held(wiring.memory, layout.lock("production", "run"), "run of nightly", "ff", wiring.clock)
    with full, pytest.raises(LockBusy, match="run of nightly"):
        use_case.run(wiring, metadata(wiring), ignore)


def test_a_run_of_metadata_from_nowhere_says_what_is_missing(wiring: FakeWiring) -> None:
    (wiring.configuration.folder / "clusters.yaml").write_text(
        "clusters:\n  production:\n    frontends: [{name: fe-1, host: fe-1}]\n"
    )
    with pytest.raises(Failed, match="no FE of cluster 'production' has a container or directory"):
        use_case.run(wiring.reloaded(), metadata(wiring), ignore)
