"""Marks: what became of a point after it was committed, told by the names of objects under one prefix.

One listing finds the marks of all points of a cluster: held, to be deleted, and every verdict with its finding. The
documents behind the names are read only where one of them is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from ulid import ULID

from srbackup.catalog import layout
from srbackup.catalog.codec import Damaged, decode, encode
from srbackup.model.point import Deletion, Finding, Hold, VerdictMark
from srbackup.model.verdict import Verdict
from srbackup.storage.base import ObjectNotFound, ObjectStore

_Value = TypeVar("_Value")


@dataclass(slots=True)
class Marks:
    """The marks of one point."""

    held: bool = False
    deleted: bool = False
    verdicts: list[VerdictMark] = field(default_factory=list)


def of_all(store: ObjectStore, cluster: str) -> Mapping[str, Marks]:
    """The marks of a cluster's points, by point; points without any are absent."""
    found: dict[str, Marks] = {}
    prefix = layout.marks(cluster)
    for item in store.scan(prefix):
        point, _, name = item.key.removeprefix(prefix).partition("/")
        _add(found.setdefault(point, Marks()), name, f"{store.place}/{item.key}")
    return found


def of(store: ObjectStore, cluster: str, point: str) -> Marks:
    prefix, marks = layout.marks_of(cluster, point), Marks()
    for name in store.names(prefix):
        _add(marks, name, f"{store.place}/{prefix}{name}")
    return marks


def _add(marks: Marks, name: str, place: str) -> None:
    if name == layout.HOLD:
        marks.held = True
    elif name == layout.DELETE:
        marks.deleted = True
    else:
        ulid, finding = name.removesuffix(".json").split(".")
        try:
            marks.verdicts.append(VerdictMark(ulid, Finding(finding), ULID.from_str(ulid).datetime))
        except ValueError as error:
            raise Damaged(f"{place} is no mark that srbackup writes: {error}") from error


def add_verdict(store: ObjectStore, cluster: str, ulid: str, verdict: Verdict) -> None:
    store.create(layout.marks_of(cluster, verdict.point) + layout.verdict(ulid, verdict.finding), encode(verdict))


def verdicts(store: ObjectStore, cluster: str, point: str) -> tuple[Verdict, ...]:
    """All verdicts on a point, the oldest first."""
    prefix = layout.marks_of(cluster, point)
    names = [n for n in store.names(prefix) if n not in {layout.HOLD, layout.DELETE}]
    return tuple(decode(store.read(prefix + n).data, Verdict, f"{store.place}/{prefix}{n}") for n in names)


def hold(store: ObjectStore, cluster: str, mark: Hold) -> None:
    store.put(layout.marks_of(cluster, mark.point) + layout.HOLD, encode(mark))


def delete(store: ObjectStore, cluster: str, mark: Deletion) -> None:
    store.put(layout.marks_of(cluster, mark.point) + layout.DELETE, encode(mark))


def delete_once(store: ObjectStore, cluster: str, mark: Deletion) -> None:
    """Put DELETE on a point unless it has one: its age must not begin anew."""
    if deletion(store, cluster, mark.point) is None:
        delete(store, cluster, mark)


def held(store: ObjectStore, cluster: str, point: str) -> Hold | None:
    return _read(store, layout.marks_of(cluster, point) + layout.HOLD, Hold)


def deletion(store: ObjectStore, cluster: str, point: str) -> tuple[Deletion, timedelta] | None:
    """The DELETE mark of a point, and how old it is by the store's clock."""
    key = layout.marks_of(cluster, point) + layout.DELETE
    try:
        document = store.read(key)
    except ObjectNotFound:
        return None
    return decode(document.data, Deletion, f"{store.place}/{key}"), timedelta(seconds=document.age)


def take_off(store: ObjectStore, cluster: str, point: str, name: str) -> None:
    """Take HOLD or DELETE off a point; nothing where it is not there."""
    store.delete([layout.marks_of(cluster, point) + name])


def _read(store: ObjectStore, key: str, kind: type[_Value]) -> _Value | None:
    try:
        return decode(store.read(key).data, kind, f"{store.place}/{key}")
    except ObjectNotFound:
        return None
