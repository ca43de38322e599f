"""The master process of `-W` and of `nbthread`: starts the processes that serve, and replaces those that die.

                  ready                     SIGUSR1, and it finishes its sessions
    fork ─▶ starting ─▶ serving ─── reload ──▶ finishing ─▶ gone
              │ ends before it is ready: the one before goes on serving

What serves one configuration is a generation: one process, or with `nbthread N` a supervisor and N workers. On SIGUSR2
there is another one, with the configuration read anew. Old and new listen on the same sockets, so nobody is refused in
between. The master serves nobody; the pid file holds its process id, and it ends when its last process has ended.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field

from wproxy import meeting
from wproxy.config.model import Config
from wproxy.crew.headcount import Headcount
from wproxy.crew.role import Bus, Duty, Process, Role
from wproxy.errors import WproxyError
from wproxy.records import dataclass
from wproxy.sockets import Sockets, open_sockets

_START_TIMEOUT_S = 30.0
_EARLY_ENDS_MAX = 3  # processes that end unasked and early, one after the other, before the master gives up
_EARLY_S = 10.0
_NEWS_BYTES = 4096  # a pipe takes them without a wait, if what was told before has been read
_AGAIN_S = 1.0  # until the next attempt to replace a worker, when one has failed

_SIGNALS = {
    signal.SIGUSR2, signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD,
}  # fmt: skip

Log = Callable[[str, str], None]
Serve = Callable[[Config, Sockets, Role, Callable[[], None]], None]


@dataclass(slots=True)
class Member:
    """One process: its number in its generation, when it started, the pipe on which it says that it is ready."""

    number: int
    started_at: float
    since: float  # the same, in seconds since 1970
    reader: int


@dataclass(slots=True)
class Generation:
    """What serves one configuration: its processes by process id, and the master's own hold on its sockets."""

    config: Config
    sockets: Sockets
    bus: Bus | None
    reloads: int
    news: tuple[int, int]  # a pipe to who owns the state
    members: dict[int, Member] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)  # when to try again to replace which number

    @property
    def workers(self) -> int:
        """How many processes serve clients."""
        return self.config.globals.nbthread


