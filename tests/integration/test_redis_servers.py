"""mode redis and its servers: logins, roles, outages, what waits for a connection, servers that come and go."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest
import redis

from tests.support.killable import killable_redis
from tests.support.programs import WPROXY, free_port, redis_server
from tests.support.proxies import Proxy, check_log, proxy
from tests.support.resp import Client, ask, pack
from tests.support.tcp_server import listening_socket, port_of, tcp_server
from tests.support.waiting import wait_for
from wproxy.protocols.resp import RequestParser

SECRET, OTHER = "server-hunter2", "client-hunter3"
CHECK = "check inter 300ms rise 1 fall 2"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[int]:
    """The port of a Redis whose user `app` has a password, and where nobody else may do anything."""
    rules = "app", "on", f">{SECRET}", "~*", "&*", "+@all"
    with redis_server(tmp_path, None, "--user", *rules, "--user", "default", "off") as port:
        yield port


def logged_in(port: int, password: str = SECRET) -> str:
    return f'server a 127.0.0.1:{port} redis-user app redis-password "{password}" {CHECK}'


def fails(answer: object, words: str) -> bool:
    assert words in str(answer), answer
    return True


# -- logins ------------------------------------------------------------------------------------------------------------


def test_clients_log_in_to_the_proxy_and_the_proxy_to_the_server(tmp_path: Path, locked: int) -> None:
    lines = "balance key", f'redis-password "{OTHER}"', logged_in(locked)
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made:
        for protocol in (2, 3):
            with redis.Redis(port=made.port, password=OTHER, protocol=protocol) as client:
                assert client.set("k", f"v{protocol}")
                assert client.get("k") == b"v%d" % protocol
        with pytest.raises(redis.AuthenticationError), redis.Redis(port=made.port, password="no") as client:
            client.get("k")
        assert fails(ask(made.port, "GET", "k"), "NOAUTH Authentication required.")
        made.stats.wait_for_status("a", "UP")
        assert made.stats.row("a")["check_status"] == "L7OK"
        for command in ("show stat", "show info", "show errors", "show servers state", "show sess"):
            assert "hunter" not in made.stats.ask(command)
        with Client(made.port) as client:
            client.send(pack("AUTH", OTHER), b"*1\r\n$" + OTHER.encode() + b"\r\n")
            client.rest()
        assert "hunter" not in made.stats.ask("show errors")
        assert "hunter" not in made.log


def test_the_secret_comes_from_the_environment_and_is_told_by_nothing(
    tmp_path: Path, locked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", SECRET)
    with proxy("wproxy", tmp_path, logged_in(locked, "${REDIS_PASSWORD}"), "balance key", mode="redis") as made:
        assert ask(made.port, "SET", "k", "v") == b"OK"
    for options in (("-c", "-V"), ("-c",)):
        command = [*WPROXY, *options, "-f", "wproxy.cfg"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
        assert "hunter" not in done.stdout + done.stderr


def test_a_refused_login_is_told(tmp_path: Path, locked: int) -> None:
    lines = "balance key", logged_in(locked, "hunter2-wrong").removesuffix(CHECK)
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made:
        assert fails(ask(made.port, "GET", "k"), "SERVERDOWN main/a refuses the login of its server line: WRONGPASS")
        assert "it refuses the login" in made.stats.ask("show errors")
        assert "hunter2" not in made.stats.ask("show errors") + made.log


def test_a_server_whose_password_nobody_wrote(tmp_path: Path, locked: int) -> None:
    with proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{locked} {CHECK}", mode="redis") as made:
        made.stats.wait_for_status("a", "DOWN")
        assert "needs a password" in made.stats.row("a")["last_chk"]
    with proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{locked}", mode="redis") as made:
        assert fails(ask(made.port, "GET", "k"), "wants a password: write 'redis-password' on its server line")


def test_it_logs_in_again_after_each_reconnect(tmp_path: Path, locked: int) -> None:
    lines = "balance key", logged_in(locked).removesuffix(CHECK)
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
        for turn in range(3):
            assert client.ask("SET", "k", turn) == b"OK"
            with Client(locked) as direct:
                direct.ask("AUTH", "app", SECRET)
                direct.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            wait_for(lambda: client.ask("GET", "k") == b"%d" % turn, what="it is back")  # noqa: B023 - asked at once


# -- health ------------------------------------------------------------------------------------------------------------


def test_a_replica_is_not_written_to(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    first, second = redis_pair
    lines = "balance roundrobin", f"server a 127.0.0.1:{first} {CHECK}", f"server b 127.0.0.1:{second} {CHECK}"
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
        made.stats.wait_for_status("b", "UP")
        ask(second, "REPLICAOF", "127.0.0.1", first)
        made.stats.wait_for_status("b", "DOWN")
        row = made.stats.row("b")
        assert (row["check_status"], row["last_chk"]) == ("L7STS", f"is a replica of 127.0.0.1:{first}")
        assert set(client.pipeline(pack("SET", f"k{n}", n) for n in range(100))) == {b"OK"}
        ask(second, "REPLICAOF", "NO", "ONE")
        made.stats.wait_for_status("b", "UP")
        before = made.stats.sessions("b")
        client.pipeline(pack("SET", f"k{n}", n) for n in range(100))
        assert made.stats.sessions("b") > before


@pytest.mark.parametrize("eject", [False, True])
def test_a_dead_servers_keys_wait_for_it_or_are_ejected(tmp_path: Path, eject: bool) -> None:
    with killable_redis(tmp_path) as a, killable_redis(tmp_path) as b:
        lines = ["balance key", *(f"server s{each.port} 127.0.0.1:{each.port} {CHECK}" for each in (a, b))]
        lines += ["option redis-eject"] if eject else []
        with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
            sets = [pack("SET", f"k{n}", n) for n in range(200)]
            assert set(client.pipeline(sets)) == {b"OK"}
            a.kill()
            made.stats.wait_for_status(f"s{a.port}", "DOWN")
            answers = client.pipeline(sets)
            down = [answer for answer in answers if answer != b"OK"]
            if eject:
                assert down == []
            else:
                assert 50 < len(down) < 150
                assert {str(each) for each in down} == {
                    f"SERVERDOWN main/s{a.port} is DOWN: its keys are out of reach until it is back"
                }
            a.start()
            made.stats.wait_for_status(f"s{a.port}", "UP")
            wait_for(lambda: set(client.pipeline(sets)) == {b"OK"}, what="all are answered")
            assert ask(a.port, "DBSIZE") > 50  # its slots are its own again


@pytest.mark.parametrize("trouble", ["OOM", "MASTERDOWN", "BUSY", "READONLY"])
def test_a_servers_own_refusals_are_passed_on(tmp_path: Path, redis_pair: tuple[int, int], trouble: str) -> None:
    port = redis_pair[0]
    command = ("GET", "k") if trouble == "MASTERDOWN" else ("SET", "k", "w")
    with (
        proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{port}", mode="redis") as made,
        Client(made.port) as client,
        Client(port) as direct,
    ):
        assert client.ask("SET", "k", "v") == b"OK"
        if trouble == "OOM":
            direct.ask("CONFIG", "SET", "maxmemory", 1)
        elif trouble == "BUSY":
            direct.ask("CONFIG", "SET", "busy-reply-threshold", 1)
            direct.send(pack("EVAL", "while true do end", 0))
        else:
            stale = "no" if trouble == "MASTERDOWN" else "yes"
            direct.ask("CONFIG", "SET", "replica-serve-stale-data", stale)
            direct.ask("REPLICAOF", "127.0.0.1", free_port())
        wait_for(lambda: str(client.ask(*command)).startswith(f"{trouble} "), what=trouble)
        if trouble == "BUSY":
            assert ask(port, "SCRIPT", "KILL") == b"OK"
            wait_for(lambda: client.ask(*command) == b"OK", what="it is over")


def speaks(answers: dict[str, bytes]) -> Callable[[socket.socket], None]:
    """Return a server that gives each command its answer, +OK to what it has none for."""

    def serve(connection: socket.socket) -> None:
        parser = RequestParser()
        with connection, suppress(OSError):
            while data := connection.recv(4096):
                parser.feed(data)
                for arguments, _ in parser.take(100):
                    connection.sendall(answers.get(arguments[0].decode().upper(), b"+OK\r\n"))

    return lambda connection: Thread(target=serve, args=(connection.dup(),), daemon=True).start()


def test_a_server_that_loads_is_not_ready(tmp_path: Path) -> None:
    answers = {"COMMAND": b"*0\r\n", "PING": b"-LOADING Redis is loading the dataset in memory\r\n"}
    with (
        tcp_server(speaks(answers)) as port,
        proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{port} {CHECK}", mode="redis") as made,
    ):
        made.stats.wait_for_status("a", "DOWN")
        row = made.stats.row("a")
        assert row["check_status"] == "L7STS"
        assert "LOADING" in row["last_chk"]
        assert fails(ask(made.port, "GET", "k"), "SERVERDOWN main/a is DOWN")
        answers["PING"], answers["ROLE"] = b"+PONG\r\n", b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
        made.stats.wait_for_status("a", "UP")
        assert ask(made.port, "GET", "k") == b"OK"


def test_commands_of_modules_go_to_the_owner_of_their_keys(tmp_path: Path) -> None:
    row = b"*6\r\n$8\r\njson.set\r\n:-4\r\n*2\r\n+write\r\n+module\r\n:1\r\n:1\r\n:1\r\n"
    answers = {"COMMAND": b"*1\r\n" + row}
    with (
        tcp_server(speaks(answers)) as port,
        proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{port}", mode="redis") as made,
        Client(made.port) as client,
    ):
        assert client.ask("GET", "k") == b"OK"  # from here on the proxy knows what the server can do
        assert client.ask("JSON.SET", "k", "$", "{}") == b"OK"
        assert fails(client.ask("json.set", "k"), "wrong number of arguments for 'json.set' command")
        assert fails(client.ask("JSON.GET", "k"), "unknown command 'JSON.GET'")


# -- while a connection is made ----------------------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts, and then says nothing."""
    with listening_socket() as listening:
        yield port_of(listening)


