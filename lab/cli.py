"""`srlab`: stand-in StarRocks clusters on this machine, and S3 servers for their backups."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from lab.breakages import BREAKAGES, breakage
from lab.breaking import Wish, find_node, mend
from lab.client import Client
from lab.datasets.load import Dataset, load_dataset
from lab.drivers.base import QUERY_PORT
from lab.drivers.document import DriverKind
from lab.engine import Engine
from lab.engine import answers as engine_answers
from lab.labs import Labs, client
from lab.problems import LabProblem
from lab.showing import plain, show_answer, show_status, show_stores, show_table, status_document
from lab.spec import LabSpec
from lab.stores.shelf import Shelf, StoreKind
from lab.versions import RELEASES

OUTPUT = click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)


class Failed(click.ClickException):
    """A LabProblem as click shows errors: exit status 1, the hint on lines of its own."""

    def __init__(self, problem: LabProblem) -> None:
        super().__init__(str(problem))


class Verbs(click.Group):
    """A group whose commands may raise LabProblem."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except LabProblem as problem:
            raise Failed(problem) from problem


class Tick(click.ParamType["float"]):
    """Seconds, written 3s, 50ms or 0.05."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        number, factor = (text[:-2], 0.001) if text.endswith("ms") else (text.removesuffix("s"), 1.0)
        try:
            seconds = float(number) * factor
        except ValueError:
            self.fail(f"{text!r} is no duration, such as 3s or 50ms", param, ctx)
        if seconds <= 0:
            self.fail(f"{text!r} is not more than nothing", param, ctx)
        return seconds


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--dir", "home", type=click.Path(path_type=Path), default=".lab", envvar="SRLAB_DIR", show_default=True)
@click.pass_context
def main(context: click.Context, home: Path) -> None:
    """Stand-in StarRocks clusters on this machine, for demos and tests. They know StarRocks' behaviour and are not
    StarRocks: nothing that only met a lab is known to work with the real thing."""
    context.obj = Labs(home)


@main.command()
@click.option("--name", default="demo", show_default=True)
@click.option("--fe", "frontends", type=click.IntRange(1, 9), default=3, show_default=True, help="Number of FEs.")
@click.option("--be", "backends", type=click.IntRange(0, 9), default=3, show_default=True, help="Number of BEs.")
@click.option("--docker/--process", "containers", default=False, help="Containers, or plain processes (default).")
@click.option("--tick", type=Tick(), default="3s", show_default=True, help="StarRocks' backup tick; the rest scales.")
@click.option("--starrocks", type=click.Choice(sorted(RELEASES)), default="4.1", show_default=True)
@click.option("--publish", is_flag=True, help="Publish MySQL ports of containers on 127.0.0.1, from 9030 if free.")
@click.option("--store", type=click.Choice([kind.value for kind in StoreKind]), help="An S3 server of the lab's own.")
@click.pass_obj
def up(labs: Labs, /, containers: bool, tick: float, store: str | None, **options: Any) -> None:
    """Make a lab and wait until all its nodes are alive."""
    start = time.monotonic()
    driver = DriverKind.DOCKER if containers else DriverKind.PROCESS
    spec = LabSpec(driver=driver, tick_seconds=tick, store=StoreKind(store) if store else None, **options)
    lab = labs.up(spec)
    click.echo(f"lab {lab.name} is up after {time.monotonic() - start:.1f} s", err=True)
    show_status(labs, [lab])


@main.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Every lab and store of the folder.")
@click.pass_obj
def down(labs: Labs, name: str | None, every: bool) -> None:
    """Remove a lab and everything it has."""
    if every == (name is not None):
        raise click.UsageError("name a lab, or say --all")
    for found in [lab.name for lab in labs.all()] if name is None else [name]:
        labs.down(found)
        click.echo(f"lab {found} is gone", err=True)
    if every:
        shelf = Shelf(labs.home)
        for store in list(shelf):
            shelf.down(store.name)
            click.echo(f"store {store.name} is gone", err=True)


@main.command()
@click.argument("name", required=False)
@OUTPUT
@click.pass_obj
def status(labs: Labs, name: str | None, output: str) -> None:
    """Show labs, where their nodes are, and which of them the cluster calls alive."""
    chosen = labs.all() if name is None else [labs.get(name)]
    if output == "json":
        documents = [status_document(labs, lab) for lab in chosen]
        click.echo(json.dumps(documents if name is None else documents[0], indent=1))
    else:
        show_status(labs, chosen)


@main.command()
@click.argument("name")
@click.argument("statement")
@click.option("-D", "--database")
@click.option("-u", "--user", default="root", show_default=True)
@click.option("-p", "--password", default="", help="Password of the user, none by default.")
@click.option("--on", "node", help="Ask this FE, such as fe-2, not the first that answers.")
@OUTPUT
@click.pass_obj
def sql(
    labs: Labs,
    /,
    name: str,
    statement: str,
    database: str | None,
    node: str | None,
    output: str,
    user: str,
    password: str,
) -> None:
    """Run a statement in a lab."""
    lab = labs.get(name)
    host = client(lab).host if node is None else lab.node(node).place.host
    answer = Client(host, QUERY_PORT, user, password).sql(statement, database)
    if output == "json":
        click.echo(json.dumps([{k: plain(v) for k, v in row.items()} for row in answer.named()], ensure_ascii=False))
    elif answer.columns:
        show_answer(answer)
    else:
        click.echo(f"{answer.affected} rows affected", err=True)


@main.command()
@click.argument("dataset", type=click.Choice([dataset.value for dataset in Dataset]))
@click.argument("name")
@click.option("--scale", type=float, default=0.05, show_default=True, help="TPC-H's scale factor.")
@click.pass_obj
def load(labs: Labs, dataset: str, name: str, scale: float) -> None:
    """Load real data into a lab: TPC-H, flights out of New York, or a table of every kind."""
    start = time.monotonic()
    for table in load_dataset(labs.get(name), Dataset(dataset), scale=scale):
        click.echo(f"{table.database}.{table.table}: {table.rows} rows", err=True)
    click.echo(f"{dataset} was loaded in {time.monotonic() - start:.1f} s", err=True)


@main.command()
@click.argument("node")
@click.option("-n", "--lines", default=50, show_default=True)
@click.pass_obj
def logs(labs: Labs, node: str, lines: int) -> None:
    """Show the end of a node's log."""
    lab, found = find_node(labs, node)
    click.echo(labs.driver(lab).logs(found, lines))