class Master:
    """Runs generations; `load` reads the configuration anew, `serve` is what a process does.

    `is_asked_for` tells that the user wants a master (`-W`), and not only several workers.
    """

    def __init__(self, load: Callable[[], Config], serve: Serve, log: Log, *, is_asked_for: bool = True) -> None:
        self._load = load
        self._serve = serve
        self._log = log
        self._is_asked_for = is_asked_for
        self._current: Generation | None = None
        self._finishing: list[Generation] = []
        self._stopped_by: signal.Signals | None = None
        self._unasked_ends = 0
        self._serial = 0
        self._reloads = 0
        self._started_at_s = time.time()
        self._lifeline = os.pipe()
        self._wishes = _open_wishes()

    def run(self, config: Config, sockets: Sockets, ready: Callable[[], None]) -> int:
        """Serve until told to stop; return the exit code.

        0 after SIGUSR1, 128 and the signal's number after another, 1 when no process stays alive. Without `-W` a signal
        that ends it makes no error of it.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        self._current = self._start(config, sockets)
        if self._current is None:
            return 1
        ready()
        while self._current is not None or self._finishing:
            self._wait()
        if self._stopped_by is None:
            return 1
        return 0 if self._stopped_by is signal.SIGUSR1 or not self._is_asked_for else 128 + self._stopped_by

    def _wait(self) -> None:
        """Handle the next signal, or replace whom it is time to replace."""
        due = [] if self._current is None else [*self._current.due.values()]
        if not due:
            self._handle(signal.Signals(signal.sigwait(_SIGNALS)))
            return
        came = signal.sigtimedwait(_SIGNALS, max(min(due) - time.monotonic(), 0.0))
        if came is not None:
            self._handle(signal.Signals(came.si_signo))
        elif self._current is not None and self._stopped_by is None:
            for number in [number for number, at in self._current.due.items() if at <= time.monotonic()]:
                del self._current.due[number]
                self._replace(self._current, number)

    def _handle(self, number: signal.Signals) -> None:
        if number is signal.SIGCHLD:
            self._reap()
        elif number in (signal.SIGUSR2, signal.SIGHUP):
            with suppress(BlockingIOError):
                os.read(self._wishes[0], 1024)
            self._reload()
        else:
            self._stopped_by = number
            for generation in self._generations():
                generation.due.clear()
                _tell(generation, number)
            self._forget_ended()

    def _generations(self) -> list[Generation]:
        return [*self._finishing, *([self._current] if self._current else [])]

    def _reload(self) -> None:
        """Start a generation with the configuration as it is now; when that fails, the one that serves goes on."""
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
            self._failed(before, str(error), "Reload failed: the process goes on with the configuration it has.")
            return
        self._reloads += 1
        started = self._start(config, sockets)
        if started is None:
            self._failed(before, "", "Reload failed: the new worker did not start, the old one goes on.")
            return
        self._current = started
        before.sockets.close()
        if before.bus is not None:
            before.bus.close()
        before.due.clear()
        self._finishing.append(before)
        _tell(before, signal.SIGUSR1)
        self._log("NOTICE", f"Reloaded: {_named(started, 'serve')}, {_named(before, 'finish', 'es')} old sessions.")
        self._forget_ended()

    def _failed(self, serving: Generation, reason: str, told: str) -> None:
        """Tell that a reload has failed, also to whom is asked why."""
        self._log("WARNING", told)
        os.write(serving.news[1], f"{reason}\n{told}\n".lstrip().encode()[:_NEWS_BYTES])

    # -- starting ------------------------------------------------------------------------------------------------

    def _start(self, config: Config, sockets: Sockets) -> Generation | None:
        """Fork a generation, return it when it serves; None, with the sockets closed, when it did not begin to."""
        # The files of unix sockets belong to no single process: the master removes them when the last has ended.
        sockets.handed_over = True
        workers = config.globals.nbthread
        generation = Generation(config, sockets, _open_bus(workers) if workers > 1 else None, self._reloads, os.pipe())
        # Workers are told the state by the supervisor, which has to be there.
        steps = [[0], [*range(1, generation.workers + 1)]] if generation.workers > 1 else [[0]]
        for numbers in steps:
            for number in numbers:
                self._fork(generation, number)
            if not all(_is_ready(member) for member in list(generation.members.values()) if member.number in numbers):
                _end(generation)
                sockets.close()
                return None
        return generation

    def _fork(self, generation: Generation, number: int, *, successor: bool = False) -> int:
        """Fork the process of a number, return its process id."""
        self._serial += 1
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self._be_member(generation, self._role(generation, number, successor=successor), writer)
        os.close(writer)
        generation.members[pid] = Member(number, time.monotonic(), time.time(), reader)
        return pid

    def _role(self, generation: Generation, number: int, *, successor: bool) -> Role:
        duty = Duty.ALL if generation.workers == 1 else Duty.WORKER if number else Duty.SUPERVISOR
        return Role(
            duty, number, generation.workers, self._serial, None if self._is_asked_for else os.getppid(), successor,
            generation.bus, self._lifeline[0], generation.news[0], self._wishes[1],
            Process(os.getppid(), "master", self._started_at_s, self._reloads), self._reloads, self._old(generation),
        )  # fmt: skip

    def _old(self, generation: Generation) -> tuple[Process, ...]:
        """Return the processes of the other generations."""
        others = [other for other in self._generations() if other is not generation]
        return tuple(
            Process(pid, _kind(other, member), member.since, other.reloads)
            for other in others
            for pid, member in other.members.items()
        )

    def _be_member(self, generation: Generation, role: Role, writer: int) -> None:
        """Serve, then end the process; returns never."""
        os.close(self._lifeline[1])
        os.close(self._wishes[0])
        for other in self._generations():
            if other is not generation:
                other.sockets.close()
                if other.bus is not None:
                    other.bus.close()
        if not role.owns:
            for _, listening in generation.sockets.stats:
                listening.close()
            generation.sockets.stats.clear()
            generation.sockets.close_meeting()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        for number in (signal.SIGUSR2, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

        def ready() -> None:
            os.write(writer, b"+")
            os.close(writer)

        code = 1
        try:
            self._serve(generation.config, generation.sockets, role, ready)
            code = 0
        except WproxyError as error:
            self._log("ALERT", str(error))
        except Exception:  # noqa: BLE001 # a defect: without this `os._exit` would end the worker without a word
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    # -- ends ----------------------------------------------------------------------------------------------------

    def _reap(self) -> None:
        """Take note of processes that have ended; replace those of the current generation that nobody asked to end."""
        for generation in self._generations():
            for pid, member in list(generation.members.items()):
                if pid in generation.members and _has_ended(pid):
                    del generation.members[pid]
                    if generation is self._current and self._stopped_by is None:
                        self._ended_unasked(generation, pid, member)
        self._forget_ended()

    def _ended_unasked(self, generation: Generation, pid: int, member: Member) -> None:
        """Start a process in place of one that nobody asked to end, unless that goes on and on."""
        what = _kind(generation, member).capitalize()
        is_early = time.monotonic() - member.started_at < _EARLY_S
        self._unasked_ends = self._unasked_ends + 1 if is_early else 1
        if self._unasked_ends > _EARLY_ENDS_MAX and not generation.members:
            self._log("ALERT", f"{what} {pid} ended unasked, as those before it: giving up.")
            return
        self._log("ALERT", f"{what} {pid} ended unasked: starting another.")
        self._replace(generation, member.number)

    def _replace(self, generation: Generation, number: int) -> None:
        """Start the process of a number anew; when that fails, try again later as long as others serve."""
        pid = self._fork(generation, number, successor=True)
        if _is_ready(generation.members[pid]):
            return
        _kill(pid)
        del generation.members[pid]
        if generation.members:
            generation.due[number] = time.monotonic() + _AGAIN_S

    def _forget_ended(self) -> None:
        """Let go of generations without a process."""
        for generation in [each for each in self._finishing if not each.members]:
            self._finishing.remove(generation)
            for descriptor in generation.news:
                os.close(descriptor)
        current = self._current
        if current is not None and not current.members and not current.due:
            self._current = None
            current.sockets.handed_over = False
            current.sockets.close()
            current.sockets.remove_files()


def _kind(generation: Generation, member: Member) -> str:
    return "supervisor" if generation.workers > 1 and not member.number else "worker"


def _open_wishes() -> tuple[int, int]:
    """Return a pipe of which a write sends this process SIGUSR2, whoever the writer has become meanwhile."""
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(reader, fcntl.F_SETSIG, signal.SIGUSR2)
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
    return reader, writer


def _open_bus(workers: int) -> Bus:
    """Return where the processes of a generation find their supervisor."""
    listening = meeting.listen()
    return Bus(listening, listening.getsockname(), secrets.token_hex(16), Headcount(workers))


def _is_ready(member: Member) -> bool:
    """Tell whether a process serves, as soon as it says so or ends."""
    ready = bool(select.select([member.reader], [], [], _START_TIMEOUT_S)[0]) and os.read(member.reader, 1) == b"+"
    os.close(member.reader)
    return ready


def _tell(generation: Generation, number: signal.Signals) -> None:
    for pid in generation.members:
        os.kill(pid, number)


def _end(generation: Generation) -> None:
    """End all of a generation that did not begin."""
    for pid in generation.members:
        _kill(pid)
    if generation.bus is not None:
        generation.bus.close()


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _named(generation: Generation, verb: str, ending: str = "s") -> str:
    pids = " ".join(str(pid) for pid in generation.members)
    return f"worker {pids} {verb}{ending}" if len(generation.members) == 1 else f"processes {pids} {verb}"


def _has_ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid
