"""Health checks: probes each checked server at its interval and reports what it saw."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable

from wproxy.config.model import Address, CheckSettings
from wproxy.dataplane.services import Services
from wproxy.state.backend import Backend
from wproxy.state.server import CheckResult, CheckStatus, Server

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Report = Callable[[Server, CheckResult], None]


class Prober:
    """One task per checked server; they end with the services that keep them."""

    def __init__(self, services: Services, report: Report) -> None:
        self._services = services
        self._report = report

    def start(self, backend: Backend) -> None:
        """Begin to check the servers of `backend`, spread over the interval so that they are not probed all at once."""
        checked = [server for server in backend.servers if server.check is not None]
        for position, server in enumerate(checked):
            self.start_one(backend, server, position / len(checked))

    def start_one(self, backend: Backend, server: Server, position: float = 0.0) -> None:
        """Begin to check `server`, if it is to be checked, after a part `position` of its interval."""
        check = server.check
        if check is None:
            return
        timeouts = backend.config.timeouts
        timeout_s = timeouts.check_s or min(check.inter_s, timeouts.connect_s or check.inter_s)
        probing = self._probe_for_ever(server, check, check.inter_s * position, timeout_s)
        self._services.keep(self._services.loop.create_task(probing))

    async def _probe_for_ever(self, server: Server, check: CheckSettings, delay_s: float, timeout_s: float) -> None:
        await asyncio.sleep(delay_s)
        while not server.removed:
            if server.checking and not server.admin.maint:
                self._report(server, await self._probe(server.check_address, timeout_s))
            await asyncio.sleep(check.inter_s)

    async def _probe(self, address: Address, timeout_s: float) -> CheckResult:
        """Connect and hang up (layer 4)."""
        began = self._services.clock()
        status, info = CheckStatus.L4OK, ""
        try:
            async with asyncio.timeout(timeout_s):
                await self._connect(address)
        except TimeoutError:
            status = CheckStatus.L4TOUT
        except OSError as error:
            # The loop words its errors in its own way; tools know the system's words.
            status, info = CheckStatus.L4CON, os.strerror(error.errno) if error.errno else str(error)
        return CheckResult(status, info, int((self._services.clock() - began) * 1000))

    async def _connect(self, address: Address) -> None:
        family = socket.AF_UNIX if address.path else socket.AF_INET6 if ":" in address.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            # A reset instead of a goodbye: the server is done with the probe at once, and so is the local port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            target = address.path or (address.host, address.port)
            await self._services.loop.sock_connect(probe, target)
