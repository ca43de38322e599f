"""Commands that change what a client's connection is: a row per command.

A handler returns False when the command has to wait until everything before it has been answered: HELLO because replies
in another protocol come over other connections, which must not overtake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from wproxy.dataplane.redis.blocking import may_block
from wproxy.dataplane.redis.own import hello
from wproxy.dataplane.redis.slot import Gather
from wproxy.dataplane.redis.subscriber import subscribe
from wproxy.dataplane.redis.transaction import multi, unwatch, watch, without_multi
from wproxy.policy.redis.blocking import TIMEOUTS
from wproxy.policy.redis.routing import Rule

if TYPE_CHECKING:
    from wproxy.dataplane.redis.conversation import Conversation

Handler: TypeAlias = "Callable[[Conversation, Rule, list[bytes], bytes], bool]"

_OK = b"+OK\r\n"
_NO_NUMBER = b"-ERR value is not an integer or out of range\r\n"
_OUT_OF_RANGE = b"-ERR DB index is out of range\r\n"
_AWAY = b"-SERVERDOWN no server is there to tell whether it has this database\r\n"
_TOO_LARGE = b"-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"
_MOST_DIGITS = 9
_LONGEST_NUMBER = 18


def _hello(client: Conversation, rule: Rule, arguments: list[bytes], raw: bytes) -> bool:
    if client.places:
        return client.wait()
    client.place().answer(hello(client, arguments))
    return True


def _reset(client: Conversation, rule: Rule, arguments: list[bytes], raw: bytes) -> bool:
    if client.places:
        return client.wait()
    client.start_over()
    client.place().answer(b"+RESET\r\n")
    return True


def _select(client: Conversation, rule: Rule, arguments: list[bytes], raw: bytes) -> bool:
    """Change the database; the first who wants one has the servers asked whether they have it."""
    text = arguments[1]
    number = int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else -1
    if number in client.router.databases:
        client.use(number)
        client.place().answer(_OK)
    elif number < 0:
        client.place().answer(_no_database(text))
    elif client.places:
        return client.wait()
    else:
        _try_database(client, number)
    return True


def _no_database(text: bytes) -> bytes:
    """Return what Redis says of a number that can be no database's."""
    digits = text.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > _LONGEST_NUMBER:
        return _NO_NUMBER
    return _OUT_OF_RANGE if -(2**31) <= int(text) < 2**31 else _TOO_LARGE


def _try_database(client: Conversation, number: int) -> None:
    def merged(replies: Sequence[bytes | None]) -> bytes:
        there = [reply for reply in replies if reply is not None]
        error = next((reply for reply in there if reply != _OK), None)
        if error is not None or not there:
            return error or _AWAY
        if len(there) == len(replies):
            client.router.databases.add(number)
        client.use(number)
        return _OK

    links, slot = client.router.links(2), client.place()
    if not links:
        slot.answer(_AWAY)
        return
    client.held = True
    for link, part in zip(links, Gather(slot, len(links), merged).parts(), strict=True):
        link.try_database(number, part)


STATEFUL: Mapping[str, Handler] = {
    "discard": without_multi,
    "exec": without_multi,
    "hello": _hello,
    "multi": multi,
    "psubscribe": subscribe,
    "punsubscribe": subscribe,
    "reset": _reset,
    "select": _select,
    "subscribe": subscribe,
    "unsubscribe": subscribe,
    "unwatch": unwatch,
    "watch": watch,
    **dict.fromkeys(TIMEOUTS, may_block),
}
