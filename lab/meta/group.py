"""The group of FEs that keep one journal: a leader that writes, followers that replay, a majority that decides.

StarRocks uses Berkeley DB JE's replication; what a client sees of it is kept (an entry counts when a majority of
the joined members has it on disk; a new leader takes over a few seconds after the old one died; each leader has a
higher epoch), the protocol is a plain one over the edit log port:

    POST /append  entries after a known one, and how far they are decided
    POST /vote    a candidate asks for its election; first on trial, so that one who only missed the leader's
                  messages, being slow itself, does not end the term of a leader whom others hear
"""

from __future__ import annotations

import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from lab.httpd import Handler, Request, Response, Unreachable, as_json, call
from lab.meta.ballot import Ballot
from lab.meta.journal import Journal
from lab.meta.members import Address, NotDecided, NotLeader, Peer, Role
from lab.meta.records import Frontend
from lab.meta.state import Entry, Metadata

PATIENCE = 0.8  # of the election timeout: how long the first member waits for a silent leader; others a bit longer


class Group:
    """One FE's part in the group."""

    def __init__(
        self,
        me: Address,
        journal: Journal,
        metadata: Metadata,
        election_seconds: float,
        on_leader: Callable[[], None],
        on_deposed: Callable[[], None],
        *,
        alone: bool = False,
        joining: bool = False,
    ) -> None:
        self.me = me
        self._image = metadata
        self.metadata = metadata
        self.journal = journal
        self.alone = alone
        self._joining = joining
        self.role = Role.INIT
        self.leader: Address | None = None
        self.changed = threading.Condition(threading.RLock())
        self._election_seconds = election_seconds
        self._on_leader = on_leader
        self._on_deposed = on_deposed
        self._ballot = Ballot(journal.directory)
        self.epoch, self._voted_for = self._ballot.read()
        self.epoch = max(self.epoch, journal.last.epoch if journal.last else 0)
        self._replay(journal.max_id)
        self._decided = self.metadata.journal_id
        self._peers: dict[Address, Peer] = {}
        self._heard = time.monotonic()
        self._stopped = False

    @property
    def last_id(self) -> int:
        """The id of the last entry, be it in the journal or in the image alone.

        A journal that ends before the image does goes on where the journal ends: what is written then is skipped at the
        next start (journal/JournalWriter.java:82), which is why a copy takes the image before the journal."""
        return self.journal.max_id or self.metadata.journal_id

    # -- membership

    def members(self) -> list[Address]:
        """The joined electable members; at first the FE itself, and after bdbje_reset_election_group nobody else. One
        that was told to join others knows of nobody until it hears from their leader: it does not found a group."""
        if self.alone:
            return [self.me]
        found = [
            (fe.host, fe.edit_log_port) for fe in self.metadata.values(Frontend) if fe.joined and fe.role == "FOLLOWER"
        ]
        return found or ([] if self._joining else [self.me])

    def listeners(self) -> list[Address]:
        """Everyone else who is on the list, joined or not."""
        return [address for fe in self.metadata.values(Frontend) if (address := (fe.host, fe.edit_log_port)) != self.me]

    def majority(self) -> int:
        return len(self.members()) // 2 + 1

    def hears(self, address: Address) -> bool:
        """Whether a member answered lately."""
        peer = self._peers.get(address)
        return address == self.me or (peer is not None and time.monotonic() - peer.answered < self._election_seconds)

    def _is_led(self) -> bool:
        """Whether there is a leader: this FE, which a majority answers, or one that it heard of lately."""
        if self.role is Role.LEADER:
            return sum(self.hears(member) for member in self.members()) >= self.majority()
        return self.role is Role.FOLLOWER and time.monotonic() - self._heard < PATIENCE * self._election_seconds

    def replayed_by(self, address: Address) -> int:
        """How far a member is known to be."""
        return self._matched(address)

    # -- writing

    def write(self, entry_of: Callable[[int, int], Entry], after: Metadata) -> None:
        """Append an entry and wait until it is decided; then `after` is the state."""
        with self.changed:
            if self.role is not Role.LEADER:
                raise NotLeader
            entry = entry_of(self.last_id + 1, self.epoch)
            self.journal.append(entry)
            self._decide()
            self.changed.notify_all()
            self.changed.wait_for(lambda: self._decided >= entry.id or self.role is not Role.LEADER, timeout=10)
            if self._decided < entry.id:
                self._step_down(self.epoch)
                raise NotDecided(f"entry {entry.id} is not on a majority of {self.majority()} FE")
            self.metadata = after.numbered(entry.id)

    def _decide(self) -> None:
        """Move the decided id to what a majority has, if that is of this term."""
        members = self.members()
        have = sorted((self._matched(member) for member in members), reverse=True)
        decided = have[len(members) // 2]
        entry = self.journal.at(decided)
        if decided > self._decided and entry is not None and entry.epoch == self.epoch:
            self._decided = decided
            self.changed.notify_all()

    def _matched(self, member: Address) -> int:
        return self.last_id if member == self.me else self._peers.get(member, Peer()).matched

    # -- the life of a member

    def start(self) -> None:
        """Take part: alone at once as the leader, otherwise after hearing of one or being elected."""
        with self.changed:
            alone = self.members() == [self.me]
        if alone:
            self._become_leader(self.epoch + 1)
        threading.Thread(target=self._watch, name="group-watch", daemon=True).start()

    def stop(self) -> None:
        with self.changed:
            self._stopped = True
            self.role = Role.INIT
            self.changed.notify_all()

    def _watch(self) -> None:
        """Send to those who are new on the list; stand for election when the leader is silent."""
        sending: set[tuple[Address, int]] = set()
        pause = self._election_seconds / 5
        while True:
            with self.changed:
                before = time.monotonic()
                self.changed.wait(timeout=pause)
                if self._stopped:
                    return
                if time.monotonic() - before > 2 * pause:
                    self._heard = time.monotonic()  # this FE was asleep itself, which says nothing of the leader
                leading, epoch, others = self.role is Role.LEADER, self.epoch, self.listeners()
                members = self.members()
                place = members.index(self.me) / max(1, len(members)) if self.me in members else 1.0
                silent = time.monotonic() - self._heard > self._election_seconds * (PATIENCE + 0.4 * place)
            if leading:
                for address in others:
                    if (address, epoch) not in sending:
                        sending.add((address, epoch))
                        threading.Thread(target=self._send, args=(address, epoch), daemon=True).start()
            elif silent and self.me in members:
                self._stand()

    def _stand(self) -> None:
        """Ask the members for their votes, if a majority would give them."""
        if self._votes(self.epoch + 1, trial=True) < self.majority():
            with self.changed:
                self._heard = time.monotonic()
            return
        with self.changed:
            self.epoch += 1
            self._vote(self.me)
            self._heard = time.monotonic()
            epoch = self.epoch
        votes = self._votes(epoch, trial=False)
        with self.changed:
            if votes >= self.majority() and self.epoch == epoch and self.role is not Role.LEADER:
                self._become_leader(epoch)

    def _votes(self, epoch: int, *, trial: bool) -> int:
        """How many members want this FE as the leader of a term."""
        with self.changed:
            last = self.journal.last
            ask = {
                "epoch": epoch,
                "candidate": list(self.me),
                "last_id": self.last_id,
                "last_epoch": last.epoch if last else 0,
                "trial": trial,
            }
            others = [member for member in self.members() if member != self.me]
        votes = 1
        for host, port in others:
            try:
                votes += bool(call(host, port, "/vote", ask, timeout=self._election_seconds / 3)["granted"])
            except Unreachable:
                continue
        return votes

    def _become_leader(self, epoch: int) -> None:
        with self.changed:
            self.epoch = epoch
            self._vote(self.me)
            self.role, self.leader, self._peers = Role.LEADER, self.me, {}
            self.changed.notify_all()
        threading.Thread(target=self._first_entry, name="group-leader", daemon=True).start()

    def _first_entry(self) -> None:
        """A leader's first entry decides all that came before it; only then does the leader serve."""
        try:
            with self.changed:
                self._replay(self.journal.max_id)
                self.write(lambda number, epoch: Entry(number, epoch, [], []), self.metadata)
        except (NotDecided, NotLeader):
            return
        self._on_leader()

    def _follow(self, leader: Address, epoch: int) -> None:
        if epoch > self.epoch or self.leader != leader or self.role is not Role.FOLLOWER:
            self.epoch = epoch
            self.role, self.leader = Role.FOLLOWER, leader
            self.changed.notify_all()
        self._heard = time.monotonic()

    def _replay(self, up_to: int) -> None:
        """Bring the state up to an entry of the journal."""
        for entry in self.journal.after(self.metadata.journal_id):
            if entry.id > up_to:
                break
            self.metadata = entry.applied_to(self.metadata)

    # -- leader to member

    def _send(self, address: Address, epoch: int) -> None:
        """Keep one member up to date for as long as this FE leads."""
        with self.changed:
            peer = self._peers.setdefault(address, Peer())
        sent_decided = -1
        next_id = self.last_id + 1
        while True:
            with self.changed:
                news = partial(self._has_news, address, epoch, next_id, sent_decided)
                self.changed.wait_for(news, timeout=self._election_seconds / 5)
                if not self._sends_to(address, epoch):
                    return
                previous = self.journal.at(next_id - 1)
                entries = self.journal.after(next_id - 1)[:500]
                decided = self._decided
                body = {
                    "epoch": epoch,
                    "leader": list(self.me),
                    "previous": [next_id - 1, previous.epoch if previous else 0],
                    "entries": [b64encode(msgspec.json.encode(entry)).decode() for entry in entries],
                    "decided": decided,
                }
            try:
                answer = call(*address, "/append", body, timeout=2 * self._election_seconds)
            except Unreachable:
                time.sleep(0.1)
                continue
            with self.changed:
                peer.answered = time.monotonic()
                if answer["epoch"] > self.epoch:
                    self._step_down(answer["epoch"])
                    return
                if answer["ok"]:
                    sent_decided = decided
                    peer.matched = next_id - 1 + len(entries)
                    next_id = peer.matched + 1
                    self._decide()
                else:
                    next_id = max(self.journal.first_id, min(next_id - 1, answer["max_id"] + 1))
                    self.changed.wait(timeout=0.01)

    def _sends_to(self, address: Address, epoch: int) -> bool:
        return self.epoch == epoch and self.role is Role.LEADER and address in self.listeners()

    def _has_news(self, address: Address, epoch: int, next_id: int, sent_decided: int) -> bool:
        return self.last_id >= next_id or self._decided > sent_decided or not self._sends_to(address, epoch)

    def _step_down(self, epoch: int) -> None:
        if epoch > self.epoch:
            self.epoch, self._voted_for = epoch, None
        if self.role is Role.LEADER:
            self._on_deposed()
        self.role, self.leader = Role.FOLLOWER, None
        self._heard = time.monotonic()
        self.changed.notify_all()

    # -- what others ask of this FE

    def routes(self) -> dict[tuple[str, str], Handler]:
        return {("POST", "/append"): self._on_append, ("POST", "/vote"): self._on_vote}

    def _on_append(self, request: Request) -> Response:
        body = request.json()
        with self.changed:
            if body["epoch"] < self.epoch or self._stopped:
                return as_json({"ok": False, "epoch": self.epoch, "max_id": self.last_id})
            self._follow((body["leader"][0], body["leader"][1]), body["epoch"])
            previous_id, previous_epoch = body["previous"]
            known = self.journal.at(previous_id)
            fits = previous_id <= self.metadata.journal_id or (known is not None and known.epoch == previous_epoch)
            if not fits:
                return as_json({"ok": False, "epoch": self.epoch, "max_id": min(self.last_id, previous_id - 1)})
            self._take(msgspec.json.decode(b64decode(entry), type=Entry) for entry in body["entries"])
            self._replay(body["decided"])
            self._decided = self.metadata.journal_id
            self.changed.notify_all()
            return as_json({"ok": True, "epoch": self.epoch, "max_id": self.last_id})

    def _take(self, entries: Iterable[Entry]) -> None:
        new = []
        for entry in entries:
            mine = self.journal.at(entry.id)
            if mine is not None and mine.epoch != entry.epoch:
                self._forget(entry.id - 1)
                mine = None
            if mine is None and entry.id > self.last_id:
                new.append(entry)
        if new:
            self.journal.append(*new)

    def _forget(self, journal_id: int) -> None:
        """Entries that were never decided make way for the leader's."""
        self.journal.cut_after(journal_id)
        if self.metadata.journal_id > journal_id:
            self.metadata = self._image
            self._replay(journal_id)

    def image_saved(self, metadata: Metadata, *, trim: bool) -> None:
        """There is an image of this state: what the journal holds before it is not needed here any longer, and if all
        members have the image not by them either."""
        with self.changed:
            self._image = metadata
            if trim:
                self.journal.delete_before(metadata.journal_id)

    def _on_vote(self, request: Request) -> Response:
        ask = request.json()
        candidate = (ask["candidate"][0], ask["candidate"][1])
        with self.changed:
            last = self.journal.last
            mine = (last.epoch if last else 0, self.last_id)
            if ask["trial"]:
                wanted = ask["epoch"] > self.epoch and (ask["last_epoch"], ask["last_id"]) >= mine
                return as_json({"granted": wanted and not self._is_led(), "epoch": self.epoch})
            if ask["epoch"] > self.epoch:
                if self.role is Role.LEADER:
                    self._step_down(ask["epoch"])
                self.epoch, self._voted_for = ask["epoch"], None
            granted = (
                ask["epoch"] == self.epoch
                and self._voted_for in {None, candidate}
                and (ask["last_epoch"], ask["last_id"]) >= mine
            )
            if granted:
                self._vote(candidate)
                self._heard = time.monotonic()
            return as_json({"granted": granted, "epoch": self.epoch})

    def _vote(self, candidate: Address) -> None:
        self._voted_for = candidate
        self._ballot.write(self.epoch, candidate)
