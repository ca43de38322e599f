"""Runs three Redis Sentinels that watch one primary and tell a proxy of a promotion by sentinel/tell-proxies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import SCRIPT, free_port, need, running, wait_until_listening
from tests.support.resp import ask
from tests.support.waiting import wait_for

TELL_PROXIES = Path(__file__).resolve().parents[2] / "sentinel" / "tell-proxies"
CONFIG = """\
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor {name} 127.0.0.1 {primary} 2
sentinel down-after-milliseconds {name} 2000
sentinel failover-timeout {name} 3000
sentinel client-reconfig-script {name} {script}
"""


@dataclass(frozen=True)
class Sentinels:
    """Three sentinels on `ports`, of which two must agree; the proxies' stats sockets are in `env`."""

    name: str
    ports: tuple[int, ...]
    env: dict[str, str]

    def primary(self) -> int:
        """Return the port of the primary, as the first sentinel sees it."""
        return int(ask(self.ports[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)[1])

    def _ready(self) -> bool:
        """Tell whether every sentinel knows the two others and the replica."""
        found = [ask(port, "SENTINEL", "MASTER", self.name) for port in self.ports]
        rows = [dict(zip(row[::2], row[1::2], strict=True)) for row in found]
        return all((row[b"num-other-sentinels"], row[b"num-slaves"]) == (b"2", b"1") for row in rows)


def environment(*sockets: Path) -> dict[str, str]:
    """Return what sentinel/tell-proxies needs to find wproxy and the proxies with these stats sockets."""
    path = f"{SCRIPT.parent}:{os.environ['PATH']}"
    return {"PATH": path, "WPROXY_SOCKETS": " ".join(map(str, sockets))}


@contextmanager
def sentinels(folder: Path, name: str, primary: int, *sockets: Path) -> Iterator[Sentinels]:
    """Run three sentinels over the primary on a port; yield them when they know each other and its one replica."""
    made = Sentinels(name, tuple(free_port() for _ in range(3)), environment(*sockets))
    with ExitStack() as stack:
        for port in made.ports:
            own = folder / f"sentinel-{port}"
            own.mkdir()
            (own / "sentinel.conf").write_text(
                CONFIG.format(port=port, folder=own, name=name, primary=primary, script=TELL_PROXIES)
            )
            command = [need("redis-server"), "sentinel.conf", "--sentinel"]
            process = stack.enter_context(running(command, own, "sentinel", made.env))
            wait_until_listening(process, port, own / "sentinel.log")
        wait_for(made._ready, 30.0, "the sentinels know each other and the replica")
        yield made
