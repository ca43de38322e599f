r"""Splits what a client sends into validated commands, each with the bytes that may be passed on as they are.

A request is an array of bulk strings (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`) or an inline command (`GET k\r\n`). Every
count, length and CRLF is checked before a command is handed out, because the bytes join other clients' commands on one
server connection, where a shifted byte would give everybody somebody else's answers.

Rules: redis.io "RESP protocol spec"; error texts and limits as redis-server 7.0 answers them, but for one: a payload
that no CRLF follows is an error here, where Redis skips the two bytes unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from wproxy.errors import WproxyError
from wproxy.protocols.resp.inline import InlineError, split_inline
from wproxy.protocols.resp.runs import Long, Run, match_long, match_run


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may ask for before memory is taken: elements of a command, bytes of one, bytes of a line."""

    arguments: int = 1024 * 1024
    bulk_bytes: int = 512 * 1024 * 1024
    line_bytes: int = 64 * 1024


# One command: its arguments (the first is its name, in the client's case) and its bytes as a RESP array.
# A plain tuple, because one is made for every command.
Request: TypeAlias = tuple[list[bytes], bytes]


class RequestError(WproxyError):
    """A request that is not RESP. Raised by `RequestParser.take`; the session answers it and closes."""


_NUMBER = re.compile(rb"(?:0|-?[1-9]\d{0,18})\Z")  # "-0", "+3" and "03" are no numbers, as in Redis
_HTTP = frozenset({b"POST", b"HOST:"})
_MOST_IN_RUN = 256
_INT_MAX = 2**31 - 1
_GUARDED_ARGUMENTS = 10  # of whoever has yet to log in, as in Redis
_GUARDED_BULK_BYTES = 16384
_LONG_BYTES = 1024  # shorter ones are copied faster than they are set up for going uncopied
_DOLLAR = ord("$")
_STAR = ord("*")


