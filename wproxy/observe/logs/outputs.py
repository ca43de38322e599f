"""Where the lines of one proxy go: each `log` line's levels, header and length, in front of what sends the bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wproxy.config.model import LogTarget, Severity
from wproxy.observe.logs.header import Sender, header

Send = Callable[[bytes], None]
_SEVERITY_BITS = 3


class Output:
    """One `log` line."""

    __slots__ = ("_header", "_send", "_target")

    def __init__(self, target: LogTarget, sender: Sender, send: Send) -> None:
        self._target = target
        self._header = header(target.format, sender)
        self._send = send

    def write(self, severity: Severity, text: str, now: float) -> None:
        """Send `text` unless it is less grave than wanted; as HAProxy, cut it at the length, then end the line."""
        target = self._target
        if severity > target.level:
            return
        priority = target.facility << _SEVERITY_BITS | max(severity, target.minimum)
        line = (self._header(priority, now) + text).encode("utf-8", "surrogateescape")
        self._send(line[: target.length] + b"\n")


class Outputs:
    """All `log` lines of one proxy, those of the global section among them where it says `log global`."""

    __slots__ = ("_clock", "_outputs")

    def __init__(self, outputs: Iterable[Output], clock: Callable[[], float]) -> None:
        self._outputs = tuple(outputs)
        self._clock = clock  # seconds since 1970

    def __bool__(self) -> bool:
        return bool(self._outputs)

    def write(self, severity: Severity, text: str) -> None:
        """Send one line to each."""
        now = self._clock()
        for output in self._outputs:
            output.write(severity, text, now)
