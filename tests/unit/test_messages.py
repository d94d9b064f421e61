"""What StarRocks' messages mean, by the texts that FEs of 3.2-dev, 4.0 and 4.1-dev really answered."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.starrocks import messages
from tests import data
from tests.data import Told

MEANINGS = {
    "BEING_SUBMITTED": re.compile(re.escape(messages.BEING_SUBMITTED)),
    "ONE_JOB": re.compile(re.escape(messages.ONE_JOB)),
    "LABEL_EXISTS": messages.LABEL_EXISTS,
    "NO_DATABASE": re.compile(re.escape(messages.NO_DATABASE)),
    "NO_JOB": messages.NO_JOB,
    "DAMAGED": messages.DAMAGED,
}
# How a text of StarRocks begins, once its prefixes are gone, and what it means; all others mean none of these.
KNOWN = {
    "Can only run one backup or restore job of a database at same time": "ONE_JOB",
    "Snapshot with name 's_all' already exist in repository": "LABEL_EXISTS",
    "Unknown database '": "NO_DATABASE",
    "No backup job is currently running": "NO_JOB",
    "No restore is currently running": "NO_JOB",
    "Failed to cancel job: Job with label s_all can not be cancelled. state: FINISHED": "NO_JOB",
    "[13427: invalid md5 of downloaded file: ": "DAMAGED",
    "[13428: get nothing from remote path: ": "DAMAGED",
    "[14026: invalid tablet file name: junk.txt]": "DAMAGED",
}
# The same for what to do next.
BUCKET, KEYS, REACH = "The bucket must exist", "The store refuses the keys", "The cluster cannot reach the store"
REPLICA, BACKENDS, OTHER = "A tablet has no healthy replica", "The target has fewer alive backends", "The table in the"
ADVICE = {
    r".*NoSuchBucket": BUCKET,
    r".*(Status Code: 403|InvalidAccessKeyId|AccessDenied)": KEYS,
    r".*Unable to execute HTTP request": REACH,
    r"Access denied; you need": "Grant it",
    r"Do not support backing up table with temp partitions": "A load, an INSERT OVERWRITE or an OPTIMIZE",
    r"(Backend node not found|rpc failed with)": "No backend answers queries",
    r"Table state is not NORMAL": "Wait until SHOW ALTER TABLE or SHOW RESTORE",
    r"\[COMMON_ERROR, msg: Table \w+'s state is not NORMAL": "Wait until SHOW ALTER TABLE or SHOW RESTORE",
    r"\[COMMON_ERROR, msg: failed to choose replica": REPLICA,
    r"\[COMMON_ERROR, msg: failed to find 4 different hosts": BACKENDS,
    r"\[COMMON_ERROR, msg: Table \w+ already exist but with different (schema|key type)": OTHER,
}
TOLD = [*data.refusals(), *data.statuses()]


def meanings(text: str) -> list[str]:
    return [name for name, pattern in MEANINGS.items() if pattern.search(messages.bare(text))]


def is_a_timeout_of_no_store(told: Told) -> bool:
    """Those that hint_for takes for an unreachable store today: see the bugs below."""
    return bool(re.search(r"timeout must be|Invalid timeout format|^\[TIMEOUT", messages.bare(told.text)))


def is_unknown_of_3_2(told: Told) -> bool:
    """Those that are not recognised today: see the bugs below."""
    return told.release == "3.2" and ("rpc failed, host" in told.text or "does not exists or is not OLAP" in told.text)


UNDERSTOOD = [t for t in TOLD if not (is_a_timeout_of_no_store(t) or is_unknown_of_3_2(t))]


@pytest.mark.parametrize("told", UNDERSTOOD, ids=str)
def test_a_message_means_what_it_says_in_every_release_and_nothing_else(told: Told) -> None:
    expected = {meaning for text, meaning in KNOWN.items() if messages.bare(told.text).startswith(text)}
    assert set(meanings(told.text)) == expected


@pytest.mark.parametrize("told", UNDERSTOOD, ids=str)
def test_advice_is_given_for_what_is_known_and_for_nothing_else(told: Told) -> None:
    text = messages.bare(told.text)
    expected = [advice for pattern, advice in ADVICE.items() if re.match(pattern, text, re.DOTALL)]
    assert [messages.hint_for(text)[: len(e)] for e in expected] == expected
    assert expected or messages.hint_for(text) == ""


def test_every_meaning_that_was_recorded_was_recorded_in_every_release_that_has_it() -> None:
    seen = {(told.release, meaning) for told in TOLD for meaning in meanings(told.text)}
    common = {"ONE_JOB", "LABEL_EXISTS", "NO_DATABASE", "NO_JOB"}
    assert seen >= {(release, meaning) for release in ("3.2", "4.0", "4.1") for meaning in common}


# -- texts of the source that were not met running (BackupHandler.java:370, BackupJob.java:931), in each release's form


@pytest.mark.parametrize("prefix", ["", "Unexpected exception: ", "Getting analyzing error. Detail message: "])
@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Another backup or restore job is being submitted. Please wait and try again", "BEING_SUBMITTED"),
        ("Snapshot with name 'nightly_1' already exist in repository", "LABEL_EXISTS"),
        ("Unknown database 'null'", "NO_DATABASE"),
    ],
)
def test_a_message_is_known_with_and_without_its_releases_prefix(prefix: str, text: str, meaning: str) -> None:
    assert meanings(prefix + text) == [meaning]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("failed to list remote path: s3a://a_b/p. msg: bucket is null/empty", "Hadoop's S3A refuses bucket names"),
        ("msg: com.amazonaws.SdkClientException: Unable to execute HTTP request: Connection refused", REACH),
        ("msg: java.net.UnknownHostException: minio", REACH),
        ("AmazonS3Exception: The specified bucket does not exist", BUCKET),
        ("SignatureDoesNotMatch (Service: S3, Status Code: 403)", KEYS),
        ("[COMMON_ERROR, msg: disk 1 on backend 10002 exceed limit usage]", "A backend's disk is full"),
        ("[13172: capacity limit reached]", "A backend's disk is full"),
        ("Failed to get scan range, no queryable replica found in tablet: 12704", "No backend answers queries"),
    ],
)
def test_advice_fits_the_cause(text: str, advice: str) -> None:
    assert messages.hint_for(text).startswith(advice)


# -- prefixes


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Unexpected exception: Unknown table 't'", "Unknown table 't'"),
        ("Getting analyzing error. Detail message: Unknown table 't'.", "Unknown table 't'."),
        ("Getting analyzing error at line 1, column 34. Detail message: Duplicated table: t.", "Duplicated table: t."),
        ("Getting analyzing error from line 1, column 33 to line 1, column 45. Detail message: x", "x"),
        ("Getting syntax error. Detail message: x", "x"),
        ("Unexpected exception: Getting analyzing error. Detail message: x", "x"),
        ("  x \n", "x"),
        ("View v: Getting analyzing error. Detail message: x", "View v: Getting analyzing error. Detail message: x"),
        ("", ""),
    ],
)
def test_prefixes_are_taken_off_the_beginning_only(text: str, bare: str) -> None:
    assert messages.bare(text) == bare


@given(st.text(), st.lists(st.sampled_from(["Unexpected exception: ", "Getting syntax error. Detail message: "])))
def test_a_bare_message_is_the_same_however_many_prefixes_it_had(text: str, prefixes: list[str]) -> None:
    assert messages.bare("".join(prefixes) + text) == messages.bare(text)


# -- damage


def test_a_backends_complaint_names_the_file_the_path_or_the_name() -> None:
    errors = ", ".join(told.text for told in data.statuses() if messages.DAMAGED.search(told.text))
    content = "__starrocks_repository_r1/__ss_miss/__ss_content"
    snapshot = "<storage of be43>/snapshot/20261124021700.83.86400/13242/848561481"
    file = f"{snapshot}/020001a20b49c2be3a9589c6fdf54e17aab96357d625e093_0.dat"
    assert [{k: v for k, v in m.groupdict().items() if v} for m in messages.DAMAGED.finditer(errors)] == [
        {"file": file, "md5": "e9323193ae51ffc973e3c440ffd6e805"},
        {"path": f"s3a://t1-backup/p1/{content}/__db_12140/__tbl_12142/__part_12144/__idx_12143/__12145"},
        {"name": "junk.txt"},
    ]


# -- what was once a bug


@pytest.mark.parametrize("told", [t for t in TOLD if is_a_timeout_of_no_store(t)], ids=str)
def test_a_timeout_of_a_job_is_not_taken_for_an_unreachable_store(told: Told) -> None:
    assert not messages.hint_for(messages.bare(told.text)).startswith(REACH)


def test_backends_that_do_not_answer_are_told_in_3_2_as_well() -> None:
    (told,) = [t for t in TOLD if is_unknown_of_3_2(t) and "rpc failed" in t.text]
    assert messages.hint_for(told.text).startswith("No backend answers queries")
