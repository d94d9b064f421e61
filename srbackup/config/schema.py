"""What the three kinds of files may say: the one description that validates them and is published as JSON Schema."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

REFERENCE = re.compile(r"^(?:\$\{(?P<env>[A-Za-z_][A-Za-z0-9_]*)\}|file:(?P<file>.+)|command:(?P<command>.+))$", re.S)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = r"^(\d+(s|m|h|d|w))+$"
_RANDOM = re.compile(r"(?<![a-z])r(?![a-z])", re.I)  # croniter's own: another minute at every look
_STARROCKS_NAME = r"^([A-Za-z]\w{0,63}|_[A-Za-z0-9]\w{0,62})$"


def duration(value: Any) -> timedelta:
    """A duration such as 90s or 1h30m; ValueError says how one is written."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and re.fullmatch(_DURATION, value):
        with suppress(OverflowError):
            return timedelta(seconds=sum(int(n) * _UNITS[u] for n, u in re.findall(r"(\d+)([smhdw])", value)))
    raise ValueError('not a duration: write for example "90s", "10m", "26h", "7d" or "1h30m"')


def _reference(value: Any) -> Any:
    if isinstance(value, str) and REFERENCE.match(value):
        return value
    raise PydanticCustomError(
        "secret_in_clear", "a secret is never written here: refer to it as ${VARIABLE}, file:/path or command:program"
    )


def _pattern(value: str) -> str:
    database, dot, table = value.partition(".")
    if not (database and dot and table):
        raise ValueError('not a pattern of the form database.table, for example "sales.*" or "*.orders_20??"')
    for part in (database, table):
        if re.sub(r"\[!?[^\]]+\]", "", part).count("[") or re.search(r"\[!?\]", part):
            raise ValueError(f"the bracket in {part!r} is never closed or holds nothing")
    return value


def _cron(value: str) -> str:
    if len(value.split()) != 5 or _RANDOM.search(value) or not croniter.is_valid(value):
        raise ValueError('not a cron expression of five fields, for example "0 3 * * *" (every day at 03:00)')
    try:
        croniter(value, datetime(2000, 1, 1, tzinfo=UTC)).get_next()
    except CroniterBadDateError as error:
        raise ValueError("there is no such day in any year") from error
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError('not a time zone, for example "Europe/Berlin" or "UTC"') from error
    return value


def _scalar(value: Any) -> Any:
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if value is None:
        return None
    raise ValueError("must be one value: a string, a number, true, false or null")


def _url(value: str) -> str:
    if re.fullmatch(r"s3://[^/\s?#]+(/[^\s?#]*)?", value) or re.fullmatch(r"file:///[^?#]+", value):
        return value
    raise ValueError("not a place for a repository: write s3://bucket/prefix")


def _endpoint(value: str) -> str:
    if re.fullmatch(r"https?://[^/\s]+/?", value):
        return value.rstrip("/")
    raise ValueError("not an endpoint: write http://host:port or https://host:port, without a path")


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    WithJsonSchema({"type": "string", "pattern": _DURATION, "examples": ["26h"]}),
]
SecretReference = Annotated[
    str,
    BeforeValidator(_reference),
    Field(json_schema_extra={"pattern": r"^(\$\{[A-Za-z_]\w*\}|file:.+|command:.+)$"}),
]
Scalar = Annotated[
    Any,
    BeforeValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]
