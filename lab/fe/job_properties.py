"""PROPERTIES of BACKUP and RESTORE."""

from __future__ import annotations

from collections.abc import Mapping

from lab.errors import analyzer_common_error
from lab.fe.session import Session
from lab.meta.hash_order import hash_order


def checked_properties(given: Mapping[str, str], known: set[str], kind: str) -> Mapping[str, str]:
    unknown = {name: value for name, value in given.items() if name not in known}
    if unknown:
        raise analyzer_common_error(f"Unknown {kind} job properties: [{', '.join(hash_order(unknown))}]")
    return given


def timeout_of(session: Session, properties: Mapping[str, str]) -> int:
    text = properties.get("timeout")
    if text is None:
        return session.state.config.number("backup_job_default_timeout_ms") // 1000
    try:
        seconds = int(text)
    except ValueError as error:
        raise analyzer_common_error(f"Invalid timeout format: {text}") from error
    if seconds < 600:
        raise analyzer_common_error("timeout must be at least 10 min")
    return seconds


def number_of(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise analyzer_common_error(f"Invalid meta version format: {text}") from error
