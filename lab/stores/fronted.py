"""A store that is reached through the fault proxy, so that its clients can be given trouble by `srlab break`."""

from __future__ import annotations

from dataclasses import dataclass

from lab.stores.base import S3Access, S3Server
from lab.stores.proxied import Proxied


@dataclass(frozen=True, slots=True)
class Fronted:
    """An S3 server whose address for everyone is that of the proxy before it."""

    behind: S3Server
    proxy: Proxied

    @property
    def access(self) -> S3Access:
        return self.proxy.access

    def start(self) -> None:
        self.behind.start()
        self.proxy.start()

    def stop(self) -> None:
        self.proxy.stop()
        self.behind.stop()

    def running(self) -> bool:
        return self.behind.running() and self.proxy.running()
