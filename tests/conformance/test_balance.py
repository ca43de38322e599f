"""Who gets which connection under each balance algorithm: the same on HAProxy and on wproxy."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from tests.support.holding import Client, holding_server
from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import ask_name, named_server, read_all
from tests.support.waiting import wait_for

R = TypeVar("R")
BOTH = pytest.mark.parametrize("program", ["haproxy", "wproxy"])


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """Servers that say their names and hang up."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(named_server(name)) for name in "abcdef"}


@pytest.fixture(scope="module")
def holding() -> Iterator[dict[str, int]]:
    """Servers that say their names and stay."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(holding_server(name)) for name in "abc"}


def lines(ports: dict[str, int], balance: str, **servers: str) -> list[str]:
    """Return a section's lines: `balance`, possibly several lines, and a server for each name."""
    return [*balance.split("\n"), *(f"server {name} 127.0.0.1:{ports[name]} {more}" for name, more in servers.items())]


@contextmanager
def pair(folder: Path, section: list[str]) -> Iterator[list[Proxy]]:
    """Run both proxies on the same section."""
    with proxy("haproxy", folder, *section) as first, proxy("wproxy", folder, *section) as second:
        yield [first, second]


def on_both(folder: Path, section: list[str], run: Callable[[Proxy], R]) -> R:
    """Return what `run` returns, which has to be the same on both proxies."""
    with pair(folder, section) as both:
        theirs, ours = (run(each) for each in both)
    assert ours == theirs
    return ours


def shares(made: Proxy, count: int) -> Counter[str]:
    return Counter(ask_name(made.port) for _ in range(count))


EXACT = ["roundrobin", "static-rr", "leastconn", "first"]


@pytest.mark.parametrize("balance", EXACT)
def test_shares_of_200_connections_and_after_changes(
    tmp_path: Path, holding: dict[str, int], ports: dict[str, int], balance: str
) -> None:
    def run(made: Proxy) -> list[Counter[str]]:
        counts = [quiet(made, 200)]
        for command in ("set weight main/a 0", "set weight main/a 50%", "set weight main/a 100%",
                        "disable server main/b", "enable server main/b;disable server main/a",
                        "set server main/a state ready"):  # fmt: skip
            made.stats.ask(command)
            counts.append(quiet(made, 100))
        return counts

    def quiet(made: Proxy, count: int) -> Counter[str]:
        """Connect one after the other, each when the last is over: leastconn sees no load."""
        found: Counter[str] = Counter()
        for _ in range(count):
            found[ask_name(made.port)] += 1
            if balance == "leastconn":
                made.stats.wait_until_idle("a", "b", "c")
        return found

    section = lines(ports, f"balance {balance}", a="weight 20", b="weight 50", c="weight 30")
    with pair(tmp_path, section) as both:
        theirs, ours = (run(each) for each in both)
    for haproxys, wproxys in zip(theirs, ours, strict=True):
        assert wproxys.keys() == haproxys.keys()
        # HAProxy's turns go on after a change where ours begin anew: a period that is not whole differs by one or two.
        assert all(abs(wproxys[name] - haproxys[name]) <= 2 for name in haproxys), (theirs, ours)


@BOTH
def test_random_goes_by_weight(tmp_path: Path, ports: dict[str, int], program: str) -> None:
    """Both within five standard deviations of the share."""
    with proxy(program, tmp_path, *lines(ports, "balance random(1)", a="weight 20", b="weight 80")) as made:
        counts = shares(made, 400)
        assert abs(counts["b"] - 320) < 5 * 8
        made.stats.ask("set weight main/b 20")
        assert abs(shares(made, 400)["b"] - 200) < 5 * 10


