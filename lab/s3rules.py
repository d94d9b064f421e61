"""The trouble that the S3 proxy makes: rules that choose requests, and what is done to those."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Status:
    """Answer with an S3 error instead of asking the server: 503 is SlowDown, any other InternalError."""

    status: int


@dataclass(frozen=True, slots=True)
class ResetBefore:
    """Break the connection before the server has seen the request."""


@dataclass(frozen=True, slots=True)
class ResetAfter:
    """Let the server do it, and break the connection instead of passing its reply on."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait before passing the request on."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Take the request and never answer."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Pass the bodies of request and reply on at this many bytes a second."""

    bytes_per_second: int


@dataclass(frozen=True, slots=True)
class CorruptReply:
    """Flip the bits of the byte at this offset of the reply's body."""

    offset: int = 0


@dataclass(frozen=True, slots=True)
class TruncateReply:
    """Break the connection after this many bytes of the reply's body."""

    length: int = 0


Act = Status | ResetBefore | ResetAfter | Delay | Hang | Rate | CorruptReply | TruncateReply
ACTS: Mapping[str, type[Act]] = {
    "status": Status,
    "reset_before": ResetBefore,
    "reset_after": ResetAfter,
    "delay": Delay,
    "hang": Hang,
    "rate": Rate,
    "corrupt_reply": CorruptReply,
    "truncate_reply": TruncateReply,
}


@dataclass(slots=True)
class Rule:
    """Requests by regular expressions, found anywhere in the method and in the path with its query. The first `skip`
    that fit pass unharmed, the next `times` meet the act, all of them if it is not given."""

    act: Act
    method: str = ""
    path: str = ""
    skip: int = 0
    times: int | None = None
    fitted: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        for pattern in (self.method, self.path):
            re.compile(pattern)

    def meets(self, method: str, target: str) -> bool:
        """Whether this request meets the act; a request that fits is counted."""
        if not (re.search(self.method, method) and re.search(self.path, target)):
            return False
        self.fitted += 1
        return self.skip < self.fitted and (self.times is None or self.fitted <= self.skip + self.times)


def to_json(rule: Rule) -> dict[str, Any]:
    """A rule with what it has met so far; the act's own fields stand beside its name."""
    name = next(name for name, act in ACTS.items() if isinstance(rule.act, act))
    rest = {key: getattr(rule, key) for key in ("method", "path", "skip", "times", "fitted")}
    return {"act": name, **asdict(rule.act), **rest}


def from_json(entry: Mapping[str, Any]) -> Rule:
    """A rule from {"act": "status", "status": 503, "method": "PUT", "path": "__info", ...}. ValueError says what is
    wrong with it."""
    rest = dict(entry)
    name = rest.pop("act", None)
    if name not in ACTS:
        raise ValueError(f"act is one of {', '.join(ACTS)}, not {name!r}")
    of_act = {part.name for part in fields(ACTS[name])} & rest.keys()
    try:
        act = ACTS[name](**{key: rest.pop(key) for key in of_act})
        return Rule(act, **rest)
    except TypeError as error:
        raise ValueError(str(error)) from None
