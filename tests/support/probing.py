"""A client that asks one address over and over, a new connection each, and prints when it was answered, and by whom.

Run as a program: `python -m tests.support.probing HOST PORT`. It ends by a signal.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Event

_PATIENCE_S = 0.2
_PAUSE_S = 0.02


def ask(host: str, port: int) -> str:
    """Return the body of the answer to one HTTP request, "" when there is none in time."""
    try:
        with socket.create_connection((host, port), _PATIENCE_S) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
    except OSError:
        return ""
    return answer.rpartition(b"\r\n\r\n")[2].decode()


@dataclass(frozen=True)
class Probes:
    """What such a program has printed into `file` so far."""

    file: Path

    def answers(self) -> list[tuple[float, str]]:
        """Return the time of each probe's end with its answer, in order."""
        lines = self.file.read_text().split("\n")[:-1]
        return [(float(at), str(who)) for at, who in map(json.loads, lines)]

    def count(self) -> int:
        return len(self.answers())

    def last(self, count: int = 3) -> str:
        """Return who gave the last `count` answers; "" when that was not always the same."""
        found = {who for _, who in self.answers()[-count:]}
        return found.pop() if len(found) == 1 else ""

    def silence_s(self, since: int) -> float:
        """Return the longest time without an answer after the first `since` probes."""
        times = [at for at, who in self.answers()[max(0, since - 1) :] if who]
        return max((later - sooner for sooner, later in pairwise(times)), default=0.0)


if __name__ == "__main__":
    pause = Event()
    while True:
        body = ask(sys.argv[1], int(sys.argv[2]))
        print(json.dumps([time.monotonic(), body]), flush=True)
        pause.wait(_PAUSE_S)
