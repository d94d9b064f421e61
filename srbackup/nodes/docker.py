"""Nodes in Docker containers; the docker SDK and its exceptions end here.

Files are read by `exec cat`, not as archives: an archive request holds the container's lock for as long as it
streams, so that health checks, stop and inspect hang, and it hides a file that shrinks while it is read. The end of
a stream proves nothing (a killed container ends it too), only the exit code does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import docker
import requests
from docker.errors import APIError, DockerException
from docker.errors import NotFound as NoSuchContainer

from srbackup.nodes.base import FileVanished, NodeFile, NodeUnreachable

if TYPE_CHECKING:
    from docker.models.containers import Container

_FIND = 'test -d "$1" || exit 0; cd "$1" && find . -type f -printf "%s %P\\n"'


class DockerNode:
    """An FE in a container."""

    def __init__(self, client: docker.DockerClient, container: str, home: str) -> None:
        self._client = client
        self._name = container
        self._home = home

    @property
    def name(self) -> str:
        return self._name

    @property
    def home(self) -> str:
        return self._home

    def aliases(self) -> frozenset[str]:
        attributes: Any = self._container().attrs
        names = {self._name, attributes["Config"].get("Hostname", "")}
        for network in attributes["NetworkSettings"]["Networks"].values():
            names |= {network.get("IPAddress", ""), *(network.get("Aliases") or ())}
        return frozenset(n for n in names if n)

    def files(self, directory: str) -> tuple[NodeFile, ...]:
        output = b"".join(self._run(["sh", "-c", _FIND, "sh", directory]))
        found = (line.split(" ", 1) for line in output.decode().splitlines())
        return tuple(sorted((NodeFile(path, int(size)) for size, path in found), key=lambda f: f.path))

    def read(self, path: str) -> Iterator[bytes]:
        return self._run(["cat", path])

    def _run(self, command: list[str]) -> Iterator[bytes]:
        """Standard output in pieces; FileVanished with standard error when the command does not end with 0."""
        container = self._container()
        errors: list[bytes] = []
        with self._errors():
            created: Any = self._client.api.exec_create(container.id, command)
            stream: Any = self._client.api.exec_start(created["Id"], stream=True, demux=True)
            for out, err in stream:
                if err:
                    errors.append(err)
                if out:
                    yield out
            status = self._client.api.exec_inspect(created["Id"])["ExitCode"]
        if status != 0:
            text = b"".join(errors).decode("utf-8", "replace").strip() or "no message"
            raise FileVanished(f"{self._name}: `{' '.join(command)}` ended with status {status}: {text}")

    def _container(self) -> Container:
        with self._errors():
            return self._client.containers.get(self._name)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except NoSuchContainer as error:
            raise NodeUnreachable(
                f"No container {self._name!r} on this Docker engine",
                hint="Check `container` of the FE in clusters.yaml against `docker ps -a`.",
            ) from error
        except (APIError, DockerException, requests.RequestException, OSError) as error:
            raise NodeUnreachable(
                f"Docker cannot reach container {self._name!r}: {error}",
                hint="Is the container running, and may this user talk to the engine (`docker ps`)?",
            ) from error


def docker_client(host: str | None) -> docker.DockerClient:
    """A client of the engine at `host`, or of the one that the docker command would use."""
    try:
        return docker.DockerClient(base_url=host) if host else docker.from_env()
    except DockerException as error:
        raise NodeUnreachable(
            f"No Docker engine answers at {host or 'the default socket'}: {error}",
            hint="Start the engine, set `docker` of the cluster, or leave `container` out (no metadata then).",
        ) from error
