"""How something is broken and mended: nodes from outside, their work by their tables of faults, stores by their objects
and by the proxy before them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from lab.client import SqlRefused, Unreachable
from lab.drivers.base import BE_ADMIN_PORT, FE_ADMIN_PORT, Node, NodeKind
from lab.drivers.document import Lab
from lab.faults import Action, Fault, Point
from lab.httpd import call, exchange
from lab.labs import Labs, client, client_of
from lab.problems import LabProblem
from lab.stores.base import client as s3_client
from lab.stores.fronted import Fronted
from lab.stores.shelf import Shelf
from lab.waiting import wait_for


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to break: the `target` (a node, a lab or a store), which of its works (`match`, a regular expression),
    after how many that pass, how often (for ever without a number), for how many seconds where that matters."""

    target: str
    match: str = ""
    skip: int = 0
    times: int | None = None
    seconds: float = 5.0


# -- nodes


def find_node(labs: Labs, name: str) -> tuple[Lab, Node]:
    """The node of that name among all labs."""
    for lab in labs.all():
        for node in lab.nodes:
            if node.name == name:
                return lab, node
    known = ", ".join(node.name for lab in labs.all() for node in lab.nodes)
    raise LabProblem(f"there is no node {name}", hint=f"nodes: {known or 'none'}")


def kill(labs: Labs, wish: Wish) -> None:
    lab, node = find_node(labs, wish.target)
    labs.driver(lab).kill(node)


def pause(labs: Labs, wish: Wish) -> None:
    lab, node = find_node(labs, wish.target)
    labs.driver(lab).pause(node)


def cut_off(labs: Labs, wish: Wish) -> None:
    lab, node = find_node(labs, wish.target)
    labs.driver(lab).cut_off(node)


def skew(labs: Labs, wish: Wish) -> None:
    _, node = find_node(labs, wish.target)
    call(node.place.host, _admin_port(node), "/clock", {"skew": wish.seconds})


def _admin_port(node: Node) -> int:
    return FE_ADMIN_PORT if node.kind is NodeKind.FE else BE_ADMIN_PORT


# -- what nodes do


def strike(point: Point, action: Action, message: str, labs: Labs, wish: Wish) -> None:
    """Put a row into the table of faults of each node that the point is on: those of a lab, or one node."""
    kind = NodeKind.FE if point.value.startswith("fe.") else NodeKind.BE
    named = [lab for lab in labs.all() if lab.name == wish.target]
    nodes = [node for node in named[0].nodes if node.kind is kind] if named else [find_node(labs, wish.target)[1]]
    fault = Fault(point, action, wish.match, wish.skip, wish.times, wish.seconds, message)
    for node in nodes:
        if node.kind is not kind:
            raise LabProblem(f"{node.name} is no {kind.name}", hint=f"{point.value} happens on {kind.name}s only")
        exchange(node.place.host, _admin_port(node), "POST", "/fault", msgspec.json.encode(fault))


def change_leader(labs: Labs, wish: Wish) -> None:
    """Wait until a job is in the state, and kill the leader; another FE takes over, and the killed one comes back."""
    lab = labs.get(wish.target)
    if len(lab.frontends) < 2:
        raise LabProblem(f"lab {lab.name} has one FE: nobody would lead after it", hint="srlab up --fe 3")

    def job_is_there() -> bool | None:
        asked = client(lab).within(5)
        rows = [row for verb in ("BACKUP", "RESTORE") for row in asked.sql(f"SHOW {verb}").named()]
        return True if not wish.match or any(row["State"] == wish.match for row in rows) else None

    wait_for(job_is_there, f"a job in state {wish.match}", seconds=60, every=0.005)
    leader = _leader(lab)
    labs.driver(lab).kill(leader)
    others = tuple(node for node in lab.frontends if node != leader)
    wait_for(lambda: _leader_seen_by(others), "a new leader", seconds=30)
    labs.start(lab, leader)


def _leader(lab: Lab) -> Node:
    host = wait_for(lambda: _leader_seen_by(lab.frontends), "a leader", seconds=30)
    return next(node for node in lab.frontends if node.place.known_as == host)


def _leader_seen_by(nodes: Sequence[Node]) -> str | None:
    """The address of the one among these FEs that leads, as one of them says."""
    for node in nodes:
        try:
            rows = client_of(node).within(2).sql("SHOW FRONTENDS").named()
        except (Unreachable, SqlRefused):
            continue
        hosts = {one.place.known_as for one in nodes}
        for row in rows:
            if row["Role"] == "LEADER" and row["Alive"] == "true" and row["IP"] in hosts:
                return str(row["IP"])
    return None


# -- stores


def spoil(change: Callable[[bytes], bytes | None], labs: Labs, wish: Wish) -> None:
    """Change, or delete, the newest object whose key fits."""
    access = Shelf(labs.home).get(wish.target).server.access
    s3 = s3_client(access)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=access.bucket)
    fitting = [o for page in pages for o in page.get("Contents", ()) if re.search(wish.match, o["Key"])]
    if not fitting:
        raise LabProblem(f"no object of {wish.target} fits {wish.match!r}")
    key = max(fitting, key=lambda found: found["LastModified"])["Key"]
    content = change(s3.get_object(Bucket=access.bucket, Key=key)["Body"].read())
    if content is None:
        s3.delete_object(Bucket=access.bucket, Key=key)
    else:
        s3.put_object(Bucket=access.bucket, Key=key, Body=content)


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :] if content else b"x"


def trouble(act: dict[str, Any], labs: Labs, wish: Wish) -> None:
    """One more rule of the store's proxy."""
    server = Shelf(labs.home).get(wish.target).server
    if not isinstance(server, Fronted):
        raise LabProblem(f"store {wish.target} has no proxy before it", hint="srlab store up --proxy")
    kept = [{key: value for key, value in rule.items() if key != "fitted"} for rule in server.proxy.rules()]
    act = {key: wish.seconds if value == "seconds" else value for key, value in act.items()}
    server.proxy.trouble(*kept, {**act, "path": wish.match, "skip": wish.skip, "times": wish.times})


def mend(labs: Labs, target: str) -> None:
    """End all trouble of a node, a lab or a store; what was lost stays lost."""
    shelf = Shelf(labs.home)
    for store in shelf:
        if store.name == target and isinstance(store.server, Fronted):
            store.server.proxy.trouble()
    labs_meant = [lab for lab in labs.all() if target == lab.name]
    nodes = [(lab, node) for lab in labs_meant for node in lab.nodes]
    if not nodes and target not in {store.name for store in shelf}:
        nodes = [find_node(labs, target)]
    for lab, node in nodes:
        driver = labs.driver(lab)
        driver.rejoin(node)
        labs.start(lab, node)
        call(node.place.host, _admin_port(node), "/clock", {"skew": 0})
        exchange(node.place.host, _admin_port(node), "DELETE", "/fault")
