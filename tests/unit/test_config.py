"""The configuration: what is written becomes values, and all that is wrong is told at once with its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbackup.config.load import load
from srbackup.config.schema import FILES
from srbackup.errors import ConfigurationError, NotFound
from srbackup.model.cluster import Cluster, Frontend, Tls
from srbackup.model.policy import (
    Check,
    Component,
    DrillPlan,
    FingerprintMode,
    Limits,
    Notification,
    Objectives,
    Occasion,
    Overlap,
    Policy,
    Retention,
    Schedule,
)
from srbackup.model.repository import Repository
from srbackup.model.secret import Secret

CLUSTERS = """\
clusters:
  prod:
    frontends:
      - {name: fe-1, host: 127.0.0.1}
"""
REPOSITORIES = """\
repositories:
  minio:
    url: s3://bucket/prefix
"""
POLICY = """\
cluster: prod
repository: minio
"""
DATA = Path(__file__).parents[1] / "data" / "config"
NO_TABS = "found character '\\t' that cannot start any token (YAML is indented with blanks, never with tabs)"


def folder(
    place: Path,
    policy: str | bytes = POLICY,
    clusters: str | bytes = CLUSTERS,
    repositories: str | bytes = REPOSITORIES,
) -> Path:
    texts = {"clusters.yaml": clusters, "repositories.yaml": repositories, "nightly.yaml": policy}
    for name, text in texts.items():
        (place / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return place


def problems(place: Path) -> list[str]:
    """What `load` complains of, one line each, without the name of the folder."""
    with pytest.raises(ConfigurationError) as raised:
        load(place)
    return [p.replace(f"{place}/", "") for p in raised.value.problems]


def told(text: str, line: int, column: int) -> str:
    return f"nightly.yaml:{line}:{column}: {text}"


# -- what is understood


def test_a_policy_that_says_little_has_the_defaults_of_the_model(tmp_path: Path) -> None:
    configuration = load(folder(tmp_path))
    assert configuration.policies == {"nightly": Policy("nightly", "prod", "minio")}
    assert configuration.cluster("prod") == Cluster("prod", (Frontend("fe-1", "127.0.0.1", 9030),), "root", Secret(""))
    assert configuration.repository("minio") == Repository("minio", "s3://bucket/prefix", "minio")


def test_everything_that_is_written_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "hunter2")
    policy = """\
include: ["sales.*", "*.orders_20[0-9]?"]
exclude: ["sales.tmp_*"]
cluster: prod
repository: minio
components: [metadata]
schedule:
  full: "*/15 3 * * mon-fri"
  metadata: "*/5 * * * *"
  drill: "0 6 * * 0"
  prune: "30 4 * * *"
  time_zone: Europe/Berlin
  overlap: skip
  catch_up: false
retention:
  keep: {last: 2, hourly: 3, daily: 14, weekly: 8, monthly: 12, yearly: 5, within: 2d}
  minimum: 3
  grace: 1d
drill:
  on: scratch
  include: ["sales.*"]
  exclude: ["sales.big"]
  checks: [{name: all paid, database: sales, sql: "SELECT count(*) FROM orders WHERE NOT paid", expect: 0}]
notifications:
  - webhook: ${HOOK}
    on: [failure, recovered]
  - command: [mail, -s, srbackup, ops@example.org]
verification: {fingerprint: rows}
objectives: {rpo: 1d2h, rto: 90s, proof: 8d}
limits: {parallel: 64, timeout: 10m, stall: 1h30m, pending: 45s, checkpoint: 2m, resume: 1w, attempts: 10}
"""
    clusters = """\
clusters:
  prod:
    frontends:
      - {name: fe-1, host: fe.example, port: 9031, container: sr-fe-1, directory: home, internal: 10.0.0.1}
    user: backup
    password: ${PASSWORD}
    tls: {ca: ca.pem, verify: false}
    docker: unix:///var/run/docker.sock
  scratch:
    frontends: [{name: fe-1, host: scratch.example}]
"""
    repositories = """\
