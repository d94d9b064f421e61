"""The S3 store where no server is needed: what a reply means."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from srbackup.storage.base import NotDeleted
from srbackup.storage.s3 import S3Store


def test_objects_that_a_batch_could_not_delete_are_an_error_though_the_reply_is_200() -> None:
    client: Any = boto3.client("s3", region_name="x", aws_access_key_id="a", aws_secret_access_key="b")
    refused = [{"Key": "p/b", "Code": "AccessDenied", "Message": "it is locked"}]
    with Stubber(client) as stub:
        stub.add_response("delete_objects", {"Errors": refused})
        with pytest.raises(
            NotDeleted, match=r"^1 of 2 objects could not be deleted from s3://b/p: p/b: AccessDenied it"
        ):
            S3Store(client, "b", "p", "endpoint").delete(["a", "b"])
