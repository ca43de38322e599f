"""`nbthread`: several processes that look like one. Real processes, killed without a warning."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.support.crews import Crew, crew, wait_until_whole
from tests.support.pids import alive
from tests.support.programs import WPROXY, free_port, redis_server, running
from tests.support.stats import Stats
from tests.support.tcp_server import connect
from tests.support.waiting import wait_for

PONG = b"+PONG\r\n"


def ping(client: socket.socket) -> bool:
    """Tell whether the other end of a connection answers."""
    try:
        client.sendall(b"PING\r\n")
        return client.recv(64) == PONG
    except OSError:
        return False


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[int]:
    with redis_server(tmp_path) as port:
        yield port


def listen(port: int, server: int, more: str = "") -> str:
    servers = "".join(f" server {name} 127.0.0.1:{server} weight {weight}\n" for name, weight in (("a", 30), ("b", 70)))
    return f"listen main\n bind 127.0.0.1:{port}\n{servers}{more}"


def connected(stack: ExitStack, port: int, number: int) -> list[socket.socket]:
    """Return clients that have been answered."""
    clients = [stack.enter_context(connect(port)) for _ in range(number)]
    assert all(ping(client) for client in clients)
    return clients


def test_a_thousand_clients_over_two_workers_are_counted_once(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        connected(stack, port, 1000)
        even = proxy.evenness()
        assert sum(even.values()) == 1000
        assert len(even) == 2
        row = proxy.stats.row("FRONTEND")
        assert (row["scur"], row["smax"], row["stot"]) == ("1000", "1000", "1000")
        assert proxy.stats.numbers("BACKEND", "bin", "bout") == (6 * 1000, 7 * 1000)
        a, b = proxy.stats.sessions("a", "b")
        assert abs(a - 300) <= 2
        assert a + b == 1000
        info = proxy.stats.ask("show info")
        assert "CurrConns: 1000\n" in info
        assert "CumConns: 1000\n" in info
        assert "Nbthread: 2\n" in info


def test_a_killed_worker_is_replaced_within_a_second_and_only_its_clients_notice(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        clients = connected(stack, port, 60)
        home = proxy.sessions()
        before = proxy.workers
        proxy.kill(before[0])
        began = time.monotonic()
        wait_until_whole(proxy)
        assert time.monotonic() - began < 5.0  # a tenth of a second on a machine that has nothing else to do
        lost = {home[client.getsockname()[1]] for client in clients if not ping(client)}
        kept = {home[client.getsockname()[1]] for client in clients if ping(client)}
        assert len(lost) <= 1
        assert not lost & kept
        assert before[1] in proxy.workers
        connected(stack, port, 60)
        assert len(proxy.evenness()) == 2  # the new one serves
        assert proxy.stats.numbers("FRONTEND", "stot")[0] >= 60 + len([1 for each in kept])


def test_no_new_client_is_refused_while_workers_are_killed(tmp_path: Path, redis: int) -> None:
    port = free_port()
    stop, failures, answered = threading.Event(), [], Counter[str]()

    def come_and_go() -> None:
        while not stop.is_set():
            try:
                with connect(port) as client:
                    answered[str(ping(client))] += 1
            except OSError as error:
                failures.append(repr(error))

    with crew(tmp_path, listen(port, redis)) as proxy:
        thread = threading.Thread(target=come_and_go)
        thread.start()
        for kills in range(1, 5):
            proxy.kill(proxy.workers[0])
            wait_until_whole(proxy)
            wait_for(lambda most=26 * kills: answered["True"] > most, 20.0, "more clients are answered")  # type: ignore[misc]
        stop.set()
        thread.join()
    assert failures == []
    assert answered["False"] <= 4  # whoever was in the middle of it


def test_a_weight_is_in_force_in_every_worker_when_the_command_answers(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        load = threading.Event()

        def hammer() -> None:
            while not load.is_set():
                with connect(port) as client:
                    ping(client)

        threads = [threading.Thread(target=hammer) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for with_, without in ("ba", "ab") * 5:
                assert proxy.stats.ask(f"set weight main/{with_} 50") == "\n"
                assert proxy.stats.ask(f"set weight main/{without} 0") == "\n"
                counted = proxy.stats.sessions(without)
                connected(stack, port, 20)
                assert proxy.stats.sessions(without) == counted, f"{without} has no weight"
        finally:
            load.set()
            for thread in threads:
                thread.join()


def test_a_stuck_worker_is_replaced_when_a_command_waits_for_it(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        stuck = proxy.workers[0]
        os.kill(stuck, signal.SIGSTOP)
        assert proxy.stats.ask("set weight main/a 0") == "\n"
        wait_until_whole(proxy)
        assert stuck not in proxy.workers
        assert f"Worker {stuck} does not answer" in proxy.log
        connected(stack, port, 40)
        assert proxy.stats.sessions("a") == (0,)


def test_a_killed_supervisor_comes_back_with_what_the_workers_know(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        clients = connected(stack, port, 30)
        proxy.stats.ask("set weight main/a 55")
        proxy.stats.ask("disable server main/b")
        (tmp_path / "state.json").unlink()
        workers = proxy.workers
        proxy.kill(proxy.supervisor)
        wait_until_whole(proxy)
        assert proxy.workers == workers
        assert all(ping(client) for client in clients)
        assert proxy.stats.ask("get weight main/a") == "55 (initial 30)\n\n"
        assert proxy.stats.row("b")["status"] == "MAINT"
        assert proxy.stats.numbers("FRONTEND", "scur", "stot") == (30, 30)
        assert " is UP" not in proxy.log  # nothing has come back
        state = tmp_path / "state.json"
        wait_for(lambda: state.exists() and "55" in state.read_text(), what="it is kept again")
        connected(stack, port, 10)
        assert proxy.stats.numbers("a", "scur")[0] >= 10


def test_without_master_and_supervisor_the_workers_serve_and_a_new_start_takes_over(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        clients = connected(stack, port, 20)
        proxy.stats.ask("set weight main/a 44")
        old = proxy.workers
        proxy.kill(proxy.process.pid)
        assert all(ping(client) for client in clients)
        assert all(ping(client) for client in connected(stack, port, 10))
        with running([*WPROXY, "-f", "wproxy.cfg"], tmp_path, "second") as second:
            again = Crew(tmp_path, second, Stats(tmp_path / "wproxy.sock"))

            def taken_over() -> bool:
                assert second.poll() is None, (tmp_path / "second.log").read_text()
                return again.stats.answers() and len(again.workers) == 2 and not set(again.workers) & set(old)

            wait_for(taken_over, 20.0, "the second one serves")
            assert all(ping(client) for client in clients)
            assert again.stats.ask("get weight main/a") == "44 (initial 30)\n\n"
            connected(stack, port, 10)
            for client in clients:
                client.close()
            stack.close()
            wait_for(lambda: not any(alive(pid) for pid in old), 15.0, "the old workers have gone")


def test_a_servers_maxconn_is_never_exceeded_and_all_of_it_used(tmp_path: Path, redis: int) -> None:
    port = free_port()
    lines = f"listen main\n bind 127.0.0.1:{port}\n timeout queue 20s\n server a 127.0.0.1:{redis} maxconn 7\n"
    with crew(tmp_path, lines) as proxy, ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(40)]
        for client in clients:
            client.sendall(b"PING\r\n")
        wait_for(lambda: proxy.stats.numbers("a", "scur") == (7,), what="seven places are taken")
        highest, served = 0, set[socket.socket]()
        deadline = time.monotonic() + 30
        while len(served) < len(clients) and time.monotonic() < deadline:
            highest = max(highest, *proxy.stats.numbers("a", "scur"))
            for client in [each for each in clients if each not in served]:
                client.setblocking(False)
                try:
                    if client.recv(64) == PONG:
                        served.add(client)
                        client.close()
                except BlockingIOError:
                    continue
        assert len(served) == 40
        assert highest <= 7


def test_a_limit_that_grows_follows_the_clients_of_all_workers(tmp_path: Path, redis: int) -> None:
    port = free_port()
    lines = (
        f"listen main\n bind 127.0.0.1:{port}\n timeout queue 20s\n fullconn 20\n"
        f" server a 127.0.0.1:{redis} minconn 2 maxconn 10\n"
    )
    with crew(tmp_path, lines) as proxy, ExitStack() as stack:
        clients: list[socket.socket] = []
        for total, limit in ((3, 2), (12, 6), (15, 7), (24, 10)):
            clients += [stack.enter_context(connect(port)) for _ in range(total - len(clients))]
            wait_for(
                lambda total=total, limit=limit: (  # type: ignore[misc]
                    proxy.stats.numbers("a", "scur") == (limit,) and proxy.stats.numbers("BACKEND", "scur") == (total,)
                ),
                what=f"{limit} of {total} are served",
            )
        for client in clients:
            client.close()
        wait_for(lambda: proxy.stats.numbers("BACKEND", "scur", "qcur") == (0, 0), what="all have gone")
        last = stack.enter_context(connect(port))
        assert ping(last)
        assert proxy.stats.numbers("a", "smax", "slim") <= (10, 10)


def test_a_maxconn_of_one_is_shared_by_two_workers(tmp_path: Path, redis: int) -> None:
    port = free_port()
    lines = f"listen main\n bind 127.0.0.1:{port}\n timeout queue 20s\n server a 127.0.0.1:{redis} maxconn 1\n"
    with crew(tmp_path, lines) as proxy:

        def one() -> None:
            for _ in range(20):
                with connect(port) as client:
                    assert ping(client)
                    answered.append(1)

        answered: list[int] = []
        threads = [threading.Thread(target=one) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answered) == 120
        assert proxy.stats.numbers("a", "smax")[0] <= 2  # each worker had the one place at some time


def test_the_maxconn_of_a_frontend_is_exact(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis, " maxconn 9\n")) as proxy, ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(20)]
        for client in clients:
            client.sendall(b"PING\r\n")
        wait_for(lambda: proxy.stats.numbers("FRONTEND", "scur") == (9,), what="nine are in")
        answered: set[socket.socket] = set()

        def nine() -> bool:
            for client in select.select(set(clients) - answered, [], [], 0.1)[0]:
                assert client.recv(64) == PONG
                answered.add(client)
            return len(answered) >= 9

        wait_for(nine, what="nine are answered")
        assert len(answered) == 9
        assert select.select(set(clients) - answered, [], [], 0.3)[0] == []


def test_a_frontend_is_closed_and_opened_in_every_worker(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        for _ in range(2):
            assert proxy.stats.ask("disable frontend main") == "\n"
            with pytest.raises(ConnectionRefusedError):
                connect(port)
            workers = proxy.workers
            proxy.kill(workers[0])  # the next one does not open it
            wait_until_whole(proxy)
            with pytest.raises(ConnectionRefusedError):
                connect(port)
            assert workers[1] in proxy.workers
            assert proxy.stats.ask("enable frontend main") == "\n"
            connected(stack, port, 20)
        assert len(proxy.evenness()) == 2


def test_reload_with_workers_loses_no_client(tmp_path: Path, redis: int) -> None:
    port = free_port()
    stop, failures, answered = threading.Event(), [], []

    def come_and_go() -> None:
        while not stop.is_set():
            try:
                with connect(port) as client:
                    client.sendall(b"PING\r\n")
                    assert client.recv(64) == PONG
                    answered.append(1)
            except (OSError, AssertionError) as error:
                failures.append(repr(error))

    with crew(tmp_path, listen(port, redis), 2, "-W") as proxy, ExitStack() as stack:

        def replaced(before: set[int]) -> bool:
            return not before & set(proxy.workers) and len(proxy.workers) == 2

        (client,) = connected(stack, port, 1)
        proxy.stats.ask("set weight main/a 11")
        thread = threading.Thread(target=come_and_go)
        thread.start()
        for _ in range(2):
            before = set(proxy.workers)
            os.kill(proxy.process.pid, signal.SIGUSR2)
            wait_for(partial(replaced, before), 20.0, "new ones serve")
        assert ping(client)  # on the first generation's
        # For a moment the one before answers, too, and it knows of no older one.
        wait_for(lambda: len(proxy.processes()["old"]) >= 1, what="the old ones are told")
        assert proxy.stats.ask("get weight main/a") == "11 (initial 30)\n\n"
        wait_for(lambda: failures or len(answered) > 50, 30.0, "more clients are answered")
        stop.set()
        thread.join()
        client.close()
        wait_for(lambda: proxy.processes()["old"] == [], what="the old ones have gone")
    assert failures == []


def test_stick_tables_are_one(tmp_path: Path, redis: int) -> None:
    port = free_port()
    more = " stick-table type ip size 100 expire 1m\n stick on src\n"
    with crew(tmp_path, listen(port, redis, more)) as proxy, ExitStack() as stack:
        connected(stack, port, 1)
        wait_for(lambda: "used:1" in proxy.stats.ask("show table main"), what="the entry is known")
        connected(stack, port, 50)
        assert len(proxy.evenness()) == 2
        assert sorted(proxy.stats.sessions("a", "b")) == [0, 51]
        assert proxy.stats.ask("clear table main") == "\n"
        assert "used:0" in proxy.stats.ask("show table main")


def test_sessions_are_shut_down_wherever_they_are(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        clients = connected(stack, port, 20)
        numbers = [line.partition(":")[0] for line in proxy.stats.ask("show sess").splitlines() if ": proto=" in line]
        assert len(set(numbers)) == 20
        for number in numbers[:5]:
            assert proxy.stats.ask(f"shutdown session {number}") == "\n"
        assert "No such session" in proxy.stats.ask("shutdown session 0x123")
        wait_for(lambda: proxy.stats.numbers("FRONTEND", "scur") == (15,), what="five have gone")
        proxy.stats.ask("shutdown sessions server main/a")
        proxy.stats.ask("shutdown sessions server main/b")
        wait_for(lambda: proxy.stats.numbers("FRONTEND", "scur") == (0,), what="all have gone")
        assert not any(ping(client) for client in clients)


def test_counters_are_cleared_everywhere(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        connected(stack, port, 10)
        proxy.kill(proxy.workers[0])
        wait_until_whole(proxy)
        assert proxy.stats.ask("clear counters all") == "\n"
        assert proxy.stats.numbers("FRONTEND", "stot", "bin", "smax") == (0, 0, 0)


def test_servers_come_and_go_in_every_worker(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        assert "registered" in proxy.stats.ask(f"add server main/c 127.0.0.1:{redis} weight 100")
        proxy.stats.ask("enable server main/c")
        proxy.stats.ask("set weight main/a 0")
        proxy.stats.ask("set weight main/b 0")
        connected(stack, port, 30)
        assert proxy.stats.sessions("a", "b", "c") == (0, 0, 30)
        proxy.kill(proxy.workers[1])  # its successor knows the new server
        wait_until_whole(proxy)
        connected(stack, port, 30)
        assert proxy.stats.sessions("a", "b") == (0, 0)
        proxy.stats.ask("disable server main/c")
        assert "still has connections" in proxy.stats.ask("del server main/c")
        stack.close()
        proxy.stats.wait_until_idle("c")
        assert "deleted" in proxy.stats.ask("del server main/c")


def test_it_ends_when_told(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy:
        pids = [*proxy.workers, proxy.supervisor]
        proxy.process.terminate()
        assert proxy.process.wait(10) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
