"""What FE and BE programs have in common: their arguments and their log."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path


def arguments(description: str) -> argparse.Namespace:
    """--root, --host, --listen, --helper."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=Path, required=True, help="plays /opt/starrocks/fe or /opt/starrocks/be")
    parser.add_argument("--host", required=True, help="the address by which the cluster knows this node")
    parser.add_argument("--listen", default="", help="the address to listen on, if not that one")
    parser.add_argument("--helper", default="", help="host:edit_log_port of an FE of the cluster to join (FE only)")
    return parser.parse_args()


def log_to(path: Path) -> logging.Logger:
    """The node's log file, with a copy of warnings on stderr."""
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("lab")
    logger.setLevel(logging.INFO)
    file = logging.FileHandler(path)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    errors = logging.StreamHandler()
    errors.setLevel(logging.WARNING)
    logger.handlers[:] = [file, errors]
    return logger
