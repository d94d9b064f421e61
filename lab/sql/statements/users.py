"""Users, roles and privileges."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.sql.grant_pieces import GrantObject
from lab.sql.pieces import UserName
from lab.sql.statements.base import Show, Statement

_AUTHENTICATION = (
    "[IDENTIFIED {BY PASSWORD <hash:text> | BY <password:text> | "
    "WITH <plugin:word> [{BY <password:text> | AS <auth_string:text>}]}]"
)


@dataclass(frozen=True, slots=True)
class CreateUser(Statement):
    SYNTAX = (
        f"CREATE USER [IF NOT <if_not_exists!EXISTS>] <user:user> {_AUTHENTICATION} [DEFAULT ROLE <roles:words>] "
        "[PROPERTIES <properties:properties>]",
    )
    user: UserName
    if_not_exists: bool = False
    password: str = ""
    hash: str = ""
    plugin: str = "mysql_native_password"
    auth_string: str = ""
    roles: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlterUser(Statement):
    SYNTAX = (
        "ALTER USER [IF <if_exists!EXISTS>] <user:user> IDENTIFIED {BY PASSWORD <hash:text> | BY <password:text> "
        "| WITH <plugin:word> [{BY <password:text> | AS <auth_string:text>}]}",
        "ALTER USER <user:user> DEFAULT ROLE {<no_role!NONE> | <all_roles!ALL> | <roles:words>}",
        "SET DEFAULT ROLE {<no_role!NONE> | <all_roles!ALL> | <roles:words>} TO <user:user>",
        "ALTER USER <user:user> SET PROPERTIES <properties:properties>",
        "SET PROPERTY FOR <user:user> <properties:property_pair>",
    )
    user: UserName
    if_exists: bool = False
    password: str | None = None
    hash: str | None = None
    plugin: str = "mysql_native_password"
    auth_string: str | None = None
    roles: tuple[str, ...] = ()
    no_role: bool = False
    all_roles: bool = False
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetPassword(Statement):
    SYNTAX = (
        "SET PASSWORD [FOR <user:user>] = PASSWORD ( <password:text> )",
        "SET PASSWORD [FOR <user:user>] = <hash:text>",
    )
    user: UserName | None = None
    password: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class DropUser(Statement):
    SYNTAX = ("DROP USER [IF <if_exists!EXISTS>] <user:user>",)
    user: UserName
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateRole(Statement):
    SYNTAX = ("CREATE ROLE [IF NOT <if_not_exists!EXISTS>] <roles:words> [COMMENT <comment:text>]",)
    roles: tuple[str, ...]
    if_not_exists: bool = False
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class DropRole(Statement):
    SYNTAX = ("DROP ROLE [IF <if_exists!EXISTS>] <roles:words>",)
    roles: tuple[str, ...]
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class GrantRole(Statement):
    SYNTAX = (
        "<verb=GRANT> <roles:words> TO ROLE <role:word>",
        "<verb=GRANT> <roles:words> TO <external!EXTERNAL> GROUP <role:word>",
        "<verb=GRANT> <roles:words> TO [USER] <user:user>",
        "<verb=REVOKE> <roles:words> FROM ROLE <role:word>",
        "<verb=REVOKE> <roles:words> FROM <external!EXTERNAL> GROUP <role:word>",
        "<verb=REVOKE> <roles:words> FROM [USER] <user:user>",
    )
    verb: str
    roles: tuple[str, ...]
    role: str = ""
    user: UserName | None = None
    external: bool = False


@dataclass(frozen=True, slots=True)
class Grant(Statement):
    SYNTAX = (
        "<verb=GRANT> <privileges:privileges> ON <on:grant_object> TO {ROLE <role:word> | [USER] <user:user>} "
        "[WITH GRANT <with_grant!OPTION>]",
        "<verb=REVOKE> <privileges:privileges> ON <on:grant_object> FROM {ROLE <role:word> | [USER] <user:user>}",
    )
    verb: str
    privileges: tuple[str, ...]
    on: GrantObject
    role: str = ""
    user: UserName | None = None
    with_grant: bool = False


@dataclass(frozen=True, slots=True)
class SetRole(Show):
    SYNTAX = ("SET ROLE {<no_role!NONE> | <all_roles!ALL> | DEFAULT | <roles:words>}",)
    roles: tuple[str, ...] = ()
    no_role: bool = False
    all_roles: bool = False


@dataclass(frozen=True, slots=True)
class ExecuteAs(Show):
    SYNTAX = ("EXECUTE AS <user:user> WITH NO REVERT",)
    user: UserName


@dataclass(frozen=True, slots=True)
class ShowGrants(Show):
    SYNTAX = (
        "SHOW GRANTS FOR ROLE <role:word>",
        "SHOW GRANTS FOR <external!EXTERNAL> GROUP <role:word>",
        "SHOW GRANTS FOR <user:user>",
        "SHOW GRANTS",
    )
    user: UserName | None = None
    role: str = ""
    external: bool = False


@dataclass(frozen=True, slots=True)
class ShowUsers(Show):
    SYNTAX = ("SHOW USERS",)


@dataclass(frozen=True, slots=True)
class ShowRoles(Show):
    SYNTAX = ("SHOW ROLES",)


@dataclass(frozen=True, slots=True)
class ShowAuthentication(Show):
    SYNTAX = ("SHOW <everyone!ALL> AUTHENTICATION", "SHOW AUTHENTICATION [FOR <user:user>]")
    user: UserName | None = None
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class ShowProperty(Show):
    SYNTAX = ("SHOW PROPERTY [FOR <user:word>] [LIKE <pattern:text>]",)
    user: str = ""
    pattern: str = ""
