"""Where everything lies in the bucket; docs/design/format.md is this file in words."""

from __future__ import annotations

import re
from urllib.parse import quote

MARKER = "srbackup.json"
RECOVERY = "README-RECOVERY.md"
CLUSTERS = "clusters/"


def points(cluster: str) -> str:
    return f"{CLUSTERS}{cluster}/points/"


def point(cluster: str, point_id: str) -> str:
    return f"{points(cluster)}{point_id}/"


def marks(cluster: str) -> str:
    return f"{CLUSTERS}{cluster}/marks/"


def marks_of(cluster: str, point_id: str) -> str:
    return f"{marks(cluster)}{point_id}/"


def lock(cluster: str, name: str) -> str:
    return f"{CLUSTERS}{cluster}/locks/{name}.json"


def restores(cluster: str) -> str:
    """Journals of restores into a cluster: what they created, so that they can be gone on with or undone."""
    return f"{CLUSTERS}{cluster}/restores/"


def history(cluster: str, point_id: str = "") -> str:
    """Where what stays of deleted points lies; with a point, its own document."""
    return f"{CLUSTERS}{cluster}/history/" + (f"{point_id}.json" if point_id else "")


def activities(cluster: str) -> str:
    return f"{CLUSTERS}{cluster}/activities/"


def activity(cluster: str, policy: str, activity: str) -> str:
    """The record of what became of an activity of a policy."""
    return f"{activities(cluster)}{policy}.{activity}.json"


def index(cluster: str) -> str:
    """A copy of all COMMITs of a cluster, to list them at once."""
    return f"{CLUSTERS}{cluster}/index.json.zst"


# Below a point:

INTENT, MANIFEST, COMMIT = "intent.json", "manifest.json", "COMMIT"


def part(database: str) -> str:
    return f"parts/{safe(database)}.json"


def part_objects(label: str) -> str:
    """By label: another attempt at the same database makes another snapshot."""
    return f"parts/{safe(label)}.objects.json.zst"


def definitions(database: str) -> str:
    return f"definitions/{safe(database)}.json.zst"


def metadata(frontend: str, path: str) -> str:
    return f"metadata/{safe(frontend)}/{path}.zst"


METADATA_RECORD = "metadata/record.json"


# Below a point's marks:

HOLD, DELETE = "HOLD.json", "DELETE.json"


def verdict(ulid: str, finding: str) -> str:
    return f"{ulid}.{finding}.json"


def safe(name: str) -> str:
    """A name as one step of a key: names of databases may hold characters that keys had better not."""
    return quote(name, safe="-")


# Written by StarRocks (Repository.java; the older prefix is honoured by it where it exists):


def starrocks_repository(name: str) -> str:
    return f"__starrocks_repository_{name}/"


def repository_of(name: str) -> str:
    """The StarRocks repository whose folder has that name at the root; empty for any other name."""
    return (
        name.removeprefix("__starrocks_repository_").rstrip("/") if name.startswith("__starrocks_repository_") else ""
    )


def snapshot(repository: str, label: str) -> str:
    return f"{starrocks_repository(repository)}__ss_{label}/"


def label_of(name: str) -> str:
    """The label of a snapshot whose folder has that name in a repository; empty for any other name."""
    return name.removeprefix("__ss_").rstrip("/") if name.startswith("__ss_") else ""


def label_start(point_id: str) -> str:
    """What the labels of a point begin with: [A-Za-z0-9_-] only, since StarRocks lists labels with globs."""
    return re.sub(r"[^\w-]", "_", point_id)
