"""The order of Java's hash maps, which shows in StarRocks' answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

K = TypeVar("K", int, str)


def hash_order(keys: Iterable[K]) -> list[K]:
    """Keys as a HashMap goes through them: by the low bits of their hash, as many as the table has at that size."""
    found = list(keys)
    size = 16
    while len(found) > size * 3 // 4:
        size *= 2
    return sorted(found, key=lambda key: _spread(key) & (size - 1))


def _spread(key: int | str) -> int:
    if isinstance(key, int):
        hashed = (key ^ (key >> 32)) & 0xFFFFFFFF
    else:
        hashed = 0
        for char in key:
            hashed = (31 * hashed + ord(char)) & 0xFFFFFFFF
    return hashed ^ (hashed >> 16)
