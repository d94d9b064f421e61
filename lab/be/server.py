"""A BE as others reach it: heartbeats, tablets, loads, scans and tasks over HTTP.

Real BEs speak thrift and brpc on 9050, 9060 and 8060; here one set of routes answers on all
of their ports, 8040 included.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from lab.be.snapshots import Snapshots
from lab.be.tablets import Rowset, TabletError, Tablets, rowset_id
from lab.be.tasks import Agent
from lab.be.transfer import Transfer
from lab.clock import Clock
from lab.faults import Faults, FaultStruck, Point
from lab.httpd import Handler, HttpServer, Request, Response, Unreachable, admin_routes, as_json, exchange
from lab.settings import Settings

PORTS = ("be_port", "be_http_port", "heartbeat_service_port", "brpc_port")


class Backend:
    """One BE process."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._started = datetime.now(UTC)
        self._root = settings.directory("storage_root_path")
        for name in ("meta", "trash", "tmp"):
            (self._root / name).mkdir(parents=True, exist_ok=True)
        self.faults = Faults()
        self._tablets = Tablets(self._root)
        self._snapshots = Snapshots(self._root, self._tablets)
        self._leader: tuple[str, int] | None = None
        self._epoch = 0
        self._token = ""
        self._agent = Agent(self._snapshots, Transfer(self.faults), self.faults, lambda: self._leader)
        self._lock = threading.Lock()
        self._server = HttpServer(settings.listen, sorted({settings.port(name) for name in PORTS}), self._routes())
        admin = admin_routes(self.faults, lambda: None, self._skew)
        self._admin = HttpServer(settings.listen, [settings.admin_port], admin)

    def start(self) -> None:
        self._server.start()
        self._admin.start()

    def stop(self) -> None:
        self._server.close()
        self._admin.close()

    def _skew(self, seconds: float) -> None:
        self._clock.skew = seconds

    def _routes(self) -> dict[tuple[str, str], Handler]:
        return {
            ("POST", "/heartbeat"): self._heartbeat,
            ("POST", "/tablets/create"): self._create,
            ("POST", "/tablets/drop"): self._drop,
            ("POST", "/tablets/convert"): self._convert,
            ("POST", "/tablets/clone"): self._clone,
            ("GET", "/tablets/export"): self._export,
            ("POST", "/load"): self._load,
            ("POST", "/publish"): self._publish,
            ("POST", "/forget"): self._forget,
            ("POST", "/scan"): self._scan,
            ("POST", "/files"): self._files,
            ("POST", "/tasks"): self._submit,
            ("GET", "/api/health"): lambda _request: as_json({"status": "OK", "msg": "To Be Added"}),
            ("GET", "/api/meta/header"): self._header,
            ("GET", "/metrics"): self._metrics,
        }

    # -- who this BE belongs to

    def _heartbeat(self, request: Request) -> Response:
        """Remember the leader; refuse another cluster, another token and an older leader (heartbeat_server.cpp:181)."""
        body = request.json()
        with self._lock:
            error = self._unmatched(body)
            if error:
                return as_json({"error": error})
            self._epoch, self._token = body["epoch"], body["token"]
            self._leader = (body["leader"][0], body["leader"][1])
        return as_json(
            {
                "started": self._started.isoformat(),
                "http_port": self._settings.port("be_http_port"),
                "be_port": self._settings.port("be_port"),
                "brpc_port": self._settings.port("brpc_port"),
                "tablets": len(self._tablets),
                "used": self._tablets.used(),
                "storage": str(self._root),
                "version": self._settings.release.build,
            }
        )

    def _unmatched(self, body: dict[str, Any]) -> str:
        file = self._root / "cluster_id"
        known = file.read_text().partition("-")[0] if file.exists() else ""
        if not known:
            file.write_text(f"{body['cluster_id']}-{self._settings.release.build}")
        elif known != str(body["cluster_id"]):
            return "Unmatched cluster id"
        if body["epoch"] < self._epoch:
            return "Out-dated epoch"
        if self._token not in {"", body["token"]}:
            return "Unmatched token"
        return ""

    # -- tablets

    def _create(self, request: Request) -> Response:
        return self._for_each(
            request, Point.CREATE, lambda item: self._tablets.create(item["id"], item["schema_hash"], item["keys"])
        )

    def _drop(self, request: Request) -> Response:
        body = request.json()
        trash = (
            None
            if body["force"]
            else self._root / "trash" / f"{datetime.now(UTC):%Y%m%d%H%M%S}.{threading.get_ident()}"
        )
        for number in body["ids"]:
            self._tablets.drop(number, trash)
        return as_json({})

    def _convert(self, request: Request) -> Response:
        return self._for_each(
            request, Point.CREATE, lambda item: self._tablets.convert(item["from"], item["id"], item["schema_hash"])
        )

    def _for_each(self, request: Request, point: Point, work: Any) -> Response:
        """Do something to each tablet of a request; what failed is said by tablet."""
        failed: dict[int, str] = {}
        for item in request.json()["tablets"]:
            try:
                self.faults.strike(point, str(item["id"]))
                work(item)
            except (TabletError, OSError, FaultStruck) as error:
                failed[item["id"]] = str(error)
        return as_json({"failed": failed})

    def _export(self, request: Request) -> Response:
        """A tablet's header and files in one piece, for a clone."""
        try:
            number = int(request.query["tablet_id"])
            header = self._tablets.header(number)
            directory = self._tablets.directory(number)
            names = [name for rowset in header.rowsets for name in rowset.files]
            parts = [(directory / name).read_bytes() for name in names]
        except (TabletError, OSError) as error:
            return as_json({"error": str(error)}, 500)
        head = json.dumps([[name, len(part)] for name, part in zip(names, parts, strict=True)]).encode()
        import msgspec

        return Response(
            body=b"".join([head, b"\n", msgspec.json.encode(header), b"\n", *parts]), type="application/octet-stream"
        )

    def _clone(self, request: Request) -> Response:
        """Fetch a tablet from another BE and take it in the place of what is here."""
        import msgspec

        from lab.be.tablets import Header

        body = request.json()
        try:
            data = exchange(body["host"], body["port"], "GET", f"/tablets/export?tablet_id={body['id']}", timeout=60)
            head, header_line, content = data.split(b"\n", 2)
            header = msgspec.json.decode(header_line, type=Header)
            self._tablets.create(body["id"], header.schema_hash, header.keys)
            target = self._root / "clone" / str(body["id"])
            target.mkdir(parents=True, exist_ok=True)
            at = 0
            for name, size in json.loads(head):
                (target / name).write_bytes(content[at : at + size])
                at += size
            self._tablets.replace_files(body["id"], target, header)
        except (Unreachable, TabletError, OSError) as error:
            return as_json({"error": str(error)})
        import shutil

        shutil.rmtree(target)
        return as_json({"version": header.version})

    def _header(self, request: Request) -> Response:
        import msgspec

        try:
            return Response(body=msgspec.json.encode(self._tablets.header(int(request.path.rpartition("/")[2]))))
        except (TabletError, ValueError) as error:
            return as_json({"status": "FAILED", "msg": str(error)}, 404)

    # -- loads

    def _load(self, request: Request) -> Response:
        """Rowsets of a transaction: a line of JSON that describes them, then their bytes."""
        described = json.loads(request.stream.readline())
        failed: dict[int, str] = {}
        for item in described["rowsets"]:
            content = request.stream.read(item["size"])
            number = rowset_id()
            rowset = Rowset(
                id=number,
                version=0,
                transaction=described["transaction"],
                files=(f"{number}_0.dat",) if content else (),
                columns=item["columns"],
                rows=item["rows"],
                size=item["size"],
                predicate=item.get("predicate", ""),
            )
            try:
                self.faults.strike(Point.WRITE, str(item["tablet"]))
                self.faults.strike(Point.DISK, str(self._root))
                self._tablets.write(item["tablet"], rowset, [content] if content else [])
            except (TabletError, OSError, FaultStruck) as error:
                failed[item["tablet"]] = str(error)
        return as_json({"failed": failed})

    def _publish(self, request: Request) -> Response:
        body = request.json()
        failed: dict[str, str] = {}
        for number, version in body["tablets"].items():
            try:
                self._tablets.publish(int(number), body["transaction"], version)
            except TabletError as error:
                failed[number] = str(error)
        return as_json({"failed": failed})

    def _forget(self, request: Request) -> Response:
        body = request.json()
        for number in body["ids"]:
            self._tablets.forget(number, body["transaction"])
        return as_json({})

    # -- reads

    def _scan(self, request: Request) -> Response:
        """What a reader sees of tablets at versions: rowsets, by tablet."""
        import msgspec

        found: dict[str, Any] = {}
        for number, version in request.json()["tablets"].items():
            try:
                found[number] = self._tablets.seen_at(int(number), version).rowsets
            except TabletError as error:
                return as_json({"error": str(error)})
        return Response(body=msgspec.json.encode({"tablets": found}))

    def _files(self, request: Request) -> Response:
        """The bytes of rowset files, one after the other, each behind its size."""
        paths = [self._tablets.directory(number) / name for number, name in request.json()["files"]]

        def content() -> Iterator[bytes]:
            for path in paths:
                part = path.read_bytes()
                yield len(part).to_bytes(8, "big")
                yield part

        size = sum(8 + path.stat().st_size for path in paths)
        return Response(body=content(), type="application/octet-stream", length=size)

    # -- tasks

    def _submit(self, request: Request) -> Response:
        for task in request.json()["tasks"]:
            self._agent.submit(task)
        return as_json({})

    def _metrics(self, _request: Request) -> Response:
        lines = [
            f'starrocks_be_disks_state{{path="{self._root}"}} 1',
            f'starrocks_be_disks_data_used_capacity{{path="{self._root}"}} {self._tablets.used()}',
            f"starrocks_be_tablet_num {len(self._tablets)}",
        ]
        return Response(body=("\n".join(lines) + "\n").encode(), type="text/plain")