def test_what_waits_is_bounded_and_has_a_timeout(tmp_path: Path, silent: int) -> None:
    lines = "timeout connect 20s", "timeout queue 300ms", "balance key", f"server a 127.0.0.1:{silent} maxqueue 10"
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
        answers = [str(each) for each in client.pipeline(pack("GET", "x" * 300) for _ in range(15))]
        assert answers[:10] == ["SERVERDOWN main/a was not connected within 'timeout queue'"] * 10
        assert answers[10:] == ["SERVERDOWN main/a is not connected yet, and too many commands wait for it"] * 5


def test_the_greeting_is_part_of_the_timeout_to_connect(tmp_path: Path, silent: int) -> None:
    lines = "timeout connect 300ms", "balance key", f"server a 127.0.0.1:{silent}"
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
        assert fails(client.ask("GET", "k"), "SERVERDOWN main/a does not answer")
        wait_for(lambda: "does not answer the greeting" in str(client.ask("GET", "k")), what="the reason")
        wait_for(lambda: made.stats.numbers("a", "econ")[0] >= 2, what="another try")


def test_what_waited_is_sent_when_the_server_is_there(tmp_path: Path) -> None:
    with killable_redis(tmp_path) as a:
        a.freeze()
        lines = "timeout connect 20s", "balance key", f"server a 127.0.0.1:{a.port}"
        with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
            client.send(pack("SET", "k", "v"), pack("GET", "k"))
            a.thaw()
            assert client.replies(2) == [b"OK", b"v"]


