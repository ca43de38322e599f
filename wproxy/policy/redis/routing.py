"""Decides which servers a command goes to, or with which error it is answered: a verdict, without doing it.

A verdict is prepared once per command name (`Rule`), so that a request costs a dictionary look-up, its keys' slots and
nothing else.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from wproxy.policy.balance.key import slot_of
from wproxy.policy.redis.blocking import TIMEOUTS
from wproxy.policy.redis.commands import Command, Flag
from wproxy.policy.redis.fanout import FANOUTS
from wproxy.policy.redis.movable import MOVABLE, foreign_keys, movable_keys
from wproxy.policy.redis.splitting import SPLITTINGS, Splitting


class Target(enum.Enum):
    """Where a command goes."""

    OWN = "own"  # the proxy answers it itself
    SLOT = "slot"  # to the owner of its keys' slot
    SPLIT = "split"  # to the owners of its keys, taken apart (`splitting`)
    TURN = "turn"  # to the next server in turn
    EVERY = "every"  # to every server; the one that has the key answers
    ALL = "all"  # to every server; one answer is made of theirs (`fanout`)
    ANY = "any"  # to one server that answers for all
    SCAN = "scan"  # to the server that its cursor names (`scanning`)
    CHANNEL = "channel"  # to the server of its channel
    STATE = "state"  # it changes what the connection is, or holds it up: MULTI, SUBSCRIBE, BLPOP, SELECT
    CONTAINER = "container"  # what its subcommand says
    REFUSED = "refused"


_NOT_ROUTED = frozenset({Target.OWN, Target.STATE, Target.CONTAINER, Target.REFUSED})


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with one command.

    `absent` holds the replies by which a server says that it does not have the key (Target.EVERY); `merged` makes one
    reply of all.
    """

    command: Command
    target: Target
    absent: frozenset[bytes] = frozenset()
    check: Callable[[Sequence[bytes]], bytes | None] | None = None  # returns the error of arguments that cannot be done
    unchecked: int = 0  # so many arguments need no check
    merged: Callable[[Sequence[bytes | None]], bytes] | None = None
    routed: bool = field(init=False)  # a server answers it, and all that can be against it are its arguments

    def __post_init__(self) -> None:
        object.__setattr__(self, "routed", self.target not in _NOT_ROUTED)

    def free(self, count: int) -> bool:
        """Tell whether with `count` arguments it may go out unseen: it is what `fault` finds nothing against."""
        return self.routed and self.command.fits(count) and (self.check is None or count <= self.unchecked)

    @property
    def splitting(self) -> Splitting:
        """How it is taken apart (Target.SPLIT)."""
        return SPLITTINGS[self.command.name]

    def keys(self, arguments: Sequence[bytes]) -> Sequence[bytes]:
        """Return the keys in `arguments`; none where the arguments make no sense."""
        command = self.command
        if command.name in MOVABLE:
            return movable_keys(command.name, arguments) or ()
        return command.keys(arguments)

    def slot(self, arguments: Sequence[bytes]) -> int:
        """Return the slot that all keys in `arguments` share, or CROSSING, or KEYLESS."""
        return common_slot(self.keys(arguments))


_NIL = frozenset({b"$-1\r\n", b"_\r\n", b"*-1\r\n"})
_ZERO = frozenset({b":0\r\n"})
_NO_TTL = frozenset({b":-2\r\n"})

# What `balance roundrobin` can do with strings that are written once, and how a server says "not here".
_SCATTERED: Mapping[str, frozenset[bytes]] = {
    "get": _NIL,
    "dump": _NIL,
    "getrange": frozenset({b"$0\r\n\r\n"}),
    "substr": frozenset({b"$0\r\n\r\n"}),
    "strlen": _ZERO,
    "exists": _ZERO,
    "type": frozenset({b"+none\r\n"}),
    "ttl": _NO_TTL,
    "pttl": _NO_TTL,
    "expiretime": _NO_TTL,
    "pexpiretime": _NO_TTL,
    "del": _ZERO,
    "unlink": _ZERO,
    "touch": _ZERO,
    "expire": _ZERO,
    "pexpire": _ZERO,
    "expireat": _ZERO,
    "pexpireat": _ZERO,
    "persist": _ZERO,
}
_IN_TURN = frozenset({"set", "setex", "psetex"})
_STATES = frozenset(
    {
        "discard", "exec", "hello", "multi", "psubscribe", "punsubscribe", "reset", "select", "subscribe",
        "unsubscribe", "unwatch", "watch",
    }
)  # fmt: skip
_ONLY_BY_KEY = frozenset({"discard", "exec", "multi", "unwatch", "watch"})
_ANY = frozenset(
    {
        "command", "config|get", "config|help", "function|dump", "function|help", "function|list", "function|stats",
        "lastsave", "lolwut", "memory|help", "object|help", "pubsub|help", "script|help", "slowlog|help", "time",
        "xgroup|help", "xinfo|help",
    }
)  # fmt: skip
# Refused although their keys or flags would let them through, and what to say about it.
_REASONS: Mapping[str, str] = {
    "failover": "it concerns one server: ask that server itself",
    "migrate": "keys are where the weights put them",
    "pfdebug": "it is for those who debug a server: ask the server itself",
    "pfselftest": "it is for those who debug a server: ask the server itself",
    "replconf": "the proxy is no replica and has none",
    "restore-asking": "it belongs to Redis Cluster",
    "role": "it concerns one server: ask that server itself",
    "script|debug": "the connections to the servers are shared",
    "script|kill": "a running script holds up the shared connection: ask the server itself",
    "function|kill": "a running function holds up the shared connection: ask the server itself",
    "swapdb": "several servers cannot swap at one moment",
    "wait": "acknowledgements of replicas are told per connection, and connections to the servers are shared",
    "client|pause": "it concerns one server: ask that server itself",
    "client|tracking": "connections to the servers are shared, so none can tell what a client has read",
}
_CONDITIONS = frozenset({b"NX", b"XX", b"GET"})
_MANY = 2**31  # more arguments than a command can have


