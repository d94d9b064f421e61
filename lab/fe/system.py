"""Nodes, configuration, variables, transactions, connections: statements about the cluster and the session."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lab.answers import Answer, Column, Ok, Rows, Type, shown
from lab.clock import printed
from lab.errors import Refused, not_understood, unknown_to_the_lab
from lab.fe.filters import like
from lab.fe.globals import FrontendView
from lab.fe.session import CATALOG, Execute, Session
from lab.fe.variables import DEFAULTS, HIDDEN, check_charset, checked
from lab.httpd import Unreachable, call
from lab.meta.records import Backend, Frontend, GlobalVariable, Partition
from lab.sql.lexer import Kind, tokens
from lab.sql.statements import show as look
from lab.sql.statements import system as say
from lab.sql.statements.base import Statement

_COMPUTE_NODE = (
    "ComputeNodeId IP HeartbeatPort BePort HttpPort BrpcPort LastStartTime LastHeartbeat Alive SystemDecommissioned "
    "ClusterDecommissioned ErrMsg Version CpuCores MemLimit NumRunningQueries MemUsedPct CpuUsedPct DataCacheMetrics "
    "HasStoragePath StatusCode"
)


# -- nodes


def add_node(session: Session, statement: say.AddNode) -> Answer:
    session.access.need_system("NODE")
    with session.state.change() as change:
        for host, port in statement.hosts:
            if statement.kind == "BACKEND":
                if any((be.host, be.heartbeat_port) == (host, port) for be in change.now.values(Backend)):
                    raise Refused(f"Backend already exists with same host {host} and port {port}")
                change.put(Backend(change.next_id(), host, port))
                continue
            if any(fe.host == host for fe in change.now.values(Frontend)):
                raise Refused(f"FE with the same host: {host} already exists")
            number = max((fe.id for fe in change.now.values(Frontend)), default=0) + 1
            name = f"{host}_{port}_{session.state.clock.millis()}"
            change.put(Frontend(number, name, host, port, statement.kind))
    if statement.kind == "BACKEND":
        session.state.backends.beat()
    return Ok()


def drop_node(session: Session, statement: say.DropNode) -> Answer:
    session.access.need_system("NODE")
    with session.state.change() as change:
        for host, port in statement.hosts:
            if statement.kind == "BACKEND":
                backend = next(
                    (be for be in change.now.values(Backend) if (be.host, be.heartbeat_port) == (host, port)), None
                )
                if backend is None:
                    raise Refused(f"backend does not exists[{host}:{port}]")
                if statement.verb == "DECOMMISSION":
                    change.put(
                        replace(backend, decommissioned=not session.statement.upper().lstrip().startswith("CANCEL"))
                    )
                    continue
                holds = any(
                    replica.backend_id == backend.id and len(tablet.replicas) == 1
                    for partition in change.now.values(Partition)
                    for physical in partition.physical
                    for tablets in physical.tablets.values()
                    for tablet in tablets
                    for replica in tablet.replicas
                )
                if holds and not statement.force:
                    raise Refused(
                        f"Tables such as those with one replica on {host} will lose data; use DROP BACKEND ... FORCE"
                    )
                change.drop(Backend, backend.id)
                continue
            frontend = next(
                (fe for fe in change.now.values(Frontend) if (fe.host, fe.edit_log_port) == (host, port)), None
            )
            if frontend is None:
                raise Refused(f"frontend does not exist[{host}:{port}]")
            change.drop(Frontend, frontend.id)
    return Ok()


def create_image(session: Session, _statement: say.CreateImage) -> Answer:
    """Only sets a flag: the image comes with a later checkpoint (GlobalStateMgr.triggerNewImage)."""
    session.access.need_system("NODE")
    session.services.checkpoint()
    return Ok()


def show_nodes(session: Session, statement: look.ShowNodes) -> Answer:
    if statement.kind != "BROKER":
        session.access.need_system("OPERATE", "NODE")
    return nodes(session, statement.kind)


def nodes(session: Session, kind: str) -> Rows:
    """SHOW FRONTENDS and its like, which SHOW PROC answers as well."""
    match kind:
        case "FRONTENDS":
            return _frontends(session)
        case "BACKENDS":
            return _backends(session)
        case "COMPUTE":
            columns = [
                name for name in _COMPUTE_NODE.split() if name in {*session.state.release.backend_columns, *_NODE_ONLY}
            ]
            return shown(columns)
        case _:
            return shown("Name IP Port Alive LastStartTime LastUpdateTime ErrMsg")


_NODE_ONLY = ("ComputeNodeId", "HasStoragePath")


def _frontends(session: Session) -> Rows:
    """The leader's view. HttpPort, QueryPort and RpcPort are the answering FE's own, for every row."""
    state, group = session.state, session.state.group
    rows = []
    for fe in sorted(session.metadata.values(Frontend), key=lambda fe: fe.id):
        view = state.frontends.get(fe.id, FrontendView())
        address = (fe.host, fe.edit_log_port)
        if address == group.me:
            view = FrontendView(
                alive=True, replayed=session.metadata.journal_id, heartbeat=state.clock.now(), started=state.started
            )
        role = "LEADER" if address == group.leader else fe.role
        row = {
            "Id": fe.id,
            "Name": fe.name,
            "IP": fe.host,
            "EditLogPort": fe.edit_log_port,
            "HttpPort": state.settings.port("http_port"),
            "QueryPort": state.settings.port("query_port"),
            "RpcPort": state.settings.port("rpc_port"),
            "Role": role,
            "ClusterId": state.cluster_id,
            "Join": view.alive or fe.joined,
            "Alive": view.alive,
            "ReplayedJournalId": view.replayed,
            "LastHeartbeat": printed(view.heartbeat, session.show_zone),
            "IsHelper": fe.role == "FOLLOWER",
            "ErrMsg": "" if view.alive else "got exception when heartbeat",
            "StartTime": printed(view.started, session.show_zone),
            "Version": state.release.build if view.alive else None,
        }
        rows.append([row[name] for name in state.release.frontend_columns])
    return shown(state.release.frontend_columns, rows)


def _backends(session: Session) -> Rows:
    state = session.state
    rows = []
    for be, view in state.backends.report_rows():
        started, beat = printed(view.started, session.show_zone), printed(view.heartbeat, session.show_zone)
        row = {
            "BackendId": be.id,
            "IP": be.host,
            "HeartbeatPort": be.heartbeat_port,
            "BePort": view.be_port,
            "HttpPort": view.http_port,
            "BrpcPort": view.brpc_port,
            "LastStartTime": started,
            "LastHeartbeat": beat,
            "Alive": view.alive,
            "SystemDecommissioned": be.decommissioned,
            "ClusterDecommissioned": False,
            "TabletNum": view.tablets,
            "DataUsedCapacity": size(view.used),
            "AvailCapacity": "1.000 TB",
            "TotalCapacity": "1.000 TB",
            "UsedPct": "0.00 %",
            "MaxDiskUsedPct": "0.00 %",
            "ErrMsg": view.error,
            "Version": view.version,
            "Status": f'{{"lastSuccessReportTabletsTime":"{printed(view.reported, session.show_zone) or "N/A"}"}}',
            "DataTotalCapacity": "1.000 TB",
            "DataUsedPct": "0.00 %",
            "CpuCores": 4,
            "MemLimit": "8.000GB",
            "NumRunningQueries": 0,
            "MemUsedPct": "3.13 %",
            "CpuUsedPct": "1.0 %",
            "DataCacheMetrics": "N/A",
            "Location": "",
            "StatusCode": "OK" if view.alive else "DISCONNECTED",
        }
        rows.append([row[name] for name in state.release.backend_columns])
    return shown(state.release.backend_columns, rows)


def size(value: float) -> str:
    """DebugUtil.getByteUint: 0.000 B, 3.906 KB."""
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024:
            return f"{value:.3f} {unit}"
        value /= 1024
    return f"{value:.3f} TB"


# -- configuration


def set_config(session: Session, statement: say.SetFrontendConfig) -> Answer:
    """On every FE that is alive (ConfigBase.java:481)."""
    session.access.need_system("OPERATE")
    for name, value in statement.properties.items():
        session.state.config.set(name, value)
    for fe in session.services.others():
        try:
            call(fe.host, session.state.settings.port("rpc_port"), "/config", statement.properties, timeout=2)
        except Unreachable:
            continue
    return Ok()


def show_config(session: Session, statement: say.ShowFrontendConfig) -> Answer:
    session.access.need_system("OPERATE")
    rows = [row for row in session.state.config.rows() if like(row[0], statement.pattern)]
    return shown("Key AliasNames Value Type IsMutable Comment", rows)


# -- variables


def set_variables(session: Session, statement: say.SetVariables) -> Answer:
    if statement.names:
        check_charset(statement.names)
        return Ok()
    if statement.catalog:
        if statement.catalog != CATALOG:
            raise not_understood(f"Unknown catalog '{statement.catalog}'", code=5078)
        return Ok()
    for scope, name, text in statement.assignments:
        if name.startswith("@"):
            session.user_variables[name[1:].lower()] = _literal(session, text)
            continue
        known, value = checked(name, _literal(session, text))
        if scope == "GLOBAL":
            session.access.need_system("OPERATE")
            _set_global(session, known, value)
        session.variables[known] = value
    return Ok()


def _set_global(session: Session, name: str, value: str) -> None:
    if not session.state.is_leader:
        session.services.forward(session, say.SetFrontendConfig({}), f"SET GLOBAL {name} = '{value}'")
        return
    with session.state.change() as change:
        change.put(GlobalVariable(name, value))


def _literal(session: Session, text: str) -> str:
    """The value of an assignment: a literal, a word, another variable, or what SELECT makes of it."""
    found = tokens(text)
    if len(found) == 2 and found[0].kind in {Kind.STRING, Kind.NUMBER, Kind.QUOTED, Kind.WORD}:
        value = found[0].value
        return session.variable(value[2:].rpartition(".")[2].lower()) if value.startswith("@@") else value
    if len(found) == 3 and found[0].upper == "-":
        return f"-{found[1].value}"
    answer = session.services.query.select(session, f"SELECT {text}")
    return str(answer.rows[0][0])


def show_variables(session: Session, statement: say.ShowVariables) -> Answer:
    is_global = statement.scope == "GLOBAL"
    condition = statement.where.conditions[0] if statement.where and statement.where.conditions else None
    pattern = condition.values[0] if condition and condition.column.lower() == "variable_name" else statement.pattern
    rows: list[Sequence[object]] = []
    for name in sorted(DEFAULTS):
        if name in HIDDEN or not like(name, pattern, ignore_case=True):
            continue
        value = (session.state.variable(name) or session.default(name)) if is_global else session.variable(name)
        rows.append((name, value))
    return shown("Variable_name Value", rows)


# -- the session itself


def use(session: Session, statement: say.Use) -> Answer:
    if statement.catalog not in {"", CATALOG}:
        raise not_understood(f"Unknown catalog '{statement.catalog}'", code=5078)
    session.use(statement.database)
    return Ok()


def kill(session: Session, statement: say.Kill) -> Answer:
    if not session.services.kill(statement.connection):
        raise Refused(f"Unknown thread id: {statement.connection}", code=1094)
    return Ok()


def show_processlist(session: Session, _statement: look.ShowProcesslist) -> Answer:
    columns = [
        "ServerName",
        "Id",
        "User",
        "Host",
        "Db",
        "Command",
        "ConnectionStartTime",
        "Time",
        "State",
        "Info",
        "IsPending",
        "Warehouse",
        "CNGroup",
        "Catalog",
        "QueryId",
    ]
    types = {"Id": Type.BIGINT, "Time": Type.INT}
    name = next((fe.name for fe in session.metadata.values(Frontend) if fe.host == session.state.settings.host), "")
    rows: list[tuple[object, ...]] = []
    for other in session.services.sessions():
        mine = other is session
        start = printed(session.state.started, session.show_zone)
        command, info = ("Query", session.statement) if mine else ("Sleep", other.statement)
        host, db = other.address, other.database_name
        rows.append((
            name, other.connection_id, other.user.name, host, db, command, start, 0, "OK", info, "false",
            "default_warehouse", "", other.catalog, None
        ))  # fmt: skip
    return Rows(tuple(Column(column, types.get(column, Type.VARCHAR)) for column in columns), rows)


def begin(session: Session, _statement: say.Begin) -> Answer:
    """An explicit transaction: until it ends every SHOW, DDL and BACKUP is refused (5305)."""
    session.transaction = session.services.loads.next_transaction_id()
    return Ok(info=f"{{'label':'{_label(session)}', 'status':'PREPARE', 'txnId':'{session.transaction}'}}")


def end_transaction(session: Session, statement: say.EndTransaction) -> Answer:
    if session.transaction is None:
        return Ok()
    status = "VISIBLE" if statement.verb == "COMMIT" else "ABORTED"
    info = f"{{'label':'{_label(session)}', 'status':'{status}', 'txnId':'{session.transaction}'}}"
    session.transaction = None
    return Ok(info=info)


def _label(session: Session) -> str:
    return f"lab-{session.connection_id}-{session.transaction}"


def nothing(_session: Session, _statement: say.Nothing) -> Answer:
    return Ok()


def admin_execute(session: Session, statement: say.AdminExecute) -> Answer:
    """A Groovy script runs in the FE. The lab has no Groovy: it appends a literal, or lists the password hashes for a
    script that goes through getUserToAuthenticationInfo, and knows nothing else."""
    session.access.need_system("OPERATE")
    if found := re.fullmatch(r"""\s*out\.append\((["']?)([^"')]*)\1\)\s*;?\s*""", statement.script):
        return shown("result", [(found.group(2),)])
    if "getUserToAuthenticationInfo" in statement.script:
        users = ((user.identity, user.password) for user in _users(session))
        return shown("result", [("".join(f"{name} {password} | " for name, password in users),)])
    raise unknown_to_the_lab("this script")


def _users(session: Session) -> Any:
    from lab.meta.accounts import User

    return session.metadata.values(User)


HANDLERS: dict[type[Statement], Execute] = {
    say.AddNode: add_node,
    say.DropNode: drop_node,
    say.CreateImage: create_image,
    look.ShowNodes: show_nodes,
    say.SetFrontendConfig: set_config,
    say.ShowFrontendConfig: show_config,
    say.SetVariables: set_variables,
    say.ShowVariables: show_variables,
    say.Use: use,
    say.Kill: kill,
    look.ShowProcesslist: show_processlist,
    say.Begin: begin,
    say.EndTransaction: end_transaction,
    say.Nothing: nothing,
    say.AdminExecute: admin_execute,
}
