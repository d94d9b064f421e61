"""What every S3 server of the lab is: somewhere to sign in to, and a start and a stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


@dataclass(frozen=True, slots=True)
class S3Access:
    """All that a client needs to reach a bucket. `endpoint` is a URL that nodes and tools reach alike."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str = "backups"
    region: str = "us-east-1"


class S3Server(Protocol):
    """An S3 server on this machine."""

    @property
    def access(self) -> S3Access:
        """How to reach it, known before it is started."""
        ...

    def start(self) -> None:
        """Start it, wait until it answers signed requests, and create the bucket if it is not there.

        May be asked twice. Raises NotAvailable where the server is not installed, LabProblem with the log's end
        where it does not come up.
        """
        ...

    def stop(self) -> None:
        """End it; what was stored stays in its directory. May be asked twice."""
        ...

    def running(self) -> bool:
        """Whether its processes live."""
        ...


def client(access: S3Access, *, read_timeout: float = 30, attempts: int = 1) -> Any:
    """A boto3 client that speaks to old and new servers: path style, checksums only where the protocol asks."""
    return boto3.client(
        "s3",
        endpoint_url=access.endpoint,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        region_name=access.region,
        config=Config(
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=5,
            read_timeout=read_timeout,
            proxies={},
        ),
    )


def create_bucket(access: S3Access) -> None:
    """Create the bucket of `access`; one of our own that is there already is success."""
    try:
        client(access).create_bucket(Bucket=access.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyExists", "BucketAlreadyOwnedByYou"):
            raise