def rules(commands: Mapping[bytes, Command], own: frozenset[bytes], by_key: bool) -> dict[bytes, Rule]:
    """Return what to do with each of `commands`; `own` names, in upper case, those the proxy answers itself."""
    decide = _rule_by_key if by_key else _rule_in_turn
    containers = {name.partition(b"|")[0] for name in commands if b"|" in name} - {b"COMMAND"}
    table = {}
    for name, command in commands.items():
        if name in containers:
            table[name] = Rule(command, Target.CONTAINER)
        elif name.partition(b"|")[0] in own:
            table[name] = Rule(command, Target.OWN)
        else:
            table[name] = _rule_for_all(command, by_key) or decide(command)
    return table


def _rule_for_all(command: Command, by_key: bool) -> Rule | None:
    """Return the rule of a command that has nothing to do with where a key is."""
    name = command.name
    if name in _REASONS or (name in _ONLY_BY_KEY and not by_key):
        return Rule(command, Target.REFUSED)
    if name in _STATES or name in TIMEOUTS:
        return Rule(command, Target.STATE if by_key or name in _STATES else Target.REFUSED)
    if name in _ANY:
        return Rule(command, Target.ANY)
    if name in FANOUTS:
        return Rule(command, Target.ALL)
    if name == "scan":
        return Rule(command, Target.SCAN)
    return Rule(command, Target.CHANNEL) if name == "publish" else None


def _rule_by_key(command: Command) -> Rule:
    if command.name in SPLITTINGS:
        return Rule(command, Target.SPLIT, check=_even if command.name == "mset" else None)
    if command.name in MOVABLE:
        return Rule(command, Target.SLOT, check=_CHECKS.get(command.name))
    routable = command.first_key and not command.flags & (Flag.PUBSUB | Flag.MOVABLE_KEYS)
    return Rule(command, Target.SLOT if routable else Target.REFUSED)


def _rule_in_turn(command: Command) -> Rule:
    if command.name in _IN_TURN:
        return Rule(command, Target.TURN, check=_plain_set if command.name == "set" else None, unchecked=3)
    absent = _SCATTERED.get(command.name)
    if absent is None:
        return Rule(command, Target.REFUSED)
    check = _one_key if command.last_key < 0 else None
    return Rule(command, Target.EVERY, absent, check, 2, partial(merge, absent=absent))


def keyed(table: Mapping[bytes, Rule]) -> dict[bytes, range]:
    """Return the commands that go to the owner of their first argument and have no other key.

    Each with the legal numbers of its arguments, under its name in upper and in lower case: what a data path can decide
    by one look-up. Everything else is for `fault` and the rule's target.
    """
    found: dict[bytes, range] = {}
    for name, rule in table.items():
        counts = _counts(rule)
        if counts is not None:
            found[name] = found[name.lower()] = counts
    return found


def _counts(rule: Rule) -> range | None:
    """Return with how many arguments the command has one key, its first argument; None when that cannot be said."""
    command = rule.command
    if rule.target is Target.SPLIT:
        return range(1 + rule.splitting.step, 2 + rule.splitting.step)
    if rule.target is not Target.SLOT or command.name in MOVABLE or not command.first_key == 1 == command.last_key:
        return None
    return range(command.arity, command.arity + 1) if command.arity > 0 else range(-command.arity, _MANY)


def resolve(table: Mapping[bytes, Rule], arguments: Sequence[bytes]) -> Rule | None:
    """Return the rule of a command, or of its subcommand; None of an unknown one (`fault` says what is wrong)."""
    name = arguments[0]
    rule = table.get(name) or table.get(name.upper())
    if rule is not None and rule.target is Target.CONTAINER and len(arguments) > 1:
        return table.get(b"%b|%b" % (name.upper(), arguments[1].upper())) or rule
    return rule


