"""Which function carries out which statement."""

from __future__ import annotations

from collections.abc import Mapping

from lab.fe import (
    alter,
    dml,
    grants,
    others,
    partitions,
    proc,
    query,
    recycling,
    repositories,
    show,
    show_jobs,
    show_partitions,
    show_state,
    submit,
    submit_restore,
    system,
    tables,
    users,
    views,
)
from lab.fe.session import Execute
from lab.sql.statements.base import Statement

_MODULES = (
    alter, dml, grants, others, partitions, proc, query, recycling, repositories, show, show_jobs,
    show_partitions, show_state, submit, submit_restore, system, tables, users, views,
)  # fmt: skip


def all_handlers() -> Mapping[type[Statement], Execute]:
    """Every statement that the lab knows."""
    return {statement: execute for module in _MODULES for statement, execute in module.HANDLERS.items()}
