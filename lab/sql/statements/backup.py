"""Repositories, BACKUP and RESTORE (StarRocks.g4:1966-2012, 2883-2897)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lab.errors import bad_syntax
from lab.sql.pieces import Where
from lab.sql.statements.base import Sent, Show, Statement
from lab.sql.table_pieces import BackupObject
from lab.versions import Release

NO_CATALOG_DB = "Can not sepcify database name for external catalog Backup/Restore"
NO_CATALOG_ON = "Can not sepcify `ON` clause for external catalog Backup/Restore"
DB_TWICE = "Specifying dbName before snapshot name is forbidden if the DbName is specified explicitly in BACKUP/RESTORE"
NO_ALIAS = "Specifying alias for backup object is forbidden in BACKUP stmt"
NO_ON = "`ON` clause is forbidden if no Database explicitly specified in Restore stmt"
NO_CANCEL_DB = "No selected database for cancel BACKUP/RESTORE"


@dataclass(frozen=True, slots=True)
class CreateRepository(Statement):
    SYNTAX = (
        "CREATE [<read_only!READ> ONLY] REPOSITORY <name:name> WITH BROKER [<broker:word>] ON LOCATION <location:text> "
        "[PROPERTIES <properties:properties>]",
    )
    name: str
    location: str
    read_only: bool = False
    broker: str = ""
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DropRepository(Statement):
    SYNTAX = ("DROP REPOSITORY <name:name>",)
    name: str


@dataclass(frozen=True, slots=True)
class ShowRepositories(Show):
    SYNTAX = ("SHOW REPOSITORIES",)


@dataclass(frozen=True, slots=True)
class ShowSnapshot(Show):
    SYNTAX = ("SHOW SNAPSHOT ON <repository:name> [WHERE <where:where>]",)
    repository: str
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Backup(Statement):
    SYNTAX = (
        "BACKUP [{ALL <all_catalogs!EXTERNAL> {CATALOG|CATALOGS} | EXTERNAL {CATALOG|CATALOGS} ( <catalogs:names> )}] "
        "[DATABASE <database:name>] SNAPSHOT [<label_db:name> .] <label:name> TO <repository:name> "
        "[ON <objects:backup_objects>] [PROPERTIES <properties:properties>]",
    )
    SYNTAX_BEFORE_3_4 = (
        "BACKUP SNAPSHOT [<label_db:name> .] <label:name> TO <repository:name> [ON <objects:table_refs>] "
        "[PROPERTIES <properties:properties>]",
    )
    label: str
    repository: str
    database: str = ""
    label_db: str = ""
    all_catalogs: bool = False
    catalogs: tuple[str, ...] = ()
    objects: tuple[BackupObject, ...] | None = None
    properties: dict[str, str] = field(default_factory=dict)

    def check(self, _release: Release) -> None:
        _catalogs_alone(bool(self.catalogs or self.all_catalogs), self.database or self.label_db, self.objects)
        if self.database and self.label_db:
            raise bad_syntax(DB_TWICE)
        if any(entry.alias for entry in self.objects or ()):
            raise bad_syntax(NO_ALIAS)


@dataclass(frozen=True, slots=True)
class Restore(Statement):
    SYNTAX = (
        "RESTORE SNAPSHOT [<label_db:name> .] <label:name> FROM <repository:name> "
        "[{ALL <all_catalogs!EXTERNAL> {CATALOG|CATALOGS} | EXTERNAL {CATALOG|CATALOGS} ( <catalogs:names> )}] "
        "[DATABASE <database:name> [AS <as_database:name>]] [ON <objects:backup_objects>] [PROPERTIES "
        "<properties:properties>]",
    )
    SYNTAX_BEFORE_3_4 = (
        "RESTORE SNAPSHOT [<label_db:name> .] <label:name> FROM <repository:name> [ON <objects:aliased_table_refs>] "
        "[PROPERTIES <properties:properties>]",
    )
    label: str
    repository: str
    label_db: str = ""
    database: str = ""
    as_database: str = ""
    all_catalogs: bool = False
    catalogs: tuple[str, ...] = ()
    objects: tuple[BackupObject, ...] | None = None
    properties: dict[str, str] = field(default_factory=dict)

    def check(self, release: Release) -> None:
        _catalogs_alone(bool(self.catalogs or self.all_catalogs), self.database or self.label_db, self.objects)
        if self.database and self.label_db:
            raise bad_syntax(DB_TWICE)
        if release.typed_backup_objects and self.objects is not None and not (self.database or self.label_db):
            raise bad_syntax(NO_ON)


def _catalogs_alone(catalogs: bool, database: str, objects: tuple[BackupObject, ...] | None) -> None:
    if catalogs and database:
        raise bad_syntax(NO_CATALOG_DB)
    if catalogs and objects is not None:
        raise bad_syntax(NO_CATALOG_ON)


@dataclass(frozen=True, slots=True)
class CancelBackup(Statement):
    SYNTAX = ("CANCEL BACKUP [{{FROM|IN} <database:name> | <catalog!FOR> EXTERNAL CATALOG}]",)
    database: str = ""
    catalog: bool = False

    def check(self, _release: Release) -> None:
        if not self.database and not self.catalog:
            raise bad_syntax(NO_CANCEL_DB)


@dataclass(frozen=True, slots=True)
class CancelRestore(Statement):
    SYNTAX = ("CANCEL RESTORE [{{FROM|IN} <database:name> | <catalog!FOR> EXTERNAL CATALOG}]",)
    database: str = ""
    catalog: bool = False

    def check(self, _release: Release) -> None:
        if not self.database and not self.catalog:
            raise bad_syntax(NO_CANCEL_DB)


@dataclass(frozen=True, slots=True)
class ShowBackup(Show):
    """Runs on the leader, unlike SHOW RESTORE (RedirectStatus.java:1298-1310)."""

    SYNTAX = ("SHOW BACKUP [{FROM|IN} <database:name>]",)
    SENT: ClassVar[Sent] = Sent.FORWARD_NO_SYNC
    database: str = ""


@dataclass(frozen=True, slots=True)
class ShowRestore(Show):
    """WHERE is read and ignored."""

    SYNTAX = ("SHOW RESTORE [{FROM|IN} <database:name>] [WHERE <ignored:where>]",)
    database: str = ""
    ignored: Where | None = None
