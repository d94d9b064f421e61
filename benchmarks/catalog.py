"""How long it takes to list 10 000 points and to decide which expire, beside restic with as many snapshots.

    .venv/bin/python benchmarks/catalog.py [POINTS]

Both repositories lie on the same S3 server (radosgw; rclone where that is not installed) and hold equally many nightly
backups. Measured is the whole command, as a user waits for it: `srbackup list` beside `restic snapshots`, `srbackup
prune --dry-run` beside `restic forget --dry-run` with the same rules. srbackup keeps nothing on this host. restic keeps
a cache: it is measured with none (cold) and with a full one (warm). The ratios are theirs / ours, warm.

restic cannot be asked to make 10 000 snapshots in less than an hour: one is made by it, the others are written here in
its own format (docs "design": AES-256-CTR and Poly1305-AES), with other times.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

sys.path.insert(0, str(Path(__file__).parent.parent))

from lab.problems import NotAvailable
from lab.stores.base import S3Access
from lab.stores.shelf import NamedStore, Shelf, StoreKind
from srbackup.app.wiring import RealWiring, catalog
from srbackup.catalog import index, layout
from srbackup.catalog.codec import encode, sha256
from srbackup.config.load import load
from srbackup.model.point import Commit, Intent, Manifest, PlannedPart, PointState, point_id

BIN = Path(sys.executable).parent
NEWEST = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
RULES = {"daily": 14, "weekly": 8, "monthly": 24, "yearly": 10}
ROUNDS = 5


def times(count: int) -> list[datetime]:
    """So many nights, the newest first."""
    return [NEWEST - timedelta(days=n) for n in range(count)]


# -- points of srbackup


def write_points(folder: Path, count: int) -> None:
    """A repository with so many full points of three databases."""
    marker = {"api": "srbackup/v1", "kind": "Repository", "format": 1, "min_reader": 1, "uuid": "u"}
    put(folder / layout.MARKER, json.dumps(marker).encode())
    for number, created in enumerate(times(count)):
        write_point(folder, created, f"{number:016x}"[::-1])


def write_point(folder: Path, created: datetime, nonce: str) -> None:
    name, databases = point_id("nightly", created, nonce), ("crm", "hr", "sales")
    place = folder / layout.point("production", name)
    parts = tuple(PlannedPart(n, d, ("orders", "items")) for n, d in enumerate(databases, 1))
    intent = Intent(name, "nightly", "production", "store", "store", created, nonce, 1, parts, databases, ())
    manifest = Manifest(
        point=name,
        policy="nightly",
        cluster="production",
        cluster_id="1001",
        starrocks_version="4.1.0",
        starrocks_repository="store",
        created=created,
        completed=created + timedelta(minutes=7),
        parts=(),
        definitions=(),
        databases=databases,
        metadata=None,
        metadata_note="",
        excluded=(),
        warnings=(),
        tool_version="0",
    )
    document = encode(manifest)
    commit = Commit(
        point=name,
        policy="nightly",
        cluster="production",
        state=PointState.COMPLETE,
        manifest_sha256=sha256(document),
        epoch=1,
        nonce=nonce,
        created=created,
        completed=manifest.completed,
        databases=3,
        tables=6,
        bytes=123456789,
        excluded=0,
        metadata=False,
    )
    put(place / layout.INTENT, encode(intent))
    put(place / layout.MANIFEST, document)
    put(place / layout.COMMIT, encode(commit))


def write_configuration(folder: Path, access: S3Access) -> None:
    keep = ", ".join(f"{rule}: {number}" for rule, number in RULES.items())
    put(folder / "clusters.yaml", b"clusters: {production: {frontends: [{name: fe, host: 127.0.0.1}]}}\n")
    repository = {
        "url": f"s3://{access.bucket}/srbackup",
        "endpoint": access.endpoint,
        "path_style": True,
        "access_key": "${KEY}",
        "secret_key": "${SECRET}",
    }
    put(folder / "repositories.yaml", json.dumps({"repositories": {"store": repository}}).encode())
    text = f"cluster: production\nrepository: store\nretention: {{keep: {{{keep}}}}}\n"
    put(folder / "nightly.yaml", text.encode())


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# -- snapshots of restic


@dataclass(frozen=True, slots=True)
class ResticKey:
    """The master key of a repository: one for AES, two for Poly1305-AES."""

    encrypt: bytes
    mac: bytes
    mask: bytes

    def seal(self, plain: bytes) -> bytes:
        nonce = os.urandom(16)
        cipher = Cipher(algorithms.AES(self.encrypt), modes.CTR(nonce)).encryptor()
        sealed = cipher.update(plain) + cipher.finalize()
        return nonce + sealed + Poly1305.generate_tag(self._one_time(nonce), sealed)

    def unseal(self, sealed: bytes) -> bytes:
        nonce, middle, tag = sealed[:16], sealed[16:-16], sealed[-16:]
        Poly1305.verify_tag(self._one_time(nonce), middle, tag)
        cipher = Cipher(algorithms.AES(self.encrypt), modes.CTR(nonce)).decryptor()
        return cipher.update(middle) + cipher.finalize()

    def _one_time(self, nonce: bytes) -> bytes:
        block = Cipher(algorithms.AES(self.mac), modes.ECB()).encryptor()  # one block: Poly1305-AES
        return self.mask + block.update(nonce) + block.finalize()


def write_snapshots(folder: Path, count: int, environment: dict[str, str]) -> None:
    """A repository with one snapshot of restic's own, and its copies at other times."""
    put(folder.parent / "file", b"hello")
    restic = ["restic", "-r", str(folder)]
    subprocess.run([*restic, "init"], check=True, env=environment, capture_output=True)
    subprocess.run([*restic, "backup", str(folder.parent / "file")], check=True, env=environment, capture_output=True)
    (snapshot,) = (folder / "snapshots").iterdir()
    shown = subprocess.run(
        [*restic, "cat", "snapshot", snapshot.name], check=True, env=environment, capture_output=True
    )
    document = json.loads(shown.stdout)
    key = master_key(folder, environment["RESTIC_PASSWORD"])
    snapshot.unlink()
    for created in times(count):
        sealed = key.seal(json.dumps({**document, "time": created.isoformat()}).encode())
        put(folder / "snapshots" / hashlib.sha256(sealed).hexdigest(), sealed)