def test_a_server_that_goes_does_not_keep_a_write_twice(tmp_path: Path) -> None:
    """Written and not answered is never sent again; the error says that it may have been done."""
    with killable_redis(tmp_path) as a, killable_redis(tmp_path) as b:
        lines = "balance roundrobin", f"server a 127.0.0.1:{a.port}", f"server b 127.0.0.1:{b.port}"
        with proxy("wproxy", tmp_path, *lines, mode="redis") as made, Client(made.port) as client:
            client.pipeline(pack("SET", f"k{n}", n) for n in range(10))
            a.freeze()
            client.send(*(pack("SET", f"l{n}", n) for n in range(10)))
            wait_for(lambda: ask(b.port, "DBSIZE") == 10, what="b has its half")
            a.kill()
            answers = [str(each) for each in client.replies(10)]
            assert sum("may have been executed" in each for each in answers) == 5
            assert ask(b.port, "DBSIZE") == 10


# -- servers that come and go ------------------------------------------------------------------------------------------


class Load:
    """A client that writes and reads back all the time; `stop` fails if one answer was wrong."""

    def __init__(self, port: int) -> None:
        self.rounds = 0
        self._port = port
        self._wrong: list[object] = []
        self._stopping = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with Client(self._port) as client:
            while not self._stopping.is_set():
                key = f"load{self.rounds}"
                got = client.pipeline([pack("SET", key, self.rounds), pack("GET", key)])
                if got != [b"OK", b"%d" % self.rounds]:
                    self._wrong.append(got)
                self.rounds += 1

    def some_more(self) -> None:
        seen = self.rounds
        wait_for(lambda: self.rounds > seen + 50, what="the load goes on")

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(20.0)
        assert self._wrong == []


