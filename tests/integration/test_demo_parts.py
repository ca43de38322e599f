"""What the demo is made of, each part on real processes and sockets: children, Redis servers, traffic, metrics."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, start_http_server
from redis import Redis

from admin.demo import ports, redis_servers
from admin.demo.broker import demo_queue
from admin.demo.ports import FreePorts
from admin.demo.processes import Children
from admin.demo.redis_servers import RedisServers
from admin.demo.traffic import LoopbackClient, TrafficThread, source_address
from admin.demo.waiting import Patience
from admin.errors import DemoError, NoAnswerError
from admin.metrics import read_counters
from tests.support.pids import alive
from tests.support.programs import free_port, need
from tests.support.waiting import wait_for

# Says `ready` when it no longer listens to SIGTERM.
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


@pytest.fixture
def patience() -> Patience:
    return Patience(threading.Event())


def test_a_child_that_ends_early_is_one_line_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        child = children.start("capture", [sys.executable, "-c", "print('one\\ntwo: port in use\\n'); exit(7)"])
        child.process.wait(30)
        with pytest.raises(DemoError, match=r"^capture ended early, exit code 7: two: port in use$"):
            children.check()


def test_a_child_that_was_killed_is_named_with_the_signal(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        child = children.start("proxy", [sys.executable, "-c", "import signal; signal.pause()"])
        children.check()
        child.process.kill()
        child.process.wait(30)
        with pytest.raises(DemoError, match="proxy ended early, killed by SIGKILL: it said nothing"):
            children.check()


def test_a_program_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with Children(tmp_path) as children, pytest.raises(DemoError, match="proxy cannot be started: /absent"):
        children.start("proxy", ["/absent"])


def test_a_child_that_ignores_sigterm_is_killed_when_the_time_is_up(tmp_path: Path) -> None:
    with Children(tmp_path, stop_timeout_s=0.2) as children:
        child = children.start("stubborn", [sys.executable, "-c", STUBBORN])
        wait_for(lambda: "ready" in child.log.read_text(), what="the child ignores SIGTERM")
    assert child.process.returncode == -9


def test_children_end_when_the_demo_is_killed_outright(tmp_path: Path) -> None:
    need("setpriv")
    program = (
        "import sys; from pathlib import Path; from admin.demo.processes import Children\n"
        "sleeper = [sys.executable, '-c', 'import signal; signal.pause()']\n"
        f"child = Children(Path({str(tmp_path)!r})).start('child', sleeper)\n"
        "print(child.process.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        # Killed before it is its own master, a child would outlive the parent: wait for the program behind setpriv.
        # In the middle of becoming another program a process has no command line at all.
        words = Path(f"/proc/{pid}/cmdline")
        wait_for(lambda: words.read_bytes().startswith(sys.executable.encode()), what="the child runs")
        parent.kill()
    wait_for(lambda: not alive(pid), what="the child ends")


@pytest.mark.parametrize("kind", ["redis-server", "fakeredis"])
def test_redis_servers_start_count_their_keys_and_end(
    kind: str, tmp_path: Path, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "redis-server":
        need("redis-server")
    else:
        monkeypatch.setattr(redis_servers, "find_redis_server", lambda: None)
    with RedisServers(("redisA", "redisB"), FreePorts()) as servers, Children(tmp_path) as children:
        servers.start(children, tmp_path, patience)
        assert servers.kind.startswith(kind)
        with Redis(port=servers.ports["redisB"], protocol=2) as client:
            client.set("key", "value", pxat=int((time.time() + 300) * 1000))
        assert servers.key_counts() == {"redisA": 0, "redisB": 1}
        children.stop()
        with pytest.raises(DemoError, match="a Redis server does not answer"):
            servers.key_counts()


def test_no_two_programs_get_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_PORTS", (31_900, 31_999))
    free = FreePorts()
    assert len({free.take() for _ in range(50)}) == 50


def test_a_taken_port_is_the_servers_own_words(tmp_path: Path, patience: Patience) -> None:
    need("redis-server")
    with RedisServers(("redisA",), FreePorts()) as servers, Children(tmp_path) as children, socket.socket() as taken:
        taken.bind(("127.0.0.1", servers.ports["redisA"]))
        with pytest.raises(DemoError, match="redisA ended early, exit code 1: "):
            servers.start(children, tmp_path, patience)


@contextmanager
def accepting() -> Iterator[tuple[int, list[str]]]:
    """Accept connections, read each to its end, close it; yield the port and where they came from."""
    sources: list[str] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            while True:
                connection, peer = listener.accept()
                with connection:
                    if peer[0] == "127.0.0.1":  # the traffic comes from everywhere but there
                        return
                    sources.append(peer[0])  # before the client sees the end, and counts it
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        try:
            yield port, sources
        finally:
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def test_real_connections_come_from_many_loopback_addresses() -> None:
    with accepting() as (port, sources):
        traffic = TrafficThread(LoopbackClient("127.0.0.1", port), rate=2000)
        traffic.start()
        wait_for(lambda: len(sources) >= 50, what="fifty connections")
        traffic.pause()
        assert (traffic.made, traffic.failed) == (len(sources), 0)
        assert sources == [source_address(number) for number in range(len(sources))]


def test_connections_that_are_refused_are_counted() -> None:
    traffic = TrafficThread(LoopbackClient("127.0.0.1", free_port()), rate=2000)
    traffic.start()
    wait_for(lambda: traffic.failed, what="a refused connection")
    traffic.pause()
    assert (traffic.made, traffic.last_error) == (0, "Connection refused")


def test_counters_are_read_over_http() -> None:
    registry = CollectorRegistry()
    Counter("wproxy_capture_packets", "Packets", registry=registry).inc(3)
    port = free_port()
    server, thread = start_http_server(port, "127.0.0.1", registry)
    try:
        assert read_counters("127.0.0.1", port, "wproxy_capture_")["packets"] == 3
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    with pytest.raises(NoAnswerError, match=f"no metrics at 127.0.0.1:{port}: "):
        read_counters("127.0.0.1", port, "wproxy_capture_")


def test_a_broker_that_refuses_is_one_line_without_the_password(tmp_path: Path) -> None:
    port = free_port()
    with (
        pytest.raises(DemoError, match=f"^no RabbitMQ at 127.0.0.1:{port}: [^\n]+$") as error,
        demo_queue(f"amqp://user:secret@127.0.0.1:{port}/", tmp_path),
    ):
        pytest.fail("there is no broker")
    assert "secret" not in str(error.value)