HASHES = [
    "balance source",
    "balance source\nhash-type map-based sdbm",
    "balance source\nhash-type map-based sdbm avalanche",
    "balance source\nhash-type map-based djb2 avalanche",
    "balance source\nhash-type map-based crc32",
    "balance source\nhash-type map-based wt6",
    "balance source\nhash-type consistent",
    "balance source\nhash-type consistent sdbm",
    "balance source\nhash-type consistent crc32 avalanche",
]
SOURCES = [f"127.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"
           for random in [Random(5)] for _ in range(120)]  # fmt: skip


def name_from(made: Proxy, source: str) -> str:
    with socket.create_connection(("127.0.0.1", made.port), 10.0, (source, 0)) as connection:
        return read_all(connection).decode()


@pytest.mark.parametrize("balance", HASHES, ids=lambda balance: balance.replace("\n", " "))
def test_a_source_address_leads_to_the_same_server(tmp_path: Path, ports: dict[str, int], balance: str) -> None:
    def run(made: Proxy) -> list[str]:
        found = [name_from(made, source) for source in SOURCES]
        made.stats.ask("disable server main/c")
        found += [name_from(made, source) for source in SOURCES]
        made.stats.ask("enable server main/c;set weight main/d 0;set weight main/a 50%")
        return found + [name_from(made, source) for source in SOURCES]

    section = lines(
        ports, balance, a="weight 6", b="weight 9", c="weight 3", d="weight 21", e="weight 12", f="weight 3 backup"
    )
    found = on_both(tmp_path, section, run)
    assert len(set(found)) > 1


@pytest.mark.parametrize("balance", HASHES, ids=lambda balance: balance.replace("\n", " "))
def test_ipv6_sources_are_folded_alike(tmp_path: Path, ports: dict[str, int], balance: str) -> None:
    def run(made: Proxy) -> set[str]:
        with socket.create_connection(("::1", made.port), 10.0) as connection:
            return {read_all(connection).decode()}

    section = lines(ports, balance, a="weight 5", b="weight 7", c="weight 9")
    found = []
    for program in ("haproxy", "wproxy"):
        with proxy(program, tmp_path, *section) as plain:
            port = plain.port
        with proxy(program, tmp_path, f"bind ::1:{port}", *section, port=port) as made:
            found.append(run(made))
    assert found[0] == found[1]


@pytest.mark.parametrize(("balance", "static"), [
    ("balance roundrobin", False), ("balance leastconn", False), ("balance first", False), ("balance random", False),
    ("balance source\nhash-type consistent", False), ("balance static-rr", True), ("balance source", True),
    ("balance static-rr\nhash-type consistent", True),
])  # fmt: skip
def test_weights_that_static_algorithms_refuse(
    tmp_path: Path, ports: dict[str, int], balance: str, static: bool
) -> None:
    commands = [f"set weight main/a {weight}" for weight in ("50%", "15", "0%", "0", "100%", "30", "30x", "300", "%")]
    commands += ["set server main/a weight 7", "get weight main/a"]

    def run(made: Proxy) -> list[str]:
        return [made.stats.ask(command) for command in commands]

    answers = on_both(tmp_path, lines(ports, balance, a="weight 30", b="weight 70"), run)
    assert ("static LB algorithm" in answers[0]) is static


# -- with connections that stay -----------------------------------------------------------------------------------


class Clients:
    """Clients of one proxy, who hold their connections."""

    def __init__(self, made: Proxy, stack: ExitStack) -> None:
        self.made = made
        self.stack = stack

    def come(self, count: int) -> list[Client]:
        """Connect, each when the last one has its server."""
        return [self.one() for _ in range(count)]

    def one(self) -> Client:
        before = self.numbers("BACKEND", "scur")
        client = Client(self.made.port)
        self.stack.callback(client.close)
        wait_for(lambda: self.numbers("BACKEND", "scur") > before, what="the client is counted")
        return client

    def numbers(self, svname: str, *columns: str) -> tuple[int, ...]:
        return self.made.stats.numbers(svname, *columns)


def names(clients: list[Client]) -> str:
    return "".join(client.name for client in clients)


