"""What goes wrong in a cluster, by name: a node, the work of nodes, a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from lab import breaking
from lab.breaking import Wish
from lab.faults import Action, Point
from lab.labs import Labs
from lab.problems import LabProblem


@dataclass(frozen=True, slots=True)
class Breakage:
    """A name, what it needs as its target, what `match` is found in, and what happens."""

    name: str
    target: str
    matched: str
    summary: str
    work: Callable[[Labs, Wish], None]


def breakage(name: str) -> Breakage:
    """The one of that name."""
    found = next((one for one in BREAKAGES if one.name == name), None)
    if found is None:
        raise LabProblem(f"nothing breaks by the name {name}", hint="srlab break --list")
    return found


def _nodes() -> Iterator[Breakage]:
    for name, summary, work in (
        ("node-killed", "SIGKILL: what was not synced is lost", breaking.kill),
        ("node-paused", "frozen: it neither answers nor refuses", breaking.pause),
        ("node-partitioned", "a container without its network", breaking.cut_off),
        ("clock-skew", "its clock is --seconds ahead", breaking.skew),
    ):
        yield Breakage(name, "NODE", "", summary, work)


def _tasks() -> Iterator[Breakage]:
    """The ways in which what BEs do for jobs goes wrong."""
    for word, point, matched in (
        ("snapshot", Point.SNAPSHOT, "tablet id"),
        ("upload", Point.UPLOAD, "tablet id, file name"),
        ("download", Point.DOWNLOAD, "tablet id, object name"),
        ("move", Point.MOVE, "tablet id"),
    ):
        for name, action, summary in (
            ("fails", Action.FAIL, f"{word}s fail, are asked for again, and fail"),
            ("slow", Action.SLOW, f"{word}s take --seconds longer"),
            ("hangs", Action.HANG, f"{word}s do not end"),
        ):
            work = partial(breaking.strike, point, action, f"{word} failed: a fault of the lab")
            yield Breakage(f"{word}-{name}", "LAB or BE", matched, summary, work)
    full = partial(breaking.strike, Point.DISK, Action.FAIL, "capacity limit reached")
    yield Breakage("disk-full", "LAB or BE", "path", "loads and downloads find no space", full)


def _leaders() -> Iterator[Breakage]:
    """What goes wrong in FEs."""
    for name, matched, summary, point, action, message in (
        ("job-stuck", "<db>.<label> <state>", "a job stays in its state", Point.JOB, Action.FAIL, ""),
        ("heartbeat-lost", "the BE's address", "the leader takes BEs for dead", Point.HEARTBEAT, Action.FAIL, "lost"),
        ("reply-lost", "statement", "broken off after it took effect", Point.REPLY, Action.LOSE_REPLY, ""),
        ("statement-fails", "statement", "refused without effect", Point.STATEMENT, Action.FAIL, "a fault of the lab"),
        ("statement-hangs", "statement", "not begun until this is mended", Point.STATEMENT, Action.HANG, ""),
    ):
        yield Breakage(name, "LAB or FE", matched, summary, partial(breaking.strike, point, action, message))
    summary = "the leader is killed when a job is in the state, and comes back"
    yield Breakage("leader-changes", "LAB", "state (the whole of it)", summary, breaking.change_leader)


def _objects() -> Iterator[Breakage]:
    """The newest object that fits."""
    yield Breakage("object-lost", "STORE", "key", "it is deleted", partial(breaking.spoil, lambda _: None))
    half = partial(breaking.spoil, lambda content: content[: len(content) // 2])
    yield Breakage("object-truncated", "STORE", "key", "it loses its second half", half)
    yield Breakage("object-corrupted", "STORE", "key", "one bit of it flips", partial(breaking.spoil, breaking.flipped))


def _replies() -> Iterator[Breakage]:
    """What happens to requests, at the proxy before a store."""
    for name, summary, act in (
        ("s3-error", "500 InternalError", {"act": "status", "status": 500}),
        ("s3-slow-down", "503 SlowDown", {"act": "status", "status": 503}),
        ("s3-refused", "403, as for wrong keys", {"act": "status", "status": 403}),
        ("s3-reset-before", "broken off before the effect", {"act": "reset_before"}),
        ("s3-reset-after", "broken off after the effect", {"act": "reset_after"}),
        ("s3-hangs", "taken and never answered", {"act": "hang"}),
        ("s3-slow", "passed on --seconds later", {"act": "delay", "seconds": "seconds"}),
        ("s3-corrupt", "a wrong byte in the reply", {"act": "corrupt_reply"}),
        ("s3-short", "the reply ends early", {"act": "truncate_reply"}),
    ):
        yield Breakage(name, "STORE", "method's path", summary, partial(breaking.trouble, act))


BREAKAGES: tuple[Breakage, ...] = (*_nodes(), *_tasks(), *_leaders(), *_objects(), *_replies())
