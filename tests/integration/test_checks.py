"""Health checks from the outside: what they cost and hold, and what follows from them."""

from __future__ import annotations

import resource
import signal
import socket
import threading
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.support.check_server import Questioned, Script, check_server
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import accept, connect, listening_socket, port_of, read_exactly, tcp_server
from tests.support.waiting import wait_for

HELD = Script(end="hold")


@pytest.fixture(params=["haproxy", "wproxy"])
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_sessions_of_a_server_that_goes_down_end_if_so_wished(program: str, tmp_path: Path) -> None:
    with ExitStack() as alive, listening_socket() as listening:
        checked = alive.enter_context(check_server(HELD))
        place = f"127.0.0.1:{port_of(listening)} check port {checked.port} inter 50ms fall 1"
        lines = f"server a {place} on-marked-down shutdown-sessions", f"server b {place}"
        with (
            proxy(program, tmp_path, *lines) as made,
            connect(made.port) as first,
            accept(listening),
            connect(made.port) as second,
            accept(listening) as served,
        ):
            made.stats.wait_for_status("a", "UP")
            alive.close()
            made.stats.wait_for_status("b", "DOWN")
            assert first.recv(1) == b""
            served.sendall(b"still here")
            assert read_exactly(second, 10) == b"still here"
            made.stats.wait_until_idle("a")


def in_state(made: Proxy, state: tuple[str, str]) -> bool:
    row = made.stats.row("a")
    return (row["status"], row["weight"]) == state


def test_an_agent_steers_weight_and_state(program: str, tmp_path: Path) -> None:
    says = [b"up 50%\n", b"drain\n", b"ready 20%\n", b"down # lunch\n", b"up 100%\n"]
    said = says[:1]

    def answer(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(said[-1])

    # HAProxy 2.6 reads an agent that speaks first only when it has something to say to it.
    agent = "agent-check agent-send x agent-inter 150ms agent-port"
    states = [("no check", "20"), ("DRAIN (agent)", "20"), ("no check", "8"), ("DOWN (agent)", "8"), ("no check", "40")]
    with (
        check_server(HELD) as server,
        tcp_server(answer) as spoken,
        proxy(program, tmp_path, f"server a 127.0.0.1:{server.port} weight 40 {agent} {spoken}") as made,
    ):
        for words, state in zip(says, states, strict=True):
            said.append(words)
            wait_for(partial(in_state, made, state))


def test_an_agent_is_asked_in_maintenance_and_may_end_it(program: str, tmp_path: Path) -> None:
    says = [b"maint\n"]

    def answer(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(says[-1])

    with check_server(HELD) as server, tcp_server(answer) as spoken:
        line = f"server a 127.0.0.1:{server.port} agent-check agent-send x agent-inter 200ms agent-port {spoken}"
        with proxy(program, tmp_path, line) as made:
            made.stats.wait_for_status("a", "MAINT")
            says.append(b"ready\n")  # not before: it may say so five times a second
            made.stats.wait_for_status("a", "no check")


def test_an_agent_that_speaks_without_being_asked(tmp_path: Path) -> None:
    with check_server(HELD) as server, check_server(Script(banner=b"75%\n")) as spoken:
        line = f"server a 127.0.0.1:{server.port} weight 100 agent-check agent-inter 50ms agent-port {spoken.port}"
        with proxy("wproxy", tmp_path, line) as made:
            wait_for(lambda: made.stats.row("a")["weight"] == "75")


class Gauge:
    """A server that never answers, and counts how many ask at once: those who have not left when the next one comes."""

    def __init__(self, listening: socket.socket) -> None:
        self.most = self.total = 0
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        here: list[socket.socket] = []
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                connection.setblocking(False)
                here = [each for each in here if not has_left(each)] + [connection]
                self.total += 1
                self.most = max(self.most, len(here))


def has_left(connection: socket.socket) -> bool:
    """Tell whether the other side has hung up or reset, and close then."""
    try:
        while connection.recv(100):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    connection.close()
    return True


def test_checks_never_pile_up(tmp_path: Path) -> None:
    """The interval is far below the time that a check may take."""
    with listening_socket() as listening:
        listening.settimeout(None)
        gauge = Gauge(listening)
        lines = "option redis-check", "timeout check 200ms", f"server a 127.0.0.1:{port_of(listening)} check inter 10ms"
        with proxy("wproxy", tmp_path, *lines) as made:
            wait_for(lambda: gauge.total > 5)
            assert gauge.most == 1
            made.stats.wait_for_status("a", "DOWN")


def test_no_descriptor_stays_behind(tmp_path: Path) -> None:
    """Each way a check can end: answer, silence, refusal, reset, hang-up, two connections."""
    ends = [Script((b"+PONG\r\n",), end="hold"), HELD, Script((b"",), end="reset"), Script((b"",)), Script()]
    with ExitStack() as stack:
        servers = [stack.enter_context(check_server(script)) for script in ends]
        ports = [*(server.port for server in servers), 1]
        lines = [f"server s{number} 127.0.0.1:{port} check inter 20ms" for number, port in enumerate(ports)]
        twice = ["tcp-check connect", "tcp-check send x", "tcp-check expect string +PONG", "tcp-check connect"]
        rest = "\n    ".join(["backend twice", "option tcp-check", *twice, "tcp-check expect string y", *lines])
        made = stack.enter_context(proxy("wproxy", tmp_path, "option redis-check", *lines, rest=rest))
        asked = servers[0].questions
        wait_for(lambda: len(asked) > 20)
        before = made.descriptors
        wait_for(lambda: len(asked) > 120, 20.0)
        # What stays behind does so for good; in a moment when many checks are under way there are more.
        wait_for(lambda: abs(made.descriptors - before) <= 2 * len(lines), what="as many descriptors as before")


def test_what_cannot_be_reached_by_its_name(tmp_path: Path) -> None:
    """A name that cannot be resolved and a path that is not there are failures like others."""
    lines = "server a name.invalid:1 check inter 1s fall 1", f"server b {tmp_path}/none.sock check inter 50ms fall 1"
    with proxy("wproxy", tmp_path, *lines) as made:
        made.stats.wait_for_status("a", "DOWN", 20.0)
        made.stats.wait_for_status("b", "DOWN")
        assert "cannot resolve name.invalid" in made.stats.row("a")["last_chk"]
        assert made.stats.row("b")["last_chk"] == "No such file or directory"


def test_no_server_goes_down_because_the_proxy_has_no_descriptor_left(tmp_path: Path) -> None:
    with check_server(Script((b"+PONG\r\n",), end="hold")) as server:
        line = f"server a 127.0.0.1:{server.port} check inter 20ms fall 1"
        with proxy("wproxy", tmp_path, "option redis-check", "timeout check 5s", line) as made:
            made.stats.wait_for_status("a", "UP")
            pid = made.process.pid
            limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, limits[1]))
            wait_for(lambda: nobody_asks(server, 0.3))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
            asked = len(server.questions)
            wait_for(lambda: len(server.questions) > asked + 3)
            assert made.stats.numbers("a", "chkfail", "chkdown") == (0, 0)


