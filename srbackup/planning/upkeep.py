"""Rules by which StarRocks drops partitions of a table by itself: found in its CREATE statement, and how to stop them.

A restored table is under its rules again at once: within ten minutes the scheduler drops every partition that is too
old by them (clone/DynamicPartitionScheduler.java; RESTORE registers the table, RestoreJob.java:1932). What was just
restored would be gone. So a restore turns them off as soon as it has the table, and on again only where they drop
nothing. Values that turn a rule off were seen accepted by a running 4.1-dev; partition_ttl takes none, so it gets a
time that no data is older than.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from srbackup.model.plan import Upkeep

_DYNAMIC = "dynamic_partition.enable"
_OFF = {
    _DYNAMIC: "false",
    "partition_live_number": "-1",
    "partition_retention_condition": "",
    "partition_ttl": "1000 years",
}
_WITHOUT_START = "-2147483648"
_PROPERTY = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=\s*"((?:[^"\\]|\\.)*)"')


def of_table(database: str, table: str, create_statement: str) -> Iterator[Upkeep]:
    """The rules in the PROPERTIES of a table, to be turned off in the table of that name in the target."""
    _, found, text = create_statement.rpartition("\nPROPERTIES (")
    properties = dict(_PROPERTY.findall(text)) if found else {}
    for name, off in _OFF.items():
        value = properties.get(name)
        if value is None or value in {off, ""}:
            continue
        only_adds = name == _DYNAMIC and properties.get("dynamic_partition.start", _WITHOUT_START) == _WITHOUT_START
        yield Upkeep(database, table, name, value, off, drops=not only_adds)
