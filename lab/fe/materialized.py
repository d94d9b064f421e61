"""What becomes of materialized views when something happens to the tables under them."""

from __future__ import annotations

from dataclasses import replace

from lab.meta.records import OlapTable
from lab.meta.state import Change


def deactivate(change: Change, base_table_id: int, reason: str) -> None:
    """Views over a table that was dropped, renamed or swapped become inactive, and say why; their rows stay."""
    for table in list(change.now.values(OlapTable)):
        if table.refresh and base_table_id in table.refresh.base_tables and table.refresh.active:
            change.put(replace(table, refresh=replace(table.refresh, active=False, inactive_reason=reason)))
