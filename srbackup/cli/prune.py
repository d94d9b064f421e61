"""`srbackup prune [POLICY]`"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import click
from rich.console import Console
from rich.markup import escape

from srbackup.app import prune as use_case
from srbackup.app.activities import of_prune, recorded
from srbackup.app.prune import PrunePlan
from srbackup.cli.output import print_documents, print_table
from srbackup.cli.progress import following
from srbackup.cli.session import Session, lock_wait_option, output_option, pass_session
from srbackup.errors import ExitStatus
from srbackup.model.point import PointKind
from srbackup.model.policy import Activity
from srbackup.planning.retention import Decision, Fate
from srbackup.report.words import count, time

_COLORS = {Fate.KEPT: "green", Fate.EXPIRES: "red", Fate.EXPIRED: "magenta", Fate.LEFT_ALONE: "dim"}


@dataclass(frozen=True, slots=True)
class PrunedPoint:
    """A point as prune prints it: what becomes of it, and the rules that say so."""

    point: str
    repository: str
    cluster: str
    policy: str
    kind: PointKind
    created: datetime
    fate: Fate
    rules: tuple[str, ...]


@click.command()
@click.argument("policy", required=False)
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option("--force", is_flag=True, help="Also where a policy would lose its points of more than half of its days.")
@lock_wait_option
@output_option
@pass_session
def prune(
    session: Session, policy: str | None, dry_run: bool, force: bool, lock_wait: float, output: str
) -> ExitStatus:
    """Mark the points that no rule of POLICY's retention keeps; without POLICY, those of all policies.

    Every point is printed with the rules that keep it. Nothing is deleted yet: a marked point can be rescued with
    `srbackup keep` until `srbackup gc` comes after the policy's grace. Kept whatever the rules say: held points, the
    newest one, the newest proven one, and what a restore or drill reads.
    """
    if dry_run:
        plans = use_case.plan(session.wiring, policy)
    else:
        with following(
            session.err, session.clock, log_format=session.log_format, verbosity=session.verbosity
        ) as notify:
            work = partial(use_case.prune, session.wiring, policy, notify, force=force, lock_wait=lock_wait)
            if policy is None:
                plans = work()
            else:
                one = session.wiring.configuration.policy(policy)
                plans = recorded(session.wiring, one, Activity.PRUNE, work, of_prune, notify)
    if output == "table":
        _print_table(session.out, plans, dry_run=dry_run)
    else:
        points = [_pruned(plan, d) for plan in plans for d in plan.decisions]
        print_documents(session.out, "PruneList", "PrunedPoint", points, output)
    if dry_run and not force:
        for plan in plans:
            for name, text in plan.too_much.items():
                session.err.print(
                    f"[yellow]policy {escape(name)}:[/yellow] {escape(text)}: prune refuses that without --force"
                )
    return ExitStatus.DONE


def _pruned(plan: PrunePlan, decision: Decision) -> PrunedPoint:
    point = decision.point
    return PrunedPoint(
        point=point.id,
        repository=plan.repository,
        cluster=point.cluster,
        policy=point.policy,
        kind=point.kind,
        created=point.created,
        fate=decision.fate,
        rules=tuple(str(r) for r in decision.reasons),
    )


def _print_table(console: Console, plans: Sequence[PrunePlan], *, dry_run: bool) -> None:
    rows = [_cells(d) for plan in plans for d in plan.decisions]
    print_table(console, ("point", "cluster", "kind", "created", "", "rules"), rows)
    decisions = [d for plan in plans for d in plan.decisions]
    expire = sum(d.fate is Fate.EXPIRES for d in decisions)
    kept = sum(d.fate is Fate.KEPT for d in decisions)
    marked = "would be marked" if dry_run else "marked, to be deleted by `srbackup gc` after the grace"
    console.print(f"{count(kept, 'point')} kept, {count(expire, 'point')} {marked}")


def _cells(decision: Decision) -> tuple[str, ...]:
    point = decision.point
    fate = f"[{_COLORS[decision.fate]}]{decision.fate}[/]"
    rules = escape(", ".join(str(r) for r in decision.reasons))
    return point.id, point.cluster, point.kind.value, time(point.created), fate, rules
