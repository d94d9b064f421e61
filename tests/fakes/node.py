"""An FE's metadata directory in memory, whose images may be replaced while they are read."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from srbackup.nodes.base import FileVanished, NodeFile

IMAGE = "meta/image"


class FakeNode:
    """Files by path below the home. `before_read` is called with each path that is to be read."""

    def __init__(self, name: str = "fe-1") -> None:
        self._name = name
        self.contents: dict[str, bytes] = {f"{IMAGE}/VERSION": b"clusterId=1001\n", f"{IMAGE}/ROLE": b"role=FOLLOWER\n"}
        self.before_read: Callable[[str], None] = lambda _path: None

    def put_image(self, journal_id: int, content: bytes, *, crc: int | None = None) -> None:
        """A new image; as StarRocks does, the one before goes away at once."""
        for path in [p for p in self.contents if f"{IMAGE}/v2/" in p]:
            del self.contents[path]
        self.contents[f"{IMAGE}/v2/image.{journal_id}"] = content
        self.contents[f"{IMAGE}/v2/checksum.{journal_id}"] = str(zlib.crc32(content) if crc is None else crc).encode()

    @property
    def name(self) -> str:
        return self._name

    @property
    def home(self) -> str:
        return "/fe"

    def aliases(self) -> frozenset[str]:
        return frozenset({self._name})

    def files(self, directory: str) -> tuple[NodeFile, ...]:
        place = directory.removeprefix("/fe/") + "/"
        return tuple(
            NodeFile(path.removeprefix(place), len(content))
            for path, content in sorted(self.contents.items())
            if path.startswith(place)
        )

    def read(self, path: str) -> Iterator[bytes]:
        self.before_read(path)
        content = self.contents.get(path.removeprefix("/fe/"))
        if content is None:
            raise FileVanished(f"{self._name}: cat {path}: No such file or directory")
        yield content[: len(content) // 2]
        yield content[len(content) // 2 :]