@contextmanager
def clients_of(made: Proxy) -> Iterator[Clients]:
    with ExitStack() as stack:
        yield Clients(made, stack)


def test_leastconn_with_held_connections(tmp_path: Path, holding: dict[str, int]) -> None:
    def run(made: Proxy) -> list[object]:
        with clients_of(made) as clients:
            held = clients.come(18)
            order = names(held)
            for client, name in zip(held, order, strict=True):
                if name == "b":
                    client.close()
            gone = order.count("b")
            wait_for(lambda: clients.numbers("BACKEND", "scur") == (len(held) - gone,), what="b's clients have gone")
            again = names(clients.come(8))
            made.stats.ask("set weight main/a 256")
            return [order, again, names(clients.come(12))]

    section = lines(holding, "balance leastconn", a="weight 10", b="weight 20", c="weight 30")
    order, *_ = on_both(tmp_path, section, run)
    assert Counter(str(order)) == {"a": 3, "b": 6, "c": 9}


def test_first_fills_up_by_maxconn_and_others_wait_in_order(tmp_path: Path, holding: dict[str, int]) -> None:
    def run(made: Proxy) -> list[object]:
        with clients_of(made) as clients:
            held = clients.come(6)
            seen: list[object] = [names(held)]
            waiting = clients.come(3)
            seen.append(clients.numbers("BACKEND", "qcur", "qmax") + clients.numbers("b", "qcur", "qmax", "slim"))
            for index in (4, 0, 2):  # c, a, b end, and those who wait follow in their order
                held[index].close()
                seen.append(waiting.pop(0).name)
            seen.append(clients.numbers("BACKEND", "qcur", "qmax"))
            return seen

    section = lines(holding, "balance first", a="maxconn 2", b="maxconn 2 weight 9", c="maxconn 2")
    found = on_both(tmp_path, section, run)
    assert found[0] == "aabbcc"


QUEUE = ("qcur", "qmax", "scur", "smax", "stot", "lbtot", "econ", "qlimit")


def counted(made: Proxy, present: int | None = None) -> dict[str, tuple[int, ...]]:
    """Return what is counted, once HAProxy has forgotten all but those clients who are `present`."""
    if present is not None:
        wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (present,), what=f"{present} are present")
    return {name: made.stats.numbers(name, *QUEUE) for name in made.stats.rows() if name != "FRONTEND"}


@pytest.mark.parametrize("balance", ["roundrobin", "static-rr", "leastconn", "first"])
def test_the_backends_queue_is_served_in_order(tmp_path: Path, holding: dict[str, int], balance: str) -> None:
    def run(made: Proxy) -> list[object]:
        with clients_of(made) as clients:
            held = {client: client.name for client in clients.come(3)}
            waiting = clients.come(3)
            seen: list[object] = [sorted(held.values()), counted(made)]
            for name in "bab":  # whoever came first gets the place, on whichever server it is
                leaver = next(client for client, server in held.items() if server == name)
                del held[leaver]
                leaver.close()
                follower = waiting.pop(0)
                held[follower] = follower.name
                seen.append(held[follower])
            return [*seen, counted(made, 3)]

    seen = on_both(tmp_path, lines(holding, f"balance {balance}", a="maxconn 2", b="maxconn 1"), run)
    assert seen[0] == ["a", "a", "b"]
    assert seen[2:-1] == ["b", "a", "b"]


def test_a_servers_queue_under_source(tmp_path: Path, holding: dict[str, int]) -> None:
    """Who means a certain server waits for it, up to `maxqueue`, though another one is idle."""

    def run(made: Proxy) -> list[object]:
        with clients_of(made) as clients:
            (held,) = clients.come(1)
            name = held.name
            waiting = clients.come(2)
            seen: list[object] = [name, counted(made)]
            seen += [ask_name(made.port), counted(made, 3)]
            held.close()
            seen += [waiting[0].name, counted(made, 2)]
            made.stats.ask(f"disable server main/{name}")  # whoever waits for it goes to another one
            return [*seen, waiting[1].name, counted(made)]

    section = ["option redispatch", *lines(holding, "balance source", a="maxconn 1 maxqueue 2",
                                           b="maxconn 1 maxqueue 2")]  # fmt: skip
    assert on_both(tmp_path, section, run)[2] == ""


