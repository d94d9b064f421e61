"""The S3 proxy makes exactly the trouble it is told to, and none otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError, ResponseStreamingError

from lab.daemon import free_port
from lab.stores.base import S3Server, client
from lab.stores.proxied import Proxied


@pytest.fixture(scope="module")
def running(rclone_store: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    address = rclone_store.access.endpoint.removeprefix("http://").partition(":")[0]
    directory = tmp_path_factory.mktemp("proxy")
    proxied = Proxied(rclone_store.access, directory, address, free_port(address), free_port(address))
    proxied.start()
    yield proxied
    proxied.stop()


@pytest.fixture
def proxied(running: Proxied) -> Iterator[Proxied]:
    running.trouble()
    yield running
    running.trouble()


@pytest.fixture
def s3(proxied: Proxied) -> Any:
    return client(proxied.access)


def put(s3: Any, key: str, body: bytes) -> None:
    s3.put_object(Bucket="backups", Key=key, Body=body)


def get(s3: Any, key: str) -> bytes:
    content: bytes = s3.get_object(Bucket="backups", Key=key)["Body"].read()
    return content


def test_without_rules_signed_requests_pass_as_they_are(s3: Any) -> None:
    put(s3, "plain", b"x" * 3_000_000)
    assert get(s3, "plain") == b"x" * 3_000_000
    assert s3.head_object(Bucket="backups", Key="plain")["ContentLength"] == 3_000_000
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="backups", Prefix="plain")["Contents"]] == ["plain"]
    s3.delete_object(Bucket="backups", Key="plain")


def test_a_status_is_answered_in_the_servers_place_as_often_as_asked(proxied: Proxied, s3: Any) -> None:
    proxied.trouble({"act": "status", "status": 503, "method": "PUT", "path": "busy", "skip": 1, "times": 1})
    put(s3, "busy/1", b"1")
    with pytest.raises(ClientError) as refused:
        put(s3, "busy/2", b"2" * 1_000_000)
    assert refused.value.response["Error"]["Code"] == "SlowDown"
    put(s3, "busy/2", b"2")
    assert [rule["fitted"] for rule in proxied.rules()] == [3]


def test_a_reset_before_leaves_nothing_done(proxied: Proxied, s3: Any) -> None:
    proxied.trouble({"act": "reset_before", "path": "before", "times": 1})
    with pytest.raises(ConnectionClosedError):
        put(s3, "before", b"x")
    with pytest.raises(s3.exceptions.NoSuchKey):
        get(s3, "before")


def test_a_reset_after_loses_the_reply_of_what_was_done(proxied: Proxied, s3: Any) -> None:
    proxied.trouble({"act": "reset_after", "method": "PUT", "path": "after", "times": 1})
    with pytest.raises(ConnectionClosedError):
        put(s3, "after", b"done")
    assert get(s3, "after") == b"done"


def test_a_corrupt_reply_has_one_wrong_byte(proxied: Proxied, s3: Any) -> None:
    put(s3, "corrupt", b"hello")
    proxied.trouble({"act": "corrupt_reply", "method": "GET", "path": "corrupt", "offset": 2, "times": 1})
    assert get(s3, "corrupt") == b"he\x93lo"
    assert get(s3, "corrupt") == b"hello"


def test_a_truncated_reply_breaks_off(proxied: Proxied, s3: Any) -> None:
    put(s3, "short", b"x" * 200_000)
    proxied.trouble({"act": "truncate_reply", "path": "short", "length": 1000, "times": 1})
    with pytest.raises((ResponseStreamingError, ConnectionClosedError)):
        get(s3, "short")
    assert len(get(s3, "short")) == 200_000


def test_a_delay_and_a_rate_take_their_time(proxied: Proxied, s3: Any) -> None:
    put(s3, "slow", b"x" * 100_000)
    proxied.trouble(
        {"act": "delay", "seconds": 0.3, "path": "slow", "times": 1},
        {"act": "rate", "bytes_per_second": 250_000, "path": "slow", "times": 1},
    )
    start = time.monotonic()
    get(s3, "slow")
    delayed = time.monotonic()
    get(s3, "slow")
    assert delayed - start >= 0.3
    assert time.monotonic() - delayed >= 0.35


def test_a_hanging_request_ends_only_when_the_client_gives_up(proxied: Proxied) -> None:
    impatient = client(proxied.access, read_timeout=0.3)
    proxied.trouble({"act": "hang", "path": "hang", "times": 1})
    with pytest.raises(ReadTimeoutError):
        get(impatient, "hang")


def test_a_rule_that_makes_no_sense_is_refused_and_the_old_ones_stay(proxied: Proxied) -> None:
    proxied.trouble({"act": "reset_before", "path": "never"})
    for wrong in ({"act": "explode"}, {"act": "status"}, {"act": "hang", "paht": "x"}, {"act": "hang", "path": "("}):
        with pytest.raises(HTTPError, match="400"):
            proxied.trouble(wrong)
    assert [rule["act"] for rule in proxied.rules()] == ["reset_before"]


def test_a_large_upload_survives_a_part_that_was_reset(proxied: Proxied, tmp_path: Path) -> None:
    retrying = client(proxied.access, attempts=3)
    proxied.trouble({"act": "reset_before", "method": "PUT", "path": "partNumber=2", "times": 1})
    file = tmp_path / "large"
    file.write_bytes(b"x" * (17 << 20))
    retrying.upload_file(str(file), "backups", "large")
    assert retrying.head_object(Bucket="backups", Key="large")["ContentLength"] == 17 << 20
