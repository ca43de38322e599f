"""SCAN over several servers: the cursor that a client holds tells which server is being walked, and how far.

    63 ………… 17 │ 16 …… 12 │ 11 … 10 │ 9 ……… 0
    server's own │ generation │ pass    │ server id

Redis' own cursor is smaller than its hash table, so the upper bits have room for it. A key that moves from a server
that is still to be walked to one that has been would be missed: so a round during which keys moved is followed by
another one, up to `_LAST_PASS`; keys then come twice, which SCAN allows. Whether they did is seen from the generation:
a number that is odd while keys move, and another one afterwards. The client's 0 begins and ends the walk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wproxy.protocols.resp.elements import elements
from wproxy.protocols.resp.values import array, bulk

_ID_BITS = 10
_PASS_BITS = 2
_GENERATION_BITS = 5
_GENERATIONS = 1 << _GENERATION_BITS
_SHIFT = _ID_BITS + _PASS_BITS + _GENERATION_BITS
_LAST_PASS = (1 << _PASS_BITS) - 1
MOST_SERVER_ID = (1 << _ID_BITS) - 1
_CURSOR_MAX = (1 << 64) - 1
_CURSOR_DIGITS = 20


class Cursor(NamedTuple):
    """Where a walk stands: which time it goes round, the `server_id` it is at, that server's own cursor.

    `generation` is what it was, cut to some bits, when the round began.
    """

    passed: int
    server_id: int
    own: int
    generation: int = 0


def read_cursor(text: bytes) -> Cursor | None:
    """Return the cursor that a client has sent, None when it is no number; `server_id` 0 is the beginning."""
    if not text.isdigit() or len(text) > _CURSOR_DIGITS or int(text) > _CURSOR_MAX:
        return None
    number = int(text)
    generation = number >> (_ID_BITS + _PASS_BITS) & (_GENERATIONS - 1)
    return Cursor(number >> _ID_BITS & _LAST_PASS, number & MOST_SERVER_ID, number >> _SHIFT, generation)


def first_server(cursor: Cursor, server_ids: Sequence[int], generation: int = 0) -> Cursor | None:
    """Return where to ask: the server of `cursor`, or the next one when that is gone; None when there is none left.

    `server_ids` are ascending, from 1 on. At the beginning the present `generation` is taken down.
    """
    began = cursor.generation if cursor.server_id else generation % _GENERATIONS
    for server_id in server_ids:
        if server_id >= cursor.server_id:
            return Cursor(cursor.passed, server_id, cursor.own if server_id == cursor.server_id else 0, began)
    return None


def next_cursor(at: Cursor, own: int, server_ids: Sequence[int], generation: int = 0) -> int:
    """Return the cursor for the client when the server of `at` has answered with its cursor `own`.

    When keys move now, or have moved since the round began, by the present `generation`, another round is due.
    """
    if own:
        return _number(at._replace(own=own))
    following = [server_id for server_id in server_ids if server_id > at.server_id]
    if following:
        return _number(at._replace(server_id=following[0], own=0))
    moved = generation & 1 or generation % _GENERATIONS != at.generation
    if moved and at.passed < _LAST_PASS and server_ids:
        return _number(Cursor(at.passed + 1, server_ids[0], 0, generation % _GENERATIONS))
    return 0


def _number(at: Cursor) -> int:
    return at.own << _SHIFT | at.generation << (_ID_BITS + _PASS_BITS) | at.passed << _ID_BITS | at.server_id


def own_cursor_of(reply: bytes) -> int:
    """Return the server's cursor in its reply to SCAN, an array of the cursor and the keys."""
    cursor = elements(reply)[0]
    return int(cursor[cursor.index(b"\r\n") + 2 : -2])


def with_cursor(reply: bytes, cursor: int) -> bytes:
    """Return a server's reply to SCAN with the cursor that the client gets."""
    return array([bulk(b"%d" % cursor), elements(reply)[1]])