def test_leastconn_queues_on_servers_as_maxqueue_allows(tmp_path: Path, holding: dict[str, int]) -> None:
    def run(made: Proxy) -> list[object]:
        with clients_of(made) as clients:
            clients.come(6)
            seen: list[object] = [counted(made)]
            return [*seen, counted(made, 2)]  # the others have waited long enough

    section = ["timeout queue 1s", *lines(holding, "balance leastconn", a="maxconn 1 maxqueue 1",
                                          b="maxconn 1 maxqueue 1")]  # fmt: skip
    on_both(tmp_path, section, run)


# -- backup servers and slow start ----------------------------------------------------------------------------------


STATES = ("status", "weight", "act", "bck", "uweight", "throttle")


def logged(made: Proxy) -> list[str]:
    """Return what the log says about changes, without severity and process."""
    found = [line for line in made.log.splitlines() if "Server main/" in line or "no server" in line]
    return [re.sub(r"^\[.*?\]\s*(\(\d+\))? ?:? ?", "", line) for line in found]


def states(made: Proxy) -> dict[str, tuple[str, ...]]:
    return {name: tuple(row[column] for column in STATES) for name, row in made.stats.rows().items()}


# One pair is left out: without allbackups HAProxy 2.6 keeps old entries in static-rr's map and spreads over both backup
# servers, against its manual, which is what wproxy does.
@pytest.mark.parametrize(
    ("balance", "option"),
    [
        (balance, option)
        for balance in ("roundrobin", "static-rr", "leastconn", "first", "source", "source\nhash-type consistent")
        for option in ("no option allbackups", "option allbackups")
        if (balance, option) != ("static-rr", "no option allbackups")
    ],
)
def test_backups_take_over_and_step_back(tmp_path: Path, ports: dict[str, int], balance: str, option: str) -> None:
    def run(made: Proxy) -> list[object]:
        seen: list[object] = []
        for command in ("show version", "disable server main/a", "disable server main/b", "disable server main/c",
                        "disable server main/d", "enable server main/c", "enable server main/d",
                        "enable server main/b", "set weight main/b 0", "enable server main/a"):  # fmt: skip
            made.stats.ask(command)
            seen.append((command, states(made), set(shares(made, 12))))
            made.stats.wait_until_idle()
        wait_for(lambda: "main/a is UP/READY" in made.log, what="the last change is logged")
        return [*seen, logged(made)]

    section = lines(ports, f"balance {balance}\n{option}", a="weight 3", b="weight 5", c="weight 7 backup",
                    d="weight 2 backup")  # fmt: skip
    on_both(tmp_path, section, run)


@BOTH
def test_default_server_gives_backup_and_the_rest(tmp_path: Path, ports: dict[str, int], program: str) -> None:
    section = ["default-server backup maxqueue 3 maxconn 2 weight 9 slowstart 5s disabled",
               *lines(ports, "balance roundrobin", a="", b="no-backup enabled weight 4")]  # fmt: skip
    with proxy(program, tmp_path, *section) as made:
        assert states(made)["a"][:4] == ("MAINT", "9", "0", "1")
        assert states(made)["b"][:4] == ("no check", "4", "1", "0")
        assert made.stats.numbers("b", "qlimit", "slim") == (3, 2)


