"""`python -m lab.be --root ROOT --host HOST`: a backend."""

from __future__ import annotations

import os
import signal
import sys
import threading

from lab.be.server import Backend
from lab.clock import Clock, process_zone
from lab.node import arguments, log_to
from lab.settings import BE_DEFAULTS, read_settings


def main() -> int:
    options = arguments("a BE of the lab")
    settings = read_settings(options.root, options.host, options.listen or options.host, "be.conf", BE_DEFAULTS)
    log = log_to(settings.root / "log" / "be.INFO")
    backend = Backend(settings, Clock(process_zone(os.environ.get("TZ"))))
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    backend.start()
    log.info("be started on %s", settings.host)
    ended.wait()
    backend.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
