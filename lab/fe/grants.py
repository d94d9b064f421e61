"""GRANT and SHOW GRANTS: privileges, by the ids of what they are on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from lab.answers import Answer, Ok, Rows, shown
from lab.errors import Refused, not_understood
from lab.fe.access import ALL_CATALOGS, kind_of
from lab.fe.session import Execute, Session
from lab.fe.users import INFORMATION_SCHEMA, find_role, find_user, identity
from lab.meta.accounts import ExternalGroup, GrantRecord, Role, User
from lab.meta.records import Database
from lab.meta.state import Change, Metadata
from lab.sql.grant_pieces import IN_DATABASE, PRIVILEGES, GrantObject
from lab.sql.pieces import TableName
from lab.sql.statements import users as say

_NOT_GRANTABLE = ("NODE", "GRANT")


def grant(session: Session, statement: say.Grant) -> Answer:
    session.access.need_system("GRANT")
    with session.state.change() as change:
        privileges = _expanded(statement.privileges, statement.on.kind)
        for record in _records(session, change.now, statement.on, privileges, statement.with_grant):
            if statement.user:
                user = find_user(change.now, statement.user)
                change.put(replace(user, grants=_merged(user.grants, record, statement.verb)))
            else:
                role = find_role(change.now, statement.role)
                if role.builtin and role.name != "public":
                    raise Refused(f"failed to grant: role {role.name} is not mutable!")
                change.put(replace(role, grants=_merged(role.grants, record, statement.verb)))
    return Ok()


def _expanded(privileges: tuple[str, ...], kind: str) -> tuple[str, ...]:
    known = PRIVILEGES[kind]
    wanted = known if "ALL" in privileges else privileges
    for privilege in wanted:
        if privilege not in known:
            raise not_understood(f"cant grant {privilege} to {kind}")
        if kind == "SYSTEM" and privilege in _NOT_GRANTABLE:
            named = privilege if "ALL" not in privileges else "GRANT"
            raise not_understood(
                f"Operation not permitted, '{named}' cannot be granted to user or role directly, use built-in role "
                "instead"
            )
    return tuple(privilege for privilege in known if privilege in wanted)


def _records(
    session: Session, metadata: Metadata, on: GrantObject, privileges: tuple[str, ...], with_grant: bool
) -> Iterable[GrantRecord]:
    """The written objects as grants, held by id where the objects are of this cluster."""
    base = GrantRecord(on.kind, privileges, with_grant=with_grant)
    if on.kind == "SYSTEM":
        return [base]
    if on.everything:
        if on.kind == "CATALOG":
            return [replace(base, name=ALL_CATALOGS)]
        return [replace(base, db_id=_database_id(metadata, on.in_database))] if on.in_database else [base]
    if on.kind == "USER":
        return [replace(base, name=find_user(metadata, user).identity) for user in on.users]
    if on.kind == "DATABASE":
        return [replace(base, object_id=_database_id(metadata, name.name)) for name in on.names]
    if on.kind in {"TABLE", "VIEW", "MATERIALIZED VIEW"}:
        return [_table_record(session, metadata, base, name) for name in on.names]
    if on.kind in {"FUNCTION", "GLOBAL FUNCTION"}:
        raise not_understood(f"cannot find function {on.names[0]}!")
    if on.kind == "PIPE":
        raise not_understood(f"cannot find pipe {on.names[0].name} in db {on.names[0].db}")
    if on.kind == "RESOURCE":
        raise not_understood(f"cannot find resource: {on.names[0].name}")
    return [replace(base, name=name.name) for name in on.names]


def _table_record(session: Session, metadata: Metadata, base: GrantRecord, name: TableName) -> GrantRecord:
    database = name.db or session.database().name
    if database in {"information_schema", "sys"}:
        return replace(base, db_id=_database_id(metadata, database), name=name.name)
    record = metadata.databases.get(database)
    table = metadata.tables(record).get(name.name) if record else None
    if record is None or table is None or kind_of(table) != base.kind:
        raise not_understood(f"cannot find {base.kind.lower()} {name.name} in db {database}")
    return replace(base, db_id=record.id, object_id=table.id)


def _database_id(metadata: Metadata, name: str) -> int:
    if name in _SYSTEM_DATABASES:
        return _SYSTEM_DATABASES[name]
    found = metadata.databases.get(name)
    if found is None:
        raise not_understood(f"cannot find db: {name}")
    return found.id


_SYSTEM_DATABASES = {"information_schema": INFORMATION_SCHEMA, "sys": 100}


def _merged(before: tuple[GrantRecord, ...], record: GrantRecord, verb: str) -> tuple[GrantRecord, ...]:
    """The grants after one more or one less; privileges on one object are one entry."""

    def same(other: GrantRecord) -> bool:
        return replace(other, privileges=(), with_grant=False) == replace(record, privileges=(), with_grant=False)

    old = next((other for other in before if same(other)), None)
    rest = tuple(other for other in before if not same(other))
    have = old.privileges if old else ()
    names = {*have, *record.privileges} if verb == "GRANT" else set(have) - set(record.privileges)
    kept = tuple(name for name in PRIVILEGES[record.kind] if name in names)
    with_grant = record.with_grant or bool(old and old.with_grant and verb == "GRANT")
    return (*rest, replace(record, privileges=kept, with_grant=with_grant)) if kept else rest


def show_grants(session: Session, statement: say.ShowGrants) -> Answer:
    metadata = session.metadata
    own = statement.user is None and not statement.role
    if not own and not (statement.user and identity(statement.user) == session.user_identity):
        session.access.need_system("GRANT")
    if statement.external:
        group = metadata.find(ExternalGroup, statement.role)
        return _grants(
            statement.role, group.roles if group else (), (), f"EXTERNAL GROUP {statement.role}", "", metadata
        )
    if statement.role:
        role = find_role(metadata, statement.role)
        return _grants(role.name, role.parents, role.grants, f"ROLE {role.name}", f"ROLE '{role.name}'", metadata)
    user = find_user(metadata, statement.user) if statement.user else session.user
    return _grants(user.identity, user.roles, user.grants, user.identity, f"USER {user.identity}", metadata)


def _grants(
    who: str, roles: tuple[str, ...], grants: tuple[GrantRecord, ...], role_target: str, target: str, metadata: Metadata
) -> Rows:
    rows: list[tuple[str | None, ...]] = []
    if roles:
        names = ", ".join(f"'{name}'" for name in sorted(roles))
        rows.append((who, None, f"GRANT {names} TO {role_target}"))
    kinds = list(PRIVILEGES)
    for record in sorted(
        grants, key=lambda record: (kinds.index(record.kind), record.db_id or 0, record.object_id or 0)
    ):
        on = _object_text(record, metadata)
        if on is None:
            continue  # the object is gone, and so is its grant
        privileges = ", ".join(record.privileges)
        option = " WITH GRANT OPTION" if record.with_grant else ""
        rows.append((who, _catalog(record), f"GRANT {privileges} ON {on} TO {target}{option}"))
    return shown("UserIdentity Catalog Grants", rows)


def _catalog(record: GrantRecord) -> str | None:
    if record.name == ALL_CATALOGS:
        return None
    return record.name if record.kind == "CATALOG" and record.name else "default_catalog"


def _object_text(record: GrantRecord, metadata: Metadata) -> str | None:
    """The object as SHOW GRANTS prints it: without quotes, whatever its name."""
    kind = record.kind
    if kind == "SYSTEM":
        return "SYSTEM"
    if kind == "DATABASE":
        if record.object_id is None:
            return "ALL DATABASES"
        database = metadata.find(Database, record.object_id)
        return f"DATABASE {database.name}" if database else None
    if kind in IN_DATABASE:
        return _text_in_database(record, metadata)
    if not record.name or record.name == ALL_CATALOGS:
        return f"ALL {kind}S"
    return f"{kind} {record.name}"


def _text_in_database(record: GrantRecord, metadata: Metadata) -> str | None:
    plural = "PIPES " if record.kind == "PIPE" else f"{record.kind}S"
    if record.db_id is None:  # of pipes only this much is printed (authorization/PipePEntryObject.toString)
        return "ALL DATABASES" if record.kind == "PIPE" else f"ALL {plural} IN ALL DATABASES"
    system = next((name for name, number in _SYSTEM_DATABASES.items() if number == record.db_id), None)
    database = metadata.find(Database, record.db_id)
    name = system or (database.name if database else None)
    if name is None:
        return None
    if record.object_id is None and not record.name:
        return f"ALL {plural} IN DATABASE {name}"
    table = metadata.table(record.object_id) if record.object_id else None
    table_name = record.name or (table.name if table else None)
    return f"{record.kind} {name}.{table_name}" if table_name else None


def purge_grants(change: Change, object_ids: Iterable[int]) -> None:
    """Grants on objects that are gone for good (CatalogRecycleBin:1042)."""
    gone = set(object_ids)
    holders: list[User | Role] = [*change.now.values(User), *change.now.values(Role)]
    for holder in holders:
        kept = tuple(record for record in holder.grants if record.object_id not in gone and record.db_id not in gone)
        if kept != holder.grants:
            change.put(replace(holder, grants=kept))


HANDLERS: dict[type[Any], Execute] = {
    say.Grant: grant,
    say.ShowGrants: show_grants,
}
