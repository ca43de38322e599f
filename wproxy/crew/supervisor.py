"""The supervisor's side of the bus: tells workers the state, adds up what they count, gives out places on servers.

change ─▶ Control ─▶ records that differ ─▶ Outbox of each worker ─▶ in force there ─▶ DONE ─▶ command answered
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import field, replace
from functools import partial

from wproxy import meeting
from wproxy.config.model import Mode
from wproxy.crew.channel import Channel, wait
from wproxy.crew.remote import Remote, weights
from wproxy.crew.role import Bus, Duty, Role
from wproxy.policy.leases import Leases
from wproxy.policy.redis.whereabouts import Table, announced
from wproxy.protocols.bus import Json, Kind, Message, Outbox
from wproxy.records import dataclass
from wproxy.state import following, tables, tallies
from wproxy.state.backend import Backend
from wproxy.state.control import Control
from wproxy.state.epochs import Progress
from wproxy.state.redis_view import learn_all
from wproxy.state.server import Server
from wproxy.state.tallies import Tally

ANSWER_S = 5.0  # how long a worker may take; one that takes longer is replaced
_TICK_S = 1.0
_CONTENTION_S = 0.1  # how long places stay where they are while more are wanted than there are
_ADOPTION_S = 2.0  # how long a successor waits for what the workers know


@dataclass(slots=True)
class Member:
    """One worker, from its HELLO on."""

    number: int
    pid: int
    since: float
    channel: Channel
    outbox: Outbox = field(default_factory=Outbox)
    tally: Tally | None = None
    answers: dict[int, Json] = field(default_factory=dict)
    places: dict[str, list[Table]] = field(default_factory=dict)  # told, and not taken over yet
    clients: tables.Connections = field(default_factory=tables.Connections)
    late_since: float | None = None  # when it was first seen not to have confirmed


class Supervisor:
    """Follows `control`; `log` prints a line of a severity, `answer` is what workers' requests get."""

    def __init__(
        self,
        role: Role,
        control: Control,
        loop: asyncio.AbstractEventLoop,
        log: Callable[[str, str], None],
        answer: Callable[[str, Json], Json],
    ) -> None:
        assert role.bus is not None
        self._role = role
        self._bus: Bus = role.bus
        self._control = control
        self._registry = control.registry
        self._loop = loop
        self._log = log
        self._answer = answer
        self._members: dict[int, Member] = {}
        self._strangers: set[Channel] = set()  # those who have not said who they are
        self._retired: Tally | None = None
        self._legacy: Tally | None = None  # what was counted before this generation
        self._known: following.Records = {}
        self._number = 0
        self._questions = 0
        self._changing = False  # `changed` is about to be called
        self._leases: dict[str, Leases] = {}
        self._versions = 0
        self._adopting_until = loop.time() + _ADOPTION_S if role.successor else 0.0
        self._timers: list[asyncio.TimerHandle] = []
        self._contention: asyncio.TimerHandle | None = None
        self.on_settled: Callable[[], None] | None = None  # called when changes are in force in every worker
        self.on_empty: Callable[[], None] | None = None  # called when the last worker has gone
        self.on_entries: Callable[[tables.Entries], None] | None = None  # called with what is new in stick tables
        self.on_places: Callable[[], None] | None = None  # called when what is kept for the next process has changed
        self._keyed: list[tuple[Backend, int]] = []  # whose keys move, and the number of the worker that moves them
        for backend in self._registry.backends.values():
            if backend.config.mode is Mode.REDIS:
                backend.under_way = partial(self._under_way, backend)
            if backend.balance == "key" and not backend.config.redis_eject:
                backend.epochs = Remote(self, backend)
                self._keyed.append((backend, self._mover_of(backend)))

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let the workers in."""
        self._bus.listening.setblocking(False)
        for backend, _ in self._keyed:
            # A weight may change before there is a worker: it has to know what was before.
            backend.places = backend.places or announced([], weights(backend))
        self._known = following.records(self._registry)
        self._number = 1
        self._control.subscribe(lambda notice: self._change_soon())
        self._loop.add_reader(self._bus.listening, self._accept)
        self._tick()

    def close(self) -> None:
        """Leave the workers alone."""
        self._loop.remove_reader(self._bus.listening)
        self._bus.close()
        for timer in (*self._timers, self._contention):
            if timer is not None:
                timer.cancel()
        for channel in [*self._strangers, *(member.channel for member in self._members.values())]:
            channel.close()

    @property
    def members(self) -> list[Member]:
        """The workers, by number."""
        return [self._members[number] for number in sorted(self._members)]

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._members)

    def inherit(self, counted: Tally) -> None:
        """Count on from what processes before this generation have counted."""
        self._legacy = tallies.sum_of(self._legacy, counted)
        self.merge()

    def finish(self) -> None:
        """Have the workers finish their sessions and end: for when there is no master to tell them."""
        for member in self.members:
            member.channel.send(Kind.ACT, "finish")

    def _accept(self) -> None:
        sock = meeting.accept(self._bus.listening)
        if sock is not None:
            self._strangers.add(Channel(self._loop, sock, self._receive, self._lost))

    def _receive(self, channel: Channel, message: Message) -> None:
        if channel in self._strangers:
            if message.kind is Kind.HELLO and message.body["token"] == self._bus.token:
                self._strangers.discard(channel)
                self._hello(channel, message.body)
            else:
                channel.lost()
            return
        member = self._of(channel)
        if member is not None:
            self._take(member, message)

    def _of(self, channel: Channel) -> Member | None:
        return next((member for member in self._members.values() if member.channel is channel), None)

    def _hello(self, channel: Channel, body: Json) -> None:
        """Take in a worker: adopt what it knows, if this process began without; then tell it all there is."""
        number = body["number"]
        before = self._members.pop(number, None)
        if before is not None:
            self._let_go(before)
            before.channel.close()
        if body["records"] and self._loop.time() < self._adopting_until:
            self._adopting_until = 0.0
            following.apply(self._control, body["records"], lambda name: following.Share())
            if self.on_places is not None:
                self.on_places()
            self._log("NOTICE", f"Took over the state that worker {number} knows.")
        member = self._members[number] = Member(number, body["pid"], body["since"], channel)
        for name, held in body["held"].items():
            self._leases_of(name).join(number, held)
        member.outbox.put(self._number, self._known)
        self.changed()
        self._settle_leases()
        self._flush(member)
        self._announce()
        entries = tables.all_entries(self._registry, self._loop.time())
        if entries:
            channel.send(Kind.ENTRIES, entries)

    def _lost(self, channel: Channel) -> None:
        self._strangers.discard(channel)
        member = self._of(channel)
        if member is not None:
            del self._members[member.number]
            self._let_go(member)
            if self.on_empty is not None and not self._members:
                self.on_empty()

    def _let_go(self, member: Member) -> None:
        """Have what a worker has counted, and its places."""
        if member.tally is not None:
            self._retired = tallies.retired(self._retired, member.tally)
            member.tally = None
        left = member.clients.departed()
        if left:
            self._count_in(member, left)
        for leases in self._leases.values():
            leases.leave(member.number)
        self._settle_leases()

    def _take(self, member: Member, message: Message) -> None:
        match message:
            case Message(Kind.DONE, number):
                member.outbox.confirmed = number
                member.late_since = None
                self._take_places(member)
                self._flush(member)
            case Message(Kind.ANSWER, (number, answer)):
                member.answers[number] = answer
            case Message(Kind.TALLY, tally):
                self._count(member, tally)
            case Message(Kind.LAST_TALLY, tally):
                self._count(member, tally)
                self._retired = tallies.retired(self._retired, tally)
                member.tally = None
                self.merge()
            case Message(Kind.ENTRIES | Kind.COUNTS):
                self._share(member, message)
            case Message(Kind.LOAD, loads):
                for name, (version, held, wanted, sessions) in loads.items():
                    self._leases_of(name).report(member.number, version, held, wanted)
                    if sessions:
                        self._crowd(member, name.partition("/")[0], sessions)
                self._settle_leases()
            case Message(Kind.ACT, (number, question, argument)):
                member.channel.send(Kind.ANSWER, [number, self._answer(question, argument)])
            case Message(Kind.PLACES, places):
                member.places = places
                self._take_places(member)

    # -- state ---------------------------------------------------------------------------------------------------

    def _change_soon(self) -> None:
        if not self._changing:
            self._changing = True
            self._loop.call_soon(self.changed)

    def changed(self) -> None:
        """Tell the workers what is not as it was."""
        self._changing = False
        self._announce()
        now = following.records(self._registry)
        differing = {key: record for key, record in now.items() if self._known.get(key) != record}
        self._known = now
        if differing:
            self._number += 1
            for member in list(self._members.values()):  # one that is found to be gone leaves
                member.outbox.put(self._number, differing)
                self._flush(member)
            self._settle_leases()

    def _flush(self, member: Member) -> None:
        """Send the state, unless the worker has not taken yet what was sent before."""
        if not member.channel.waiting and (message := member.outbox.take()) is not None:
            member.channel.send_bytes(message)

    def settle(self) -> None:
        """Return when all that has changed is in force in every worker; one that is stuck is ended."""
        self.changed()
        self._wait(lambda member: member.outbox.settled)
        if self.on_settled is not None:
            self.on_settled()

    def _wait(self, done: Callable[[Member], bool]) -> None:
        """Wait for every worker that is there, and end those that take too long."""
        asked = list(self._members.values())

        def left() -> list[Member]:
            return [member for member in asked if member.channel.open and not done(member)]

        if left() and not wait([member.channel for member in asked], lambda: not left(), ANSWER_S):
            for member in left():
                self._end(member)

    def _end(self, member: Member) -> None:
        self._log("ALERT", f"Worker {member.pid} does not answer: it is ended, and another one started.")
        with suppress(OSError):
            os.kill(member.pid, signal.SIGKILL)
        member.channel.lost()

    # -- numbers -------------------------------------------------------------------------------------------------

    def _count(self, member: Member, tally: Tally) -> None:
        for known in tally.pop("captures", ()):
            self._registry.captures.keep(tallies.to_capture(known))
        views = {name: backend.view for name, backend in self._registry.backends.items()}
        learn_all(views, member.number, tally.pop("views", {}))
        member.tally = tally

    def refresh(self) -> None:
        """Have the registry show what all workers have counted up to now."""
        self.ask("tally", None)
        self.merge()

    def merge(self) -> None:
        """Have the registry show what the workers have told last."""
        known = [member.tally for member in self._members.values() if member.tally is not None]
        if self._retired is not None:
            known.append(self._retired)
        tallies.merge(self._registry, known, self._legacy)

    def ask(self, question: str, argument: object, of: Iterable[Member] | None = None) -> dict[int, Json]:
        """Return what each worker answers, by its number."""
        self._questions += 1
        number = self._questions
        asked = self.members if of is None else list(of)
        for member in asked:
            member.channel.send(Kind.ASK, [number, question, argument])
        self._wait(lambda member: number in member.answers or member not in asked)
        return {member.number: member.answers.pop(number) for member in asked if number in member.answers}

    def run(self, level: int, command: str) -> list[str]:
        """Return what each worker answers to a command of the stats socket (`crew.interpreter.Crew`)."""
        answers = self.ask("run", [level, command])
        if command.split()[:2] == ["clear", "counters"]:
            self._forget_retired(whole=command.split()[2:] == ["all"])
        return [str(answers[number]) for number in sorted(answers)]

    def _forget_retired(self, *, whole: bool) -> None:
        """Clear what those who have ended have counted: the highest numbers, or the `whole`."""
        if self._retired is not None:
            self._retired = None if whole else tallies.without_maxima(self._retired)
        if self._legacy is not None:
            self._legacy = None if whole else tallies.without_maxima(self._legacy)
        self.refresh()

    def _tick(self) -> None:
        """Look at the workers once a second."""
        now = self._loop.time()
        self._timers = [self._loop.call_later(_TICK_S, self._tick)]
        self.changed()
        for member in list(self._members.values()):
            self._flush(member)
            if member.outbox.settled:
                member.late_since = None
            elif member.late_since is None:
                member.late_since = now
            elif now - member.late_since > ANSWER_S:
                self._end(member)
        self.merge()
        self._settle_leases()

    def _crowd(self, member: Member, name: str, sessions: int) -> None:
        """Take note at once of how many sessions a worker has in a backend: the places on servers depend on it."""
        if member.tally is not None:
            known = member.tally["backends"][name]
            self._registry.backends[name].current += sessions - known[0]
            known[0] = sessions

    # -- stick tables --------------------------------------------------------------------------------------------

    def _share(self, giver: Member, message: Message) -> None:
        if message.kind is Kind.COUNTS:
            giver.clients.note(message.body)
            self._count_in(giver, message.body)
            return
        new = tables.learn(self._registry, message.body, self._loop.time())
        self.share(new, giver)
        if self.on_entries is not None:
            self.on_entries(new)

    def _count_in(self, giver: Member, changes: tables.Changes) -> None:
        """Count what `giver` has counted, and have the others do so."""
        tables.follow(self._registry, changes, self._loop.time())
        for member in list(self._members.values()):
            if member is not giver:
                member.channel.send(Kind.COUNTS, changes)

    def share(self, entries: tables.Entries, giver: Member | None = None) -> None:
        """Tell the workers, but for the giver, of entries."""
        for member in list(self._members.values()):
            if entries and member is not giver:
                member.channel.send(Kind.ENTRIES, entries)

    # -- places on servers ---------------------------------------------------------------------------------------

    def _leases_of(self, name: str) -> Leases:
        leases = self._leases.get(name)
        if leases is None:
            leases = self._leases[name] = Leases()
        return leases

    def _settle_leases(self) -> None:
        """Give the places of each server that has a `maxconn` to those who want them."""
        if self._loop.time() < self._adopting_until and len(self._members) < self._role.workers:
            return  # somebody may have places that are not known of yet
        contended = False
        changed: dict[int, dict[str, Json]] = {}
        for server in self._registry.servers():
            name = f"{server}"
            if server.maxconn is None:
                if self._leases.pop(name, None) is not None:
                    for number in self._members:
                        changed.setdefault(number, {})[f"lease {name}"] = None
                continue
            leases = self._leases_of(name)
            for number in self._members:
                leases.admit(number)
            self._versions += 1
            for number, lease in leases.settle(server.limit, self._versions).items():
                changed.setdefault(number, {})[f"lease {name}"] = [self._versions, lease]
            contended = contended or leases.contended
        self._send_leases(changed)
        if contended and self._contention is None:
            self._contention = self._loop.call_later(_CONTENTION_S, self._contend)

    def _send_leases(self, changed: dict[int, dict[str, Json]]) -> None:
        if changed:
            self._number += 1
            for number, records in changed.items():
                if number in self._members:
                    self._members[number].outbox.put(self._number, records)
                    self._flush(self._members[number])

    def _contend(self) -> None:
        self._contention = None
        for leases in self._leases.values():
            leases.next_turn()
        self._settle_leases()

    # -- epochs --------------------------------------------------------------------------------------------------

    def _mover_of(self, backend: Backend) -> int:
        roles = (replace(self._role, duty=Duty.WORKER, number=number + 1) for number in range(self._role.workers))
        config = self._registry.config
        return next((role.number for role in roles if backend.name in role.reaches(config)), 0)

    def _announce(self) -> None:
        """Keep by which weights keys are going to lie before a worker moves the first: it may end before it tells."""
        for backend, number in self._keyed:
            mover = self._members.get(number)
            if mover is not None and mover.outbox.sent:
                before, backend.places = backend.places, announced(backend.places, weights(backend))
                if backend.places is not before and self.on_places is not None:
                    self.on_places()

    def _take_places(self, member: Member) -> None:
        """Take over where keys may lie from the worker that moves them, if it knows the last weights, too."""
        if not member.outbox.settled:
            return
        places, member.places = member.places, {}
        for name, told in places.items():
            backend = self._registry.backends[name]
            before, backend.places = backend.places, told
            if before != told and self.on_places is not None:
                self.on_places()

    def _under_way(self, backend: Backend, server: Server) -> bool:
        """Tell whether a worker waits for an answer of `server`, as they have told last."""
        known = [member.tally["backends"][backend.name][4] for member in self._members.values() if member.tally]
        return any(servers[server.name][5] for servers in known if server.name in servers)

    def progress(self, backend: str) -> Progress | None:
        """Return how far the keys of `backend` have followed its weights, None when its worker is away."""
        for answer in self.ask("progress", backend).values():
            if answer is not None:
                return Progress.of(answer)
        return None

    def owes(self, backend: str, server: str) -> int | None:
        """Return how many slots a server may have keys of without being their owner, None when nobody can tell."""
        told = [answer for answer in self.ask("owes", [backend, server]).values() if answer is not None]
        return max(told, default=None)
