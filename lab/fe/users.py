"""Users and roles: the statements of user management and what SHOW says of them; grants have a file of their own."""

from __future__ import annotations

import re
from dataclasses import replace

from lab.answers import Answer, Ok, shown
from lab.errors import Refused, not_understood
from lab.fe.session import Execute, Session
from lab.meta.accounts import ExternalGroup, Role, User
from lab.meta.state import Metadata
from lab.sql.pieces import UserName
from lab.sql.statements import users as say
from lab.sql.statements.base import Statement
from lab.wire.handshake import stored_password

_PLUGINS = ("MYSQL_NATIVE_PASSWORD", "AUTHENTICATION_LDAP_SIMPLE", "AUTHENTICATION_JWT", "AUTHENTICATION_OAUTH2")
INFORMATION_SCHEMA = 1


def identity(user: UserName) -> str:
    return str(user)


def find_user(metadata: Metadata, user: UserName) -> User:
    found = metadata.find(User, identity(user))
    if found is None:
        raise not_understood(f"cannot find user {user}!")
    return found


def find_role(metadata: Metadata, name: str) -> Role:
    found = metadata.find(Role, name)
    if found is None:
        raise not_understood(f"cannot find role {name}!")
    return found


# -- users


def create_user(session: Session, statement: say.CreateUser) -> Answer:
    session.access.need_system("GRANT")
    name = statement.user.name
    if not re.fullmatch(r"\w{1,64}/?[.\w-]{0,63}", name):
        raise not_understood(f"invalid user name: {name}")
    with session.state.change() as change:
        if change.now.find(User, identity(statement.user)):
            if statement.if_not_exists:
                return Ok()
            raise not_understood(f"Operation CREATE USER failed for {statement.user} : user already exists", code=1396)
        plugin = _plugin(statement.plugin)
        native = plugin == "MYSQL_NATIVE_PASSWORD"
        given = statement.auth_string if statement.auth_string.startswith("*") else statement.hash
        password = given or stored_password(statement.password)
        roles = tuple(find_role(change.now, role).name for role in statement.roles)
        change.put(
            User(
                name=name,
                host=statement.user.host,
                domain=statement.user.domain,
                password=password if native else "",
                plugin=plugin,
                auth_string=None if native else statement.auth_string,
                roles=roles,
                default_roles=roles,
                properties=dict(statement.properties),
            )
        )
    return Ok()


def _plugin(name: str) -> str:
    if name.upper() not in _PLUGINS:
        raise not_understood(f"Cannot find {name.upper()} from {list(_PLUGINS)}")
    return name.upper()


def alter_user(session: Session, statement: say.AlterUser) -> Answer:
    if statement.password is None or identity(statement.user) != session.user_identity:
        session.access.need_system("GRANT")
    with session.state.change() as change:
        user = find_user(change.now, statement.user)
        if statement.password is not None or statement.hash is not None or statement.auth_string is not None:
            native = _plugin(statement.plugin) == "MYSQL_NATIVE_PASSWORD"
            given = statement.hash or (statement.auth_string if native else None)
            password = given or stored_password(statement.password or "")
            user = replace(
                user,
                password=password if native else "",
                plugin=_plugin(statement.plugin),
                auth_string=None if native else statement.auth_string,
            )
        elif statement.properties:
            user = replace(user, properties={**user.properties, **statement.properties})
        elif statement.no_role or statement.all_roles or statement.roles:
            user = replace(user, default_roles=user.roles if statement.all_roles else statement.roles)
        change.put(user)
    return Ok()


def set_password(session: Session, statement: say.SetPassword) -> Answer:
    if statement.user and identity(statement.user) != session.user_identity:
        session.access.need_system("GRANT")
    with session.state.change() as change:
        user = find_user(change.now, statement.user) if statement.user else session.user
        change.put(replace(user, password=statement.hash or stored_password(statement.password)))
    return Ok()


def drop_user(session: Session, statement: say.DropUser) -> Answer:
    session.access.need_system("GRANT")
    with session.state.change() as change:
        if change.now.find(User, identity(statement.user)) is None:
            if statement.if_exists:
                return Ok()
            raise not_understood(f"Operation DROP USER failed for {statement.user} : user not exists", code=1396)
        change.drop(User, identity(statement.user))
    return Ok()


# -- roles


def create_role(session: Session, statement: say.CreateRole) -> Answer:
    session.access.need_system("GRANT")
    with session.state.change() as change:
        for name in statement.roles:
            if not re.fullmatch(r"[a-zA-Z]\w{0,63}|_[a-zA-Z0-9]\w{0,62}", name):
                raise not_understood(f"invalid role format: {name}")
            if change.now.find(Role, name):
                if statement.if_not_exists:
                    continue
                raise not_understood(f"Operation CREATE ROLE failed for {name} : role already exists", code=1396)
            change.put(Role(name, comment=statement.comment))
    return Ok()


