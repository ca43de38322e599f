"""Health checks: probes each checked server, and each agent, at its interval and reports what it saw.

    start ──▶ wait ──▶ begin ──▶ connect, send, receive as `policy.checks` says ──▶ finish ─┐
               ▲                       every end: answer, error, deadline                   │
               └──────────────────────── the interval, from the end on ─────────────────────┘

One check at a time per server; its socket is closed before its result is reported.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import select
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from wproxy.config.model import Address, Global, Mode, Timeouts
from wproxy.config.tls import TlsServer
from wproxy.dataplane.ends import ends_of_probe
from wproxy.dataplane.probe_sockets import ProbeSockets
from wproxy.dataplane.probe_targets import AgentTarget, HealthTarget, Target
from wproxy.dataplane.probe_tls import ProbeTls
from wproxy.dataplane.resolving import is_literal, resolve
from wproxy.dataplane.services import Services
from wproxy.dataplane.tls import WrongNameError
from wproxy.policy.checks.dialogue import HANDSHAKE_FAILED, Action, Dialogue, Wait
from wproxy.policy.checks.kinds import plan_of
from wproxy.policy.checks.steps import Connect, Send
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.protocols.proxy_header import WRITERS, Ends
from wproxy.state.backend import Backend
from wproxy.state.control import Control
from wproxy.state.server import Server

_READ_BYTES = 16384


class Prober:
    """Owns the probes and their sockets; `close` ends them all."""

    def __init__(self, services: Services, control: Control, settings: Global) -> None:
        self._services = services
        self._control = control
        self._settings = settings
        self._sockets = ProbeSockets(services.loop)
        self._probes: dict[Server, list[Probe]] = {}

    def start(self, backends: Iterable[Backend]) -> None:
        """Begin to check the servers of `backends`, spread over the interval so that they are not probed all at once.

        Over that of all of them together, as in HAProxy: many backends have one server only.
        """
        targets = [
            (backend, target)
            for backend in backends
            for server in backend.servers
            for target in self._targets(backend, server)
        ]
        for position, (backend, target) in enumerate(targets):
            self._start(backend, target, position / len(targets))

    def start_one(self, backend: Backend, server: Server) -> None:
        """Begin to check a server that has come later."""
        for target in self._targets(backend, server):
            self._start(backend, target, 0.0)

    def stop(self, server: Server) -> None:
        """Check a server no more that is gone."""
        for probe in self._probes.pop(server, ()):
            probe.close()

    def close(self) -> None:
        """Check no more."""
        for server in list(self._probes):
            self.stop(server)
        self._sockets.close()

    def _targets(self, backend: Backend, server: Server) -> Iterator[Target]:
        if server.check is not None:
            elsewhere = server.check_host is not None or server.check_port is not None
            stores = backend.config.mode is Mode.REDIS and not elsewhere
            plan = plan_of(backend.config.check, server.line.login, stores=stores)
            yield HealthTarget(server, server.check, plan, self._control.report_check)
        if server.agent is not None:
            yield AgentTarget(server, self._control.report_agent)

    def _start(self, backend: Backend, target: Target, position: float) -> None:
        """Begin to check after a part `position` of the interval."""
        delay_s = target.inter_s * position
        if self._settings.max_spread_checks_s is not None:
            delay_s = min(delay_s, self._settings.max_spread_checks_s)
        probe = Probe(target, backend.config.timeouts, self._services, self._sockets, self._settings.spread_checks)
        self._probes.setdefault(target.server, []).append(probe)
        probe.wait(delay_s)


class Probe:
    """Checks one target again and again."""

    __slots__ = (
        "_began", "_connecting", "_dialogue", "_header", "_plan", "_services", "_socket", "_sockets", "_spread",
        "_target", "_task", "_timeouts", "_timer", "_tls", "_tls_settings",
    )  # fmt: skip

    def __init__(
        self, target: Target, timeouts: Timeouts, services: Services, sockets: ProbeSockets, spread: float
    ) -> None:
        self._target = target
        self._timeouts = timeouts
        self._services = services
        self._sockets = sockets
        self._spread = spread
        self._plan = target.plan()
        self._dialogue = Dialogue(self._plan)
        self._socket: socket.socket | None = None
        self._connecting = False
        self._header: int | None = None  # version of what this connection begins with
        self._tls_settings: TlsServer | None = None  # of this connection
        self._tls: ProbeTls | None = None  # once it is open
        self._task: asyncio.Task[None] | None = None  # while a name is looked up
        self._timer: asyncio.TimerHandle | None = None  # of the next check, or the deadline of this one
        self._began = 0.0

    def wait(self, delay_s: float) -> None:
        """Check after `delay_s` seconds."""
        self._set_timer(delay_s, self._begin)

    def close(self) -> None:
        """Stop, whatever is under way."""
        self._hang_up()
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def ready(self, events: int) -> None:
        """Go on with the socket: connected, or something to read."""
        if self._connecting:
            assert self._socket is not None
            error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                self._finish(self._dialogue.broken(os.strerror(error)))
                return
            self._connected()
        if events & ~select.EPOLLOUT:
            self._receive()

    # -- one check -------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._target.begin():
            self.wait(self._target.inter_s)
            return
        self._began = self._services.clock()
        self._plan = self._target.plan()
        self._dialogue = Dialogue(self._plan, stopped=not self._target.server.running)
        self._follow(self._dialogue.start())

    def _follow(self, action: Action) -> None:
        """Do what the dialogue says until it waits."""
        while not isinstance(action, Wait):
            match action:
                case CheckResult():
                    self._finish(action)
                    return
                case Connect():
                    self._connect(action)
                    return
                case Send():
                    if not self._send(action.data):
                        return
                    action = self._dialogue.done()

    def _introduce(self, version: int) -> bool:
        """Send a PROXY header: version 1 tells the probe's own ends, version 2 that there is no client, as HAProxy."""
        assert self._socket is not None
        try:
            ends = ends_of_probe(self._socket) if version == 1 else Ends()
        except OSError as error:
            self._finish(self._dialogue.broken(error.strerror or str(error)))
            return False
        return self._send(WRITERS[version](ends))

    def _send(self, data: bytes) -> bool:
        """Send `data`, encrypted where TLS is spoken; when the connection is broken, end the check, return False."""
        return self._send_raw(data if self._tls is None else self._tls.encrypt(data))

    def _send_raw(self, data: bytes) -> bool:
        assert self._socket is not None
        try:
            # Questions are short, and the buffer of a fresh connection is empty: they fit.
            self._socket.send(data)
        except OSError as error:
            self._finish(self._dialogue.broken(error.strerror or str(error)))
            return False
        return True

    def _connect(self, step: Connect) -> None:
        self._hang_up()
        self._header = self._target.header() if step.default else None
        self._tls_settings = self._target.tls(step)
        address = self._target.address(step)
        limits = [self._target.inter_s]
        if self._timeouts.check_s is not None and self._timeouts.connect_s is not None:
            limits.append(self._timeouts.connect_s)
        if self._timer is None or self._timeouts.check_s is not None or step is self._plan.steps[0]:
            self._set_timer(min(limits), self._time_out)
        if address.path or is_literal(address.host):
            self._open(address, step)
        else:
            self._task = self._services.keep(self._services.loop.create_task(self._look_up(address, step)))

    async def _look_up(self, address: Address, step: Connect) -> None:
        try:
            address = await resolve(self._services.loop, address)
        except OSError as error:
            self._finish(self._dialogue.broken(f"cannot resolve {address.host}: {error.strerror or error}"))
            return
        self._open(address, step)

    def _open(self, address: Address, step: Connect) -> None:
        self._connecting = True
        try:
            self._socket = self._sockets.open(address, self, linger=step.linger, source=self._target.server.line.source)
        except OSError as error:
            # That this process has no descriptor left says nothing about the server.
            own = error.errno in (errno.EMFILE, errno.ENFILE)
            reason = error.strerror or str(error)
            self._finish(CheckResult(CheckStatus.UNKNOWN) if own else self._dialogue.broken(reason))

    def _connected(self) -> None:
        self._connecting = False
        if self._timeouts.check_s is not None:
            self._set_timer(self._timeouts.check_s, self._time_out)
        if self._header is not None and not self._introduce(self._header):
            return
        if self._tls_settings is None:
            self._follow(self._dialogue.done())
        else:
            self._tls = ProbeTls(self._tls_settings, self._services)
            self._dialogue.shaking_hands()
            self._shake_hands(self._tls)

    def _shake_hands(self, tls: ProbeTls) -> None:
        """Go on with the handshake; when it is over, with the check."""
        fault = ""
        try:
            tls.shake_hands()
        except WrongNameError as error:
            fault = str(error)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            fault = "Connection closed during SSL handshake"
        except ssl.SSLError:
            fault = HANDSHAKE_FAILED
        pending = tls.to_send()
        if pending:
            self._send_raw(pending)
        if self._tls is not tls:
            return  # sending has ended the check
        if fault:
            self._finish(self._dialogue.refused(fault))
        elif tls.agreed:
            self._follow(self._dialogue.done())

    def _receive_secured(self, tls: ProbeTls, data: bytes) -> None:
        """Take bytes of a server that speaks TLS."""
        tls.receive(data)
        if not tls.agreed:
            self._shake_hands(tls)
            if self._tls is not tls or not tls.agreed:
                return
        try:
            text, ended = tls.text()
        except ssl.SSLError:
            self._finish(self._dialogue.broken("SSL error"))
            return
        if text or ended:
            self._follow(self._dialogue.receive_data(text, ended=ended))

    def _receive(self) -> None:
        """Read what has come; each arrival is told once only, so until there is no more."""
        while self._socket is not None and not self._connecting:
            try:
                data = self._socket.recv(_READ_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._follow(self._dialogue.lost(error.strerror or str(error)))
                return
            if self._tls is None:
                self._follow(self._dialogue.receive_data(data, ended=not data))
            else:
                self._receive_secured(self._tls, data)
            if not data:
                return

    def _time_out(self) -> None:
        """End the check, unless its end has come while this process was held up: the loop looks at its clock first."""
        timer = self._timer
        self._sockets.turn()
        if self._timer is not timer:
            return
        if self._task is not None:
            self._task.cancel()
        self._finish(self._dialogue.timed_out())

    def _finish(self, result: CheckResult) -> None:
        """Hang up, tell the result, and wait for the next time."""
        self._hang_up()
        self._task = None
        duration_ms = int((self._services.clock() - self._began) * 1000)
        self._target.report(replace(result, duration_ms=duration_ms))
        interval_s = self._target.interval_s()
        self.wait(interval_s * (1 + random.uniform(-self._spread, self._spread)))

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._sockets.drop(self._socket)
            self._socket = None
        if self._tls is not None:
            self._tls.close()
            self._tls = None
        self._connecting = False

    def _set_timer(self, delay_s: float, what: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._services.loop.call_later(delay_s, what)
