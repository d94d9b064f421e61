"""The way to object storage that FE and BE share: a repository's location and properties, and StarRocks' words for
what goes wrong there.

The FE goes through Hadoop's S3A, the BE through the AWS C++ SDK, so that one and the same failure reads differently
(fs/hdfs/HdfsFsManager.java; be/src/fs/fs_s3.cpp; seen running 4.1-dev for the FE).
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

S3_SCHEMES = frozenset({"s3", "s3a", "s3n", "oss", "cosn", "cos", "ks3", "obs", "tos"})
CONTROL_CHARACTERS = re.compile(r"/{2,}")


class StoreError(Exception):
    """A request to the store failed: the HTTP status and error code, or none where there was no answer."""

    def __init__(self, message: str, *, status: int = 0, code: str = "", request_id: str = "null") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class Listed:
    """An object of a listing."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Location:
    """scheme://bucket/prefix of a repository."""

    scheme: str
    bucket: str
    prefix: str

    def key(self, path: str) -> str:
        """A path below the location as an object key; the FE collapses double slashes."""
        return CONTROL_CHARACTERS.sub("/", f"{self.prefix}/{path}").strip("/")


def parse_location(text: str) -> Location:
    """A location as written; the scheme is empty where there is none."""
    parts = urlsplit(text, allow_fragments=False)
    return Location(parts.scheme, parts.netloc, parts.path.strip("/"))


class Store:
    """A bucket as one node sees it."""

    def __init__(self, bucket: str, properties: Mapping[str, str]) -> None:
        self._bucket = bucket
        self._properties = properties
        self._client: Any = None

    def list(self, prefix: str, *, delimiter: str = "") -> list[Listed]:
        """Objects below a prefix; with a delimiter the names up to it stand for what is below them."""
        found: list[Listed] = []
        token: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", Prefix=prefix, Delimiter=delimiter, **token)
            found += [Listed(item["Key"], item["Size"]) for item in page.get("Contents", [])]
            found += [Listed(item["Prefix"], 0) for item in page.get("CommonPrefixes", [])]
            if not page.get("IsTruncated"):
                return found
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def exists(self, key: str) -> bool:
        """As S3A's getFileStatus finds out: a HEAD, and if there is nothing a listing below."""
        try:
            self._call("head_object", Key=key)
        except StoreError as error:
            if error.status != 404:
                raise
            return bool(self._call("list_objects_v2", Prefix=f"{key}/", MaxKeys=1).get("Contents"))
        return True

    def get(self, key: str) -> bytes:
        return bytes(self._call("get_object", Key=key)["Body"].read())

    def put(self, key: str, content: bytes) -> None:
        self._call("put_object", Key=key, Body=content)

    def put_file(self, key: str, path: str) -> None:
        """A file; what is longer than 16 MiB goes in parts (experimental_s3_max_single_part_size)."""
        self._call("upload_file", Filename=path, Key=key)

    def get_file(self, key: str, path: str) -> None:
        self._call("download_file", Key=key, Filename=path)

    def copy(self, key: str, to: str) -> None:
        self._call("copy_object", CopySource={"Bucket": self._bucket, "Key": key}, Key=to)

    def delete(self, key: str) -> None:
        self._call("delete_object", Key=key)

    def _call(self, operation: str, **arguments: Any) -> Any:
        import botocore.exceptions

        try:
            return getattr(self._connected(), operation)(Bucket=self._bucket, **arguments)
        except botocore.exceptions.ClientError as error:
            raise _answered(error.response) from error
        except (botocore.exceptions.BotoCoreError, OSError) as error:
            raise StoreError(_cause(error)) from error
        except Exception as error:
            # boto3.s3.transfer wraps what it raises in exceptions that have no common root with botocore's
            if type(error).__module__.startswith("boto3"):
                raise StoreError(str(error)) from error
            raise

    def _connected(self) -> Any:
        if self._client is None:
            self._client = _client(self._properties)
        return self._client


def _client(properties: Mapping[str, str]) -> Any:
    import boto3
    from botocore.config import Config

    access_key = _first(properties, "aws.s3.access_key", "fs.s3a.access.key")
    secret_key = _first(properties, "aws.s3.secret_key", "fs.s3a.secret.key")
    if not access_key or not secret_key:
        raise StoreError("no credentials", code="NoCredentials")
    endpoint = _first(properties, "aws.s3.endpoint", "fs.s3a.endpoint") or None
    secure = _first(properties, "aws.s3.enable_ssl", "fs.s3a.connection.ssl.enabled") != "false"
    if endpoint and "://" not in endpoint:
        endpoint = f"{'https' if secure else 'http'}://{endpoint}"
    asked = properties.get("aws.s3.enable_path_style_access") == "true"
    path_style = asked or (endpoint is not None and _is_address(endpoint))
    config = Config(
        s3={"addressing_style": "path" if path_style else "virtual"},
        signature_version="s3v4",
        retries={"total_max_attempts": 2, "mode": "standard"},
        connect_timeout=5,
        read_timeout=30,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        proxies={},
    )
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        config=config,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=properties.get("aws.s3.session_token"),
        region_name=properties.get("aws.s3.region") or "us-east-1",
    )


