"""Checkpoints: how images come to be, on the leader, and how they reach the other FEs.

ALTER SYSTEM CREATE IMAGE only sets a flag. After the next journal write the journal is rolled; a round of the
checkpoint controller later an image of the state at the roll is made, pushed to the other FEs, and where all of them
have it the journal before it is deleted (leader/CheckpointController.java:135-198, 384-393).
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable

from lab.fe.globals import GlobalState
from lab.httpd import Unreachable, exchange
from lab.meta.image import ImageDirectory, image_bytes, read_image
from lab.meta.records import Frontend
from lab.meta.state import Metadata

LOG = logging.getLogger("lab")
ROLL_AFTER = 50000  # edit_log_roll_num


class Checkpoints:
    """The image directory of one FE and what goes into it."""

    def __init__(self, state: GlobalState, images: ImageDirectory, others: Callable[[], Iterable[Frontend]]) -> None:
        self._state = state
        self.images = images
        self._others = others
        self._wanted = False
        self._finalized: Metadata | None = None
        self._rolled_at = 0

    def trigger(self) -> None:
        """CREATE IMAGE; a second one before the roll is merged into the first."""
        self._wanted = True

    def lead(self) -> None:
        """Whoever becomes leader begins a journal database of its own, so that all before it can be in an image."""
        before = self._state.metadata
        self._rolled_at = before.journal_id
        self._finalized = before if before.journal_id > 1 else None

    def write_timestamp(self) -> None:
        """The leader journals the time; a journal that is to be rolled rolls behind that write."""
        with self._state.lock:
            self._state.write_nothing()
            metadata = self._state.metadata
            if self._wanted or metadata.journal_id - self._rolled_at >= ROLL_AFTER:
                LOG.info("edit log rolled because triggering a new checkpoint manually")
                self._wanted, self._finalized, self._rolled_at = False, metadata, metadata.journal_id

    def run(self) -> None:
        """A round of the controller."""
        metadata = self._finalized
        if metadata is None or metadata.journal_id <= self.images.latest():
            return
        number = metadata.journal_id
        LOG.info("begin to generate new image: image.%d", number)
        data = image_bytes(metadata)
        self.images.save(data, number)
        LOG.info("checkpoint finished save image.%d", number)
        others = list(self._others())
        pushed = sum(self._push(other, number, data) for other in others)
        LOG.info(
            "push image.%d from subdir [] to other nodes. totally %d nodes, push succeeded %d nodes",
            number,
            len(others),
            pushed,
        )
        self._state.group.image_saved(metadata, trim=pushed == len(others))

    def _push(self, other: Frontend, number: int, data: bytes) -> bool:
        """StarRocks asks the other FE to fetch the image; here it is sent at once."""
        port = self._state.settings.port("http_port")
        try:
            exchange(other.host, port, "PUT", f"/put?version={number}", data, timeout=30)
        except Unreachable as error:
            LOG.warning("Exception when pushing image file. url = %s:%d: %s", other.host, port, error)
            return False
        return True

    def take(self, data: bytes, number: int) -> None:
        """An image that the leader pushed."""
        if number <= self.images.latest():
            return
        self.images.save(data, number)
        if number <= self._state.metadata.journal_id:
            self._state.group.image_saved(read_image(data, number), trim=True)

    def latest(self) -> tuple[int, bytes, int] | None:
        """Number, bytes and CRC32 of the newest image."""
        number = self.images.latest()
        path = self.images.v2 / f"image.{number}"
        if not path.exists():
            return None
        data = path.read_bytes()
        return number, data, zlib.crc32(data)
