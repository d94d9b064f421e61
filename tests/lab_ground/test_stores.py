"""What the lab's S3 servers promise each, so that a test can choose the one that has what it needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.problems import LabProblem
from lab.pytest_plugin import required
from lab.stores.base import S3Server, client
from lab.stores.radosgw import Radosgw
from lab.stores.shelf import Shelf, StoreKind

EVERY = ["rclone_store", "radosgw", "localstack"]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


@pytest.mark.parametrize("server", EVERY, indirect=True)
def test_what_is_put_is_got_and_listed(server: S3Server) -> None:
    s3, bucket = client(server.access), server.access.bucket
    s3.put_object(Bucket=bucket, Key="put/a", Body=b"hello")
    assert s3.get_object(Bucket=bucket, Key="put/a")["Body"].read() == b"hello"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="put/")["Contents"]
    assert [(entry["Key"], entry["Size"]) for entry in listed] == [("put/a", 5)]


@pytest.mark.parametrize("server", EVERY, indirect=True)
def test_a_large_object_arrives_in_parts(server: S3Server) -> None:
    s3, bucket = client(server.access), server.access.bucket
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in ((1, b"x" * (5 << 20)), (2, b"y"))
    ]
    s3.complete_multipart_upload(Bucket=bucket, Key="large", UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="large", Range="bytes=5242879-")["Body"].read() == b"xy"


@pytest.mark.parametrize("server", ["rclone_store", "radosgw"], indirect=True)
def test_a_wrong_secret_is_refused(server: S3Server) -> None:
    wrong = type(server.access)(server.access.endpoint, server.access.access_key, "wrong", server.access.bucket)
    assert code_of(lambda: client(wrong).list_objects_v2(Bucket=wrong.bucket)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("server", ["radosgw", "localstack"], indirect=True)
def test_a_conditional_create_has_one_winner(server: S3Server) -> None:
    s3, bucket = client(server.access), server.access.bucket
    s3.put_object(Bucket=bucket, Key="once", Body=b"first", IfNoneMatch="*")
    second = code_of(lambda: s3.put_object(Bucket=bucket, Key="once", Body=b"second", IfNoneMatch="*"))
    assert second == "PreconditionFailed"
    assert s3.get_object(Bucket=bucket, Key="once")["Body"].read() == b"first"


def test_radosgw_knows_users_who_may_only_read(radosgw: Radosgw) -> None:
    keys = ("--access-key", "reader-key", "--secret", "reader-secret")
    radosgw.admin("user", "create", "--uid", "reader", "--display-name", "reader", *keys)
    reader = type(radosgw.access)(radosgw.access.endpoint, "reader-key", "reader-secret", radosgw.access.bucket)
    write = code_of(lambda: client(reader).put_object(Bucket=reader.bucket, Key="no", Body=b""))
    assert write == "AccessDenied"


@pytest.mark.parametrize("kind", [StoreKind.RCLONE, StoreKind.RADOSGW])
def test_a_store_that_was_stopped_has_its_objects_again(tmp_path: Path, kind: StoreKind) -> None:
    shelf = Shelf(tmp_path)
    with required(kind.value):
        server = shelf.up("kept", kind, "127.0.0.1").server
    try:
        client(server.access).put_object(Bucket=server.access.bucket, Key="kept", Body=b"kept")
        server.stop()
        assert not server.running()
        shelf.up("kept", kind, "127.0.0.1")
        assert client(server.access).get_object(Bucket=server.access.bucket, Key="kept")["Body"].read() == b"kept"
    finally:
        shelf.down("kept")
    assert list(shelf) == []
    assert not server.running()


def test_an_unknown_store_is_said_to_be_unknown(tmp_path: Path) -> None:
    with pytest.raises(LabProblem, match="there is no store backups"):
        Shelf(tmp_path).get("backups")