class RequestParser:
    """Fed any split of a client's bytes, yields the same commands.

    `feed` takes bytes as they come, `take` returns the commands that are complete, in order.
    """

    __slots__ = (
        "_arguments", "_at", "_buffer", "_chunks", "_chunks_size", "_error", "_limits", "_missing", "_most_in_run",
        "_parts", "_start", "_wanted", "guarded",
    )  # fmt: skip

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._buffer = b""
        self._chunks: list[bytes] = []  # what came since the buffer was last looked at
        self._chunks_size = 0
        self._missing = 0  # bytes that must come before another look at the buffer is worth it
        self._parts: list[bytes] = []  # the beginning of the command in hand, read in earlier turns
        self._start = 0  # where the command in hand begins, or goes on
        self._at = 0  # where the next unread byte of it stands
        self._wanted = 0  # arguments of the command in hand that are still to come; 0 between commands
        self._arguments: list[bytes] = []
        self._error: RequestError | None = None
        self._most_in_run = 1
        self.guarded = False  # the client has yet to log in: one command at a time, and small ones only

    def feed(self, data: bytes) -> None:
        """Take `data`, the next bytes of the client."""
        self._chunks.append(data)
        self._chunks_size += len(data)

    def guard(self) -> None:
        """Treat the client as one that has yet to log in; `guarded` is set back when it has."""
        self.guarded = True
        if self._wanted + len(self._arguments) > _GUARDED_ARGUMENTS:  # of a command that has begun before
            self._error = RequestError("unauthenticated multibulk length")

    @property
    def idle(self) -> bool:
        """Whether what comes next begins a command, and nothing else is held."""
        return not self._chunks and self._at >= len(self._buffer) and not self._wanted and self._error is None

    @property
    def buffered(self) -> int:
        """How many bytes are held that belong to no command taken."""
        return sum(map(len, self._parts)) + len(self._buffer) - self._start + self._chunks_size

    @property
    def begun(self) -> bytes:
        """The name of the command in hand, b"" while it is not known."""
        return self._arguments[0] if self._arguments else b""

    def around(self, most: int) -> tuple[bytes, int, int]:
        """Return up to `most` bytes around the place that was refused or is to be read next.

        With them come where that place is and where the bytes begin, both counted from the beginning of the command.
        """
        position = sum(map(len, self._parts)) + self._at - self._start
        before = self._buffer[max(self._start, self._at - most // 2) : self._at]
        for part in reversed(self._parts):
            if len(before) >= most // 2:
                break
            before = part[-(most // 2) :] + before
        before = before[-(most // 2) :]
        after = self._buffer[self._at : self._at + most]
        for chunk in self._chunks:
            if len(after) >= most:
                break
            after += chunk[:most]
        return before + after[: most - len(before)], position, position - len(before)

    def take(self, limit: int) -> list[Request]:
        """Return up to `limit` complete commands, [] for "need more".

        Raise RequestError when what comes next can never become a command; those in front of it are returned first.
        """
        if self._error is not None:
            raise self._error
        requests: list[Request] = []
        if self._chunks_size < self._missing or not self._fill():
            return requests
        try:
            self._collect(requests, 1 if self.guarded else limit)
        except RequestError as error:
            self._error = error
            if not requests:
                raise
        return requests

    def _fill(self) -> bool:
        """Join what came to what is left; tell whether there is anything to read."""
        if self._chunks:
            if self._start < self._at:
                # Set aside, so that a command of many arguments is joined once and not in every turn.
                self._parts.append(self._buffer[self._start : self._at])
            if self._at < len(self._buffer):
                self._chunks.insert(0, self._buffer[self._at :])
            self._buffer = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            self._start = self._at = 0
            self._chunks.clear()
            self._chunks_size = self._missing = 0
        return self._at < len(self._buffer)

    def take_run(self, limit: int) -> Run | None:
        """Return up to `limit` commands as columns, None when what comes next has to be looked at by `take`."""
        if (
            self.guarded
            or self._wanted
            or self._error is not None
            or self._chunks_size < self._missing
            or not self._fill()
        ):
            return None
        return self._run(limit)

    def take_long(self, limit: int) -> list[Long]:
        """Return up to `limit` commands, when the next one has a long argument and has come in one read.

        [] when what comes next has to be looked at by `take`. To be called after `take_run`.
        """
        if self._wanted or self._error is not None or len(self._buffer) - self._at < _LONG_BYTES:
            return []
        found = match_long(self._buffer, self._at, limit, self._limits.bulk_bytes)
        self._start = self._at = self._at + sum(len(command.raw) for command in found)
        return found

    def run_in(self, data: bytes, limit: int) -> Run | None:
        """Return up to `limit` commands that `data` begins with, None when it has to be fed as it is.

        For a read that comes while nothing is held (`idle`): what is left of it has to be fed.
        """
        return None if self.guarded else self._match(data, 0, limit)

    def _run(self, limit: int) -> Run | None:
        run = self._match(self._buffer, self._at, limit)
        if run is not None:
            self._start = self._at = self._at + len(run.whole)
        return run

    def _match(self, buffer: bytes, at: int, limit: int) -> Run | None:
        """Find a run, at most twice as long as the last one that was there: a failed try costs no more than its kin."""
        run = match_run(buffer, at, min(limit, self._most_in_run))
        self._most_in_run = 1 if run is None else min(2 * self._most_in_run, _MOST_IN_RUN)
        return run

    def _collect(self, requests: list[Request], limit: int) -> None:
        """Append commands to `requests` until it holds `limit`, or more bytes are needed."""
        while True:
            if not self._wanted and (run := self._run(limit - len(requests))) is not None:
                requests += run.requests()
            if len(requests) >= limit or self._at >= len(self._buffer):
                return
            request = self._next()
            if request is None:
                return
            if request[0]:
                requests.append(request)

    def _next(self) -> Request | None:
        """Return the command in hand, one without arguments for `*0` or an empty line, or None for "need more"."""
        if not self._wanted:
            if self._buffer[self._at] != _STAR:
                return self._inline()
            count = self._count()
            if count is None:
                return None
            if count <= 0:
                self._start = self._at
                return [], b""
            self._wanted = count
        while self._wanted:
            argument = self._bulk()
            if argument is None:
                return None
            self._arguments.append(argument)
            self._wanted -= 1
        raw = self._buffer[self._start : self._at]
        if self._parts:
            raw = b"".join([*self._parts, raw])
            self._parts = []
        arguments, self._arguments = self._arguments, []
        self._start = self._at
        return arguments, raw

    def _count(self) -> int | None:
        """Read `*N` and step behind it."""
        end = self._line_end("too big mbulk count string")
        if end is None:
            return None
        text = self._buffer[self._at + 1 : end]
        count = int(text) if _NUMBER.match(text) else None
        if count is None or count > _INT_MAX:
            raise RequestError("invalid multibulk length")
        if self.guarded and count > _GUARDED_ARGUMENTS:
            raise RequestError("unauthenticated multibulk length")
        if count > self._limits.arguments:
            raise RequestError("invalid multibulk length")
        self._at = end + 2
        return count

    def _bulk(self) -> bytes | None:
        """Read one `$N` and its payload and step behind them."""
        buffer, at = self._buffer, self._at
        if at >= len(buffer):
            return None
        if buffer[at] != _DOLLAR:
            raise RequestError(f"expected '$', got '{chr(buffer[at])}'")
        end = self._line_end("too big bulk count string")
        if end is None:
            return None
        text = buffer[at + 1 : end]
        size = int(text) if _NUMBER.match(text) else -1
        if not 0 <= size <= self._limits.bulk_bytes:
            raise RequestError("invalid bulk length")
        if self.guarded and size > _GUARDED_BULK_BYTES:
            raise RequestError("unauthenticated bulk length")
        payload_end = end + 2 + size
        if len(buffer) < payload_end + 2:
            self._missing = payload_end + 2 - len(buffer)
            return None
        if buffer[payload_end : payload_end + 2] != b"\r\n":
            raise RequestError("expected CRLF after bulk payload")
        self._at = payload_end + 2
        return buffer[end + 2 : payload_end]

    def _line_end(self, too_long: str) -> int | None:
        """Return where the CRLF of the line in hand stands."""
        end = self._buffer.find(b"\r\n", self._at, self._at + self._limits.line_bytes + 1)
        if end >= 0:
            return end
        if len(self._buffer) - self._at > self._limits.line_bytes:
            raise RequestError(too_long)
        return None

    def _inline(self) -> Request | None:
        """Read one inline command, which ends in LF or CRLF."""
        end = self._buffer.find(b"\n", self._at, self._at + self._limits.line_bytes + 1)
        if end < 0:
            if len(self._buffer) - self._at > self._limits.line_bytes:
                raise RequestError("too big inline request")
            return None
        line = self._buffer[self._at : end].removesuffix(b"\r")
        try:
            arguments = split_inline(line)
        except InlineError as error:
            raise RequestError(str(error)) from error
        if arguments and arguments[0].upper() in _HTTP:
            # A browser can be made to send these; the commands in its body must not be reached.
            raise RequestError("this is HTTP")
        self._start = self._at = end + 1
        return arguments, pack(arguments)


def pack(arguments: list[bytes]) -> bytes:
    """Return `arguments` as a RESP array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    parts += [b"$%d\r\n%b\r\n" % (len(argument), argument) for argument in arguments]
    return b"".join(parts)
