"""The StarRocks repository of a cluster: there under the right name and place, or created."""

from __future__ import annotations

from srbackup.errors import RefusedForSafety, StorageUnreachable
from srbackup.model.events import Notify, Warned
from srbackup.model.repository import Repository
from srbackup.starrocks.base import StarRocks, StatementRefused


def ensure_repository(starrocks: StarRocks, repository: Repository, notify: Notify, *, to_write: bool) -> None:
    """Make sure that the cluster knows the repository. A cluster that only restores gets it READ ONLY.

    CREATE REPOSITORY on a place that has one attaches to it; it tests the way from the FE to the store, not that
    from the BEs. READ ONLY blocks BACKUP and nothing else (Repository.java, BackupHandler.java:227).
    """
    if repository.scheme != "s3":
        raise RefusedForSafety(
            f"Repository {repository.name!r} is {repository.url}: a cluster can only reach s3:// repositories",
            hint="Copy the repository to an S3 store first.",
        )
    name = repository.starrocks_name
    existing = next((r for r in starrocks.repositories() if r.name == name), None)
    if existing is not None and _place(existing.location) != _place(repository.location):
        raise RefusedForSafety(
            f"The cluster has a repository {name!r} at {existing.location}, not at {repository.location}",
            hint="Set `starrocks_name` of the repository to a free name, or drop that one (DROP REPOSITORY "
            "deletes nothing in the store).",
        )
    if existing is not None and existing.read_only and to_write:
        notify(Warned(f"The cluster's repository {name!r} was READ ONLY; it is attached again to be written"))
        starrocks.drop_repository(name)
        existing = None
    if existing is None:
        try:
            starrocks.create_repository(repository, read_only=not to_write)
        except StatementRefused as error:
            raise StorageUnreachable(
                f"The cluster cannot use {repository.location} at {repository.cluster_endpoint or 'AWS'}: {error.text}",
                hint=error.hint or "srbackup itself reaches it: check `cluster_endpoint` as seen from the FEs.",
            ) from error


def _place(location: str) -> str:
    return location.partition("://")[2].strip("/")