def _first(properties: Mapping[str, str], *names: str) -> str:
    return next((properties[name] for name in names if properties.get(name)), "")


def _is_address(endpoint: str) -> bool:
    """An endpoint that is an IP address is asked in path style whatever the properties say (seen running 4.1-dev)."""
    try:
        ipaddress.ip_address(urlsplit(endpoint).hostname or "")
    except ValueError:
        return False
    return True


def _answered(response: Mapping[str, Any]) -> StoreError:
    error, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
    status = int(meta.get("HTTPStatusCode", 0))
    request_id = str(meta.get("RequestId") or meta.get("HTTPHeaders", {}).get("x-amz-request-id") or "null")
    return StoreError(
        str(error.get("Message") or ""), status=status, code=str(error.get("Code") or ""), request_id=request_id
    )


def _cause(error: BaseException) -> str:
    """The innermost reason, as Java names it."""
    text = str(error)
    if "refused" in text:
        return "Connection refused"
    if "timed out" in text or "timeout" in text.lower():
        return "Read timed out"
    if "reset" in text or "closed" in text:
        return "Connection reset"
    return text


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def md5_of_file(path: str) -> str:
    with open(path, "rb") as source:  # noqa: PTH123
        return hashlib.file_digest(source, "md5").hexdigest()


# -- the FE's words


def hadoop_words(error: StoreError, path: str, what: str, sdk: str) -> str:
    """What Hadoop's S3A says of a failed request, over version 1 or 2 of Amazon's SDK: `what` is getFileStatus or
    listObjects()."""
    old = sdk.startswith("com.amazonaws")
    client = f"{'com.amazonaws' if old else 'software.amazon.awssdk.core.exception'}.SdkClientException"
    if error.code == "NoCredentials":
        missing = (
            "Unable to load AWS credentials from environment variables (AWS_ACCESS_KEY_ID (or AWS_ACCESS_KEY) and "
            "AWS_SECRET_KEY (or AWS_SECRET_ACCESS_KEY))"
            if old
            else "Unable to load credentials from system settings. Access key must be specified either via environment "
            "variable (AWS_ACCESS_KEY_ID) or system property (aws.accessKeyId)."
        )
        return (
            f"{path}: org.apache.hadoop.fs.s3a.auth.NoAuthWithAWSException: No AWS Credentials provided by "
            "TemporaryAWSCredentialsProvider SimpleAWSCredentialsProvider EnvironmentVariableCredentialsProvider "
            f"IAMInstanceCredentialsProvider : {client}: {missing}"
        )
    if not error.status:
        failed = f"{client}: Unable to execute HTTP request: {error}"
        return f"{what} on {path}: {failed}:    {failed}: {error}"
    forbidden = what == "getFileStatus" and error.status == 403
    no_bucket = error.code == "NoSuchBucket"
    if old:
        code = "403 Forbidden" if forbidden else error.code
        said = "NoSuchBucket" if no_bucket else "Forbidden" if forbidden else str(error)
        details = (
            f"{said} (Service: Amazon S3; Status Code: {error.status}; Error Code: {code}; "
            f"Request ID: {error.request_id}; S3 Extended Request ID: null; Proxy: null)"
        )
        text = f"{what} on {path}: {sdk}.AmazonS3Exception: {details}, S3 Extended Request ID: null:{code}"
        return f"`{path}': {text}: {details}" if no_bucket else f"{path}: {text}"
    details = f"(Service: S3, Status Code: {error.status}, Request ID: {error.request_id})"
    if no_bucket:
        return f"`{path}': {what} on {path}: {sdk}.NoSuchBucketException:  {details}:NoSuchBucket:  {details}"
    code = "null" if forbidden or error.code in {"403", "404"} else error.code
    return f"{path}: {what} on {path}: {sdk}.S3Exception: {'Forbidden' if forbidden else error} {details}:{code}"


# -- the BE's words


def aws_words(error: StoreError, verb: str, path: str) -> str:
    """What the AWS C++ SDK says, as be/src/fs/fs_s3.cpp passes it on."""
    if error.status:
        return (
            f"S3: fail to {verb} {path}: {error.code}: {error}"
            if str(error)
            else f"S3: fail to {verb} {path}: {error.code}"
        )
    return f"S3: fail to {verb} {path}: curlCode: 7, Couldn't connect to server: {error}"
