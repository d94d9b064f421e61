"""An S3 store through botocore; botocore and its exceptions end here.

Retries of transient errors are botocore's own (standard mode): a conditional write that was retried after a lost
reply answers 412 for our own success, so `create` and `replace` read back and compare before they believe it.
ETags are sent without quotes: Ceph's radosgw 16 answers 412 to quoted ones, AWS and MinIO take both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSLError,
)

from srbackup.errors import CredentialsRejected, NotFound, SrbackupError, StorageUnreachable
from srbackup.model.repository import Repository
from srbackup.storage.base import (
    AlreadyExists,
    Changed,
    NotDeleted,
    ObjectInfo,
    ObjectNotFound,
    Readable,
    StoredDocument,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_REJECTED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403", "Forbidden", "AllAccessDisabled"}
_CHUNK = 1 << 20
_CONFLICTS = 6


class _Conflict(Changed):
    """409: two conditional writes met; neither is known to have won."""


class S3Store:
    """One bucket and prefix."""

    def __init__(self, client: S3Client, bucket: str, prefix: str, endpoint: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint = endpoint

    @property
    def place(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def clock_offset(self) -> float:
        with self._errors(""):
            before = datetime.now(UTC)
            reply = self._client.list_objects_v2(Bucket=self._bucket, MaxKeys=1)
        date = _date(reply)
        return 0.0 if date is None else (before - date).total_seconds()

    def create(self, key: str, data: bytes) -> None:
        try:
            self._conditional(key, data, IfNoneMatch="*")
        except Changed as error:
            if self.read(key).data != data:
                raise AlreadyExists(f"{self.place}/{key} exists already, with another content") from error

    def replace(self, key: str, data: bytes, etag: str) -> None:
        try:
            self._conditional(key, data, IfMatch=etag)
        except Changed:
            if self.read(key).data != data:
                raise

    def _conditional(self, key: str, data: bytes, **condition: str) -> None:
        """A conditional put; 409 says that another one is under way at this moment, and is asked again."""
        for attempt in range(_CONFLICTS):
            try:
                with self._errors(key):
                    self._client.put_object(
                        Bucket=self._bucket, Key=self._prefix + key, Body=data, **cast("Any", condition)
                    )
            except _Conflict:
                if attempt == _CONFLICTS - 1:
                    raise
                time.sleep(0.1 * 2**attempt)
            else:
                return

    def put(self, key: str, data: bytes) -> None:
        with self._errors(key):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=data)

    def upload(self, key: str, stream: Readable) -> None:
        # boto3 and its threads are needed here alone: importing it costs a tenth of a quick command.
        from boto3.s3.transfer import TransferConfig, create_transfer_manager

        config = TransferConfig(multipart_chunksize=16 << 20)
        with self._errors(key), create_transfer_manager(self._client, config) as manager:
            manager.upload(cast("Any", stream), self._bucket, self._prefix + key).result()

    def read(self, key: str) -> StoredDocument:
        with self._errors(key):
            reply = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            data = reply["Body"].read()
            return StoredDocument(data, reply["ETag"].strip('"'), _age(reply))

    def read_range(self, key: str, start: int, length: int) -> bytes:
        with self._errors(key):
            reply = self._client.get_object(
                Bucket=self._bucket, Key=self._prefix + key, Range=f"bytes={start}-{start + length - 1}"
            )
            return reply["Body"].read()

    def open(self, key: str) -> Iterator[bytes]:
        with self._errors(key):
            reply = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            yield from reply["Body"].iter_chunks(_CHUNK)

    def scan(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    key = item["Key"].removeprefix(self._prefix)
                    yield ObjectInfo(key, item["Size"], item["LastModified"])

    def names(self, prefix: str) -> tuple[str, ...]:
        start = self._prefix + prefix
        found: list[str] = []
        with self._errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=start, Delimiter="/"
            )
            for page in pages:
                found += [p["Prefix"].removeprefix(start) for p in page.get("CommonPrefixes", ())]
                found += [c["Key"].removeprefix(start) for c in page.get("Contents", ()) if c["Key"] != start]
        return tuple(sorted(found))

    def delete(self, keys: list[str]) -> None:
        for start in range(0, len(keys), 1000):
            batch = keys[start : start + 1000]
            with self._errors(batch[0]):
                reply = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": self._prefix + k} for k in batch], "Quiet": True},
                )
            if failed := reply.get("Errors"):
                first = failed[0]
                raise NotDeleted(
                    f"{len(failed)} of {len(batch)} objects could not be deleted from {self.place}: "
                    f"{first.get('Key')}: {first.get('Code')} {first.get('Message', '')}".rstrip(),
                    hint="May the access key delete there, and is no object lock or legal hold on it?",
                )

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._translated(error, key) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise CredentialsRejected(
                f"No usable keys for {self.place}: {error}", hint="Set access_key and secret_key of the repository."
            ) from error
        except SSLError as error:
            raise StorageUnreachable(
                f"No TLS connection to {self._endpoint} for {self.place}: {error}",
                hint="Name the store's certificate authority in the repository's tls.ca.",
            ) from error
        except (EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError, BotoCoreError, OSError) as error:
            raise StorageUnreachable(
                f"{self._endpoint} does not answer for {self.place}: {error}",
                hint="Is the store running, and is the repository's `endpoint` right as seen from this host?",
            ) from error

    def _translated(self, error: ClientError, key: str) -> SrbackupError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raw = f"{code} {error.response.get('Error', {}).get('Message', '')}".strip()
        match code:
            case "NoSuchKey" | "404" if key:
                return ObjectNotFound(f"{self.place}/{key} does not exist")
            case "NoSuchBucket":
                return NotFound(
                    f"Bucket {self._bucket!r} does not exist at {self._endpoint}",
                    hint="Create the bucket first: srbackup never does, so that a typing error makes no new one.",
                )
            case "ConditionalRequestConflict":
                return _Conflict(f"{self.place}/{key} is being written by somebody else ({raw})")
            case "PreconditionFailed" | "412":
                return Changed(f"{self.place}/{key} is not what it was expected to be ({raw})")
            case "RequestTimeTooSkewed":
                return StorageUnreachable(
                    f"{self.place}: the clocks of this host and the store differ by too much ({raw}){_skew(error)}",
                    hint="Set this host's clock (NTP); S3 refuses requests more than 15 minutes off.",
                )
        if code in _REJECTED or status in {401, 403}:
            return CredentialsRejected(
                f"{self.place} refuses the access key: {raw}",
                hint="Check the repository's access_key and secret_key, and what the bucket's policy allows them: "
                "list, get, put and delete.",
            )
        return StorageUnreachable(f"{self.place}/{key}: the store answered {status} {raw}")


def s3_store(repository: Repository) -> S3Store:
    """A store for an s3:// repository. Connects nowhere yet."""
    tls = repository.tls
    config = Config(
        region_name=repository.region,
        signature_version="s3v4",
        s3={"addressing_style": "path" if repository.path_style else "auto"},
        retries={"mode": "standard", "max_attempts": 4},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=32,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    arguments: dict[str, Any] = {"config": config, "endpoint_url": repository.endpoint}
    if repository.access_key is not None and repository.secret_key is not None:
        arguments["aws_access_key_id"] = repository.access_key.reveal()
        arguments["aws_secret_access_key"] = repository.secret_key.reveal()
    if tls is not None:
        arguments["verify"] = str(tls.ca) if tls.verify and tls.ca else tls.verify
    client = cast("S3Client", botocore.session.get_session().create_client("s3", **arguments))
    return S3Store(client, repository.bucket, repository.prefix, repository.endpoint or client.meta.endpoint_url)


def _date(reply: Any) -> datetime | None:
    text = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(text) if text else None


def _age(reply: Any) -> float:
    date = _date(reply) or datetime.now(UTC)
    return max(0.0, float((date - reply["LastModified"]).total_seconds()))


def _skew(error: ClientError) -> str:
    date = _date(error.response)
    if date is None:
        return ""
    seconds = (datetime.now(UTC) - date).total_seconds()
    return f"; this host is {abs(seconds) / 60:.0f} minutes {'ahead' if seconds > 0 else 'behind'}"
