"""`make demo`: the main job on real data, command by command as a user would type them.

A lab cluster is loaded and backed up. A drill proves the point on a scratch cluster; then one row of a copy is changed,
and the drill has to say where. The daemon makes one more point on its schedule. The cluster is destroyed, a new one is
restored from the bucket alone and compared, partition by partition. Then one byte of one object is flipped, and the
restore has to say which.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from lab.stores.base import S3Access, client

HOME = Path(".lab")
QUERY = (
    "SELECT DATE(created_at) AS day, COUNT(*) AS records, SUM(value) AS total "
    "FROM cluster_test.distributed_table GROUP BY DATE(created_at) ORDER BY day"
)
POLICY = """\
cluster: production
repository: store
include: ["*.*"]
components: [data, metadata]
schedule: {full: "* * * * *"}
retention: {keep: {last: 7, daily: 14}}
drill:
  on: scratch
  checks:
    - {name: orders have lines, database: tpch, expect: 0,
       sql: SELECT count(*) FROM orders o LEFT JOIN lineitem l ON l_orderkey = o_orderkey WHERE l_orderkey IS NULL}
objectives: {rpo: 1h, proof: 8d}
limits: {stall: 60s}
"""


class DemoFailed(SystemExit):
    """A command did not end as the demo says it does."""


@dataclass
class Demo:
    """Commands are printed, run, and held to the exit status that they must have."""

    console: Console
    store: S3Access
    policies: Path

    def run(self, command: str, *, status: int = 0) -> None:
        self.console.print(f"\n[bold cyan]$ {escape(command)}[/bold cyan]")
        done = subprocess.run(shlex.split(command), env=self._environment(), check=False)
        if done.returncode != status:
            raise DemoFailed(f"`{command}` ended with status {done.returncode} instead of {status}")

    def run_until(self, command: str, done: Callable[[], bool], seconds: float = 120) -> None:
        """Run what never ends by itself until `done`, then ask it to end, as an operator would."""
        self.console.print(f"\n[bold cyan]$ {escape(command)}[/bold cyan]")
        process = subprocess.Popen(shlex.split(command), env=self._environment())
        deadline = time.monotonic() + seconds
        try:
            while not done():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise DemoFailed(f"`{command}` did not do it in {seconds:.0f} s (status {process.poll()})")
                time.sleep(1)
        finally:
            process.terminate()
            process.wait(60)
        self.console.print("[dim](stopped by SIGTERM)[/dim]")

    def answer(self, command: str) -> Any:
        """What a command prints as JSON, without showing it."""
        done = subprocess.run(
            shlex.split(command), env=self._environment(), check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise DemoFailed(f"`{command}` ended with status {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def say(self, text: str) -> None:
        self.console.print()
        self.console.print(Rule(text, align="left"))

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        keys = {"STORE_ACCESS_KEY": self.store.access_key, "STORE_SECRET_KEY": self.store.secret_key}
        return {**os.environ, **keys, "PATH": path, "SRLAB_DIR": str(HOME), "SRBACKUP_CONFIG": str(self.policies)}

    def write_configuration(self, clusters: dict[str, str]) -> None:
        """clusters.yaml, repositories.yaml and a policy, as a user would write them; `clusters` gives labs by name."""
        self.policies.mkdir(parents=True, exist_ok=True)
        lines = ["clusters:"]
        for name, lab in clusters.items():
            lines += [f"  {name}:", "    frontends:"]
            for node in self.answer(f"srlab status {lab} -o json")["frontends"]:
                place = (
                    f"container: {node['container']}"
                    if node["container"]
                    else f"directory: {Path(node['root']).resolve()}"
                )
                lines.append(
                    f"      - {{name: {node['name']}, host: {node['host']}, port: {node['mysql_port']}, {place}}}"
                )
        (self.policies / "clusters.yaml").write_text("\n".join(lines) + "\n")
        (self.policies / "repositories.yaml").write_text(
            "repositories:\n  store:\n"
            f"    url: s3://{self.store.bucket}/production\n    endpoint: {self.store.endpoint}\n    path_style: true\n"
            "    access_key: ${STORE_ACCESS_KEY}\n    secret_key: ${STORE_SECRET_KEY}\n"
        )
        (self.policies / "nightly.yaml").write_text(POLICY)

    def databases(self, lab: str) -> list[str]:
        return [row["Database"] for row in self.answer(f'srlab sql {lab} "SHOW DATABASES" -o json')]

    def flip_a_byte(self) -> str:
        """Change one byte of one data file of the newest snapshot of tpch, in the bucket, as a bad disk would."""
        s3, parts = client(self.store), self.answer("srbackup show latest -o json")["parts"]
        label = next(part["label"] for part in parts if part["database"] == "tpch")
        prefix = f"production/__starrocks_repository_store/__ss_{label}/"
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.store.bucket, Prefix=prefix)
        keys = [o["Key"] for page in pages for o in page.get("Contents", ()) if ".dat." in o["Key"]]
        key = keys[len(keys) // 2]
        content = bytearray(s3.get_object(Bucket=self.store.bucket, Key=key)["Body"].read())
        content[len(content) // 2] ^= 1
        s3.put_object(Bucket=self.store.bucket, Key=key, Body=bytes(content))
        return str(key)


def show(demo: Demo, driver: str, tick: str) -> None:
    """The whole story; raises DemoFailed where it does not hold."""
    demo.say("1. A cluster of three FE and three BE, with TPC-H, flights, and tables of every model")
    demo.run(f"srlab up --name production --fe 3 --be 3 --{driver} --tick {tick}")
    for dataset in ("tpch", "flights", "models"):
        demo.run(f"srlab load {dataset} production")
    demo.run(f'srlab sql production "{QUERY}"')
    demo.run(f"srlab up --name scratch --fe 1 --be 1 --{driver} --tick {tick}")
    demo.write_configuration({"production": "production", "scratch": "scratch"})

    demo.say("2. A recovery point: table data by BACKUP, and the metadata of the leader")
    demo.run("srbackup doctor")
    demo.run("srbackup run nightly")
    demo.run("srbackup list")

    demo.say("3. A drill: is the point good? Restored to the scratch cluster, compared, asked, kept to be looked at")
    demo.run("srbackup drill nightly --keep")
    copy = next(n for n in demo.databases("scratch") if n.endswith("_cluster_test"))
    demo.run(f'srlab sql scratch "DELETE FROM {copy}.distributed_table WHERE id = 2"')
    demo.run("srbackup drill nightly --kept", status=4)
    demo.run("srbackup drill nightly")
    demo.run("srbackup status --check")

    demo.say("4. The daemon: the policy says every minute, so one more point comes by itself")
    demo.run_until("srbackup daemon", lambda: len(demo.answer("srbackup list -o json")["items"]) > 1)
    demo.run("srbackup list")
    demo.run("srbackup prune nightly --dry-run")

    demo.say("5. Disaster: the cluster and all its volumes are gone. The bucket is left")
    demo.run("srlab down production")

    demo.say("6. A new cluster, with one BE fewer, restored and compared partition by partition")
    demo.run(f"srlab up --name new --fe 1 --be 2 --{driver} --tick {tick}")
    demo.write_configuration({"production": "new", "scratch": "scratch", "new-cluster": "new"})
    demo.run("srbackup restore --to new-cluster --dry-run")
    demo.run("srbackup restore --to new-cluster --yes")
    demo.run(f'srlab sql new "{QUERY}"')

    demo.say("7. One byte of one object is flipped in the bucket, and the point is restored once more")
    demo.console.print(f"flipped a byte in [bold]{demo.flip_a_byte()}[/bold]")
    demo.run("srbackup restore --to new-cluster --only tpch --map tpch=tpch_again --yes", status=1)
    demo.run('srlab sql new "SHOW DATABASES"')
    demo.console.print("Nothing half-restored is left: there is no database tpch_again.")


@click.command()
@click.option("--driver", type=click.Choice(["process", "docker"]), default="process", show_default=True)
@click.option("--tick", default="100ms", show_default=True, help="StarRocks' own is 3s.")
@click.option("--keep", is_flag=True, help="Leave the clusters and the bucket behind.")
def main(driver: str, tick: str, keep: bool) -> None:
    """Show the main job from end to end."""
    console, began = Console(highlight=False), time.monotonic()
    srlab = f"{Path(sys.executable).parent}/srlab --dir {HOME}"
    subprocess.run(shlex.split(f"{srlab} down --all"), check=False, capture_output=True)
    up = subprocess.run(shlex.split(f"{srlab} store up demo -o json"), check=True, capture_output=True, text=True)
    (found,) = json.loads(up.stdout)
    store = S3Access(found["endpoint"], found["access_key"], found["secret_key"], found["bucket"])
    try:
        show(Demo(console, store, HOME / "policies"), driver, tick)
    finally:
        if not keep:
            subprocess.run(shlex.split(f"{srlab} down --all"), check=False, capture_output=True)
    console.print(f"\n[bold green]Done in {time.monotonic() - began:.0f} s.[/bold green]")


if __name__ == "__main__":
    main()
