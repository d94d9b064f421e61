"""What `srlab` shows: labs, S3 servers and answers, as tables for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.cells import cell_len, set_cell_size

from lab.client import Answer
from lab.drivers.base import Node, NodeState
from lab.drivers.document import Lab, to_document
from lab.labs import Labs, alive_nodes
from lab.stores.shelf import NamedStore, Shelf


@dataclass(frozen=True, slots=True)
class _NodeStatus:
    node: Node
    state: NodeState
    alive: bool


def _status(labs: Labs, lab: Lab) -> list[_NodeStatus]:
    driver, alive = labs.driver(lab), alive_nodes(lab)
    return [_NodeStatus(node, driver.state(node), node.name in alive) for node in lab.nodes]


def status_document(labs: Labs, lab: Lab) -> dict[str, Any]:
    """The lab's document with the state of every node, whether the cluster calls it alive, and the store's access."""
    document = to_document(lab)
    seen = {found.node.name: found for found in _status(labs, lab)}
    for entry in document["frontends"] + document["backends"]:
        entry |= {"state": seen[entry["name"]].state.value, "alive": seen[entry["name"]].alive}
    if lab.store is not None:
        document["store"] = _store_document(Shelf(labs.home).get(lab.store))
    return document


def _store_document(found: NamedStore) -> dict[str, Any]:
    access = asdict(found.server.access)
    return {"name": found.name, "kind": found.kind.value, "running": found.server.running(), **access}


def show_status(labs: Labs, chosen: Sequence[Lab]) -> None:
    """A line for every node of the labs."""
    rows = [
        (lab.name, found.node.name, found.node.place.host, found.node.place.root, found.state.value, str(found.alive))
        for lab in chosen
        for found in _status(labs, lab)
    ]
    show_table(("lab", "node", "address", "root", "state", "alive"), rows)


def show_stores(found: Sequence[NamedStore], output: str) -> None:
    """A line, or a JSON object, for every store, with all that a client needs."""
    documents = [_store_document(store) for store in found]
    if output == "json":
        click.echo(json.dumps(documents, indent=1))
    else:
        columns = ("name", "kind", "running", "endpoint", "access_key", "secret_key", "bucket", "region")
        show_table(columns, [[str(document[column]) for column in columns] for document in documents])


def show_answer(answer: Answer) -> None:
    """The rows of an answer."""
    rows = [["NULL" if value is None else str(plain(value)) for value in row] for row in answer.rows]
    show_table(answer.columns, rows)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout, as the MySQL client draws it: as wide as it is, nothing cut off."""
    widths = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = [
        "|" + "|".join(f" {set_cell_size(cell, width)} " for cell, width in zip(row, widths, strict=True)) + "|"
        for row in (columns, *rows)
    ]
    click.echo("\n".join([rule, lines[0], rule, *lines[1:], *([rule] if rows else [])]))


def plain(value: Any) -> Any:
    """A value as JSON has it: bytes become hexadecimal; what JSON has no type for, or would round, is text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.hex()
        case _:
            return str(value)
