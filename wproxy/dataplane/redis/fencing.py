"""Waits until a server has answered all that was under way to it when some slots began to change owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.slot import One
from wproxy.policy.redis.epochs import Fence


class Fencing:
    """Waits until all links to a server have answered what was under way when the fence was put up."""

    __slots__ = ("_done", "_fence", "_left")

    def __init__(self, fence: Fence, done: Callable[[Fence], None]) -> None:
        self._fence = fence
        self._done = done
        self._left = 1

    def await_one(self) -> None:
        """Wait for one more call of `passed`."""
        self._left += 1

    def send(self, links: Sequence[Link]) -> None:
        """Put a question behind all that is under way on each of `links`."""
        for link in links:
            self._left += 1
            link.fence(_Mark(self.passed))
        self.passed()

    def passed(self) -> None:
        """Take note that one of them has answered, or can no longer."""
        self._left -= 1
        if not self._left:
            self._done(self._fence)


class _Mark(One):
    """Waits for a reply whose content does not matter."""

    __slots__ = ("_passed",)

    def __init__(self, passed: Callable[[], None]) -> None:
        self._passed = passed

    def answer(self, reply: bytes) -> None:
        """Pass it on."""
        self._passed()

    def refused(self, raw: bytes, error: bytes) -> None:
        """Nothing is under way on a broken link."""
        self._passed()
