"""The index: a copy of all COMMITs of a cluster in one object, so that a listing need not read each of them.

It decides nothing. Which points exist is told by the names below `points/`; a point that is not in the index is read
itself; what is acted upon is read itself in any case. COMMIT is written once, so a copy never grows old, and an index
that is lost or damaged costs time and nothing else: the next run, prune or gc writes it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from srbackup.catalog import layout
from srbackup.catalog.codec import Commits, Damaged, compress, decode, decompress, encode
from srbackup.errors import IncompatibleVersion
from srbackup.model.point import Commit, PointListing
from srbackup.storage.base import ObjectNotFound, ObjectStore

_TOLERATED = 32
"""So many points may be missing from the index, or gone from the bucket, before it is written again."""


def read(store: ObjectStore, cluster: str) -> Mapping[str, Commit]:
    """COMMITs by point; empty where there is no index that can be read."""
    key = layout.index(cluster)
    try:
        document = decompress(store.read(key).data, key)
        return {c.point: c for c in decode(document, Commits, key)}
    except (ObjectNotFound, Damaged, IncompatibleVersion):
        return {}


def refresh(store: ObjectStore, cluster: str, points: Iterable[PointListing]) -> None:
    """Write the index again if it lacks many of a cluster's points, or holds many that are gone."""
    commits = {p.id: p.commit for p in points if p.commit is not None and p.cluster == cluster}
    known = read(store, cluster)
    if len(commits.keys() ^ known.keys()) > _TOLERATED:
        store.put(layout.index(cluster), compress(encode(tuple(commits.values()), Commits)))
