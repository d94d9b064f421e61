"""Agent tasks: what the leader asks of a BE that takes time. A task is done once, its end is reported to the leader.

A task that is asked again while it is under way is not started twice; one whose report got lost is asked again by the
leader and done again, which each kind of task stands (be/src/agent/agent_task.cpp).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Any

from lab.be.snapshots import Snapshots
from lab.be.tablets import TabletError
from lab.be.transfer import Transfer
from lab.faults import Faults, FaultStruck, Point
from lab.httpd import Unreachable, call


class TaskType(StrEnum):
    """TTaskType, as far as backup and restore need it."""

    MAKE_SNAPSHOT = "MAKE_SNAPSHOT"
    RELEASE_SNAPSHOT = "RELEASE_SNAPSHOT"
    UPLOAD = "UPLOAD"
    DOWNLOAD = "DOWNLOAD"
    MOVE = "MOVE"


WORKERS = {  # be/src/common/config.h; 0 for uploads and downloads means one per core there
    TaskType.MAKE_SNAPSHOT: 5,
    TaskType.RELEASE_SNAPSHOT: 5,
    TaskType.UPLOAD: 4,
    TaskType.DOWNLOAD: 4,
    TaskType.MOVE: 4,
}


class Agent:
    """The task queue of one BE."""

    def __init__(
        self, snapshots: Snapshots, transfer: Transfer, faults: Faults, leader: Callable[[], tuple[str, int] | None]
    ) -> None:
        self._snapshots = snapshots
        self._transfer = transfer
        self._faults = faults
        self._leader = leader
        self._lock = threading.Lock()
        self._running: set[tuple[str, int]] = set()
        self._pools = {kind: ThreadPoolExecutor(workers, thread_name_prefix=kind) for kind, workers in WORKERS.items()}

    def submit(self, task: dict[str, Any]) -> None:
        """Queue a task unless it is there already."""
        key = (task["type"], task["signature"])
        with self._lock:
            if key in self._running:
                return
            self._running.add(key)
        self._pools[TaskType(task["type"])].submit(self._run, task)

    def _run(self, task: dict[str, Any]) -> None:
        report = {"type": task["type"], "signature": task["signature"], "backend_id": task["backend_id"]}
        try:
            result = self._do(TaskType(task["type"]), task)
            report |= {"ok": True, "result": result}
        except (TabletError, OSError) as error:
            report |= {"ok": False, "error": str(error), "code": "RUNTIME_ERROR"}
        except FaultStruck as error:
            merged = "already merged" in error.fault.message
            report |= {
                "ok": False,
                "error": error.fault.message,
                "code": "OLAP_ERR_VERSION_ALREADY_MERGED" if merged else "RUNTIME_ERROR",
            }
        finally:
            with self._lock:
                self._running.discard((task["type"], task["signature"]))
        self._tell("/finish_task", report)

    def _tell(self, path: str, body: dict[str, Any]) -> None:
        """A report that does not arrive is the leader's business: it asks again."""
        leader = self._leader()
        if leader is None:
            return
        try:
            call(*leader, path, body, timeout=10)
        except Unreachable:
            return

    def _do(self, kind: TaskType, task: dict[str, Any]) -> Any:
        match kind:
            case TaskType.MAKE_SNAPSHOT:
                self._faults.strike(Point.SNAPSHOT, str(task["tablet_id"]))
                if task["restore"]:
                    return str(self._snapshots.make_empty(task["tablet_id"], task["timeout"]))
                return str(self._snapshots.make(task["tablet_id"], task["version"], task["timeout"]))
            case TaskType.RELEASE_SNAPSHOT:
                return self._snapshots.release(Path(task["path"]))
            case TaskType.UPLOAD:
                return self._each(
                    task,
                    lambda item, done: self._transfer.upload(
                        Path(item["source"]), item["remote"], task["properties"], done
                    ),
                )
            case TaskType.DOWNLOAD:
                return self._each(
                    task,
                    lambda item, _: self._transfer.download(
                        item["remote"], Path(item["target"]), task["properties"], item["tablet_id"]
                    ),
                )
            case TaskType.MOVE:
                self._faults.strike(Point.MOVE, str(task["tablet_id"]))
                return self._snapshots.move(Path(task["path"]), task["tablet_id"])

    def _each(self, task: dict[str, Any], work: Callable[[dict[str, Any], Callable[[int, int], None]], None]) -> None:
        """The tablets of an upload or download; about every ten files the leader hears how many are done."""
        items = task["items"]
        for number, item in enumerate(items):

            def progress(file: int, files: int, finished: int = number) -> None:
                if file % 10 == 0 and file < files:
                    self._tell(
                        "/snapshot_progress",
                        {"signature": task["signature"], "finished": finished, "total": len(items)},
                    )

            work(item, progress)