@main.command()
@click.argument("node")
@click.pass_obj
def start(labs: Labs, node: str) -> None:
    """Start a node, or end its pause, and wait until the cluster sees it alive."""
    labs.start(*find_node(labs, node))


@main.command()
@click.argument("node")
@click.pass_obj
def stop(labs: Labs, node: str) -> None:
    """End a node in good order (SIGTERM)."""
    lab, found = find_node(labs, node)
    labs.driver(lab).stop(found)


@main.command()
@click.argument("node")
@click.pass_obj
def kill(labs: Labs, node: str) -> None:
    """End a node at once (SIGKILL)."""
    lab, found = find_node(labs, node)
    labs.driver(lab).kill(found)


@main.command()
@click.argument("node")
@click.pass_obj
def pause(labs: Labs, node: str) -> None:
    """Freeze a node: it neither answers nor refuses. `start` ends it."""
    lab, found = find_node(labs, node)
    labs.driver(lab).pause(found)


@main.command("break")
@click.argument("name", required=False)
@click.argument("target", required=False)
@click.option("--list", "listed", is_flag=True, help="Show what can break, on what, and what --match is found in.")
@click.option("--match", default="", help="Only what this regular expression is found in.")
@click.option("--skip", default=0, help="So many pass unharmed first.")
@click.option("--times", type=int, help="So many are hit; all without a number.")
@click.option("--seconds", default=5.0, show_default=True, help="How long, or how far off.")
@click.pass_obj
def break_(labs: Labs, /, name: str | None, target: str | None, listed: bool, **wish: Any) -> None:
    """Break something by NAME: a node, the work of a lab, a store. `mend` ends it."""
    if listed:
        show_table(("name", "target", "--match", "what happens"), [
            (one.name, one.target, one.matched, one.summary) for one in BREAKAGES
        ])  # fmt: skip
        return
    if name is None or target is None:
        raise click.UsageError("say what breaks and where, or --list")
    breakage(name).work(labs, Wish(target, **wish))


@main.command("mend")
@click.argument("target")
@click.pass_obj
def mend_(labs: Labs, target: str) -> None:
    """End all trouble of a node, a lab or a store."""
    mend(labs, target)


@main.group(cls=Verbs)
def store() -> None:
    """S3 servers."""


@store.command("up")
@click.argument("name", default="backups")
@click.option("--kind", type=click.Choice([kind.value for kind in StoreKind]), default="rclone", show_default=True)
@click.option("--listen", help="The address; by default one that processes and, with an engine, containers reach.")
@click.option("--port", default=0, help="The port; any free one by default.")
@click.option("--proxy", is_flag=True, help="Put a proxy before it, which can make trouble (srlab break s3-...).")
@OUTPUT
@click.pass_obj
def store_up(labs: Labs, name: str, kind: str, listen: str | None, port: int, proxy: bool, output: str) -> None:
    """Start an S3 server, and create its bucket."""
    found = Shelf(labs.home).up(name, StoreKind(kind), listen or labs.store_address(), port, proxy=proxy)
    show_stores([found], output)


@store.command("down")
@click.argument("name", default="backups")
@click.pass_obj
def store_down(labs: Labs, name: str) -> None:
    """End an S3 server and remove all that it holds."""
    Shelf(labs.home).down(name)


@store.command("status")
@OUTPUT
@click.pass_obj
def store_status(labs: Labs, output: str) -> None:
    """Show the S3 servers and how to reach them."""
    show_stores(list(Shelf(labs.home)), output)


@main.group(cls=Verbs)
def engine() -> None:
    """A Docker engine for labs in containers."""


@engine.command("up")
def engine_up() -> None:
    """Have a Docker engine answer: one that is there, or Debian's, installed and started (root)."""
    click.echo(Engine().up(), err=True)


@engine.command("status")
@click.pass_context
def engine_status(context: click.Context) -> None:
    """Say whether an engine answers; exit status 1 if none does."""
    found = engine_answers()
    click.echo("an engine answers" if found else "no engine answers")
    context.exit(0 if found else 1)


@engine.command("down")
def engine_down() -> None:
    """End the engine that `up` started."""
    Engine().down()
