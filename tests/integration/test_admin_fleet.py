"""`wproxy server addr|maxconn|add|del|drain --wait` and `wproxy show sess|errors`, on HAProxy and on wproxy."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.programs import WPROXY
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import accept, connect, listening_socket, port_of
from tests.support.waiting import wait_for


@dataclass
class Fleet:
    """A proxy with the servers a and b, which is a's other name, and the ports of a and of a server that it lacks."""

    made: Proxy
    port: int
    spare: int
    stack: ExitStack

    def run(self, *arguments: str) -> CompletedProcess[str]:
        return subprocess.run([*WPROXY, *arguments], env=self.env, capture_output=True, text=True, timeout=30)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*WPROXY, *arguments], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "WPROXY_SOCKET": str(self.made.stats.path)}

    def says(self, *arguments: str) -> str:
        """Return the output of a command that succeeds."""
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def refuses(self, code: int, *arguments: str) -> str:
        """Return the one line of a command that ends with `code`."""
        done = self.run(*arguments)
        assert (done.returncode, done.stdout) == (code, ""), done
        (line,) = done.stderr.splitlines()
        return line.removeprefix("wproxy: ")

    @contextmanager
    def session(self) -> Iterator[None]:
        """Hold one session on server a."""
        with connect(self.made.port):
            wait_for(lambda: self.made.stats.numbers("a", "scur") == (1,), what="a has a session")
            yield


@pytest.fixture(params=["haproxy", "wproxy"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        port, spare = (port_of(stack.enter_context(listening_socket())) for _ in range(2))
        lines = (f"server a 127.0.0.1:{port} weight 30", f"server b 127.0.0.1:{port} maxconn 7 disabled")
        made = stack.enter_context(proxy(request.param, tmp_path, *lines))
        yield Fleet(made, port, spare, stack)


def test_an_address_is_changed_and_used(fleet: Fleet) -> None:
    with listening_socket() as other:
        new = f"127.0.0.1:{port_of(other)}"
        assert fleet.says("server", "addr", "a", new) == f"a 127.0.0.1:{fleet.port} → {new}\n"
        with connect(fleet.made.port), accept(other):
            pass
        document = json.loads(fleet.says("server", "addr", "main/a", "127.0.0.9", "--json"))
        assert document["address"] == {"before": new, "after": new.replace("127.0.0.1", "127.0.0.9")}
    assert "is no address" in fleet.refuses(2, "server", "addr", "a", "nonsense")
    assert "is no address" in fleet.refuses(2, "server", "addr", "a", "example.org:80")
    assert "no such server" in fleet.refuses(1, "server", "addr", "nobody", "127.0.0.1")


def test_a_limit_is_changed(fleet: Fleet) -> None:
    assert fleet.says("server", "maxconn", "b", "9") == "b maxconn 7 → 9\n"
    assert fleet.says("server", "maxconn", "a", "3") == "a maxconn unlimited → 3\n"
    assert fleet.says("server", "maxconn", "a", "0") == "a maxconn 3 → unlimited\n"
    assert json.loads(fleet.says("server", "maxconn", "b", "5", "--json"))["maxconn"] == {"before": 9, "after": 5}
    assert "many" in fleet.refuses(2, "server", "maxconn", "b", "many")


def test_a_server_comes_serves_and_goes(fleet: Fleet) -> None:
    with listening_socket() as other:
        address = f"127.0.0.1:{port_of(other)}"
        assert fleet.says("server", "add", "main/c", address, "--weight", "256", "--maxconn", "5") == (
            f"c added: {address}, weight 256\n"
        )
        assert "Already exists" in fleet.refuses(1, "server", "add", "main/c", address)
        fleet.says("server", "disable", "a")
        with connect(fleet.made.port), accept(other):
            wait_for(lambda: fleet.made.stats.numbers("c", "scur") == (1,), what="c has a session")
            assert "--wait lets them end first" in fleet.refuses(1, "server", "del", "c")
            assert "c still has 1 sessions" in fleet.refuses(1, "server", "del", "c", "--wait", "--timeout", "0.1")
        assert json.loads(fleet.says("server", "del", "c", "--wait", "--timeout", "10", "--json")) == {
            "backend": "main", "server": "c", "address": address, "change": "deleted",
        }  # fmt: skip
    assert "no such server" in fleet.refuses(1, "server", "del", "c")


def test_a_checked_server_may_be_added_and_one_left_disabled(fleet: Fleet) -> None:
    fleet.says("server", "add", "main/d", f"127.0.0.1:{fleet.spare}", "--check")
    fleet.made.stats.wait_for_status("d", "UP")
    wait_for(lambda: fleet.made.stats.row("d")["check_status"] == "L4OK", what="d is checked")
    fleet.says("server", "add", "main/e", "[::1]:9", "--disabled")
    assert fleet.made.stats.row("e")["status"] == "MAINT"
    assert "is no backend/server" in fleet.refuses(2, "server", "add", "e", "127.0.0.1:9")
    assert "has no port" in fleet.refuses(2, "server", "add", "main/f", "127.0.0.1")
    assert "No such backend" in fleet.refuses(1, "server", "add", "nobody/f", "127.0.0.1:9")


@pytest.mark.long
def test_a_drain_waits_for_the_last_session(fleet: Fleet) -> None:
    with fleet.session():
        line = fleet.refuses(1, "server", "drain", "a", "--wait", "--timeout", "0.3")
        assert line == "main/a still has 1 sessions after 0.3 s"
        waiting = fleet.start("server", "drain", "a", "--wait")
        fleet.made.stats.wait_for_status("a", "DRAIN")
        assert waiting.poll() is None
    assert waiting.communicate(timeout=20) == ("a DRAIN → DRAIN\n", "")
    assert waiting.returncode == 0
    assert "say both" in fleet.refuses(2, "server", "drain", "a", "--timeout", "3")


def test_sessions_are_listed(fleet: Fleet) -> None:
    assert json.loads(fleet.says("show", "sess", "--json")) == []
    with connect(fleet.made.port) as client:
        wait_for(lambda: fleet.made.stats.numbers("a", "scur") == (1,), what="a has a session")
        (session,) = json.loads(fleet.says("show", "sess", "--json"))
        host, port = client.getsockname()
        assert session["source"] == f"{host}:{port}"
        assert (session["frontend"], session["backend"], session["server"]) == ("main", "main", "a")
        heading, row = fleet.says("show", "sess", "a").splitlines()
        assert heading.split() == ["session", "client", "frontend", "backend", "server", "age", "expires", "in"]
        assert row.split()[:2] == [session["number"], session["source"]]
        assert len(fleet.says("show", "sess", "main/b").splitlines()) == 1


def test_errors_are_none(fleet: Fleet) -> None:
    assert fleet.says("show", "errors") == "0 captured\n"
    assert json.loads(fleet.says("show", "errors", "--json")) == {"total": 0, "errors": []}
