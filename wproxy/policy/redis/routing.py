"""Decides which servers a command goes to, or with which error it is answered: a verdict, without doing it.

A verdict is prepared once per command name (`Rule`), so that a request costs a dictionary look-up, its keys' slots and
nothing else.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wproxy.policy.balance.key import slot_of
from wproxy.policy.redis.commands import Command, Flag


class Target(enum.Enum):
    """Where a command goes."""

    OWN = "own"  # the proxy answers it itself
    SLOT = "slot"  # to the owner of its keys' slot
    TURN = "turn"  # to the next server in turn
    EVERY = "every"  # to every server; one answer is made of theirs
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with one command.

    `absent` holds the replies by which a server says that it does not have the key (Target.EVERY).
    """

    command: Command
    target: Target
    absent: frozenset[bytes] = frozenset()
    plain_set: bool = False  # SET: only without NX, XX and GET


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
_CONDITIONS = frozenset({b"NX", b"XX", b"GET"})
_MANY = 2**31  # more arguments than a command can have
_UNROUTABLE = Flag.BLOCKING | Flag.PUBSUB | Flag.MOVABLE_KEYS


def rules(commands: Mapping[bytes, Command], own: frozenset[bytes], by_key: bool) -> dict[bytes, Rule]:
    """Return what to do with each of `commands`; `own` names, in upper case, those the proxy answers itself."""
    decide = _rule_by_key if by_key else _rule_in_turn
    return {
        name: Rule(command, Target.OWN) if name in own else decide(command)
        for name, command in commands.items()
        if b"|" not in name
    }


def _rule_by_key(command: Command) -> Rule:
    routable = command.first_key and not command.flags & _UNROUTABLE
    return Rule(command, Target.SLOT if routable else Target.REFUSED)


def _rule_in_turn(command: Command) -> Rule:
    if command.name in _IN_TURN:
        return Rule(command, Target.TURN, plain_set=command.name == "set")
    absent = _SCATTERED.get(command.name)
    return Rule(command, Target.REFUSED) if absent is None else Rule(command, Target.EVERY, absent)


def keyed(table: Mapping[bytes, Rule]) -> dict[bytes, range]:
    """Return the commands that go to the owner of their first argument and have no other key.

    Each with the legal numbers of its arguments, under its name in upper and in lower case: what a data path can decide
    by one look-up. Everything else is for `fault` and the rule's target.
    """
    return {
        spelling: range(command.arity, command.arity + 1) if command.arity > 0 else range(-command.arity, _MANY)
        for name, rule in table.items()
        if rule.target is Target.SLOT and (command := rule.command).first_key == 1 == command.last_key
        for spelling in (name, name.lower())
    }


def fault(rule: Rule | None, arguments: Sequence[bytes], balance: str) -> bytes | None:
    """Return the error reply for a command that goes nowhere, or None when it may go to its target."""
    if rule is None:
        return _unknown(arguments)
    command = rule.command
    if not command.fits(len(arguments)):
        return b"-ERR wrong number of arguments for '%b' command\r\n" % command.name.encode()
    if rule.target is Target.REFUSED:
        return _refusal(command, balance)
    if rule.target is Target.EVERY and len(command.keys(arguments)) > 1:
        return b"-ERR '%b' with several keys needs 'balance key' on this proxy\r\n" % command.name.encode()
    if rule.plain_set and len(arguments) > 3 and not _CONDITIONS.isdisjoint(word.upper() for word in arguments[3:]):
        return b"-ERR SET with NX, XX or GET needs 'balance key' on this proxy\r\n"
    return None


def common_slot(keys: Sequence[bytes]) -> int:
    """Return the slot that all of `keys` share, -1 when they do not share one."""
    slot = slot_of(keys[0])
    for key in keys[1:]:
        if slot_of(key) != slot:
            return -1
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
    if balance != "key" and command.first_key:
        return b"-ERR '%b' needs 'balance key' on this proxy: 'balance roundrobin' is for data written once\r\n" % name
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