def fault(rule: Rule | None, arguments: Sequence[bytes], balance: str) -> bytes | None:
    """Return the error reply for a command that goes nowhere, or None when it may go to its target."""
    if rule is None:
        return _unknown(arguments)
    command = rule.command
    if not command.fits(len(arguments)):
        if command.name == "exec":
            return b"-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"
        return b"-ERR wrong number of arguments for '%b' command\r\n" % command.name.encode()
    if rule.target is Target.REFUSED:
        return _refusal(command, balance)
    if rule.target is Target.CONTAINER:
        shown = _printable(arguments[1][:128])
        return b"-ERR unknown subcommand '%b'. Try %b HELP.\r\n" % (shown, command.name.upper().encode())
    if rule.check is None or len(arguments) <= rule.unchecked:
        return None
    return rule.check(arguments)


def _one_key(arguments: Sequence[bytes]) -> bytes | None:
    return b"-ERR '%b' with several keys needs 'balance key' on this proxy\r\n" % arguments[0].lower()


def _plain_set(arguments: Sequence[bytes]) -> bytes | None:
    if not _CONDITIONS.isdisjoint(word.upper() for word in arguments[3:]):
        return b"-ERR SET with NX, XX or GET needs 'balance key' on this proxy\r\n"
    return None


def _even(arguments: Sequence[bytes]) -> bytes | None:
    return None if len(arguments) % 2 else b"-ERR wrong number of arguments for 'mset' command\r\n"


def _no_patterns(arguments: Sequence[bytes]) -> bytes | None:
    if foreign_keys("sort", arguments):
        return b"-CROSSSLOT SORT with a pattern in BY or GET reads keys that may be on other servers\r\n"
    return None


def _declared(arguments: Sequence[bytes]) -> bytes | None:
    """A script without keys goes to any server: it may compute, but not touch keys that may be on another."""
    if arguments[2] == b"0" and calls(arguments[1]):
        return b"-CROSSSLOT a script that calls Redis has to name its keys: they tell which server runs it\r\n"
    return None


def calls(script: bytes) -> bool:
    """Tell whether a Lua script calls Redis commands, as far as its text shows."""
    return b"redis.call" in script or b"redis.pcall" in script


_CHECKS: Mapping[str, Callable[[Sequence[bytes]], bytes | None]] = {
    "sort": _no_patterns,
    "sort_ro": _no_patterns,
    "eval": _declared,
    "eval_ro": _declared,
}


CROSSING = -1  # of keys that do not share a slot
KEYLESS = -2  # of a command without keys, or whose arguments make no sense: any server will say so


def common_slot(keys: Sequence[bytes]) -> int:
    """Return the slot that all of `keys` share, CROSSING when they do not share one, KEYLESS without any."""
    if not keys:
        return KEYLESS
    slot = slot_of(keys[0])
    for key in keys[1:]:
        if slot_of(key) != slot:
            return CROSSING
    return slot


CROSSSLOT = b"-CROSSSLOT Keys in request don't hash to the same slot\r\n"


def merge(replies: Sequence[bytes | None], absent: frozenset[bytes]) -> bytes:
    """Make one reply of every server's (`None`: the server is away): the one of a server that has the key.

    Without one, "not here" is only true when every server has said so: an error of any server comes first.
    """
    error: bytes | None = None
    for reply in replies:
        if reply is None:
            error = error or SERVER_AWAY
        elif reply.startswith(b"-"):
            error = error or reply
        elif reply not in absent:
            return reply
    return error or replies[0] or SERVER_AWAY


SERVER_AWAY = b"-SERVERDOWN a server that may have this key is away\r\n"


def _refusal(command: Command, balance: str) -> bytes:
    name = command.name.encode()
    if reason := _REASONS.get(command.name):
        return b"-ERR '%b' is not supported by this proxy: %b\r\n" % (name, reason.encode())
    if balance != "key" and (command.first_key or command.name in _ONLY_BY_KEY or command.name in MOVABLE):
        return b"-ERR '%b' needs 'balance key' on this proxy: 'balance roundrobin' is for data written once\r\n" % name
    if command.flags & Flag.ADMIN:
        return b"-ERR '%b' is not supported by this proxy: it concerns one server, ask that server itself\r\n" % name
    return b"-ERR '%b' is not supported by this proxy\r\n" % name


def _unknown(arguments: Sequence[bytes]) -> bytes:
    """Return redis-server's words for a command it does not know, cut as it cuts them."""
    name = _printable(arguments[0][:128])
    shown = b""
    for argument in arguments[1:]:
        if len(shown) >= 128:
            break
        shown += b"'%b' " % _printable(argument[: 128 - len(shown)])
    return b"-ERR unknown command '%b', with args beginning with: %b\r\n" % (name, shown)


def _printable(text: bytes) -> bytes:
    """Return `text` without line ends, which would end the error line early."""
    return text.replace(b"\r", b" ").replace(b"\n", b" ")