def master_key(folder: Path, password: str) -> ResticKey:
    (path,) = (folder / "keys").iterdir()
    described = json.loads(path.read_text())
    derived = hashlib.scrypt(
        password.encode(),
        salt=base64.b64decode(described["salt"]),
        n=described["N"],
        r=described["r"],
        p=described["p"],
        maxmem=1 << 30,
        dklen=64,
    )
    own = ResticKey(derived[:32], derived[32:48], derived[48:])
    found = json.loads(own.unseal(base64.b64decode(described["data"])))
    return ResticKey(*map(base64.b64decode, (found["encrypt"], found["mac"]["k"], found["mac"]["r"])))


# -- measuring


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """How long the whole command takes."""
    began = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    spent = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr.decode()}")
    return spent


def side_by_side(ours: list[str], theirs: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """The medians of rounds in turns, so that whatever else the machine does hits both."""
    found = [(seconds(ours, environment), seconds(theirs, environment)) for _ in range(ROUNDS)]
    return statistics.median(o for o, _ in found), statistics.median(t for _, t in found)


def measure(home: Path, access: S3Access, count: int) -> None:
    secret = {"KEY": access.access_key, "SECRET": access.secret_key, "RESTIC_PASSWORD": "benchmark"}
    aws = {"AWS_ACCESS_KEY_ID": access.access_key, "AWS_SECRET_ACCESS_KEY": access.secret_key}
    environment = {**os.environ, **secret, **aws, "COLUMNS": "200"}
    os.environ |= secret
    write_configuration(home / "policies", access)
    write_points(home / "data" / "srbackup", count)
    write_snapshots(home / "data" / "restic", count, environment)
    upload(home / "data", access, environment)
    cache = home / "cache"
    theirs = ["restic", "-r", f"s3:{access.endpoint}/{access.bucket}/restic", "--cache-dir", str(cache)]
    keep = [f"--keep-{rule}={number}" for rule, number in RULES.items()]
    wiring = RealWiring(load(home / "policies"))
    points = catalog(wiring, wiring.configuration.repository("store"))
    ours = [str(BIN / "srbackup"), "-c", str(home / "policies")]
    check(theirs, ours, environment, count)

    rows = {}
    for name, own, other in (
        ("list", ["list"], ["snapshots"]),
        ("prune", ["prune", "--dry-run"], ["forget", "--dry-run", *keep]),
    ):
        points.store.delete([layout.index("production")])
        bare = seconds([*ours, *own], environment)
        index.refresh(points.store, "production", points.points("production"))  # as every run and prune does
        shutil.rmtree(cache)
        cold = seconds([*theirs, *other], environment)
        indexed, warm = side_by_side([*ours, *own], [*theirs, *other], environment)
        rows[name] = (indexed, bare, warm, cold)
    report(count, rows)


def check(theirs: list[str], ours: list[str], environment: dict[str, str], count: int) -> None:
    """Both really list that many."""
    for command in ([*theirs, "snapshots", "--json"], [*ours, "list", "-o", "json"]):
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        found = json.loads(done.stdout)
        if (seen := len(found["items"] if isinstance(found, dict) else found)) != count:
            raise SystemExit(f"{command[0]} lists {seen} of {count}")


def upload(folder: Path, access: S3Access, environment: dict[str, str]) -> None:
    remote = {
        "RCLONE_CONFIG_S_TYPE": "s3",
        "RCLONE_CONFIG_S_PROVIDER": "Other",
        "RCLONE_CONFIG_S_ENDPOINT": access.endpoint,
        "RCLONE_CONFIG_S_ACCESS_KEY_ID": access.access_key,
        "RCLONE_CONFIG_S_SECRET_ACCESS_KEY": access.secret_key,
    }
    copy = ["copy", "--config", "", "--transfers", "32", "--checkers", "32", "--no-traverse", "--s3-no-check-bucket"]
    subprocess.run(
        [str(BIN / "rclone"), *copy, str(folder), f"s:{access.bucket}"], check=True, env={**environment, **remote}
    )


def report(count: int, rows: dict[str, tuple[float, float, float, float]]) -> None:
    print(f"{count} points, seconds of the whole command (median of {ROUNDS}; no index and cold: once)")
    print(f"{'':10}{'srbackup':>12}{'no index':>12}{'restic warm':>14}{'restic cold':>14}")
    for name, (indexed, bare, warm, cold) in rows.items():
        print(f"{name:10}{indexed:12.2f}{bare:12.2f}{warm:14.2f}{cold:14.2f}")
    result: dict[str, float] = {"points": count}
    for name, (indexed, _, warm, cold) in rows.items():
        result |= {f"{name}_ratio": round(warm / indexed, 2), f"{name}_ratio_cold": round(cold / indexed, 2)}
    print("RESULT " + json.dumps(result))


def server(shelf: Shelf) -> NamedStore:
    try:
        return shelf.up("bench", StoreKind.RADOSGW, "127.0.0.1")
    except NotAvailable:
        return shelf.up("bench-rclone", StoreKind.RCLONE, "127.0.0.1")


def main() -> None:
    if shutil.which("restic") is None:
        raise SystemExit("restic is not installed: apt-get install restic")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as directory:
        shelf = Shelf(Path(directory))
        store = server(shelf)
        try:
            measure(Path(directory), store.server.access, count)
        finally:
            shelf.down(store.name)


if __name__ == "__main__":
    main()
