"""A lab comes whole and goes without a trace, and the command says what is where."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab.cli import main
from lab.daemon import python
from lab.drivers.docker import DockerDriver
from lab.drivers.document import DriverKind, Lab, from_document, to_document
from lab.engine import Engine, connect
from lab.labs import Labs, alive_nodes
from lab.problems import LabProblem
from lab.pytest_plugin import required
from lab.spec import LabSpec
from lab.waiting import wait_for


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "labs"


def srlab(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--dir", str(home), *arguments])


def processes_below(directory: Path) -> list[str]:
    """Command lines that name the directory, of any process."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(directory) in line:
            found.append(line)
    return found


def test_three_frontends_and_three_backends_see_each_other(lab_process: Lab) -> None:
    assert alive_nodes(lab_process) == {node.name for node in lab_process.nodes}
    assert len(lab_process.frontends) == len(lab_process.backends) == 3


def test_containers_see_each_other_too(lab_docker: Lab) -> None:
    assert alive_nodes(lab_docker) == {node.name for node in lab_docker.nodes}


def test_a_lab_is_read_as_it_was_written(lab_process: Lab) -> None:
    assert from_document(json.loads(json.dumps(to_document(lab_process)))) == lab_process


def test_the_command_brings_a_lab_up_and_takes_it_down_without_a_trace(home: Path) -> None:
    up = srlab(home, "up", "--name", "one", "--fe", "1", "--be", "1", "--tick", "50ms", "--store", "rclone")
    try:
        assert up.exit_code == 0, up.output
        status = json.loads(srlab(home, "status", "one", "-o", "json").stdout)
        (frontend,), (backend,) = status["frontends"], status["backends"]
        assert (frontend["state"], frontend["alive"], backend["alive"]) == ("running", True, True)
        assert Path(frontend["root"], "conf", "fe.conf").exists()
        assert status["store"]["running"]
        answered = srlab(home, "sql", "one", "SELECT 1 AS one, NULL AS nothing", "-o", "json")
        assert json.loads(answered.stdout) == [{"one": 1, "nothing": None}]
        assert processes_below(home)
    finally:
        down = srlab(home, "down", "one")
    assert down.exit_code == 0, down.output
    assert processes_below(home) == []
    assert list(home.iterdir()) == []


def test_labs_stand_side_by_side(labs: Labs, lab_process: Lab) -> None:
    other = labs.up(LabSpec("beside", frontends=1, backends=0, tick_seconds=0.05))
    try:
        assert not {node.place.host for node in other.nodes} & {node.place.host for node in lab_process.nodes}
        assert alive_nodes(other) == {"beside-fe-1"}
        with pytest.raises(LabProblem, match="there is a lab beside already"):
            labs.up(LabSpec("beside"))
    finally:
        labs.down("beside")
    assert alive_nodes(lab_process) == {node.name for node in lab_process.nodes}


def test_containers_volumes_and_networks_go_with_their_lab(labs: Labs) -> None:
    with required("docker"):
        engine = connect()
    name = f"gone-{os.getpid()}"
    lab = labs.up(LabSpec(name, DriverKind.DOCKER, frontends=1, backends=1, tick_seconds=0.05, publish=True))
    label: dict[str, str | list[str] | bool] = {"label": f"srlab={name}"}
    try:
        assert {container.name for container in engine.containers.list(filters=label)} == {
            f"{name}-fe-1",
            f"{name}-be-1",
        }
        assert {volume.name for volume in engine.volumes.list(filters=label)} == {
            f"{name}-fe-1-data",
            f"{name}-be-1-data",
        }
        assert lab.frontends[0].place.published is not None
        with pytest.raises(LabProblem, match="of another folder"):
            DockerDriver(engine).reserve(name, LabSpec(name).names, publish=False)
    finally:
        labs.down(name)
    assert engine.containers.list(all=True, filters=label) == []
    assert engine.volumes.list(filters=label) == []
    assert engine.networks.list(filters=label) == []


def test_an_engine_that_answers_is_not_started_again(tmp_path: Path) -> None:
    with required("docker"):
        connect()
    assert Engine(tmp_path).up() == "an engine answers already"


def test_people_find_the_commands_they_know_inside_a_container(labs: Labs, lab_docker: Lab) -> None:
    driver, frontend = labs.driver(lab_docker), lab_docker.frontends[0]
    checks = {
        "ls /opt/starrocks/fe": "meta",
        "tar -cf - conf/fe.conf | tar -tf -": "conf/fe.conf",
        "find conf -name '*.conf' | grep -c fe": "1",
        "cat conf/fe.conf | sed -n 's/query_port = //p'": "9030",
        "curl -s -o /dev/null -w '%{http_code}' http://$(hostname):8030/api/health": "200",
        "ps -ef | grep -c '[l]ab.fe'": "",
        "gzip -c conf/fe.conf | gunzip | wc -l": "5",
        "whoami": "root",
    }
    for command, expected in checks.items():
        done = driver.execute(frontend, ["sh", "-c", command])
        assert done.code == 0, (command, done)
        assert expected in done.out.decode(), command


def test_what_a_killed_test_run_started_is_ended_all_the_same(tmp_path: Path) -> None:
    test = tmp_path / "test_killed.py"
    test.write_text("import os\ndef test_killed(rclone_store): os.kill(os.getpid(), 9)\n")
    run = ["-p", "lab.pytest_plugin", "--rootdir", str(tmp_path), "--basetemp", str(tmp_path / "base"), str(test)]
    killed = subprocess.run([python(), "-m", "pytest", *run], cwd=tmp_path, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    wait_for(lambda: None if processes_below(tmp_path) else True, "the end of what was left", seconds=30)
    assert "store rclone is gone" in (tmp_path / "base" / "labs0-down.log").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "nothing"], "there is no lab nothing"),
        (["sql", "nothing", "SELECT 1"], "there is no lab nothing"),
        (["kill", "nothing-fe-1"], "there is no node nothing-fe-1"),
        (["up", "--name", "no_name"], "cannot be the name of a lab"),
        (["up", "--publish"], "only containers"),
        (["store", "down"], "there is no store backups"),
    ],
)
def test_what_cannot_be_done_is_said_and_ends_with_1(home: Path, arguments: list[str], said: str) -> None:
    done = srlab(home, *arguments)
    assert (done.exit_code, said in done.stderr) == (1, True), done.output


@pytest.mark.parametrize("arguments", [["up", "--tick", "soon"], ["up", "--tick", "0s"], ["down"], ["up", "--fe", "0"]])
def test_wrong_words_end_with_2(home: Path, arguments: list[str]) -> None:
    assert srlab(home, *arguments).exit_code == 2


def test_a_refused_statement_ends_with_1(home: Path, labs: Labs, lab_process: Lab) -> None:
    done = srlab(labs.home, "sql", lab_process.name, "SELEC 1")
    assert (done.exit_code, "ERROR 1064" in done.stderr) == (1, True), done.output