Pattern = Annotated[str, AfterValidator(_pattern)]
Cron = Annotated[str, AfterValidator(_cron)]
Zone = Annotated[str, AfterValidator(_zone)]
Url = Annotated[str, AfterValidator(_url)]
EndpointUrl = Annotated[str, AfterValidator(_endpoint)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TlsSection(_Section):
    """Encryption of a connection."""

    ca: str | None = Field(None, description="PEM file with the certificates to trust; without it, the system's.")
    verify: bool = Field(True, description="Whether the server's certificate and name are checked.")


class FrontendSection(_Section):
    """One FE: how srbackup reaches it and, if it runs in a container or on this host, how to enter it."""

    name: str = Field(description="A name of your own for the FE; usually its container's or host's name.")
    host: str = Field(description="Host name or address by which srbackup reaches the MySQL port.")
    port: Port = Field(9030, description="The MySQL port (query_port) as reachable from here.")
    container: str | None = Field(None, description="Name of its Docker container; needed for FE metadata.")
    directory: str | None = Field(
        None, description="FE home (it holds meta/ and conf/): in the container, or on this host if there is none."
    )
    internal: str | None = Field(
        None, description="Its address as SHOW FRONTENDS prints it, where it is none of the above."
    )


class ClusterSection(_Section):
    """A StarRocks cluster."""

    frontends: list[FrontendSection] = Field(min_length=1)
    user: str = Field("root", description="User of the cluster; docs/how-to/privileges.md lists what it needs.")
    password: SecretReference | None = Field(None, description="Reference to the password; leave out for none.")
    tls: TlsSection | None = None
    docker: str | None = Field(
        None,
        description="Docker engine, such as unix:///var/run/docker.sock; default: the docker command's.",
    )


class ClustersFile(_Section):
    """clusters.yaml: the clusters by name."""

    clusters: dict[str, ClusterSection] = Field(min_length=1)


class RepositorySection(_Section):
    """A repository: one place in object storage."""

    url: Url = Field(description="s3://bucket/prefix")
    endpoint: EndpointUrl | None = Field(None, description="The store as srbackup reaches it; leave out for AWS.")
    cluster_endpoint: EndpointUrl | None = Field(
        None, description="The store as FEs and BEs reach it; default: the same."
    )
    region: str = "us-east-1"
    path_style: bool = Field(False, description="true for MinIO, Ceph and most stores that are not AWS.")
    access_key: SecretReference | None = None
    secret_key: SecretReference | None = None
    starrocks_name: str | None = Field(
        None,
        pattern=_STARROCKS_NAME,
        description="Name of the StarRocks repository: part of every snapshot's path, never to be changed.",
    )
    tls: TlsSection | None = None


class RepositoriesFile(_Section):
    """repositories.yaml: the repositories by name."""

    repositories: dict[str, RepositorySection] = Field(min_length=1)


class ScheduleSection(_Section):
    """When what is due: cron expressions of five fields, in one time zone."""

    full: Cron | None = Field(None, description="Runs with all components of the policy.")
    metadata: Cron | None = Field(None, description="Runs with FE metadata alone: cheap, so often.")
    drill: Cron | None = Field(None, description="Restores of the newest point to the drill's cluster, compared.")
    prune: Cron | None = Field(None, description="Marking of points that no rule keeps, deletion of those marked.")
    time_zone: Zone = "UTC"
    overlap: Literal["wait", "skip"] = Field(
        "wait", description="What becomes of a run that is due while another one of the cluster is under way."
    )
    catch_up: bool = Field(True, description="Whether what was missed is done once, as soon as the daemon is back.")

    @model_validator(mode="after")
    def _something(self) -> ScheduleSection:
        if not (self.full or self.metadata or self.drill or self.prune):
            raise ValueError("nothing is scheduled: give full, metadata, drill or prune a cron expression")
        return self


class KeepSection(_Section):
    """Rules: a point that one of them names is kept."""

    last: Count = Field(0, description="The newest so many points.")
    hourly: Count = Field(0, description="The newest point of each of the newest so many hours that have one.")
    daily: Count = Field(0, description="As hourly, of days.")
    weekly: Count = Field(0, description="As hourly, of weeks (Monday to Sunday).")
    monthly: Count = Field(0, description="As hourly, of months.")
    yearly: Count = Field(0, description="As hourly, of years.")
    within: Duration | None = Field(None, description="All points younger than this.")

    @model_validator(mode="after")
    def _something(self) -> KeepSection:
        if not (self.within or self.last or self.hourly or self.daily or self.weekly or self.monthly or self.yearly):
            raise ValueError("no rule keeps anything: give at least one of last, hourly, daily, ..., within")
        return self


class RetentionSection(_Section):
    """Which points are kept; days and weeks are those of the schedule's time zone."""

    keep: KeepSection
    minimum: int = Field(1, ge=1, description="So many points stay whatever the rules say.")
    grace: Duration = Field(
        timedelta(days=3),
        json_schema_extra={"default": "3d"},
        description="How long a marked point can still be kept after all (srbackup keep) before it is deleted.",
    )


class CheckSection(_Section):
    """A question to restored data."""

    name: str = Field(min_length=1)
    database: str = Field(min_length=1, description="The database, by its name in the protected cluster.")
    sql: str = Field(min_length=1, description="One SELECT of one cell; {name} is the drill's copy of database name.")
    expect: Scalar = Field(description="The value that it must have; null for NULL.")


class DrillSection(_Section):
    """Restores to a scratch cluster, to prove points."""

    on: str = Field(description="The scratch cluster, by its name in clusters.yaml.")
    include: list[Pattern] = Field(["*.*"], min_length=1, description="The part of a point that is restored.")
    exclude: list[Pattern] = Field([], description="As include; what matches both is left out.")
    checks: list[CheckSection] = []


class NotificationSection(_Section):
    """Somebody to tell."""

    on: list[Literal["failure", "partial", "difference", "recovered"]] = Field(
        ["failure", "partial", "difference", "recovered"], min_length=1
    )
    webhook: SecretReference | None = Field(None, description="Reference to a URL that JSON is posted to.")
    command: list[str] | None = Field(None, min_length=1, description="Program and arguments; JSON comes on stdin.")

    @model_validator(mode="after")
    def _one_way(self) -> NotificationSection:
        if (self.webhook is None) == (self.command is None):
            raise ValueError("give either webhook or command")
        return self


class VerificationSection(_Section):
    """How sure to be."""

    fingerprint: Literal["content", "rows", "off"] = Field(
        "content",
        description="What is recorded of each partition: a hash over all columns, the row count, or nothing.",
    )


class ObjectivesSection(_Section):
    """What must hold; `status` measures against it."""

    rpo: Duration | None = Field(None, description="How old the newest point may be.")
    rto: Duration | None = Field(None, description="How long a restore may take.")
    proof: Duration | None = Field(None, description="How old the newest proven point may be.")


class LimitsSection(_Section):
    """Bounds of a run."""

    parallel: int = Field(4, ge=1, le=64, description="Databases at a time.")
    timeout: Duration = Field(
        timedelta(hours=24),
        json_schema_extra={"default": "1d"},
        ge=timedelta(minutes=10),
        description="Bound of one BACKUP or RESTORE job; StarRocks accepts no less than 10m.",
    )
    stall: Duration = Field(
        timedelta(minutes=10),
        json_schema_extra={"default": "10m"},
        ge=timedelta(seconds=1),
        description="A job in which nothing moves for so long is cancelled and tried again.",
    )
    pending: Duration = Field(
        timedelta(seconds=90),
        json_schema_extra={"default": "90s"},
        ge=timedelta(seconds=1),
        description="A job that is not begun for so long is cancelled: it may hold up all others.",
    )
    checkpoint: Duration = Field(
        timedelta(minutes=10),
        json_schema_extra={"default": "10m"},
        description="How long the FE may take to write a new image.",
    )
    resume: Duration = Field(
        timedelta(hours=6),
        json_schema_extra={"default": "6h"},
        description="An interrupted run younger than this is gone on with, an older one left behind.",
    )
    attempts: int = Field(3, ge=1, le=10, description="How often one database is tried in a run.")


class PolicyFile(_Section):
    """One policy; the file's name is the policy's."""

    cluster: str
    repository: str
    include: list[Pattern] = Field(
        ["*.*"], min_length=1, description="Patterns of the form database.table with the globs * ? [..]."
    )
    exclude: list[Pattern] = Field([], description="As include; what matches both is left out.")
    components: list[Literal["data", "metadata"]] = Field(["data", "metadata"], min_length=1)
    schedule: ScheduleSection | None = None
    retention: RetentionSection | None = None
    drill: DrillSection | None = None
    notifications: list[NotificationSection] = []
    verification: VerificationSection = VerificationSection()
    objectives: ObjectivesSection = ObjectivesSection()
    limits: LimitsSection = LimitsSection()


FILES: dict[str, type[BaseModel]] = {
    "clusters": ClustersFile,
    "repositories": RepositoriesFile,
    "policy": PolicyFile,
}


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of one kind of file (`clusters`, `repositories`, `policy`)."""
    schema = FILES[kind].model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def absolute(path: str, base: Path) -> Path:
    """A path of the configuration: relative ones start at the configuration's folder."""
    return (base / Path(path).expanduser()).resolve()
