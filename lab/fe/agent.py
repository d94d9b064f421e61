"""The leader's list of agent tasks: what backends were asked to do and have not reported as done (task/AgentTaskQueue).

A task whose report says that it failed stays on the list and is sent again with the next round, for ever: nothing a
backend says fails a job.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lab.fe.globals import GlobalState
from lab.httpd import Request, Response, as_json


@dataclass(frozen=True, slots=True)
class Report:
    """What a backend says at the end of a task."""

    type: str
    signature: int
    ok: bool
    result: Any = None
    error: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """Work for one backend; `signature` tells it from others of its type. `done` says whether the task may go."""

    type: str
    backend_id: int
    signature: int
    body: dict[str, Any]
    done: Callable[[Report], bool]
    progress: Callable[[int, int], None] = lambda _finished, _total: None


class AgentTasks:
    """The tasks that are under way, by type and signature."""

    def __init__(self, state: GlobalState) -> None:
        self._state = state
        self._tasks: dict[tuple[str, int], Task] = {}
        self._lock = threading.Lock()

    def submit(self, tasks: Iterable[Task]) -> None:
        found = list(tasks)
        with self._lock:
            self._tasks |= {(task.type, task.signature): task for task in found}
        self._send(found)

    def remove(self, tasks: Iterable[Task]) -> None:
        with self._lock:
            for task in tasks:
                self._tasks.pop((task.type, task.signature), None)

    def resend(self) -> None:
        """A backend's task report: what it does not have is sent to it again (leader/ReportHandler.java:830)."""
        with self._lock:
            waiting = list(self._tasks.values())
        self._send([task for task in waiting if self._state.backends.is_alive(task.backend_id)])

    def counts(self) -> dict[str, dict[int, int]]:
        """How many tasks there are, by type and backend."""
        found: dict[str, dict[int, int]] = {}
        with self._lock:
            for task in self._tasks.values():
                of_type = found.setdefault(task.type, {})
                of_type[task.backend_id] = of_type.get(task.backend_id, 0) + 1
        return found

    def _send(self, tasks: Iterable[Task]) -> None:
        by_backend: dict[int, list[dict[str, Any]]] = {}
        for task in tasks:
            described = {"type": task.type, "signature": task.signature, "backend_id": task.backend_id, **task.body}
            by_backend.setdefault(task.backend_id, []).append(described)
        self._state.backends.post_all([(backend, "/tasks", {"tasks": mine}) for backend, mine in by_backend.items()])

    # -- what backends report

    def on_finish_task(self, request: Request) -> Response:
        body = request.json()
        report = Report(
            body["type"], body["signature"], body["ok"], body.get("result"), body.get("error", ""), body.get("code", "")
        )
        with self._lock:
            task = self._tasks.get((report.type, report.signature))
        if task is not None and task.backend_id == body["backend_id"] and task.done(report):
            self.remove([task])
        return as_json({})

    def on_progress(self, request: Request) -> Response:
        body = request.json()
        with self._lock:
            found = [self._tasks.get((kind, body["signature"])) for kind in ("UPLOAD", "DOWNLOAD")]
        for task in found:
            if task is not None:
                task.progress(body["finished"], body["total"])
        return as_json({})


def release_snapshot(backend_id: int, tablet_id: int, path: str) -> Task:
    """Have a backend delete a snapshot; how that ends is of no interest."""
    return Task("RELEASE_SNAPSHOT", backend_id, tablet_id, {"path": path}, lambda _report: True)
