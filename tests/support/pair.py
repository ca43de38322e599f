"""Two nodes with a proxy and keepalived each, and a client, on a bridge in namespaces that nothing leaves."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.probing import Probes
from tests.support.programs import SCRIPT, START_TIMEOUT_S, WPROXY, need, running
from tests.support.stats import Stats
from tests.support.waiting import wait_for

VIP = "10.77.0.100"
PORT = 8080
SYNC_PORT = 9999
CLIENT = "10.77.0.9"
PASSWORD = "tr0mbone"
CONFIGURATION = """\
global
    stats socket {folder}/{name}.sock mode 600 level admin
    stats socket *:{sync_port} level admin
    state-file {folder}/{name}.state
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend who
    bind *:{port}
    http-request return status 200 content-type text/plain string {name}
backend work
    server s1 127.0.0.1:1 weight 10
    server s2 127.0.0.1:2 weight 20
"""


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    if done.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{' '.join(words)}: {done.stderr}")


@dataclass
class Node:
    """One node of the pair: a namespace with a card, a proxy and keepalived in it."""

    name: str
    address: str
    peer: str
    namespace: str
    switch: str
    folder: Path
    proxies: ExitStack = field(default_factory=ExitStack)
    proxy: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / f"{self.name}.sock"

    @property
    def said(self) -> str:
        """What keepalived has logged."""
        return (self.folder / f"keepalived-{self.name}.log").read_text()

    def here(self, *command: str) -> list[str]:
        """Return `command` as it is run on this node."""
        return [need("ip"), "netns", "exec", self.namespace, *command]

    def start_proxy(self) -> None:
        file = self.folder / f"{self.name}.cfg"
        file.write_text(CONFIGURATION.format(folder=self.folder, name=self.name, port=PORT, sync_port=SYNC_PORT))
        command = self.here(*WPROXY, "-f", file.name)
        self.proxy = self.proxies.enter_context(running(command, self.folder, f"wproxy-{self.name}"))
        wait_for(Stats(self.socket).answers, START_TIMEOUT_S, f"the proxy of {self.name} serves")

    def kill_proxy(self) -> None:
        assert self.proxy is not None
        self.proxy.kill()
        self.proxy.wait()

    def cut_off(self) -> None:
        """Pull the cable."""
        run(need("ip"), "-n", self.switch, "link", "set", "dev", self.name, "down")

    def plug_in(self) -> None:
        run(need("ip"), "-n", self.switch, "link", "set", "dev", self.name, "up")

    def write_configuration(self, role: str, *options: str) -> Path:
        file = self.folder / f"keepalived-{self.name}.conf"
        command = [str(SCRIPT), "keepalived", "--role", role, "-o", str(file)]
        command += ["--vip", f"{VIP}/24", "--interface", "eth0", "--name", self.name, "--socket", str(self.socket)]
        done = subprocess.run(
            self.here(*command, *options),
            env={**os.environ, "WPROXY_VRRP_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr
        return file


@dataclass
class Pair:
    """Both nodes, and what the client sees."""

    a: Node
    b: Node
    probes: Probes

    def served_by(self, name: str, timeout_s: float = 40.0) -> None:
        """Wait until the client is answered by that node."""
        try:
            wait_for(lambda: self.probes.last() == name, timeout_s, f"{name} answers", 0.05)
        except TimeoutError as error:
            for node in (self.a, self.b):
                error.add_note(f"keepalived of {node.name}:\n{node.said[-3000:]}")
            raise


@contextmanager
def network(folder: Path) -> Iterator[tuple[Node, Node, str]]:
    """Yield two nodes without programs, and the client's namespace; all of it is gone at the end."""
    ip, prefix = need("ip"), f"wpha{secrets.token_hex(3)}"
    switch, client = f"{prefix}s", f"{prefix}c"
    addresses = {"a": "10.77.0.1", "b": "10.77.0.2", "c": CLIENT}
    with ExitStack() as stack:
        for letter in ("s", *addresses):
            run(ip, "netns", "add", prefix + letter)
            stack.callback(subprocess.run, [ip, "netns", "delete", prefix + letter], check=True)
        run(ip, "-n", switch, "link", "add", "bridge", "type", "bridge")
        run(ip, "-n", switch, "link", "set", "bridge", "up")
        for letter, address in addresses.items():
            there = prefix + letter
            run(ip, "-n", switch, "link", "add", "name", letter, "type", "veth", "peer", "name", "eth0", "netns", there)
            run(ip, "-n", switch, "link", "set", "dev", letter, "master", "bridge", "up")
            for card in ("lo", "eth0"):
                run(ip, "-n", there, "link", "set", card, "up")
            run(ip, "-n", there, "address", "add", f"{address}/24", "dev", "eth0")
        first = Node("a", addresses["a"], addresses["b"], f"{prefix}a", switch, folder)
        second = Node("b", addresses["b"], addresses["a"], f"{prefix}b", switch, folder)
        yield first, second, client


@contextmanager
def pair(folder: Path, *options: str, unicast: bool = False) -> Iterator[Pair]:
    """Run both nodes with keepalived configured by `wproxy keepalived OPTIONS`, yield them when `a` answers."""
    keepalived = need("keepalived")
    with network(folder) as (a, b, client), ExitStack() as stack:
        for node, role in ((a, "master"), (b, "backup")):
            stack.enter_context(node.proxies)
            node.start_proxy()
            ends = ("--address", node.address, "--peer", node.peer) if unicast else ()
            file = node.write_configuration(role, *options, *ends)
            pids = [f"-{letter}{folder}/{node.name}-{letter}.pid" for letter in "prc"]
            command = node.here(keepalived, "-n", "-l", "-D", "-f", str(file), *pids)
            stack.enter_context(running(command, folder, f"keepalived-{node.name}"))
        asks = [sys.executable, "-m", "tests.support.probing", VIP, str(PORT)]
        root = {"PYTHONPATH": str(Path(__file__).parents[2])}
        stack.enter_context(
            running([need("ip"), "netns", "exec", client, *asks], folder, "probes", {**os.environ, **root})
        )
        made = Pair(a, b, Probes(folder / "probes.log"))
        made.served_by("a", 30.0)
        yield made
