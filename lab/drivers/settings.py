"""The files that a node is told its part by: fe.conf or be.conf, and lab.json for what StarRocks has no setting for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import assert_never

from lab.drivers import base
from lab.drivers.base import NodeKind, Place


def node_files(kind: NodeKind, place: Place, *, starrocks: str, tick_seconds: float, seed: int) -> Mapping[str, str]:
    """Texts by path below the node's root."""
    match kind:
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
            assert_never(kind)
    lines = [f"{key} = {value}" for key, value in settings.items()]
    lines.append(f"priority_networks = {place.host}/24")
    # A checkpoint comes once a minute at the real tick (FeConstants.checkpoint_interval_second).
    lab = {
        "starrocks": starrocks,
        "tick_seconds": tick_seconds,
        "checkpoint_seconds": 20 * tick_seconds,
        "seed": seed,
    }
    return {f"conf/{kind.value}.conf": "\n".join(lines) + "\n", "conf/lab.json": json.dumps(lab, indent=1) + "\n"}
