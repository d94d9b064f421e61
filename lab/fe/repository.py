"""A repository's directory in object storage, as the FE goes about it (backup/Repository.java, BlobStorage.java)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lab.clock import SHANGHAI, printed
from lab.errors import Refused
from lab.meta.jobs import Status
from lab.meta.records import Repository
from lab.s3 import S3_SCHEMES, Store, StoreError, hadoop_words, md5, parse_location

PREFIX = "__starrocks_repository_"
LEGACY_PREFIX = "__palo_repository_"
SNAPSHOT = "__ss_"
INFO = "__info_"
CHECKSUM_LENGTH = 32


class Failed(Exception):
    """A step at the repository did not work; the status is what a job or an error message says of it."""

    def __init__(self, message: str, code: str = "COMMON_ERROR") -> None:
        super().__init__(message)
        self.status = Status(code, message)


@dataclass(frozen=True, slots=True)
class RepositoryInfo:
    """__repo_info."""

    name: str
    created: datetime


class RepositoryFiles:
    """Listing, reading and writing below `<location>/<prefix>`. Nothing is cached: every question goes to the store."""

    def __init__(self, repository: Repository, sdk: str) -> None:
        self._location = parse_location(repository.location)
        self._sdk = sdk
        self._store = Store(self._location.bucket, repository.properties)
        self.root = _joined(repository.location, repository.prefix)

    def label_path(self, label: str, name: str) -> str:
        return f"{self.root}/{SNAPSHOT}{label}/{name}"

    def _key(self, path: str) -> str:
        return parse_location(path).key("")

    # -- __repo_info

    def info(self) -> RepositoryInfo | None:
        """What __repo_info says, if it is there."""
        path = f"{self.root}/__repo_info"
        listing = f"failed to list remote path: {path}. msg: "
        if not self._location.scheme:
            raise Failed(f"{listing}invalid path. scheme is null")
        if self._location.scheme not in S3_SCHEMES:
            raise Failed(f"{listing}Fail to get file status: {self._location.bucket}")
        try:
            if not self._store.exists(self._key(path)):
                return None
            return _repository_info(self._store.get(self._key(path)).decode())
        except StoreError as error:
            raise Failed(
                f"{listing}Fail to get file status: {hadoop_words(error, path, 'getFileStatus', self._sdk)}"
            ) from error

    def write_info(self, info: RepositoryInfo) -> None:
        path = f"{self.root}/__repo_info"
        content = json.dumps({"create_time": printed(info.created), "name": info.name}, separators=(",", ":"))
        try:
            self._store.put(self._key(path), content.encode())
        except StoreError as error:
            raise Failed(f"failed to write remote path: {path}. msg: {error}") from error

    # -- snapshots

    def labels(self) -> list[str]:
        """The labels that have any object, sorted."""
        names = self._list(f"{self.root}/{SNAPSHOT}", "*", self.root)
        return sorted({name.removeprefix(SNAPSHOT) for name in names if name.startswith(SNAPSHOT)})

    def infos(self, label: str) -> list[str]:
        """Names of the `__info_` objects of a label, whatever follows."""
        path = self.label_path(label, INFO)
        return sorted(self._list(path, "*", path.rpartition("/")[0]))

    def _list(self, path: str, glob: str, directory: str) -> list[str]:
        """Names in `directory` that begin as `path` ends."""
        start = self._key(directory) + "/"
        try:
            found = self._store.list(start + path.rpartition("/")[2], delimiter="/")
        except StoreError as error:
            if error.status == 404 and error.code != "NoSuchBucket":
                return []
            words = hadoop_words(error, directory, "listObjects()", self._sdk)
            raise Failed(f"failed to list remote path: {path}{glob}. msg: Fail to get file status: {words}") from error
        return [item.key.removeprefix(start).rstrip("/") for item in found]

    def read(self, label: str, name: str) -> bytes:
        """The file of that name, whose object has a checksum behind it (Repository.download)."""
        path = self.label_path(label, name)
        found = self._list(path, "*", path.rpartition("/")[0])
        if len(found) != 1:
            raise Failed(f"Expected one file with path: {path}. get: {len(found)}")
        plain, _, expected = found[0].rpartition(".")
        if len(expected) != CHECKSUM_LENGTH:
            raise Failed(f"file name format is wrong: {found[0]}")
        if plain != name:
            raise Failed(f"File does not exist: {path}", "NOT_FOUND")
        try:
            content = self._store.get(self._key(f"{path}.{expected}"))
        except StoreError as error:
            raise Failed(
                f"failed to read remote path: {path}. msg: {hadoop_words(error, path, 'open', self._sdk)}"
            ) from error
        if md5(content) != expected:
            raise Failed(f"md5sum does not equal. local: {md5(content)}, remote: {expected}")
        return content

    def write(self, label: str, name: str, content: bytes) -> None:
        """Delete what is there, put `.part`, rename, which in S3 is copy and delete (Repository.upload)."""
        path = self.label_path(label, name)
        part, final = f"{path}.part", f"{path}.{md5(content)}"
        for old in (part, final):
            self._step(
                old,
                f"failed to delete remote path: {old}. msg: delete path {old}error",
                self._store.delete,
            )
        self._step(
            part,
            f"failed to write remote path: {part}. msg: put {part} error",
            lambda key: self._store.put(key, content),
        )
        rename = f"failed to rename remote path from {part} to {final}. msg: rename error"
        self._step(part, rename, lambda key: self._store.copy(key, self._key(final)))
        self._step(part, rename, self._store.delete)

    def _step(self, path: str, failure: str, work: Any) -> None:
        try:
            work(self._key(path))
        except StoreError as error:
            raise Failed(failure) from error


def _joined(location: str, prefix: str) -> str:
    return f"{location.rstrip('/')}/{prefix}"


def json_object(text: str) -> dict[str, Any]:
    """A document of the repository, with org.json's complaint if it is none."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Refused("A JSONObject text must begin with '{' at 1 [character 2 line 1]") from error
    if not isinstance(found, dict):
        raise Refused("A JSONObject text must begin with '{' at 1 [character 2 line 1]")
    return found


def required(document: dict[str, Any], *names: str) -> None:
    for name in names:
        if name not in document:
            raise Refused(f'JSONObject["{name}"] not found.')


def _repository_info(text: str) -> RepositoryInfo:
    document = json_object(text)
    required(document, "name", "create_time")
    try:
        created = datetime.strptime(document["create_time"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except ValueError as error:
        raise Failed(f"failed to parse create time of repository: {document['create_time']}") from error
    return RepositoryInfo(document["name"], created)
