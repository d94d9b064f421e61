"""`python -m lab.fe --root ROOT --host HOST [--helper HOST:EDIT_LOG_PORT]`: a frontend."""

from __future__ import annotations

import os
import signal
import sys
import threading

from lab.clock import Clock, process_zone
from lab.fe.first_start import WillNotStart
from lab.fe.node import FrontendNode
from lab.node import arguments, log_to
from lab.settings import FE_DEFAULTS, read_settings


def main() -> int:
    options = arguments("an FE of the lab")
    settings = read_settings(options.root, options.host, options.listen or options.host, "fe.conf", FE_DEFAULTS)
    log = log_to(settings.root / "log" / "fe.log")
    node = FrontendNode(settings, Clock(process_zone(os.environ.get("TZ"))), options.helper)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    failed: list[BaseException] = []

    def run() -> None:
        try:
            node.start()
            log.info("fe started on %s", settings.host)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged by the main thread, which ends
            failed.append(error)
            ended.set()

    threading.Thread(target=run, name="start").start()
    ended.wait()
    if failed:
        (error,) = failed
        log.error("StarRocksFE start failed: %s", error, exc_info=not isinstance(error, WillNotStart))
        return 255
    node.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
