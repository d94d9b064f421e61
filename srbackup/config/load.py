"""A configuration folder as one value: clusters, repositories and policies that fit together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from srbackup.config import schema
from srbackup.config.document import Document, Problem, Step, read
from srbackup.config.problems import did_you_mean, validate
from srbackup.config.secrets import UnresolvedSecret, resolve
from srbackup.errors import ConfigurationError, NotFound
from srbackup.model.cluster import Cluster, Frontend, Tls
from srbackup.model.policy import (
    Activity,
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

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
_Schema = TypeVar("_Schema", bound=BaseModel)
_Section = TypeVar("_Section")
CLUSTERS, REPOSITORIES = "clusters.yaml", "repositories.yaml"


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that the folder says. Secrets are looked up when a cluster or repository is asked for."""

    folder: Path
    policies: Mapping[str, Policy]
    _clusters: Mapping[str, schema.ClusterSection]
    _repositories: Mapping[str, schema.RepositorySection]
    _documents: Mapping[str, Document] = field(repr=False, default_factory=dict)

    @property
    def cluster_names(self) -> tuple[str, ...]:
        return tuple(self._clusters)

    @property
    def repository_names(self) -> tuple[str, ...]:
        return tuple(self._repositories)

    def policy(self, name: str | None) -> Policy:
        """The policy of that name; without a name, the only one there is."""
        if name is None:
            if len(self.policies) == 1:
                return next(iter(self.policies.values()))
            raise NotFound(
                f"{self.folder} has {len(self.policies)} policies: say which one",
                hint="Known: " + ", ".join(self.policies),
            )
        if name not in self.policies:
            raise NotFound(
                f"No policy {name!r} in {self.folder}{did_you_mean(name, self.policies)}",
                hint="Known: " + (", ".join(self.policies) or "none"),
            )
        return self.policies[name]

    def cluster(self, name: str) -> Cluster:
        """The cluster of that name, its password looked up."""
        section = self._named(name, self._clusters, "cluster", CLUSTERS)
        frontends = tuple(
            Frontend(
                f.name,
                f.host,
                f.port,
                f.container,
                schema.absolute(f.directory, self.folder) if f.directory else None,
                f.internal,
            )
            for f in section.frontends
        )
        password = self._secret(CLUSTERS, ("clusters", name, "password"), section.password) or Secret("")
        return Cluster(name, frontends, section.user, password, self._tls(section.tls), section.docker)

    def repository(self, name: str) -> Repository:
        """The repository of that name, its keys looked up."""
        section = self._named(name, self._repositories, "repository", REPOSITORIES)
        keys = {
            key: self._secret(REPOSITORIES, ("repositories", name, key), getattr(section, key))
            for key in ("access_key", "secret_key")
        }
        return Repository(
            name=name,
            url=section.url.rstrip("/"),
            starrocks_name=section.starrocks_name or _starrocks_name(name),
            endpoint=section.endpoint,
            cluster_endpoint=section.cluster_endpoint or section.endpoint,
            region=section.region,
            path_style=section.path_style,
            access_key=keys["access_key"],
            secret_key=keys["secret_key"],
            tls=self._tls(section.tls),
        )

    def webhook(self, policy: Policy, number: int) -> Secret:
        """The URL of a policy's notification, looked up."""
        file = next(n for n, d in self._documents.items() if d.file.stem == policy.name)
        path = ("notifications", number, "webhook")
        return self._secret(file, path, policy.notifications[number].webhook) or Secret("")

    def _named(self, name: str, known: Mapping[str, _Section], what: str, file: str) -> _Section:
        if name not in known:
            raise NotFound(
                f"No {what} {name!r} in {self.folder / file}{did_you_mean(name, known)}",
                hint="Known: " + ", ".join(known),
            )
        return known[name]

    def _secret(self, file: str, path: Sequence[Step], reference: str | None) -> Secret | None:
        if reference is None:
            return None
        try:
            return resolve(reference, self.folder)
        except UnresolvedSecret as error:
            problem = self._documents[file].problem(path, str(error))
            raise ConfigurationError(
                [str(problem)], hint="Secrets are looked up when they are needed: set it and try again."
            ) from error

    def _tls(self, section: schema.TlsSection | None) -> Tls | None:
        if section is None:
            return None
        return Tls(schema.absolute(section.ca, self.folder) if section.ca else None, section.verify)


def load(folder: Path) -> Configuration:
    """The configuration in `folder`; raises ConfigurationError with all problems of all files at once."""
    if not folder.is_dir():
        raise ConfigurationError(
            [f"{folder}: no such folder"],
            hint="Name the folder of clusters.yaml, repositories.yaml and the policies: -c FOLDER or SRBACKUP_CONFIG.",
        )
    problems: list[Problem] = []
    documents: dict[str, Document] = {}
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        found = read(file)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            documents[file.name] = found
    clusters = _file(folder, CLUSTERS, documents, schema.ClustersFile, problems)
    repositories = _file(folder, REPOSITORIES, documents, schema.RepositoriesFile, problems)
    policies = {}
    for name, document in documents.items():
        if name in {CLUSTERS, REPOSITORIES}:
            continue
        section = validate(document, schema.PolicyFile)
        if isinstance(section, list):
            problems += section
            continue
        policy = _policy(document.file.stem, section)
        if policy.name in policies:
            problems.append(document.problem((), f"there is a policy {policy.name!r} already, in another file"))
        problems += _policy_problems(document, policy, clusters, repositories)
        policies[policy.name] = policy
    if clusters is not None:
        problems += _name_problems(documents[CLUSTERS], "clusters")
    if repositories is not None:
        problems += _name_problems(documents[REPOSITORIES], "repositories")
        problems += _key_problems(documents[REPOSITORIES], repositories)
    if problems or clusters is None or repositories is None:
        raise ConfigurationError([str(p) for p in sorted(problems, key=lambda p: (str(p.file), p.line, p.column))])
    return Configuration(folder, policies, clusters.clusters, repositories.repositories, documents)


