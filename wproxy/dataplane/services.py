"""What every connection needs of the process: the loop, its clock, the timeouts, the live sessions, the errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wproxy.dataplane.tls_memory import TlsMemory
from wproxy.dataplane.wheel import Wheel
from wproxy.state.captures import Captures
from wproxy.state.session import Sessions
from wproxy.state.tls import TlsCounters


class Services:
    """Made once by `app`, shared by all of the data plane; owns the tasks that outlive their caller."""

    __slots__ = ("_tasks", "captures", "clock", "loop", "sessions", "started_at", "tls", "tls_memory", "warn", "wheel")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sessions: Sessions, captures: Captures, tls: TlsCounters | None = None
    ) -> None:
        self.loop = loop
        self.clock = loop.time
        self.started_at = loop.time()
        self.wheel = Wheel(loop)
        self.sessions = sessions
        self.captures = captures
        self.tls = tls or TlsCounters()
        self.tls_memory = TlsMemory()
        self.warn: Callable[[str], None] = lambda text: None  # tells the administrator; `app` says how
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Hold a reference to `task` until it is done: the loop itself holds none."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Cancel the tasks that still run and wait for their end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
