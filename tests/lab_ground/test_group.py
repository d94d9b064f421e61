"""The group of FEs that keep one journal: who may lead it, and who may not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lab.daemon import free_port
from lab.httpd import HttpServer, call
from lab.meta.group import Group
from lab.meta.journal import Journal
from lab.meta.members import Role
from lab.meta.state import Metadata
from lab.waiting import wait_for

ELECTION = 0.2


def group(directory: Path, port: int, *, joining: bool) -> Group:
    made = Group(
        ("127.0.0.1", port),
        Journal(directory),
        Metadata(),
        ELECTION,
        lambda: None,
        lambda: None,
        joining=joining,
    )
    server = HttpServer("127.0.0.1", [port], made.routes())
    server.start()
    return made


@pytest.fixture
def port() -> int:
    return free_port("127.0.0.1")


def test_one_that_founds_a_cluster_leads_it_at_once(tmp_path: Path, port: int) -> None:
    founder = group(tmp_path, port, joining=False)
    founder.start()
    assert founder.role is Role.LEADER
    founder.stop()


def test_one_that_is_to_join_a_cluster_never_leads_before_it_heard_of_a_leader(tmp_path: Path, port: int) -> None:
    joiner = group(tmp_path, port, joining=True)
    joiner.start()
    deadline = time.monotonic() + 5 * ELECTION
    wait_for(lambda: time.monotonic() > deadline or None, "the end of its patience", seconds=10)
    assert joiner.role is Role.INIT
    joiner.stop()


def test_a_leader_that_is_heard_is_not_voted_out_on_trial(tmp_path: Path, port: int) -> None:
    leader = group(tmp_path, port, joining=False)
    leader.start()
    ask = {"epoch": 99, "candidate": ["127.0.0.2", 1], "last_id": 99, "last_epoch": 99, "trial": True}
    assert call("127.0.0.1", port, "/vote", ask)["granted"] is False
    assert leader.role is Role.LEADER
    leader.stop()


def test_a_leader_gives_way_to_a_later_term(tmp_path: Path, port: int) -> None:
    leader = group(tmp_path, port, joining=False)
    leader.start()
    ask = {"epoch": 99, "candidate": ["127.0.0.2", 1], "last_id": 99, "last_epoch": 99, "trial": False}
    assert call("127.0.0.1", port, "/vote", ask)["granted"] is True
    assert leader.role is Role.FOLLOWER
    leader.stop()
