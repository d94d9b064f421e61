"""`srbackup daemon`"""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType

import click

from srbackup.cli.errors import explain
from srbackup.cli.progress import logging
from srbackup.cli.session import Session, pass_session
from srbackup.daemon.daemon import Daemon
from srbackup.daemon.http import Pages, address, health_page, metrics_page
from srbackup.daemon.lane import Duty
from srbackup.daemon.measures import Measures
from srbackup.errors import ExitStatus
from srbackup.model.events import Notify, StepStarted
from srbackup.report.documents import document


@click.command()
@click.option("--metrics-listen", metavar="HOST:PORT", help="Serve /metrics (Prometheus) and /healthz there.")
@click.option(
    "--metrics-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the metrics to this file, for the node exporter's textfile collector.",
)
@click.option(
    "--on-stop",
    type=click.Choice(["interrupt", "finish"]),
    default="interrupt",
    show_default=True,
    help="At SIGTERM or Ctrl-C: leave what is under way to be gone on with, or finish it first.",
)
@pass_session
def daemon(session: Session, metrics_listen: str | None, metrics_file: Path | None, on_stop: str) -> ExitStatus:
    """Carry out the schedules of all policies, in one process.

    Policies of one cluster take turns. What was due while no daemon was there is caught up once, as the policy says.
    SIGHUP reads the configuration again. Exit status: 0, or 143 or 130 when something was interrupted that the next
    daemon goes on with.
    """
    listen = address(metrics_listen) if metrics_listen is not None else None
    lock = threading.RLock()  # a signal may come while the main thread speaks

    def tell(duty: Duty) -> Notify:
        about = {"policy": duty.policy, "activity": duty.activity.value}
        return logging(session.err, session.clock, session.log_format, session.verbosity, lock, about)

    say = logging(session.err, session.clock, session.log_format, session.verbosity, lock, {})
    work = Daemon(session.load_wiring, tell, say)
    measures = Measures(work, say, metrics_file)
    if listen is not None or metrics_file is not None:
        work.tick = measures.tick
    pages = _pages(work, measures, listen) if listen is not None else None
    _listen_to_signals(session, work, say, finish=on_stop == "finish")
    say(StepStarted("the daemon has begun"))
    try:
        cut_short = work.run()
    finally:
        if pages is not None:
            pages.close()
    say(StepStarted("the daemon ends"))
    for interrupted in cut_short:
        explain(interrupted, session.err)
    return cut_short[-1].status if cut_short else ExitStatus.DONE


def _pages(work: Daemon, measures: Measures, listen: tuple[str, int]) -> Pages:
    def health() -> tuple[bool, object]:
        lanes = work.health
        return all(lane.healthy for lane in lanes), document("Health", {"lanes": lanes})

    return Pages(listen, {"/metrics": metrics_page(measures.text), "/healthz": health_page(health)})


def _listen_to_signals(session: Session, work: Daemon, say: Notify, *, finish: bool) -> None:
    """The first signal stops or lets finish, a second one interrupts what is being finished, one more ends at once."""

    def asked(number: int, frame: FrameType | None) -> None:
        if finish and not work.ending:
            say(StepStarted("finishing what is under way; once more interrupts it"))
            work.finish()
            return
        session.stop(number, frame)

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)
    signal.signal(signal.SIGHUP, lambda _number, _frame: work.reload())