repositories:
  7-minio:
    url: s3://bucket/prefix/
    endpoint: http://127.0.0.1:9000/
    cluster_endpoint: https://minio:9000
    region: eu-central-1
    path_style: true
    access_key: command:printf key
    secret_key: file:secret
    tls: {}
  minio: {url: "file:///var/backups", starrocks_name: _1repo, endpoint: "http://one:1"}
"""
    (tmp_path / "secret").write_text("s3cr3t\n")
    configuration = load(folder(tmp_path, policy, clusters, repositories))
    assert configuration.policy(None) == Policy(
        name="nightly",
        cluster="prod",
        repository="minio",
        include=("sales.*", "*.orders_20[0-9]?"),
        exclude=("sales.tmp_*",),
        components=frozenset({Component.METADATA}),
        fingerprint=FingerprintMode.ROWS,
        schedule=Schedule(
            "*/15 3 * * mon-fri",
            "*/5 * * * *",
            "0 6 * * 0",
            "30 4 * * *",
            "Europe/Berlin",
            Overlap.SKIP,
            catch_up=False,
        ),
        retention=Retention(2, 3, 14, 8, 12, 5, timedelta(days=2), minimum=3, grace=timedelta(days=1)),
        drill=DrillPlan(
            "scratch",
            ("sales.*",),
            ("sales.big",),
            (Check("all paid", "sales", "SELECT count(*) FROM orders WHERE NOT paid", 0),),
        ),
        notifications=(
            Notification(frozenset({Occasion.FAILURE, Occasion.RECOVERED}), webhook="${HOOK}"),
            Notification(frozenset(Occasion), command=("mail", "-s", "srbackup", "ops@example.org")),
        ),
        objectives=Objectives(timedelta(hours=26), timedelta(seconds=90), timedelta(days=8)),
        limits=Limits(
            parallel=64,
            timeout=timedelta(minutes=10),
            stall=timedelta(minutes=90),
            pending=timedelta(seconds=45),
            checkpoint=timedelta(minutes=2),
            resume=timedelta(days=7),
            attempts=10,
        ),
    )
    assert configuration.cluster("prod") == Cluster(
        "prod",
        (Frontend("fe-1", "fe.example", 9031, "sr-fe-1", tmp_path / "home", "10.0.0.1"),),
        "backup",
        Secret("hunter2"),
        Tls(tmp_path / "ca.pem", verify=False),
        "unix:///var/run/docker.sock",
    )
    assert configuration.repository("7-minio") == Repository(
        "7-minio",
        "s3://bucket/prefix",
        "r_7_minio",
        "http://127.0.0.1:9000",
        "https://minio:9000",
        "eu-central-1",
        True,
        Secret("key"),
        Secret("s3cr3t"),
        Tls(),
    )
    local = configuration.repository("minio")
    assert (local.url, local.starrocks_name) == ("file:///var/backups", "_1repo")
    assert local.cluster_endpoint == "http://one:1"


def test_a_name_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    configuration = load(folder(tmp_path))
    (tmp_path / "hourly.yaml").write_text(POLICY)
    two = load(tmp_path)
    for ask, message, hint in (
        (lambda: configuration.cluster("prd"), "No cluster 'prd' in */clusters.yaml (did you mean 'prod'?)", "prod"),
        (lambda: configuration.repository("x"), "No repository 'x' in */repositories.yaml", "minio"),
        (lambda: configuration.policy("nigtly"), "No policy 'nigtly' in * (did you mean 'nightly'?)", "nightly"),
        (lambda: two.policy(None), "* has 2 policies: say which one", "hourly, nightly"),
    ):
        with pytest.raises(NotFound) as raised:
            ask()
        assert raised.value.message == message.replace("*", str(tmp_path))
        assert raised.value.hint == f"Known: {hint}"


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from("smhdw")), min_size=1, max_size=4))
def test_a_duration_is_the_sum_of_its_parts(parts: list[tuple[int, str]]) -> None:
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    text = "".join(f"{n}{u}" for n, u in parts)
    section = FILES["policy"].model_validate({"cluster": "c", "repository": "r", "objectives": {"rpo": text}})
    assert section.objectives.rpo == sum((timedelta(**{unit[u]: n}) for n, u in parts), timedelta())  # type: ignore[attr-defined]


# -- what is wrong with a file as such


def test_a_folder_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path / "nowhere")
    assert raised.value.problems == (f"{tmp_path}/nowhere: no such folder",)
    assert "SRBACKUP_CONFIG" in raised.value.hint


def test_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "nightly.yaml").write_text(POLICY)
    assert problems(tmp_path) == ["clusters.yaml:1:1: is missing", "repositories.yaml:1:1: is missing"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", told("is empty", 1, 1)),
        ("# nothing but a comment\n", told("is empty", 1, 1)),
        (POLICY + "limits:\n\tparallel: 4\n", told(NO_TABS, 4, 1)),
        ("\tcluster: prod\n", told(NO_TABS, 1, 1)),
        (b"cluster: pr\xffod\n", told("is not UTF-8: byte 11", 1, 1)),
        (POLICY.encode("utf-16"), told("is not UTF-8: byte 0", 1, 1)),
        ("cluster: [a\nrepository: b\n", told("expected ',' or ']', but got ':'", 2, 11)),
        (POLICY + "---\ncluster: b\n", told("but found another document", 3, 1)),
        ("cluster: *unknown\n", told("found undefined alias 'unknown'", 1, 10)),
        ("- cluster\n- repository\n", told("must be a mapping, not a list", 1, 1)),
        ("hello\n", told("must be a mapping, not the string 'hello'", 1, 1)),
    ],
)
def test_a_file_that_is_no_yaml_mapping_is_one_problem(tmp_path: Path, content: str | bytes, expected: str) -> None:
    assert problems(folder(tmp_path, content)) == [expected]


def test_a_key_that_is_written_twice_is_one_problem(tmp_path: Path) -> None:
    (problem,) = problems(folder(tmp_path, "cluster: a\nrepository: b\ncluster: c\n"))
    assert problem.startswith('nightly.yaml:3:1: found duplicate key "cluster"')


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "weekly.yaml").mkdir()
    (tmp_path / "yearly.yaml").symlink_to(tmp_path / "gone")
    assert problems(tmp_path) == [
        "weekly.yaml:1:1: cannot be read: Is a directory",
        "yearly.yaml:1:1: cannot be read: No such file or directory",
    ]


def test_an_empty_file_of_clusters_is_not_missing_as_well(tmp_path: Path) -> None:
    assert problems(folder(tmp_path, clusters="")) == ["clusters.yaml:1:1: is empty"]


# -- what is wrong in it: files of tests/data/config, whose comments `#! line:column: ...` are what must be told


def examples(kind: str) -> list[Path]:
    return sorted((DATA / kind).glob("*.yaml"))


def expected(example: Path, name: str) -> list[str]:
    return [f"{name}:{line[3:]}" for line in example.read_text().splitlines() if line.startswith("#! ")]


@pytest.mark.parametrize("example", examples("policy"), ids=lambda p: p.stem)
def test_each_problem_of_a_policy_is_told_with_its_place(tmp_path: Path, example: Path) -> None:
    assert problems(folder(tmp_path, example.read_text())) == expected(example, "nightly.yaml")


@pytest.mark.parametrize("example", examples("clusters"), ids=lambda p: p.stem)
def test_each_problem_of_the_clusters_is_told_with_its_place(tmp_path: Path, example: Path) -> None:
    assert problems(folder(tmp_path, clusters=example.read_text())) == expected(example, "clusters.yaml")


@pytest.mark.parametrize("example", examples("repositories"), ids=lambda p: p.stem)
def test_each_problem_of_the_repositories_is_told_with_its_place(tmp_path: Path, example: Path) -> None:
    assert problems(folder(tmp_path, repositories=example.read_text())) == expected(example, "repositories.yaml")


def test_all_problems_of_all_files_are_told_at_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    policy, clusters, repositories = (DATA / k / "unknown-keys.yaml" for k in ("policy", "clusters", "repositories"))
    folder(tmp_path, policy.read_text(), clusters.read_text(), repositories.read_text())
    (tmp_path / "hourly.yaml").write_text("\t")
    assert problems(tmp_path) == [
        *expected(clusters, "clusters.yaml"),
        f"hourly.yaml:1:1: {NO_TABS}",
        *expected(policy, "nightly.yaml"),
        *expected(repositories, "repositories.yaml"),
    ]


def test_a_policys_file_name_must_be_a_name(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "my policy.yaml").write_text(POLICY)
    text = "the file's name is the policy's: letters, digits, _ . and -, at most 64 of them"
    assert problems(tmp_path) == [f"my policy.yaml:1:1: {text}"]


def test_a_timeout_that_starrocks_would_refuse_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(folder(tmp_path, POLICY + "limits: {timeout: 9m59s}\n"))
    assert problem.startswith("nightly.yaml:3:19: limits.timeout: ")
    assert problem.endswith("should be greater than or equal to 10 minutes")


def test_a_policy_is_not_blamed_for_clusters_that_could_not_be_read(tmp_path: Path) -> None:
    place = folder(tmp_path, "cluster: other\nrepository: minio\n", clusters="\t")
    assert problems(place) == [f"clusters.yaml:1:1: {NO_TABS}"]


# -- what was once a bug


@pytest.mark.parametrize(
    ("policy", "beginning"),
    [
        pytest.param(
            "cluster:\nrepository: minio\n",
            "1:1: cluster: must be a string",
        ),
        pytest.param(
            POLICY + "limits: {timeout: 5m}\n",
            "3:19: limits.timeout: '5m': ",
        ),
        pytest.param(
            POLICY + "objectives: {rpo: 99999999999w}\n",
            "3:19: objectives.rpo: '99999999999w': ",
        ),
        pytest.param(
            POLICY + 'include: ["[!].x"]\n',
            "3:11: include[0]: '[!].x': ",
        ),
        pytest.param(
            POLICY + "1: x\n",
            "3:1: 1: ",
        ),
        pytest.param(
            POLICY + "limits:\n  <<: {paralel: 1}\n  attempts: 2\n",
            "3:1: limits.paralel: unknown key 'paralel' (did you mean 'parallel'?)",
        ),
    ],
)
def test_a_problem_is_told_at_its_place_and_never_as_a_traceback(tmp_path: Path, policy: str, beginning: str) -> None:
    (problem,) = problems(folder(tmp_path, policy))
    assert problem.startswith(f"nightly.yaml:{beginning}")


def test_a_bad_starrocks_name_is_told_with_the_rule_as_it_is(tmp_path: Path) -> None:
    (problem,) = problems(folder(tmp_path, repositories=REPOSITORIES + "    starrocks_name: bad-name\n"))
    assert problem.startswith("repositories.yaml:4:21: repositories.minio.starrocks_name: 'bad-name'")
    assert "a-za-z" not in problem


def test_a_number_as_a_name_is_told_by_its_path(tmp_path: Path) -> None:
    (problem,) = problems(folder(tmp_path, clusters="clusters:\n  1: {frontends: [{name: a, host: b}]}\n"))
    assert problem.startswith("clusters.yaml:2:3: clusters.1: ")


def test_an_anchored_boolean_is_a_boolean(tmp_path: Path) -> None:
    configuration = load(folder(tmp_path, repositories=REPOSITORIES + "    path_style: &yes true\n"))
    assert configuration.repository("minio").path_style is True


def test_a_newline_is_no_part_of_a_name(tmp_path: Path) -> None:
    clusters = CLUSTERS + '  "other\\n": {frontends: [{name: a, host: b}]}\n'
    (problem,) = problems(folder(tmp_path, clusters=clusters))
    assert problem.endswith("a name is letters, digits, _ . and -, at most 64 of them")


def test_two_files_of_one_policy_are_a_problem(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "nightly.yml").write_text(POLICY + 'exclude: ["a.*"]\n')
    (problem,) = problems(tmp_path)
    assert problem.startswith("nightly.yml:1:1: ")
