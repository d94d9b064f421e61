"""`srbackup doctor`: whether a policy's next run and restore can succeed, and what to mend if not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from srbackup.app.repository import ensure_repository
from srbackup.app.wiring import Wiring
from srbackup.errors import SrbackupError
from srbackup.model.cluster import Cluster, ClusterFacts
from srbackup.model.events import ignore
from srbackup.model.inventory import TableKind
from srbackup.model.policy import Component, Policy
from srbackup.model.repository import Repository
from srbackup.planning.backup import in_scope
from srbackup.planning.selection import Selection
from srbackup.starrocks.base import StarRocks
from srbackup.storage.base import ObjectStore
from srbackup.storage.probe import probe

_DISK_FULL_PERCENT = 85.0
_CLOCK_SECONDS = 60.0
_Found = TypeVar("_Found")


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `remedy` says what to do where it is not well."""

    subject: str
    level: Level
    text: str
    remedy: str = ""
    status: int = 0


def examine(wiring: Wiring, policy: Policy) -> Iterator[Finding]:
    """Findings as they are made: the store, the cluster, and the way between them. Leaves nothing behind."""
    repository = _tried(lambda: wiring.configuration.repository(policy.repository))
    if isinstance(repository, Finding):
        yield repository
        return
    store = wiring.store(repository)
    yield from _store(store, wiring.nonce())
    yield from _clock("store", _tried(store.clock_offset))
    cluster = _tried(lambda: wiring.configuration.cluster(policy.cluster))
    if isinstance(cluster, Finding):
        yield cluster
        return
    starrocks = wiring.starrocks(cluster)
    try:
        facts = _tried(starrocks.facts)
        if isinstance(facts, Finding):
            yield facts
            return
        yield from _cluster(cluster, facts, starrocks)
        offset = _tried(lambda: wiring.clock.now().timestamp() - starrocks.time())
        yield from _clock("cluster", offset)
        yield from _privileges(starrocks, policy)
        yield from _way(starrocks, repository)
        yield from _nodes(wiring, cluster, policy, starrocks)
    finally:
        starrocks.close()


def _store(store: ObjectStore, nonce: str) -> Iterator[Finding]:
    capabilities = _tried(lambda: probe(store, nonce))
    if isinstance(capabilities, Finding):
        yield capabilities
        return
    yield Finding("store", Level.OK, f"{store.place} can be listed, read, written and deleted")
    races = "Two runs at the same moment could both begin: let only one host run srbackup for a cluster."
    for subject, problem, level, remedy in (
        ("conditional create", capabilities.conditional_create, Level.WARNING, races),
        ("conditional replace", capabilities.conditional_replace, Level.WARNING, races),
        ("range reads", capabilities.range_reads, Level.WARNING, "Use a store that answers ranges."),
        ("multipart uploads", capabilities.multipart, Level.FAILURE, "Large files cannot be stored there."),
        ("listing", capabilities.listing, Level.FAILURE, "Use a store whose listings show what was just written."),
    ):
        if problem is None:
            yield Finding(subject, Level.OK, "works")
        else:
            yield Finding(subject, level, problem, remedy)


def _clock(whose: str, offset: float | Finding) -> Iterator[Finding]:
    """Clocks decide nothing about data; but S3 refuses requests that are 15 minutes off, and reports confuse."""
    if isinstance(offset, Finding):
        return  # what could not be reached is a finding already
    text = f"this host is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the {whose}"
    if abs(offset) > _CLOCK_SECONDS:
        yield Finding("clock", Level.WARNING, text, "Set the clocks by NTP.")
    else:
        yield Finding("clock", Level.OK, text)


def _cluster(cluster: Cluster, facts: ClusterFacts, starrocks: StarRocks) -> Iterator[Finding]:
    leader = facts.leader
    if leader is None:
        yield Finding(
            "leader", Level.FAILURE, "the cluster has no leader", "Wait for an election; see SHOW FRONTENDS.", 13
        )
    else:
        text = (
            f"StarRocks {leader.version or 'of unknown release'}, cluster id {facts.cluster_id}, leader {leader.host}"
        )
        yield Finding("cluster", Level.OK, text)
    if starrocks.leader() is None and len(facts.frontends) > 1:
        remedy = "Set `internal` of each FE in clusters.yaml to the address that SHOW FRONTENDS prints for it."
        yield Finding(
            "leader",
            Level.WARNING,
            "which FE of clusters.yaml leads could not be told: progress will be coarse",
            remedy,
        )
    if facts.run_mode == "shared_data":
        yield Finding("run mode", Level.FAILURE, "shared-data: BACKUP takes no tables", "Use cluster snapshots.", 15)
    for frontend in facts.frontends:
        if not frontend.alive:
            yield Finding("frontend", Level.WARNING, f"{frontend.host} is down: {frontend.error}", "Bring it back.")
    yield from _backends(cluster, facts)


