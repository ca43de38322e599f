"""The master process of `-W`: starts the worker that serves, and on SIGUSR2 one with the configuration read anew.

                  ready                     SIGUSR1, and it finishes its sessions
    fork ─▶ starting ─▶ serving ─── reload ──▶ finishing ─▶ gone
              │ ends before it is ready: the one before goes on serving

Old and new worker listen on the same sockets, so nobody is refused in between. The master serves nobody; the pid file
holds its process id, and it ends when its last worker has ended.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from wproxy.config.model import Config
from wproxy.errors import WproxyError
from wproxy.sockets import Sockets, open_sockets

_START_TIMEOUT_S = 30.0
_EARLY_ENDS_MAX = 3  # workers that end unasked and early, one after the other, before the master gives up
_EARLY_S = 10.0

_SIGNALS = {
    signal.SIGUSR2, signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD,
}  # fmt: skip

Log = Callable[[str, str], None]
Serve = Callable[[Config, Sockets, Callable[[], None]], None]


@dataclass(slots=True)
class Generation:
    """One worker: its process, when it started, its configuration, and the master's own hold on its sockets."""

    pid: int
    started_at: float
    config: Config
    sockets: Sockets


class Master:
    """Runs workers; `load` reads the configuration anew, `serve` is what a worker does."""

    def __init__(self, load: Callable[[], Config], serve: Serve, log: Log) -> None:
        self._load = load
        self._serve = serve
        self._log = log
        self._current: Generation | None = None
        self._finishing: set[int] = set()
        self._stopped_by: signal.Signals | None = None
        self._unasked_ends = 0

    def run(self, config: Config, sockets: Sockets, ready: Callable[[], None]) -> int:
        """Serve until told to stop; return the exit code.

        0 after SIGUSR1, 128 and the signal's number after another, 1 when no worker stays alive.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        self._current = self._start(config, sockets)
        if self._current is None:
            return 1
        ready()
        while self._current is not None or self._finishing:
            self._handle(signal.Signals(signal.sigwait(_SIGNALS)))
        if self._stopped_by is None:
            return 1
        return 0 if self._stopped_by is signal.SIGUSR1 else 128 + self._stopped_by

    def _handle(self, number: signal.Signals) -> None:
        if number is signal.SIGCHLD:
            self._reap()
        elif number in (signal.SIGUSR2, signal.SIGHUP):
            self._reload()
        else:
            self._stopped_by = number
            self._forward(number)

    def _reload(self) -> None:
        """Start a worker with the configuration as it is now; when that fails, the one that serves goes on."""
        before = self._current
        if before is None or self._stopped_by is not None:
            return
        self._log("NOTICE", "Reloading: reading the configuration anew.")
        try:
            config = self._load()
            sockets = open_sockets(config, before.sockets.duplicates())
        except WproxyError as error:
            for line in str(error).splitlines():
                self._log("ALERT", line)
            self._log("WARNING", "Reload failed: the process goes on with the configuration it has.")
            return
        started = self._start(config, sockets)
        if started is None:
            self._log("WARNING", "Reload failed: the new worker did not start, the old one goes on.")
            return
        self._current = started
        before.sockets.close()
        self._finishing.add(before.pid)
        os.kill(before.pid, signal.SIGUSR1)
        self._log("NOTICE", f"Reloaded: worker {started.pid} serves, worker {before.pid} finishes its sessions.")

    def _start(self, config: Config, sockets: Sockets) -> Generation | None:
        """Fork a worker, return it when it serves; None, with the sockets closed, when it ended before."""
        reader, writer = os.pipe()
        # The files of unix sockets belong to no single worker: the master removes them when the last has ended.
        sockets.handed_over = True
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self._be_worker(config, sockets, writer)
        os.close(writer)
        is_ready = bool(select.select([reader], [], [], _START_TIMEOUT_S)[0]) and os.read(reader, 1) == b"+"
        os.close(reader)
        if is_ready:
            return Generation(pid, time.monotonic(), config, sockets)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        sockets.close()
        return None

    def _be_worker(self, config: Config, sockets: Sockets, writer: int) -> None:
        """Serve, then end the process; returns never."""
        if self._current is not None:
            self._current.sockets.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        for number in (signal.SIGUSR2, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

        def ready() -> None:
            os.write(writer, b"+")
            os.close(writer)

        code = 1
        try:
            self._serve(config, sockets, ready)
            code = 0
        except WproxyError as error:
            self._log("ALERT", str(error))
        except Exception:  # noqa: BLE001 # a defect: without this `os._exit` would end the worker without a word
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        """Take note of workers that have ended; replace the one that serves when nobody asked it to end."""
        for pid in list(self._finishing):
            if _has_ended(pid):
                self._finishing.discard(pid)
        current = self._current
        if current is None or not _has_ended(current.pid):
            return
        self._current = None
        if self._stopped_by is None:
            self._replace(current)
        if self._current is None:
            current.sockets.handed_over = False
            current.sockets.close()

    def _replace(self, ended: Generation) -> None:
        """Start a worker in place of one that nobody asked to end, unless that goes on and on."""
        is_early = time.monotonic() - ended.started_at < _EARLY_S
        self._unasked_ends = self._unasked_ends + 1 if is_early else 1
        if self._unasked_ends > _EARLY_ENDS_MAX:
            self._log("ALERT", f"Worker {ended.pid} ended unasked, as those before it: giving up.")
            return
        self._log("ALERT", f"Worker {ended.pid} ended unasked: starting another.")
        self._current = self._start(ended.config, ended.sockets)

    def _forward(self, number: signal.Signals) -> None:
        workers = self._finishing | ({self._current.pid} if self._current else set())
        for pid in workers:
            os.kill(pid, number)


def _has_ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid
