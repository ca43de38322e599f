"""Lets clients in while limits allow; otherwise they wait in the kernel's queue: the listeners of all frontends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial

from wproxy.crew.headcount import PAUSE_S
from wproxy.dataplane.listener import Listener
from wproxy.state.frontend import Frontend, FrontendStatus
from wproxy.state.registry import Registry


class Gate:
    """`alone` are the frontends that no other worker serves, and `only` tells that there is no other process at all."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        registry: Registry,
        listeners: Mapping[str, Sequence[Listener]],
        keep: Callable[[asyncio.Task[None]], object],
        alone: Container[str],
        *,
        only: bool,
    ) -> None:
        self._loop = loop
        self._registry = registry
        self._listeners = listeners
        self._keep = keep
        self._alone = alone
        self._only = only
        self._held: asyncio.TimerHandle | None = None  # while the rate of all allows no more clients
        self._waiting: dict[str, asyncio.TimerHandle] = {}  # frontends whose own rate allows no more
        self._standing_back = False  # while other workers are to accept
        self._closed = False
        registry.admission.on_change = self.admit_all
        for frontend in registry.frontends.values():
            frontend.on_limit = partial(self.admit, frontend)

    async def open(self) -> None:
        """Let the first clients in."""
        for name, listeners in self._listeners.items():
            frontend = self._registry.frontends[name]
            if frontend.status is FrontendStatus.OPEN and self._accepts(frontend):
                for listener in listeners:
                    await listener.resume(singly=self._scarce(frontend))

    def close(self) -> None:
        """Let nobody in any more."""
        self._closed = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.pause()

    def admit_all(self) -> None:
        """Accept for every frontend, as far as the limits of the process allow; look again when a rate does."""
        wait_s = self._registry.admission.wait_s(self._loop.time())
        if wait_s and self._held is None:
            self._held = self._loop.call_later(wait_s, self._release)
        for frontend in self._registry.frontends.values():
            self.admit(frontend)

    def _release(self) -> None:
        self._held = None
        self.admit_all()

    def admit(self, frontend: Frontend) -> None:
        """Accept for `frontend` while it is open; without room clients wait in the kernel's queue."""
        if self._closed:
            return
        for listener in self._listeners.get(frontend.name, ()):
            if frontend.status is not FrontendStatus.OPEN:
                listener.refuse(alone=self._only)
            elif not self._accepts(frontend):
                listener.pause()
            else:
                resuming = listener.resume(singly=self._scarce(frontend))
                self._keep(self._loop.create_task(resuming))

    def stand_back(self) -> None:
        """Let the other workers accept for a moment, where they can."""
        if not self._standing_back:
            self._standing_back = True
            self._loop.call_later(PAUSE_S, self._step_forward)
            self.admit_all()

    def _step_forward(self) -> None:
        self._standing_back = False
        self.admit_all()

    def _accepts(self, frontend: Frontend) -> bool:
        """Tell whether limits allow one more client."""
        if self._standing_back and frontend.name not in self._alone:
            return False
        if frontend.full or self._registry.admission.full or self._held is not None:
            return False
        return frontend.rate_limit is None or not self._waits(frontend)

    def _waits(self, frontend: Frontend) -> bool:
        """Tell whether the rate of `frontend` allows no more clients now; look again when it does."""
        wait_s = frontend.wait_s(self._loop.time())
        if wait_s and frontend.name not in self._waiting:
            self._waiting[frontend.name] = self._loop.call_later(wait_s, self._again, frontend)
        return wait_s > 0

    def _again(self, frontend: Frontend) -> None:
        del self._waiting[frontend.name]
        self.admit(frontend)

    def _scarce(self, frontend: Frontend) -> bool:
        """Tell whether clients of `frontend` are to be accepted one by one, not to exceed a limit."""
        return frontend.scarce or self._registry.admission.scarce
