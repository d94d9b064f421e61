"""Who may do what: roles and grants as authorization/NativeAccessController checks them.

Privileges on tables, views and databases are held by id. A role is active in a session if it is a default role of
the user or was SET; the root role may do everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.errors import access_denied
from lab.meta.accounts import GrantRecord, Role, User
from lab.meta.records import Database, ExternalTable, OlapTable, View
from lab.meta.state import Metadata, Table
from lab.sql.grant_pieces import IN_DATABASE, PRIVILEGES

ALL_CATALOGS = "*"
_COMMENTS = {
    "root": "built-in root role which has all privileges on all objects",
    "db_admin": "built-in database administration role",
    "cluster_admin": "built-in cluster administration role",
    "user_admin": "built-in user administration role",
    "public": "built-in public role which is owned by any user",
    "security_admin": "built-in security administration role",
}
_DB_ADMIN_SYSTEM = tuple(name for name in PRIVILEGES["SYSTEM"] if name not in {"GRANT", "NODE", "CREATE WAREHOUSE"})


def _on_everything(kind: str) -> GrantRecord:
    return GrantRecord(kind, PRIVILEGES[kind], name=ALL_CATALOGS if kind in {"TABLE", "DATABASE", "CATALOG"} else "")


def builtin_roles(names: Iterable[str]) -> list[Role]:
    """The roles of a new cluster."""
    grants = {
        "root": tuple(_on_everything(kind) for kind in PRIVILEGES),
        "db_admin": tuple(
            GrantRecord("SYSTEM", _DB_ADMIN_SYSTEM) if kind == "SYSTEM" else _on_everything(kind)
            for kind in PRIVILEGES
            if kind not in {"USER", "WAREHOUSE"}
        ),
        "cluster_admin": (GrantRecord("SYSTEM", ("NODE",)),),
        "user_admin": (GrantRecord("SYSTEM", ("GRANT",)), GrantRecord("USER", ("IMPERSONATE",))),
        "public": (GrantRecord("TABLE", ("SELECT",), db_id=1),),
        "security_admin": (GrantRecord("SYSTEM", ("SECURITY", "OPERATE")),),
    }
    return [Role(name, builtin=True, comment=_COMMENTS[name], grants=grants[name]) for name in names]


def kind_of(table: Table) -> str:
    """The object type that a privilege on this table is of."""
    match table:
        case View():
            return "VIEW"
        case OlapTable(refresh=None) | ExternalTable():
            return "TABLE"
        case OlapTable():
            return "MATERIALIZED VIEW"


@dataclass(frozen=True, slots=True)
class Access:
    """What one user may do with some roles active, in one state of the metadata."""

    metadata: Metadata
    user: User
    roles: tuple[str, ...]

    def grants(self) -> Iterable[GrantRecord]:
        """The user's own, those of the active roles and of the roles these have."""
        yield from self.user.grants
        seen: set[str] = set()
        waiting = [*self.roles, "public"]
        while waiting:
            name = waiting.pop()
            role = self.metadata.find(Role, name)
            if role is None or name in seen:
                continue
            seen.add(name)
            waiting.extend(role.parents)
            yield from role.grants

    def has(
        self, privilege: str, kind: str, *, db_id: int | None = None, object_id: int | None = None, name: str = ""
    ) -> bool:
        """Whether a grant covers this object; privilege ANY asks for any grant on it."""
        return any(
            grant.kind == kind
            and (privilege == "ANY" or privilege in grant.privileges)
            and grant.db_id in {None, db_id}
            and grant.object_id in {None, object_id}
            and grant.name in {"", ALL_CATALOGS, name}
            for grant in self.grants()
        )

    def on_table(self, privilege: str, table: Table) -> bool:
        return self.has(privilege, kind_of(table), db_id=table.db_id, object_id=table.id)

    def sees_database(self, database: Database) -> bool:
        """A database shows itself to who has any privilege on it or in it."""
        return self.has("ANY", "DATABASE", db_id=None, object_id=database.id) or any(
            grant.kind in IN_DATABASE and grant.db_id in {None, database.id} for grant in self.grants()
        )

    # -- refusals

    def need_system(self, *privileges: str) -> None:
        if not any(self.has(privilege, "SYSTEM") for privilege in privileges):
            raise self.denied(" OR ".join(privileges), "SYSTEM")

    def need_table(self, privilege: str, table: Table, *, shown_as: str = "TABLE") -> None:
        if not self.on_table(privilege, table):
            raise self.denied(privilege, f"{shown_as} {table.name}")

    def as_table(self, privilege: str, table: Table) -> bool:
        """Whether the user could do this if it were a table: BACKUP and RESTORE take views for tables."""
        return self.has(privilege, "TABLE", db_id=table.db_id, object_id=table.id)

    def need_as_table(self, privilege: str, table: Table) -> None:
        if not self.as_table(privilege, table):
            raise self.denied(privilege, f"TABLE {table.name}")

    def need_database(self, privilege: str, database: Database) -> None:
        allowed = (
            self.sees_database(database)
            if privilege == "ANY"
            else self.has(privilege, "DATABASE", object_id=database.id)
        )
        if not allowed:
            raise self.denied(privilege, f"DATABASE {database.name}")

    def need_catalog(self, privilege: str) -> None:
        if not self.has(privilege, "CATALOG", name="default_catalog"):
            raise self.denied(privilege, "CATALOG default_catalog")

    def denied(self, privilege: str, on: str) -> Exception:
        inactive = [role for role in self.user.roles if role not in self.roles]
        return access_denied(privilege, on, _list(self.roles), _list(inactive))


def _list(roles: Iterable[str]) -> str:
    found = ", ".join(roles)
    return f"[{found}]" if found else "NONE"
