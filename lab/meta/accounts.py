"""Users, roles and what they may, as the metadata has them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """Privileges on objects. Internal objects are held by id, so that a grant follows a rename and a SWAP, and
    dies with a DROP (authorization/TablePEntryObject.java:119). Empty ids mean all."""

    kind: str
    privileges: tuple[str, ...]
    db_id: int | None = None
    object_id: int | None = None
    name: str = ""
    with_grant: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    builtin: bool = False
    comment: str | None = None
    parents: tuple[str, ...] = ()
    grants: tuple[GrantRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    name: str
    host: str = "%"
    domain: bool = False
    password: str = ""
    plugin: str = "MYSQL_NATIVE_PASSWORD"
    auth_string: str | None = None
    roles: tuple[str, ...] = ()
    default_roles: tuple[str, ...] = ()
    grants: tuple[GrantRecord, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        return f"'{self.name}'@['{self.host}']" if self.domain else f"'{self.name}'@'{self.host}'"


@dataclass(frozen=True, slots=True)
class ExternalGroup:
    name: str
    roles: tuple[str, ...] = ()