def _file(
    folder: Path, name: str, documents: Mapping[str, Document], kind: type[_Schema], problems: list[Problem]
) -> _Schema | None:
    if name not in documents:
        if not any(p.file.name == name for p in problems):
            problems.append(Problem(folder / name, 1, 1, "", "is missing"))
        return None
    section = validate(documents[name], kind)
    if isinstance(section, list):
        problems += section
        return None
    return section


def _name_problems(document: Document, key: str) -> list[Problem]:
    text = "a name is letters, digits, _ . and -, at most 64 of them"
    return [document.problem((key, n), text, at_key=True) for n in document.data[key] if not NAME.fullmatch(n)]


def _key_problems(document: Document, file: schema.RepositoriesFile) -> list[Problem]:
    """One key alone would silently mean the host's own credentials."""
    return [
        document.problem(("repositories", name), "access_key and secret_key go together", at_key=True)
        for name, section in file.repositories.items()
        if (section.access_key is None) != (section.secret_key is None)
    ]


def _policy(name: str, section: schema.PolicyFile) -> Policy:
    limits = section.limits
    return Policy(
        name=name,
        cluster=section.cluster,
        repository=section.repository,
        include=tuple(section.include),
        exclude=tuple(section.exclude),
        components=frozenset(Component(c) for c in section.components),
        fingerprint=FingerprintMode(section.verification.fingerprint),
        schedule=_schedule(section.schedule) if section.schedule else None,
        retention=_retention(section.retention) if section.retention else None,
        drill=_drill(section.drill) if section.drill else None,
        notifications=tuple(
            Notification(frozenset(Occasion(o) for o in n.on), n.webhook or "", tuple(n.command or ()))
            for n in section.notifications
        ),
        objectives=Objectives(section.objectives.rpo, section.objectives.rto, section.objectives.proof),
        limits=Limits(
            parallel=limits.parallel,
            timeout=limits.timeout,
            stall=limits.stall,
            pending=limits.pending,
            checkpoint=limits.checkpoint,
            resume=limits.resume,
            attempts=limits.attempts,
        ),
    )


def _schedule(section: schema.ScheduleSection) -> Schedule:
    return Schedule(
        full=section.full,
        metadata=section.metadata,
        drill=section.drill,
        prune=section.prune,
        time_zone=section.time_zone,
        overlap=Overlap(section.overlap),
        catch_up=section.catch_up,
    )


def _retention(section: schema.RetentionSection) -> Retention:
    return Retention(**section.keep.model_dump(), minimum=section.minimum, grace=section.grace)


def _drill(section: schema.DrillSection) -> DrillPlan:
    checks = tuple(Check(c.name, c.database, c.sql, c.expect) for c in section.checks)
    return DrillPlan(section.on, tuple(section.include), tuple(section.exclude), checks)


def _policy_problems(
    document: Document,
    policy: Policy,
    clusters: schema.ClustersFile | None,
    repositories: schema.RepositoriesFile | None,
) -> list[Problem]:
    problems = []
    if not NAME.fullmatch(policy.name):
        problems.append(
            document.problem((), "the file's name is the policy's: letters, digits, _ . and -, at most 64 of them")
        )
    named: list[tuple[tuple[str, ...], str, str, Iterable[str] | None]] = [
        (("cluster",), "cluster", policy.cluster, clusters.clusters if clusters else None),
        (("repository",), "repository", policy.repository, repositories.repositories if repositories else None),
    ]
    if policy.drill is not None:
        named.append((("drill", "on"), "cluster", policy.drill.on, clusters.clusters if clusters else None))
    for path, key, word, known in named:
        if known is not None and word not in known:
            problems.append(
                document.problem(path, f"no {key} {word!r}{did_you_mean(word, known)}; known: {', '.join(known)}")
            )
    if policy.drill is not None and policy.drill.on == policy.cluster:
        problems.append(document.problem(("drill", "on"), "is the protected cluster itself: drills need another one"))
    for activity, section in ((Activity.DRILL, policy.drill), (Activity.PRUNE, policy.retention)):
        if policy.schedule is not None and policy.schedule.cron(activity) is not None and section is None:
            name = "drill" if activity is Activity.DRILL else "retention"
            problems.append(document.problem(("schedule", activity.value), f"needs a section `{name}` in this policy"))
    return problems


def _starrocks_name(name: str) -> str:
    """A name that StarRocks accepts for a repository (FeNameFormat: a letter, then word characters, 64 at most)."""
    word = re.sub(r"\W", "_", name)
    return (word if word[0].isalpha() else f"r_{word}")[:64]