def run(made: Proxy, *words: str) -> None:
    """Run `wproxy server …`; fail when it does."""
    command = [*WPROXY, "server", *words, "--socket", str(made.stats.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("balance", ["roundrobin", "key"])
def test_servers_come_and_go_under_load(tmp_path: Path, redis_pair: tuple[int, int], balance: str) -> None:
    first, second = redis_pair
    with proxy("wproxy", tmp_path, f"balance {balance}", f"server a 127.0.0.1:{first}", mode="redis") as made:
        load = Load(made.port)
        for _ in range(3):
            load.some_more()
            said = made.stats.ask(f"add server main/n 127.0.0.1:{second} weight 1")
            assert said == "New server registered.\n\n"
            assert made.stats.row("n")["status"] == "MAINT"
            load.some_more()
            assert made.stats.ask("set server main/n state ready") == "\n"
            load.some_more()
            wait_for(lambda: made.stats.sessions("n")[0] > 10, what="it gets its share")
            assert "Only servers in maintenance" in made.stats.ask("del server main/n")
            run(made, "del", "n", "--wait", "--timeout", "20")
            assert "n" not in made.stats.rows()
        load.some_more()
        load.stop()
        assert (ask(second, "DBSIZE") == 0) is (balance == "key")  # there the keys have followed
        left = redis.Redis(port=second)
        wait_for(lambda: int(left.info("clients")["connected_clients"]) == 1, what="its links end")


@pytest.mark.parametrize("balance", ["roundrobin", "key"])
def test_the_command_line_adds_and_removes(tmp_path: Path, redis_pair: tuple[int, int], balance: str) -> None:
    first, second = redis_pair
    with proxy("wproxy", tmp_path, f"balance {balance}", f"server a 127.0.0.1:{first}", mode="redis") as made:
        load = Load(made.port)

        run(made, "add", "main/n", f"127.0.0.1:{second}", "--weight", "1", "--check")
        made.stats.wait_for_status("n", "UP")
        load.some_more()
        run(made, "drain", "n", "--wait", "--timeout", "20")
        run(made, "del", "n", "--wait", "--timeout", "20")
        assert "n" not in made.stats.rows()
        load.stop()


def test_a_new_server_logs_in(tmp_path: Path, redis_pair: tuple[int, int], locked: int) -> None:
    lines = "balance key", f"server a 127.0.0.1:{redis_pair[0]}"
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made:
        words = logged_in(locked).replace("server a ", "").replace('"', "")
        assert made.stats.ask(f"add server main/n {words}") == "New server registered.\n\n"
        made.stats.ask("set server main/n state ready")
        with Client(made.port) as client:
            answers = client.pipeline(pack("SET", f"k{n}", n) for n in range(200))
            assert set(answers) == {b"OK"}
        assert made.stats.sessions("n")[0] > 20
        assert "hunter" not in made.stats.ask("show servers state") + made.log
        check_log(made.log)


@pytest.mark.parametrize("protected", ["app", "default"])
def test_keys_move_between_servers_with_logins(tmp_path: Path, redis_pair: tuple[int, int], protected: str) -> None:
    first, second = redis_pair
    for port in redis_pair:
        ask(port, "ACL", "SETUSER", protected, "on", "resetpass", f">{SECRET}{port}", "~*", "&*", "+@all")
    lines = [
        f'server s{port} 127.0.0.1:{port} weight {weight} redis-user {protected} redis-password "{SECRET}{port}"'
        for port, weight in ((first, 10), (second, 90))
    ]
    with proxy("wproxy", tmp_path, "balance key", *lines, mode="redis") as made, Client(made.port) as client:
        assert set(client.pipeline(pack("SET", f"k{n}", n) for n in range(500))) == {b"OK"}
        made.stats.ask(f"set server main/s{first} weight 90")
        made.stats.ask(f"set server main/s{second} weight 10")
        assert client.pipeline(pack("GET", f"k{n}") for n in range(500)) == [b"%d" % n for n in range(500)]
        with Client(first) as direct:
            assert direct.ask("AUTH", protected, f"{SECRET}{first}") == b"OK"
            wait_for(lambda: direct.ask("DBSIZE") > 400, what="the keys have followed")
        assert "hunter" not in made.log
