"""Who an FE is: from VERSION and ROLE, or at its first start from a helper, or as the founder of a new cluster."""

from __future__ import annotations

import logging
import random
import threading
import uuid
from dataclasses import dataclass

from lab.fe.access import builtin_roles
from lab.fe.globals import GlobalState
from lab.httpd import Unreachable, exchange
from lab.meta.accounts import Role as RoleRecord
from lab.meta.accounts import User
from lab.meta.image import ImageDirectory
from lab.meta.records import Frontend
from lab.settings import Settings

LOG = logging.getLogger("lab")


class WillNotStart(Exception):
    """The FE ends with -1, as StarRocks does."""


@dataclass(frozen=True, slots=True)
class Identity:
    """clusterId and token of VERSION, the node's name of ROLE."""

    cluster_id: int
    token: str
    name: str


def identify(settings: Settings, images: ImageDirectory, helper: str, ended: threading.Event) -> Identity | None:
    """Read who this FE is, or become someone (server/NodeMgr.java:291-351). Nothing if it was stopped before."""
    known = images.identity()
    me = f"{settings.host}_{settings.port('edit_log_port')}"
    if known is None and helper:
        return _join(settings, images, helper, ended)
    if known is None:
        cluster_id, token = random.SystemRandom().randrange(1, 1 << 31), uuid.uuid4()
        known = (
            {"clusterId": str(cluster_id), "token": str(token), "runMode": "shared_nothing"},
            _role(f"{me}_{_millis()}"),
        )
        images.write_identity(*known)
    version, role = known
    if settings.conf.get("bdbje_reset_election_group") == "true" and not role["name"].startswith(f"{me}_"):
        role = _role(f"{me}_{_millis()}")
        images.write_identity(version, role)
    return Identity(int(version["clusterId"]), version["token"], role["name"])


def _millis() -> int:
    import time

    return int(time.time() * 1000)


def _role(name: str) -> dict[str, str]:
    return {"role": "FOLLOWER", "hostType": "IP", "name": name}


def _join(settings: Settings, images: ImageDirectory, helper: str, ended: threading.Event) -> Identity | None:
    """Ask the helper until this FE has been added there: role and name, VERSION, and the newest image."""
    host, _, _ = helper.partition(":")
    port = settings.port("http_port")  # the same on all FEs (Config.java:760)
    while not ended.wait(0.2):
        try:
            me = f"host={settings.host}&port={settings.port('edit_log_port')}"
            name = exchange(host, port, "GET", f"/role?{me}", timeout=3).decode()
            if not name:
                LOG.warning("current node %s is not added to the group. please add it first.", settings.host)
                ended.wait(1.0)
                continue
            lines = exchange(host, port, "GET", "/version", timeout=3).decode().splitlines()
            version = {
                key: value for key, _, value in (line.partition("=") for line in lines if not line.startswith("#"))
            }
            number = int(exchange(host, port, "GET", "/info", timeout=3).decode())
            if number:
                images.save(
                    exchange(host, port, "GET", f"/image?version={number}&image_format_version=v2", timeout=60), number
                )
        except (Unreachable, ValueError) as error:
            LOG.warning("helper %s: %s", helper, error)
            continue
        images.write_identity(version, _role(name))
        return Identity(int(version["clusterId"]), version["token"], name)
    return None


def found(state: GlobalState, name: str) -> None:
    """What the first leader of a cluster writes: itself, the built-in roles, and root without a password."""
    if state.metadata.find(RoleRecord, "root"):
        return
    settings = state.settings
    with state.change() as change:
        change.put(Frontend(1, name, settings.host, settings.port("edit_log_port"), joined=True))
        change.put(*builtin_roles(state.release.roles))
        change.put(User("root", roles=("root",), default_roles=("root",)))
