"""What StarRocks' messages mean: told by their text, since codes are catch-alls that differ between releases."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Prefixes that releases and stages put before a message; in any order, more than one.
_PREFIXES = re.compile(
    r"^(?:Unexpected exception: |Getting (?:analyzing|syntax) error(?: (?:at|from) line [^.]*?)?\. Detail message: )+"
)

BEING_SUBMITTED = "Another backup or restore job is being submitted"
ONE_JOB = "Can only run one backup or restore job of a database at same time"
LABEL_EXISTS = re.compile(r"Snapshot with name '.*' already exist in repository")
NO_DATABASE = "Unknown database"
NO_JOB = re.compile(r"No (?:backup job|restore) is currently running|Failed to cancel job: ")
# Errors of nodes in TaskErrMsg that the same objects will give for ever (snapshot_loader.cpp).
DAMAGED = re.compile(
    r"invalid md5 of downloaded file: (?P<file>[^,\]]+?), expected: (?P<md5>[0-9a-f]{32})|"
    r"get nothing from remote path: (?P<path>[^,\]]+)|invalid tablet file name: (?P<name>[^,\]]+)"
)


def bare(text: str) -> str:
    """A message without the prefixes of its release and stage."""
    return _PREFIXES.sub("", text).strip()


@dataclass(frozen=True, slots=True)
class Advice:
    """A known message: what causes it and what to do next."""

    pattern: re.Pattern[str]
    hint: str


def _advice(pattern: str, hint: str) -> Advice:
    return Advice(re.compile(pattern, re.IGNORECASE), hint)


CATALOGUE = (
    _advice(r"bucket is null/empty", "Hadoop's S3A refuses bucket names with an underscore: use another bucket."),
    _advice(
        r"UnknownHostException|Unable to execute HTTP request|Connection refused|ConnectException|"
        r"connect(?:ion)? timed out|Read timed out|SocketTimeout",
        "The cluster cannot reach the store: is `cluster_endpoint` right as seen from inside the FE and BE containers?",
    ),
    _advice(
        r"NoSuchBucket|bucket does not exist", "The bucket must exist: create it in the store, srbackup never does."
    ),
    _advice(
        r"InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied|status code: 403",
        "The store refuses the keys that the cluster got: check access_key and secret_key; after a change, drop the "
        "repository in StarRocks (DROP REPOSITORY deletes nothing in the store) and run again.",
    ),
    _advice(
        r"failed to choose replica to make snapshot",
        "A tablet has no healthy replica: see SHOW BACKENDS and "
        "ADMIN SHOW REPLICA STATUS FROM the table; bring the backend back, or exclude the table.",
    ),
    _advice(
        r"Do not support backing up table with temp partitions",
        "A load, an INSERT OVERWRITE or an OPTIMIZE holds temporary partitions: try again when it is over, or drop "
        "them (SHOW TEMPORARY PARTITIONS FROM the table).",
    ),
    _advice(
        r"failed to find (\d+) different hosts to create table",
        "The target has fewer alive backends than replicas were asked for: see SHOW BACKENDS.",
    ),
    _advice(
        r"exceed limit usage|capacity limit reached|no space left",
        "A backend's disk is full: free or add space, then try again.",
    ),
    _advice(
        r"Backend node not found|rpc failed(?: with|, host:)|no queryable replica",
        "No backend answers queries: see SHOW BACKENDS.",
    ),
    _advice(
        r"already exist but with different schema|already exist but with different key type",
        "The table in the target is not the one that was backed up: restore into another database with --map.",
    ),
    _advice(
        r"Table .*state is not NORMAL", "Wait until SHOW ALTER TABLE or SHOW RESTORE of that database is finished."
    ),
    _advice(r"Access denied", "Grant it, see docs/how-to/privileges.md."),
)


def hint_for(text: str) -> str:
    """What to do about a message, or nothing when it is not a known one."""
    return next((a.hint for a in CATALOGUE if a.pattern.search(text)), "")