def nobody_asks(server: Questioned, for_s: float) -> bool:
    before = len(server.questions)
    threading.Event().wait(for_s)
    return len(server.questions) == before


def test_an_answer_that_came_while_the_proxy_was_held_up_counts(tmp_path: Path) -> None:
    """HAProxy has it so, too, unless it is stopped in the moment before it looks at its clock."""
    with listening_socket() as listening:
        line = f"server a 127.0.0.1:{port_of(listening)} check inter 1s fall 1 rise 1"
        with proxy("wproxy", tmp_path, "option redis-check", line) as made:
            accept(listening).close()
            made.stats.wait_for_status("a", "DOWN")
            with accept(listening) as asked:
                assert asked.recv(100)
                made.process.send_signal(signal.SIGSTOP)
                asked.sendall(b"+PONG\r\n")
                threading.Event().wait(1.1)  # its time is over when it goes on
                made.process.send_signal(signal.SIGCONT)
                with accept(listening):  # the next check
                    assert made.stats.row("a")["status"] == "UP"


LOCAL_V2 = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
HEADERS = {
    "send-proxy": b"PROXY TCP4 127.0.0.1 127.0.0.1 ",
    "send-proxy-v2": LOCAL_V2,
    "check-send-proxy": b"PROXY TCP4 127.0.0.1 127.0.0.1 ",
    "send-proxy-v2 check-send-proxy port {port}": LOCAL_V2,
    "send-proxy port {port}": b"",
}


@pytest.mark.parametrize("words", HEADERS)
@pytest.mark.parametrize(
    ("rule", "plain"), [("", False), ("tcp-check connect default", False), ("tcp-check connect", True)]
)
def test_checks_begin_with_the_proxy_header_of_their_server(
    program: str, tmp_path: Path, words: str, rule: str, plain: bool
) -> None:
    with check_server(Script((b"+PONG\r\n",), end="hold")) as server:
        line = f"server a 127.0.0.1:{server.port} check inter 50ms {words.format(port=server.port)}"
        rules = [rule] if rule else []
        with proxy(
            program, tmp_path, "option tcp-check", *rules, "tcp-check send PING", "tcp-check expect string +PONG", line
        ):
            # A check that was held up for longer than its interval hangs up and has asked nothing.
            question = wait_for(lambda: next(filter(None, server.questions), b""))
    assert question.startswith((b"" if plain else HEADERS[words]) or b"PING")


def test_a_unix_server_whose_backlog_is_full_is_down(program: str, tmp_path: Path) -> None:
    path = str(tmp_path / "full")
    with socket.socket(socket.AF_UNIX) as listening, ExitStack() as waiting:
        listening.bind(path)
        listening.listen(0)
        connected = 0
        while connected == 0:
            client = waiting.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            connected = client.connect_ex(path)
        with proxy(program, tmp_path, f"server a {path} check inter 50ms fall 1") as made:
            made.stats.wait_for_status("a", "DOWN")


def test_servers_of_several_backends_are_not_checked_all_at_once(program: str, tmp_path: Path) -> None:
    with ExitStack() as alive:
        servers = [alive.enter_context(check_server(Script((b"+PONG\r\n",)))) for _ in range(4)]
        rest = "\n".join(
            f"backend b{server.port}\n option redis-check\n server a 127.0.0.1:{server.port} check inter 4s"
            for server in servers
        )
        alive.enter_context(proxy(program, tmp_path, rest=rest))
        wait_for(lambda: bool(servers[1].questions))
        assert not servers[3].questions
        wait_for(lambda: bool(servers[3].questions))
