"""Who is told of how an activity ended: the policy's notifications, each on the occasions that it names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from srbackup.app.wiring import Wiring
from srbackup.errors import SrbackupError
from srbackup.model.activity import Attempt
from srbackup.model.events import Notify, Warned
from srbackup.model.policy import Activity, Occasion, Policy
from srbackup.report.documents import document, dumps


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: the occasion and the attempt. `status` is the exit status, `cause` its name."""

    occasion: Occasion
    policy: str
    cluster: str
    activity: Activity
    due: datetime | None
    started: datetime
    finished: datetime
    duration: timedelta
    status: int
    cause: str
    message: str
    hint: str
    point: str
    bytes: int


def deliver(
    wiring: Wiring, policy: Policy, activity: Activity, occasion: Occasion, attempt: Attempt, notify: Notify
) -> int:
    """Tell everybody who wants to know, and return how many of them could not be told. Never fails itself."""
    text = dumps(document("Notification", _notice(policy, activity, occasion, attempt)))
    undelivered = 0
    for number, notification in enumerate(policy.notifications):
        if occasion not in notification.on:
            continue
        try:
            wiring.messenger(policy, number).deliver(text)
        except SrbackupError as error:
            undelivered += 1
            what = f"Notification {number + 1} of policy {policy.name!r} ({occasion}) was not delivered"
            notify(Warned(f"{what}: {error.message}", error.hint))
    return undelivered


def _notice(policy: Policy, activity: Activity, occasion: Occasion, attempt: Attempt) -> Notice:
    return Notice(
        occasion=occasion,
        policy=policy.name,
        cluster=policy.cluster,
        activity=activity,
        due=attempt.due,
        started=attempt.started,
        finished=attempt.finished,
        duration=attempt.finished - attempt.started,
        status=int(attempt.status),
        cause=attempt.cause,
        message=attempt.message,
        hint=attempt.hint,
        point=attempt.point,
        bytes=attempt.bytes,
    )
