"""Asks a stats socket, HAProxy's or ours, as a script with socat does."""

from __future__ import annotations

import csv
import socket
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import wait_for


@dataclass(frozen=True)
class Stats:
    """The stats socket at `path` of a proxy whose `listen` section is called `section`."""

    path: Path
    section: str = "main"

    def ask(self, command: str) -> str:
        """Send one line, return the whole answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(10.0)
            client.connect(str(self.path))
            client.sendall(command.encode() + b"\n")
            answer = bytearray()
            while chunk := client.recv(65536):
                answer += chunk
        return answer.decode()

    def answers(self) -> bool:
        """Tell whether a proxy serves the socket; once it does, it serves its listeners and signals, too."""
        try:
            return "Pid: " in self.ask("show info")
        except OSError:
            return False

    def wait_until_served(self) -> None:
        """Return when a proxy serves the socket: HAProxy's other listeners accept before it is in its place."""
        wait_for(self.answers, what=f"{self.path} is served")

    def rows(self) -> dict[str, dict[str, str]]:
        """Return the lines of `show stat` that belong to the section, by `svname`."""
        lines = self.ask("show stat").removeprefix("# ").splitlines()
        return {row["svname"]: row for row in csv.DictReader(lines) if row["pxname"] == self.section}

    def row(self, svname: str) -> dict[str, str]:
        return self.rows()[svname]

    def numbers(self, svname: str, *columns: str) -> tuple[int, ...]:
        """Return columns of one line; an empty one is 0."""
        row = self.row(svname)
        return tuple(int(row[column] or 0) for column in columns)

    def sessions(self, *servers: str) -> tuple[int, ...]:
        """Return how many sessions each of `servers` has had."""
        rows = self.rows()
        return tuple(int(rows[server]["stot"]) for server in servers)

    def wait_for_status(self, server: str, status: str, timeout_s: float = 10.0) -> None:
        wait_for(lambda: self.row(server)["status"] == status, timeout_s, f"{server} {status}")

    def wait_until_idle(self, *svnames: str) -> None:
        """Return when no session is left."""
        names = svnames or tuple(self.rows())
        wait_for(lambda: all(self.numbers(name, "scur") == (0,) for name in names), what="no session left")
