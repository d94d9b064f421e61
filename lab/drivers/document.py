"""A lab as it is written down: the document LAB/lab.json of a lab folder, which every tool beside the lab may read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from lab.drivers.base import BE_HTTP_PORT, FE_HTTP_PORT, QUERY_PORT, Node, NodeKind, Place
from lab.problems import LabProblem


class DriverKind(Enum):
    """The two drivers."""

    PROCESS = "process"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab, whether its nodes run or not. `store` names the S3 server that was started with it, if any."""

    name: str
    driver: DriverKind
    starrocks: str
    tick_seconds: float
    frontends: tuple[Node, ...]
    backends: tuple[Node, ...]
    store: str | None = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.frontends + self.backends

    def node(self, name: str) -> Node:
        """A node by its name, or by the part after the lab's: fe-1."""
        for node in self.nodes:
            if name in (node.name, node.name.removeprefix(f"{self.name}-")):
                return node
        known = ", ".join(node.name for node in self.nodes)
        raise LabProblem(f"lab {self.name} has no node {name}", hint=f"its nodes: {known}")


def to_document(lab: Lab) -> dict[str, Any]:
    """The lab as JSON; ports are StarRocks' own, at the node's `host`."""
    return {
        "name": lab.name,
        "driver": lab.driver.value,
        "starrocks": lab.starrocks,
        "tick_seconds": lab.tick_seconds,
        "frontends": [_node_document(node) for node in lab.frontends],
        "backends": [_node_document(node) for node in lab.backends],
        "store": lab.store,
    }


def from_document(document: Mapping[str, Any]) -> Lab:
    """The lab that `to_document` wrote."""

    def node(kind: NodeKind, entry: Mapping[str, Any]) -> Node:
        place = Place(entry["host"], entry["known_as"], entry["root"], entry["container"], entry["published"])
        return Node(document["name"], entry["name"], kind, place, entry["helper"])

    return Lab(
        document["name"],
        DriverKind(document["driver"]),
        document["starrocks"],
        document["tick_seconds"],
        tuple(node(NodeKind.FE, entry) for entry in document["frontends"]),
        tuple(node(NodeKind.BE, entry) for entry in document["backends"]),
        document["store"],
    )


def write_lab(home: Path, lab: Lab) -> None:
    """Write the lab down, whole or not at all."""
    directory = home / lab.name
    directory.mkdir(parents=True, exist_ok=True)
    new = directory / "lab.json.new"
    new.write_text(json.dumps(to_document(lab), indent=1) + "\n")
    new.replace(directory / "lab.json")


def read_lab(home: Path, name: str) -> Lab:
    """The lab of that name; LabProblem if there is none."""
    try:
        return from_document(json.loads((home / name / "lab.json").read_text()))
    except FileNotFoundError:
        known = ", ".join(lab.name for lab in read_labs(home)) or "none"
        raise LabProblem(f"there is no lab {name}", hint=f"labs in {home}: {known}") from None


def read_labs(home: Path) -> list[Lab]:
    """All labs of the folder, by name."""
    return [from_document(json.loads(file.read_text())) for file in sorted(home.glob("*/lab.json"))]


def _node_document(node: Node) -> dict[str, Any]:
    match node.kind:
        case NodeKind.FE:
            ports = {"mysql_port": QUERY_PORT, "http_port": FE_HTTP_PORT}
        case NodeKind.BE:
            ports = {"http_port": BE_HTTP_PORT}
    return {"name": node.name, **asdict(node.place), **ports, "helper": node.helper}