def _backends(cluster: Cluster, facts: ClusterFacts) -> Iterator[Finding]:
    if facts.usable_backends == 0:
        yield Finding("backends", Level.FAILURE, f"no backend of {cluster.name} is alive", "See SHOW BACKENDS.", 13)
        return
    yield Finding("backends", Level.OK, f"{facts.usable_backends} of {len(facts.backends)} are alive")
    for backend in facts.backends:
        if not backend.alive:
            remedy = "A BACKUP that needs a tablet only it has is cancelled, one that began before waits for it."
            yield Finding("backend", Level.WARNING, f"{backend.host} is down: {backend.error}", remedy)
        elif backend.disk_used_percent is not None and backend.disk_used_percent > _DISK_FULL_PERCENT:
            text = f"{backend.host}: its fullest disk is {backend.disk_used_percent:.0f} % full"
            yield Finding("backend", Level.WARNING, text, "A RESTORE is refused above StarRocks' limit: add space.")


def _privileges(starrocks: StarRocks, policy: Policy) -> Iterator[Finding]:
    """Not what is granted, but what works: grants come through roles in too many ways to be read."""
    remedy = "See docs/how-to/privileges.md."
    inventory = _tried(lambda: starrocks.inventory(columns=False))
    if isinstance(inventory, Finding):
        yield inventory
        return
    for name, reason in inventory.unreadable:
        yield Finding("privileges", Level.WARNING, f"{name}: {reason}", remedy)
    selection = Selection(policy.include, policy.exclude)
    chosen = [t for d in inventory.databases for t in in_scope(selection, d)]
    if not chosen:
        yield Finding(
            "policy", Level.WARNING, "it covers no table", "Check include, exclude and the user's privileges."
        )
        return
    text = f"the policy covers {len(chosen)} objects in {len({t.database for t in chosen})} databases"
    yield Finding("policy", Level.OK, text)
    table = next((t for t in chosen if t.kind is TableKind.OLAP), chosen[0])
    looks: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("REPOSITORY on SYSTEM", partial(starrocks.backup_job, table.database)),
        ("OPERATE on SYSTEM", partial(starrocks.broken_tablets, [table])),
        ("EXPORT or SELECT on tables", partial(starrocks.definitions, table.database, [table])),
    )
    for subject, look in looks:
        found = _tried(look)
        yield found if isinstance(found, Finding) else Finding(subject, Level.OK, "there")


def _way(starrocks: StarRocks, repository: Repository) -> Iterator[Finding]:
    """The cluster's own way to the store: an FE lists it when it creates the repository or looks for a snapshot."""
    found = _tried(lambda: ensure_repository(starrocks, repository, ignore, to_write=True))
    if isinstance(found, Finding):
        yield found
        return
    looked = _tried(lambda: starrocks.snapshot(repository.starrocks_name, "srbackup_doctor"))
    if isinstance(looked, Finding):
        yield looked
        return
    endpoint = repository.cluster_endpoint or "AWS"
    text = f"the FE reaches {repository.location} at {endpoint} (whether its backends do, only a BACKUP shows)"
    yield Finding("cluster to store", Level.OK, text)


def _nodes(wiring: Wiring, cluster: Cluster, policy: Policy, starrocks: StarRocks) -> Iterator[Finding]:
    if Component.METADATA not in policy.components:
        return
    if not cluster.has_nodes:
        remedy = "Name the FEs' containers (or directories) in clusters.yaml."
        yield Finding("FE metadata", Level.WARNING, "off: no FE has a container or directory", remedy)
        return
    nodes = _tried(lambda: wiring.nodes(cluster))
    if isinstance(nodes, Finding):
        yield nodes
        return
    leader = starrocks.leader()
    for name, node in nodes.items():
        files = _tried(partial(node.files, f"{node.home}/meta/image"))
        if isinstance(files, Finding):
            yield files
        elif name == leader and not {"VERSION", "ROLE"} <= {f.path for f in files}:
            text = f"{name}: no VERSION and ROLE in {node.home}/meta/image"
            yield Finding("FE metadata", Level.FAILURE, text, "Set `directory` of the FE to its home.")
        else:
            yield Finding("FE metadata", Level.OK, f"{name}: {node.home}/meta/image can be read")


def _tried(work: Callable[[], _Found]) -> _Found | Finding:
    """What the work gives, or the finding that it failed."""
    try:
        return work()
    except SrbackupError as error:
        return Finding("error", Level.FAILURE, error.message, error.hint, int(error.status))