def drop_role(session: Session, statement: say.DropRole) -> Answer:
    session.access.need_system("GRANT")
    with session.state.change() as change:
        for name in statement.roles:
            role = change.now.find(Role, name)
            if role is None and statement.if_exists:
                continue
            if find_role(change.now, name).builtin:
                raise Refused(f"failed to drop role {name}: role {name} is not mutable!")
            change.drop(Role, name)
            for user in list(change.now.values(User)):
                if name in user.roles:
                    kept = tuple(other for other in user.roles if other != name)
                    change.put(
                        replace(user, roles=kept, default_roles=tuple(r for r in user.default_roles if r != name))
                    )
            for other in list(change.now.values(Role)):
                if name in other.parents:
                    change.put(replace(other, parents=tuple(parent for parent in other.parents if parent != name)))
    return Ok()


def grant_role(session: Session, statement: say.GrantRole) -> Answer:
    session.access.need_system("GRANT")
    with session.state.change() as change:
        names = tuple(find_role(change.now, role).name for role in statement.roles)

        def after(before: tuple[str, ...]) -> tuple[str, ...]:
            if statement.verb == "GRANT":
                return tuple(dict.fromkeys((*before, *names)))
            return tuple(name for name in before if name not in names)

        if statement.external:
            group = change.now.find(ExternalGroup, statement.role) or ExternalGroup(statement.role)
            change.put(replace(group, roles=after(group.roles)))
        elif statement.user:
            user = find_user(change.now, statement.user)
            roles = after(user.roles)
            # a role that is granted to a user becomes one of the default roles as well
            defaults = after(user.default_roles)
            change.put(replace(user, roles=roles, default_roles=tuple(name for name in defaults if name in roles)))
        else:
            role = find_role(change.now, statement.role)
            change.put(replace(role, parents=after(role.parents)))
    return Ok()


# -- SHOW


def show_users(session: Session, _statement: say.ShowUsers) -> Answer:
    session.access.need_system("GRANT")
    return shown("User", [(user.identity,) for user in session.metadata.values(User)])


def show_roles(session: Session, _statement: say.ShowRoles) -> Answer:
    session.access.need_system("GRANT")
    return shown(
        "Name Builtin Comment", [(role.name, role.builtin, role.comment) for role in session.metadata.values(Role)]
    )


def show_authentication(session: Session, statement: say.ShowAuthentication) -> Answer:
    """UserForAuthPlugin is NULL for native passwords: no SQL statement returns a hash."""
    if statement.everyone or statement.user:
        session.access.need_system("GRANT")
    chosen = list(session.metadata.values(User)) if statement.everyone else [session.user]
    if statement.user:
        chosen = [find_user(session.metadata, statement.user)]
    rows = [(user.identity, "Yes" if user.password else "No", user.plugin, user.auth_string) for user in chosen]
    return shown("UserIdentity Password AuthPlugin UserForAuthPlugin", rows)


def show_property(session: Session, statement: say.ShowProperty) -> Answer:
    if statement.user and statement.user != session.user.name:
        session.access.need_system("GRANT")
    name = statement.user or session.user.name
    user = next((user for user in session.metadata.values(User) if user.name == name), None)
    if user is None:
        raise not_understood(f"cannot find user {name}!")
    defaults = {"max_user_connections": "1024", "catalog": "default_catalog", "database": ""}
    return shown("Key Value", list({**defaults, **user.properties}.items()))


def set_role(session: Session, statement: say.SetRole) -> Answer:
    user = session.user
    if statement.no_role:
        session.roles = ()
    elif statement.all_roles:
        session.roles = user.roles
    elif statement.roles:
        for name in statement.roles:
            if name not in user.roles:
                raise not_understood(f"Role {name} is not granted to {user.identity}", code=3530)
        session.roles = statement.roles
    else:
        session.roles = user.default_roles
    return Ok()


def execute_as(session: Session, statement: say.ExecuteAs) -> Answer:
    user = find_user(session.metadata, statement.user)
    if not session.access.has("IMPERSONATE", "USER", name=user.identity):
        raise session.access.denied("IMPERSONATE", f"USER {user.identity}")
    session.user_identity = user.identity
    session.roles = session.roles_on_login()
    return Ok()


HANDLERS: dict[type[Statement], Execute] = {
    say.CreateUser: create_user,
    say.AlterUser: alter_user,
    say.SetPassword: set_password,
    say.DropUser: drop_user,
    say.CreateRole: create_role,
    say.DropRole: drop_role,
    say.GrantRole: grant_role,
    say.ShowUsers: show_users,
    say.ShowRoles: show_roles,
    say.ShowAuthentication: show_authentication,
    say.ShowProperty: show_property,
    say.SetRole: set_role,
    say.ExecuteAs: execute_as,
}