@pytest.mark.parametrize("balance", ["roundrobin", "static-rr"])
def test_slow_start_goes_by_the_same_steps(tmp_path: Path, ports: dict[str, int], balance: str) -> None:
    def steps(made: Proxy) -> list[dict[str, tuple[str, ...]]]:
        made.stats.ask("disable server main/a")
        # HAProxy takes a step for each second of the clock that has begun when its timer, a little late, comes.
        wait_for(lambda: time.time() % 1 < 0.5, what="early in a second")
        made.stats.ask("enable server main/a")
        found = [states(made)]

        def over() -> bool:
            ended, now = "UP. 2 active" in made.log, states(made)
            if now != found[-1]:
                found.append(now)
            return ended

        wait_for(over, 8.0, "the slow start is over")
        return found

    section = lines(ports, f"balance {balance}", a="weight 100 slowstart 3s maxconn 9", b="weight 40 slowstart 3s")
    found = on_both(tmp_path, section, steps)
    if balance != "static-rr":
        assert [step["a"][1] for step in found] == ["7", "38", "69", "100"]


def test_maxconn_grows_during_slow_start(tmp_path: Path, holding: dict[str, int]) -> None:
    def run(made: Proxy) -> list[object]:
        made.stats.ask("disable server main/a;enable server main/a")
        with clients_of(made) as clients:
            clients.come(4)
            before = clients.numbers("BACKEND", "qcur") + clients.numbers("a", "scur")
            wait_for(lambda: clients.numbers("a", "scur") == (4,), what="all are served")
            return [before, clients.numbers("a", "scur", "qcur")]

    on_both(tmp_path, lines(holding, "balance roundrobin\ntimeout queue 9s", a="maxconn 12 slowstart 3s"), run)


def test_random_lets_nobody_wait_while_there_is_room(tmp_path: Path, holding: dict[str, int]) -> None:
    """HAProxy queues whoever draws a full server, even while another one is idle."""
    section = lines(holding, "balance random(1)", a="maxconn 2", b="maxconn 3")
    with proxy("wproxy", tmp_path, *section) as made, clients_of(made) as clients:
        assert sorted(client.name for client in clients.come(5)) == list("aabbb")
        clients.come(2)
        assert made.stats.numbers("BACKEND", "qcur") == (2,)


def test_without_redispatch_a_queue_insists_on_its_server(tmp_path: Path, holding: dict[str, int]) -> None:
    def run(made: Proxy) -> list[object]:
        with clients_of(made) as clients:
            (held,) = clients.come(1)
            name = held.name
            (waiting,) = clients.come(1)
            made.stats.ask(f"disable server main/{name}")
            return [name, waiting.name, counted(made, 1)]

    section = lines(holding, "balance source\ntimeout queue 300ms", a="maxconn 1", b="maxconn 1")
    assert on_both(tmp_path, section, run)[1] == ""


RETRIED = ("stot", "lbtot", "econ", "wretr", "wredis", "connect")


@pytest.mark.parametrize("balance", ["static-rr", "leastconn", "first", "source", "source\nhash-type consistent"])
@pytest.mark.parametrize(
    ("retries", "backup"),
    [
        ("retries 2", ""),
        ("retries 2\noption redispatch", ""),
        ("retries 1\noption redispatch 1", ""),
        ("retries 2\noption redispatch", "backup"),
    ],
)
def test_retries_leave_a_dead_server_alike(
    tmp_path: Path, ports: dict[str, int], balance: str, retries: str, backup: str
) -> None:
    def run(made: Proxy) -> list[object]:
        found = []
        for source in SOURCES[:3]:
            found.append(name_from(made, source))
            made.stats.wait_until_idle()  # or the next one meets a server that is not free yet
        return [found, {name: made.stats.numbers(name, *RETRIED) for name in ("dead", "a", "b", "BACKEND")}]

    section = [*lines(ports, f"timeout connect 50ms\n{retries}\nbalance {balance}"),
               f"server dead 127.0.0.1:{free_port()} weight 2",
               *lines(ports, "", a=backup, b=backup)]  # fmt: skip
    on_both(tmp_path, section, run)
