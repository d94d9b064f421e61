"""Secrets of the configuration: looked up by reference when they are needed, and never shown."""

from __future__ import annotations

import json
import logging
import pprint
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.config.load import Configuration, load
from srbackup.config.secrets import UnresolvedSecret, resolve
from srbackup.errors import ConfigurationError
from srbackup.model.secret import Secret
from srbackup.report.documents import document, dumps

PASSWORD = "hunter2-in-clear"
POLICY = "cluster: prod\nrepository: minio\n"
FRONTENDS = "frontends: [{name: fe-1, host: h}]"


def configuration(place: Path, password: str = "${SRB_PASSWORD}") -> Configuration:
    (place / "clusters.yaml").write_text(f"clusters:\n  prod:\n    {FRONTENDS}\n    password: {password}\n")
    keys = "    access_key: ${SRB_PASSWORD}\n    secret_key: ${SRB_PASSWORD}\n"
    (place / "repositories.yaml").write_text(f"repositories:\n  minio:\n    url: s3://b\n{keys}")
    (place / "nightly.yaml").write_text(POLICY)
    return load(place)


def test_a_variable_a_file_and_a_command_are_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRB_PASSWORD", PASSWORD)
    monkeypatch.setenv("SRB_EMPTY", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    (tmp_path / "two lines").write_text("one\ntwo\n\n")
    for reference, secret in (
        ("${SRB_PASSWORD}", PASSWORD),
        ("${SRB_EMPTY}", ""),
        ("file:secret", PASSWORD),
        (f"file:{tmp_path}/secret", PASSWORD),
        ("file:~/secret", PASSWORD),
        ("file:two lines", "one\ntwo\n"),
        ("command:printf 'a b\\n'", "a b"),
        ("command:echo $HOME", "$HOME"),
        ("command:" + f"{sys.executable} -c 'print(1, end=chr(10) * 2)'", "1\n"),
    ):
        assert resolve(reference, tmp_path).reveal() == secret, reference


def test_a_reference_that_leads_nowhere_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRB_UNSET", raising=False)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    no_program = "the command cannot be run: [Errno 2] No such file or directory: 'srb-no-program'"
    no_text = "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"
    for reference, reason in (
        ("${SRB_UNSET}", "the environment variable SRB_UNSET is not set"),
        ("file:gone", f"gone cannot be read: [Errno 2] No such file or directory: '{tmp_path}/gone'"),
        ("file:binary", f"binary cannot be read: {no_text}"),
        ("command:srb-no-program x", no_program),
        ("command:sh -c 'echo vault is sealed >&2; exit 3'", "the command ended with status 3: vault is sealed"),
        ("command:echo 'unclosed", "the command cannot be run: No closing quotation"),
        (PASSWORD, "is not a reference to a secret"),
    ):
        with pytest.raises(UnresolvedSecret) as raised:
            resolve(reference, tmp_path)
        assert str(raised.value) == reason


def test_a_secret_is_looked_up_only_when_its_cluster_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SRB_PASSWORD", raising=False)
    loaded = configuration(tmp_path)
    with pytest.raises(ConfigurationError) as raised:
        loaded.cluster("prod")
    assert raised.value.problems == (
        f"{tmp_path}/clusters.yaml:4:15: clusters.prod.password: the environment variable SRB_PASSWORD is not set",
    )
    with pytest.raises(ConfigurationError) as raised:
        loaded.repository("minio")
    assert raised.value.problems == (
        f"{tmp_path}/repositories.yaml:4:17: repositories.minio.access_key: "
        "the environment variable SRB_PASSWORD is not set",
    )


def test_no_way_of_printing_shows_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SRB_PASSWORD", PASSWORD)
    loaded = configuration(tmp_path)
    cluster, repository = loaded.cluster("prod"), loaded.repository("minio")
    logging.getLogger().warning("%s %r %s", cluster, cluster.password, repository)
    shown = [
        *(f"{v}{v!r}{pprint.pformat(v)}" for v in (loaded, cluster, repository, cluster.password)),
        dumps(document("Configuration", {"cluster": cluster, "repository": repository})),
        caplog.text,
    ]
    assert all(PASSWORD not in text for text in shown)
    assert repr(cluster.password) == "Secret('***')"
    assert f"{cluster.password}" == "***"


@given(st.text(min_size=1).filter(lambda t: t not in "Secret('***')"))
def test_a_secret_prints_the_same_whatever_it_is(value: str) -> None:
    secret = Secret(value)
    assert (str(secret), repr(secret), f"{secret}", document("x", {"s": secret})["s"]) == (
        "***",
        "Secret('***')",
        "***",
        "***",
    )
    assert secret.reveal() == value


def test_config_show_masks_every_secret_and_shows_every_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRB_PASSWORD", PASSWORD)
    configuration(tmp_path)
    done = srbackup("-c", str(tmp_path), "config", "show")
    shown = json.loads(done.stdout)
    assert PASSWORD not in done.stdout + done.stderr
    assert (shown["api"], shown["kind"]) == ("srbackup/v1", "Configuration")
    assert shown["clusters"]["prod"] == {
        "name": "prod",
        "frontends": [
            {"name": "fe-1", "host": "h", "port": 9030, "container": None, "directory": None, "internal": None}
        ],
        "user": "root",
        "password": "***",
        "tls": None,
        "docker_host": None,
    }
    assert {k: shown["repositories"]["minio"][k] for k in ("access_key", "secret_key")} == {
        "access_key": "***",
        "secret_key": "***",
    }
    assert shown["policies"]["nightly"]["limits"] == {
        "parallel": 4,
        "timeout": 86400,
        "stall": 600,
        "pending": 90,
        "checkpoint": 600,
        "resume": 21600,
        "attempts": 3,
    }


def test_config_validate_tells_every_problem_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "nightly.yaml").write_text("cluster: prod\nexlude: []\n")
    done = srbackup("-c", str(tmp_path), "config", "validate")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.replace(f"{tmp_path}/", "").splitlines() == [
        "clusters.yaml:1:1: is missing",
        "nightly.yaml:1:1: repository: is missing",
        "nightly.yaml:2:1: exlude: unknown key 'exlude' (did you mean 'exclude'?)",
        "repositories.yaml:1:1: is missing",
    ]


@pytest.mark.parametrize("password", [PASSWORD, "20261124", "${" + PASSWORD + "}"])
def test_a_secret_that_was_written_in_clear_is_refused_without_showing_it(tmp_path: Path, password: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        configuration(tmp_path, password)
    assert "clusters.yaml:4:15: clusters.prod.password: " in raised.value.message
    assert password not in raised.value.message


def test_a_secret_that_was_written_twice_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        configuration(tmp_path, f"{PASSWORD}\n    password: other")
    assert "clusters.yaml:5:5: " in raised.value.message
    assert PASSWORD not in raised.value.message


def srbackup(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from srbackup.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
