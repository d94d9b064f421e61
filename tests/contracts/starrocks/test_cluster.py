"""Who is in the cluster, who leads, what time it is, what FE metadata is."""

from __future__ import annotations

import time

from tests.contracts.starrocks.contract import On, contract
from tests.contracts.starrocks.subject import Subject


@contract("SHOW FRONTENDS", "common/proc/FrontendsProcNode.java", on=On.EVERYTHING)
def test_one_frontend_leads_and_all_know_the_cluster(subject: Subject) -> None:
    """Exactly one row has Role LEADER; each has the cluster's id, the FE's address and MySQL port, Alive and Join."""
    facts = subject.starrocks.facts()
    assert [f.role for f in facts.frontends].count("LEADER") == 1
    assert {f.cluster_id for f in facts.frontends} == {facts.cluster_id}
    assert facts.cluster_id.lstrip("-").isdigit()
    leader = facts.leader
    assert leader is not None
    assert leader.alive
    assert leader.joined
    assert leader.host
    assert leader.query_port > 0


@contract("SHOW FRONTENDS", "common/proc/FrontendsProcNode.java", on=On.LAB_AND_CONTAINERS)
def test_columns_of_frontends_are_found_by_name(subject: Subject) -> None:
    """The columns Name, IP, QueryPort, Role, ClusterId, Join, Alive, ReplayedJournalId, ErrMsg and Version are
    there."""
    wanted = {"Name", "IP", "QueryPort", "Role", "ClusterId", "Join", "Alive", "ReplayedJournalId", "ErrMsg", "Version"}
    for row in subject.ask("SHOW FRONTENDS"):
        assert wanted <= row.keys()
        assert {row["Alive"], row["Join"]} <= {"true", "false"}


@contract("SHOW BACKENDS", "common/proc/BackendsProcDir.java", on=On.EVERYTHING)
def test_backends_are_listed_with_their_health(subject: Subject) -> None:
    """Each BE has a row with its id, address, and whether it is alive and being decommissioned."""
    backends = subject.starrocks.facts().backends
    assert len(backends) == subject.backends
    assert len({b.id for b in backends}) == len(backends)
    assert all(b.alive and not b.decommissioned and b.heartbeat_port == 9050 for b in backends)


@contract("SHOW BACKENDS", "common/proc/BackendsProcDir.java")
def test_columns_of_backends_are_found_by_name(subject: Subject) -> None:
    """BackendId, IP, HeartbeatPort, Alive, SystemDecommissioned, TabletNum, AvailCapacity, MaxDiskUsedPct, ErrMsg
    are there."""
    wanted = {"BackendId", "IP", "HeartbeatPort", "Alive", "SystemDecommissioned", "TabletNum", "ErrMsg", "Version"}
    wanted |= {"AvailCapacity", "MaxDiskUsedPct"}
    for row in subject.ask("SHOW BACKENDS"):
        assert wanted <= row.keys()
        assert row["MaxDiskUsedPct"].endswith("%")


@contract("ADMIN SHOW FRONTEND CONFIG LIKE 'run_mode'", "Config.java:run_mode", on=On.EVERYTHING)
def test_shared_nothing_is_told(subject: Subject) -> None:
    """The Value of run_mode is shared_nothing."""
    assert subject.starrocks.facts().run_mode == "shared_nothing"


@contract("SELECT unix_timestamp()", "ScalarOperatorFunctions.unixTimestamp", on=On.LAB_AND_CONTAINERS)
def test_the_clusters_time_is_in_seconds(subject: Subject) -> None:
    """unix_timestamp() answers whole seconds since 1970, without a backend."""
    assert abs(subject.starrocks.time() - time.time()) < 60


@contract("ALTER SYSTEM CREATE IMAGE", "alter/SystemHandler.java:234")
def test_an_image_can_be_asked_for(subject: Subject) -> None:
    """CREATE IMAGE is taken and answers nothing."""
    subject.starrocks.create_image()


@contract("SHOW FRONTENDS", "GlobalStateMgr.getMaxJournalId; FrontendsProcNode")
def test_the_leaders_journal_id_rises_with_each_change(subject: Subject) -> None:
    """ReplayedJournalId of the leader is that of the newest change."""
    before = subject.starrocks.leader_journal_id()
    subject.database()
    assert subject.starrocks.leader_journal_id() > before
