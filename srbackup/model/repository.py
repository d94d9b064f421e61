"""A repository: one place in object storage, seen from the tool and from the cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from srbackup.model.cluster import Tls
from srbackup.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of the configuration.

    `url` is s3://bucket/prefix (or file:///directory, which only tests and local copies use). `endpoint` is how
    srbackup reaches the store, `cluster_endpoint` how FEs and BEs do; None means the provider's own address.
    `starrocks_name` is the name of the StarRocks repository; it is part of the path of every snapshot, so a
    cluster that restores must know the repository by the same name.
    """

    name: str
    url: str
    starrocks_name: str
    endpoint: str | None = None
    cluster_endpoint: str | None = None
    region: str = "us-east-1"
    path_style: bool = False
    access_key: Secret | None = None
    secret_key: Secret | None = None
    tls: Tls | None = None

    @property
    def bucket(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def prefix(self) -> str:
        """The path inside the bucket, without slashes at its ends."""
        return urlsplit(self.url).path.strip("/")

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme

    @property
    def location(self) -> str:
        """The LOCATION for CREATE REPOSITORY; never with a trailing slash, which FE and BE read differently."""
        return "/".join(p for p in (f"s3a://{self.bucket}", self.prefix) if p)

    def named(self, starrocks_name: str) -> Repository:
        """The same place under another StarRocks name."""
        return replace(self, starrocks_name=starrocks_name)
