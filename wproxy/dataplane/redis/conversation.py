"""What one client's commands have made of its connection, and what becomes of each command.

Most commands are the router's at once. Some change the connection (MULTI, SUBSCRIBE, SELECT), hold it up (BLPOP) or use
another connection to the server (WATCH): those wait until everything before them is answered, and what follows waits
until they are, so that a client sees its commands done in their order.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from typing import Protocol

from wproxy.config.login import Login
from wproxy.dataplane.redis.blocking import Blocked
from wproxy.dataplane.redis.guard import Guard
from wproxy.dataplane.redis.own import OWN
from wproxy.dataplane.redis.router import Router
from wproxy.dataplane.redis.slot import Place, Slot
from wproxy.dataplane.redis.stateful import STATEFUL
from wproxy.dataplane.redis.subscriber import MOST_BEHIND_BYTES, Subscriber
from wproxy.dataplane.redis.transaction import Watch
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.policy.redis.routing import Rule, Target, fault, resolve
from wproxy.policy.redis.secrets import NAMES
from wproxy.state.session import Session

# Python 3.11 takes 0.1 µs to find a member in its class.
_CONTAINER, _OWN, _STATE = Target.CONTAINER, Target.OWN, Target.STATE


class Modal(Protocol):
    """A state in which a client's commands mean something else: between MULTI and EXEC, or listening in RESP2."""

    @property
    def queued(self) -> int:
        """How many commands wait for EXEC, -1 outside MULTI."""

    def command(self, rule: Rule | None, refusal: bytes | None, arguments: list[bytes], raw: bytes) -> bool:
        """Take a command; `refusal` is the error for it outside. False when it has to wait for what is under way."""


