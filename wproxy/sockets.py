"""The listening sockets of the process: opened, or inherited from the process that it takes over from."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path

from wproxy import meeting
from wproxy.config import model
from wproxy.dataplane.listener import close_listening, open_listening, remove_file
from wproxy.dataplane.log_sender import LogSenders
from wproxy.errors import BindError
from wproxy.records import dataclass

MEETING = "@meeting"  # how the socket is called among the addresses that are handed over


class Inherited:
    """Open listening sockets by the text of their address; what nobody takes is closed."""

    def __init__(self, sockets: list[tuple[str, socket.socket]]) -> None:
        self._by_address: dict[str, list[socket.socket]] = {}
        for address, listening in sockets:
            self._by_address.setdefault(address, []).append(listening)

    def take(self, address: model.Address) -> socket.socket | None:
        """Return the socket that listens at `address`, if there is one."""
        return self.take_named(str(address))

    def take_named(self, name: str) -> socket.socket | None:
        """Return the socket that goes by `name`, if there is one."""
        waiting = self._by_address.get(name)
        return waiting.pop(0) if waiting else None

    def close(self) -> None:
        """Close what was not taken: addresses that the new configuration does not have."""
        for waiting in self._by_address.values():
            for listening in waiting:
                listening.close()
        self._by_address.clear()


@dataclass(slots=True)
class Sockets:
    """Everything the process listens on, open: opened before it goes to the background, so that errors are seen.

    `handed_over`: another process has them too, so that the names of unix sockets belong to it now.
    `inherited` are those that came from a process which goes on with them unless this one takes its place.
    `meeting` is where processes that follow each other tell what they leave; None once it is closed.
    """

    frontends: dict[str, list[tuple[model.Bind, socket.socket]]] = field(default_factory=dict)
    stats: list[tuple[model.StatsSocket, socket.socket]] = field(default_factory=list)
    logs: LogSenders = field(default_factory=LogSenders)
    inherited: set[socket.socket] = field(default_factory=set)
    meeting: socket.socket | None = None
    handed_over: bool = False
    _files: list[str] = field(default_factory=list)  # of unix sockets that have been closed

    def all(self) -> Iterator[tuple[model.Address, socket.socket]]:
        """Yield every socket with its address."""
        for pairs in self.frontends.values():
            for bind, listening in pairs:
                yield bind.address, listening
        for line, listening in self.stats:
            yield line.address, listening

    def hand_over(self) -> list[tuple[str, socket.socket]]:
        """Return the sockets for another process, by the text of their address."""
        self.handed_over = True
        return [(name, listening) for name, listening in self._named()]

    def duplicates(self) -> Inherited:
        """Return duplicates of the sockets for a successor made by fork."""
        self.handed_over = True
        return Inherited([(name, listening.dup()) for name, listening in self._named()])

    def _named(self) -> Iterator[tuple[str, socket.socket]]:
        for address, listening in self.all():
            yield str(address), listening
        if self.meeting is not None and self.meeting.fileno() >= 0:
            yield MEETING, self.meeting

    @property
    def has_predecessor(self) -> bool:
        """Whether a process that is to be replaced has handed its sockets to this one."""
        return self.meeting in self.inherited

    def close(self) -> None:
        """Close all of them; the files of unix sockets are left to `remove_files`."""
        self.close_meeting()
        self.close_frontends()
        for line, listening in self.stats:
            self._close(line.address, listening)
        self.stats.clear()

    def close_frontends(self) -> None:
        """Close what clients connect to; the stats sockets stay."""
        for pairs in self.frontends.values():
            for bind, listening in pairs:
                self._close(bind.address, listening)
        self.frontends.clear()

    def close_meeting(self) -> None:
        """Leave what is to be told to other processes."""
        if self.meeting is not None:
            self.meeting.close()
            self.meeting = None

    def abandon(self) -> None:
        """Close all after a start that failed; the files of inherited unix sockets stay: somebody serves there."""
        for address, listening in self.all():
            if listening in self.inherited:
                listening.close()
            else:
                close_listening(address, listening)
        self.close_meeting()
        self.frontends.clear()
        self.stats.clear()
        self.logs.close()

    def _close(self, address: model.Address, listening: socket.socket) -> None:
        listening.close()
        if address.path and not self.handed_over:
            self._files.append(address.path)

    def remove_files(self) -> None:
        """Remove the files of unix sockets, for when no descriptor of this process is left on them.

        Those at which somebody listens stay: another process has taken the sockets over, unknown to this one.
        """
        while self._files:
            remove_file(self._files.pop())


def open_sockets(config: model.Config, inherited: Inherited | None = None) -> Sockets:
    """Open what `config` listens on, as far as it is not `inherited`, which is used up.

    Raise BindError with a line for each address that cannot be opened.
    """
    inherited = inherited or Inherited([])
    opened = Sockets()
    faults: list[str] = []

    def attempt(line: model.Bind | model.StatsSocket, what: str) -> socket.socket | None:
        taken = inherited.take(line.address)
        if taken is not None:
            opened.inherited.add(taken)
            return taken
        try:
            return _open(line)
        except (OSError, LookupError) as error:
            reason = ((isinstance(error, OSError) and error.strerror) or str(error)).lower()
            where = f"[{line.location.file}:{line.location.line}]"
            faults.append(f"{where} : {what}: cannot listen on {line.address}: {reason}")
            return None

    for frontend in config.frontends:
        if not frontend.disabled:
            pairs = [(bind, attempt(bind, f"frontend '{frontend.name}'")) for bind in frontend.binds]
            opened.frontends[frontend.name] = [(bind, sock) for bind, sock in pairs if sock is not None]
    for line in config.globals.stats_sockets:
        sock = attempt(line, "stats socket")
        if sock is not None:
            opened.stats.append((line, sock))
    opened.meeting = inherited.take_named(MEETING)
    if opened.meeting is not None:
        opened.inherited.add(opened.meeting)
    else:
        opened.meeting = meeting.listen()
    inherited.close()
    faults += opened.logs.open(config)
    if faults:
        opened.abandon()
        raise BindError("\n".join(faults))
    return opened


def _open(line: model.Bind | model.StatsSocket) -> socket.socket:
    """Open one socket, with owner and mode as its line says; raise OSError, or LookupError for an unknown name."""
    listening = open_listening(line.address)
    if isinstance(line, model.StatsSocket) and line.address.path:
        try:
            _set_owner_and_mode(line)
        except (OSError, LookupError):
            close_listening(line.address, listening)
            raise
    return listening


def _set_owner_and_mode(line: model.StatsSocket) -> None:
    """Give the socket's file to `user` and `group`, a name or a number each, and set its `mode`."""
    path = line.address.path
    if line.user is not None:
        shutil.chown(path, user=_name_or_number(line.user))
    if line.group is not None:
        shutil.chown(path, group=_name_or_number(line.group))
    if line.mode is not None:
        Path(path).chmod(line.mode)


def _name_or_number(text: str) -> str | int:
    return int(text) if text.isdigit() else text
