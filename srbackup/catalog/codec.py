"""Documents: values as JSON with a kind and a format number, and back.

A format that was ever written is read for ever: a new format gets its own reader here, and a real file of the old
one stays in tests/data.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any, TypeVar, cast

import zstandard
from pydantic import TypeAdapter, ValidationError

from srbackup.errors import Failed, IncompatibleVersion
from srbackup.model.activity import ActivityRecord
from srbackup.model.point import (
    Commit,
    DatabaseDefinitions,
    DeletedPoint,
    Deletion,
    Hold,
    Intent,
    Manifest,
    MetadataRecord,
    Part,
    StoredObject,
)
from srbackup.model.restore import RestoreBegun, RestoreOver, StepDone
from srbackup.model.verdict import Verdict

API = "srbackup/v1"
FORMAT = 1

Objects = tuple[StoredObject, ...]
Commits = tuple[Commit, ...]
_Value = TypeVar("_Value")
_KINDS: dict[Any, str] = {
    Intent: "Intent",
    Part: "Part",
    Objects: "Objects",
    DatabaseDefinitions: "Definitions",
    Manifest: "Manifest",
    MetadataRecord: "Metadata",
    Commit: "Commit",
    Verdict: "Verdict",
    Hold: "Hold",
    Deletion: "Deletion",
    DeletedPoint: "DeletedPoint",
    Commits: "Index",
    RestoreBegun: "RestoreBegun",
    RestoreOver: "RestoreOver",
    StepDone: "StepDone",
    ActivityRecord: "Activity",
}


class Damaged(Failed):
    """A document of the catalog is not what was written."""


def encode(value: Any, kind: Any = None) -> bytes:
    """A document as bytes: readable JSON. `kind` is the type where the value does not tell it (lists)."""
    schema: Any = kind or type(value)
    body = _adapter(schema).dump_python(value, mode="json")
    head = {"api": API, "kind": _KINDS[schema], "format": FORMAT}
    document = {**head, **body} if isinstance(body, dict) else {**head, "items": body}
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def decode(data: bytes, kind: type[_Value], place: str) -> _Value:
    """The value of a document; IncompatibleVersion for a newer format, Damaged for anything else that is wrong."""
    try:
        document = json.loads(data)
        found, version = document.pop("kind"), document.pop("format")
        document.pop("api")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise Damaged(f"{place} is not a document of srbackup: {error}") from error
    if not isinstance(version, int):
        raise Damaged(f"{place} has the format {version!r}, which is no number")
    if version > FORMAT:
        raise IncompatibleVersion(
            f"{place} has format {version}, this srbackup reads formats up to {FORMAT}", hint="Upgrade srbackup."
        )
    if found != _KINDS[kind]:
        raise Damaged(f"{place} is a document of kind {found}, not {_KINDS[kind]}")
    try:
        return cast(
            "_Value", _adapter(cast("Any", kind)).validate_python(document.get("items", document), strict=False)
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise Damaged(f"{place} is not a whole {found}: {where}: {first['msg']}") from error


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def compress(data: bytes) -> bytes:
    """zstd with the content's size in the frame; the same input gives the same bytes."""
    return zstandard.ZstdCompressor(level=6).compress(data)


def decompress(data: bytes, place: str) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise Damaged(f"{place} cannot be decompressed: {error}") from error


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
