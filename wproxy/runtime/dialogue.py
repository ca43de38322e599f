"""What a client of a stats socket and the proxy say to each other, line by line and without I/O.

    bytes ──feed──▶ lines ──▶ commands ──step──▶ answers

A client sends one line of commands, or several at once, and gets their answers; then the dialogue is finished. After
`prompt` it goes on and each answer ends in `> `. What a command lets the client watch is fetched by `follow` meanwhile.
A command that ends in `<<` takes the lines up to the next empty one as its payload, each asked for by `+ ` after
`prompt`.
"""

from __future__ import annotations

from collections import deque

from wproxy.runtime.command import Context
from wproxy.runtime.interpreter import Interpreter, split_line

LONGEST_LINE = 16 * 1024  # HAProxy's tune.bufsize, which bounds its lines and payloads too
_PAYLOAD = "<<"
_PROMPT, _MORE = b"> ", b"+ "


class Dialogue:
    """One client's side of the talk: `feed` what came, then `step` until there is nothing more to answer."""

    def __init__(self, interpreter: Interpreter, context: Context) -> None:
        self._interpreter = interpreter
        self._context = context
        self._conversation = context.conversation
        self._buffer = bytearray()
        self._commands: deque[str] = deque()  # of the line that is being answered
        self._payload: list[str] | None = None  # while the last of them waits for its payload
        self._payload_size = 0
        self._answered = False  # at least one line
        self.overrun = False  # the client sent a line that is too long: nothing more is to be answered

    @property
    def buffered(self) -> int:
        """How many bytes wait to be looked at."""
        return len(self._buffer)

    @property
    def finished(self) -> bool:
        """Whether the connection is to be closed, when everything is answered."""
        if self.overrun or self._conversation.closing:
            return True
        if self.following:
            return False
        waiting = self._commands or self._buffer or self._payload is not None
        return self._answered and not waiting and not self._conversation.prompt

    @property
    def following(self) -> bool:
        """Whether the client watches something: `follow` has to be called again and again, `step` does nothing."""
        return self._conversation.follow is not None

    def follow(self) -> bytes:
        """Return what the client is to see next of what it watches."""
        follow = self._conversation.follow
        if follow is None:
            return b""
        lines = follow.lines(self._interpreter.execute(self._context, follow.command))
        if follow.clock() >= follow.until:
            self.unfollow()
            lines.append("")  # ends an answer
            if self._conversation.prompt:
                return "\n".join([*lines, _PROMPT.decode()]).encode()
        return "".join(f"{line}\n" for line in lines).encode()

    def unfollow(self) -> None:
        """Have the client watch nothing any more."""
        follow, self._conversation.follow = self._conversation.follow, None
        if follow is not None:
            self._interpreter.execute(self._context, follow.end)

    def feed(self, data: bytes) -> None:
        """Take what the client sent."""
        self._buffer += data

    def step(self) -> bytes | None:
        """Run the next command and return its answer; None when the client has to say more, or nothing more."""
        while not (self.overrun or self._conversation.closing or self.following):
            if self._commands and self._payload is None:
                return self._run(self._commands.popleft(), "")
            line = self._next_line()
            if line is None:
                return None
            answer = self._take_line(line)
            if answer is not None:
                return answer
        return None

    def _take_line(self, line: str) -> bytes | None:
        """Take one line: commands, or a part of a payload; return what the client is to see of it at once."""
        if self._payload is None:
            self._commands.extend(split_line(line))
            return self._await_payload()
        if line:
            self._payload.append(line)
            self._payload_size += len(line) + 1
            self.overrun = self._payload_size > LONGEST_LINE
            return _MORE if self._conversation.prompt else None
        payload, self._payload = "\n".join(self._payload), None
        return self._run(self._commands.popleft().removesuffix(_PAYLOAD), payload)

    def _await_payload(self) -> bytes | None:
        """Hold the last command back when its payload is still to come."""
        if len(self._commands) != 1 or not self._commands[0].endswith(_PAYLOAD):
            return None
        self._payload = []
        self._payload_size = 0
        return _MORE if self._conversation.prompt else None

    def _run(self, command: str, payload: str) -> bytes:
        self._answered = True
        self._conversation.payload = payload
        answer = self._interpreter.execute(self._context, command).encode("utf-8", "replace")
        if self._conversation.closing:  # `quit` itself is not answered
            return b""
        waits = self._await_payload()
        ending = _PROMPT if self._conversation.prompt else b""
        return answer + ending + (waits or b"")

    def _next_line(self) -> str | None:
        end = self._buffer.find(b"\n")
        if end > LONGEST_LINE or (end < 0 and len(self._buffer) > LONGEST_LINE):
            self.overrun = True
            self._buffer.clear()
        if end < 0 or self.overrun:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.decode("utf-8", "replace").strip()