class Conversation(asyncio.Protocol):
    """One client, as its commands see it. `plain` tells that a command may go out as it is, at once."""

    __slots__ = (
        "_opened", "blocked", "client_id", "client_name", "confided", "database", "door", "guard", "held", "library",
        "modal", "places", "plain", "protocol", "route", "router", "services", "session", "stopping", "subscriber",
        "transport", "under_way", "watch", "writable",
    )  # fmt: skip

    session: Session  # from the moment when the connection is made

    def __init__(self, route: Route, router: Router, services: Services, session: Session | None) -> None:
        self.route = route
        self.router = router
        self.door: Router | Guard = router  # where a command goes in
        self.services = services
        self._opened = session  # by a reception that the client has passed
        self.transport: asyncio.Transport = None  # type: ignore[assignment] # set when the connection is made
        self.places: deque[Place] = deque()
        self.under_way = 0  # commands in them
        self.protocol = 2
        self.database = 0
        self.client_id: int = 0
        self.client_name = b""
        self.library = (b"", b"")  # what the client says it is: name and version
        self.confided = False  # a secret was sent: none of its bytes are shown to anybody
        self.guard: Guard | None = None  # the door until the client has logged in
        self.plain = True
        self.held = False  # the next command waits until nothing is under way
        self.writable = True  # the client takes its replies
        self.stopping = False  # no more commands: QUIT, or a protocol error
        self.modal: Modal | None = None
        self.watch: Watch | None = None
        self.blocked: Blocked | None = None
        self.subscriber: Subscriber | None = None

    def command(self, arguments: list[bytes], raw: bytes) -> bool:
        """Do a command; False when it has to wait for what is under way."""
        door, name = self.door, arguments[0]
        rule = door.rules.get(name) or door.rules.get(name.upper())
        if rule is not None and self.modal is None and rule.free(len(arguments)):
            door.route(rule, arguments, raw, self.place(), self.protocol, self.database)
            return True
        if rule is not None and rule.target is _CONTAINER:
            rule = resolve(door.rules, arguments)
        refusal = fault(rule, arguments, self.router.backend.balance)
        if refusal is not None:
            self.confided |= name.upper() in NAMES
        if self.modal is not None:
            return self.modal.command(rule, refusal, arguments, raw)
        if refusal is None:
            return self.ordinary(rule, arguments, raw)
        self.place().answer(refusal)
        return True

    def ordinary(self, rule: Rule | None, arguments: list[bytes], raw: bytes) -> bool:
        """Do a command that nothing is against."""
        assert rule is not None
        if rule.target is _STATE:
            return STATEFUL[rule.command.name](self, rule, arguments, raw)
        slot = self.place()
        if rule.target is _OWN:
            slot.answer(OWN[arguments[0].upper()](self, arguments))
        else:
            self.door.route(rule, arguments, raw, slot, self.protocol, self.database)
        return True

    @property
    def queued(self) -> int:
        """How many commands wait for EXEC, -1 outside MULTI."""
        return -1 if self.modal is None else self.modal.queued

    def place(self, name: str | None = None) -> Slot:
        """Return the place of the next reply, to the command `name` where that is known."""
        slot = Slot(self, name)
        self.places.append(slot)
        self.under_way += 1
        return slot

    def wait(self) -> bool:
        """Have the command wait until nothing is under way."""
        self.held = True
        return False

    def enter(self, modal: Modal | None) -> None:
        """Be in that state from the next command on, None for the ordinary one."""
        self.modal = modal
        self.settle()

    def settle(self) -> None:
        """Say whether commands need more than a look at themselves, after something has changed."""
        self.plain = self.writable and not self.stopping and self.modal is None and not self.database

    def use(self, database: int) -> None:
        """Have the next commands executed in `database`."""
        self.database = database
        self.settle()

    def speak(self, protocol: int) -> None:
        """Answer in that protocol from now on."""
        self.protocol = protocol
        self.subscribed()

    def subscribed(self) -> None:
        """Take note that the client listens to something, or does no more."""
        subscriber = self.subscriber
        if subscriber is None:
            return
        if not subscriber.subscriptions:
            subscriber.close()
            self.subscriber = None
        self.enter(subscriber if self.protocol == 2 and subscriber.subscriptions else None)

    def unwatch(self) -> None:
        """Forget the watched keys."""
        if self.watch is not None:
            self.watch.release()
            self.watch = None

    def start_over(self) -> None:
        """Be as a client that has just come (RESET)."""
        self.unwatch()
        if self.subscriber is not None:
            self.subscriber.close()
            self.subscriber = None
        self.protocol, self.database, self.client_name = 2, 0, b""
        self.lock()
        self.enter(None)

    def let_go(self) -> None:
        """Give back what the client had of its own, when it is gone."""
        if self.watch is not None:
            self.watch.drop()
        if self.blocked is not None:
            self.blocked.cancel()
        if self.subscriber is not None:
            self.subscriber.close()
        self.watch = self.blocked = self.subscriber = None

    def push(self, message: bytes) -> None:
        """Write a message that answers no command; drop a client that leaves too many of them untaken."""
        self.session.bytes_out += len(message)
        self.transport.write(message)
        if not self.writable and self.transport.get_write_buffer_size() > MOST_BEHIND_BYTES:
            self.fall_behind()

    def fall_behind(self) -> None:
        """Drop a client that does not take its messages."""
        self.services.warn(
            f"frontend {self.route.frontend.name}: client {self.client_id} has left {MOST_BEHIND_BYTES >> 20} MB of"
            " messages untaken and is dropped"
        )
        self.close("PD")

    @property
    @abstractmethod
    def login(self) -> Login | None:
        """What the client must log in with; None where nobody has to."""

    @property
    def admitted(self) -> bool:
        """Whether the client is in."""
        return self.guard is None

    @abstractmethod
    def lock(self) -> None:
        """Shut the client out until it logs in, as one that has just come."""

    @abstractmethod
    def let_in(self) -> None:
        """Take note that the client has logged in."""

    @abstractmethod
    def answered(self) -> None:
        """Have the answered replies written (`slot.Owner`)."""

    @abstractmethod
    def origin(self) -> tuple[str, int]:
        """Return the client's address, and the database that it is in (`slot.Owner`)."""

    @abstractmethod
    def quit(self) -> None:
        """Take no more commands; close when those under way are answered."""

    @abstractmethod
    def close(self, cause: str) -> None:
        """End the session at once, for `cause`."""
