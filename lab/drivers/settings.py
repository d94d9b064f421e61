"""The files that a node is told its part by: fe.conf or be.conf, and lab.json for what StarRocks has no setting for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import assert_never

from lab.drivers import base
from lab.drivers.base import Node, NodeKind
from lab.spec import LabSpec


def node_files(node: Node, spec: LabSpec) -> Mapping[str, str]:
    """Texts by path below the node's root."""
    match node.kind:
        case NodeKind.FE:
            settings = {
                "http_port": base.FE_HTTP_PORT,
                "rpc_port": base.RPC_PORT,
                "query_port": base.QUERY_PORT,
                "edit_log_port": base.EDIT_LOG_PORT,
            }
        case NodeKind.BE:
            settings = {
                "be_port": base.BE_PORT,
                "be_http_port": base.BE_HTTP_PORT,
                "heartbeat_service_port": base.HEARTBEAT_PORT,
                "brpc_port": base.BRPC_PORT,
            }
        case _:
            assert_never(node.kind)
    lines = [f"{key} = {value}" for key, value in settings.items()]
    lines.append(f"priority_networks = {node.place.host}/24")
    # A checkpoint comes once a minute at the real tick (FeConstants.checkpoint_interval_second).
    lab = {
        "starrocks": spec.starrocks,
        "tick_seconds": spec.tick_seconds,
        "checkpoint_seconds": 20 * spec.tick_seconds,
    }
    return {f"conf/{node.kind.value}.conf": "\n".join(lines) + "\n", "conf/lab.json": json.dumps(lab, indent=1) + "\n"}
