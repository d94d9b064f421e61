"""JSON documents: every value that a command prints, with `api` and `kind`.

Bytes are integers, durations are seconds, times are RFC 3339 in UTC.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from srbackup.model.secret import Secret

API = "srbackup/v1"


def document(kind: str, value: Any) -> dict[str, Any]:
    """A value as a document; a list goes under `items`."""
    body = plain(value)
    head = {"api": API, "kind": kind}
    return {**head, **body, **head} if isinstance(body, dict) else {**head, "items": body}


def dumps(value: Any, *, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case None | bool() | int() | float():
            return value
        case Secret():
            return str(value)
        case Enum():
            return value.value
        case str():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case timedelta():
            return value.total_seconds()
        case Path():
            return str(value)
        case Mapping():
            return {str(k): plain(v) for k, v in value.items()}
        case _ if dataclasses.is_dataclass(value):
            return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        case Iterable() if not isinstance(value, bytes):
            found = [plain(v) for v in value]
            return sorted(found, key=str) if isinstance(value, frozenset | set) else found
    raise TypeError(f"{type(value).__name__} has no JSON form")
