"""The Runtime API's commands on HAProxy and on wproxy, one after the other: the answers agree byte by byte."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.stats import Stats
from tests.support.tcp_server import connect, listening_socket, port_of, read_all, reset
from tests.support.waiting import wait_for

REST = """
global
    nbthread 1
    maxconn 100
    node n1
    description some text
    stats socket {folder}/operator.sock level operator
    stats socket {folder}/user.sock level user
    stats maxconn 20
frontend in
    mode tcp
    bind 127.0.0.1:{port}
    default_backend out
backend out
    server x 127.0.0.1:{up}
"""


@dataclass(frozen=True)
class Pair:
    """HAProxy and wproxy on the same configuration; `section` and the servers there may be changed at will."""

    haproxy: Proxy
    wproxy: Proxy
    up: int

    def ask(self, command: str, level: str = "") -> tuple[str, str]:
        """Return both answers to one line, sent at `level` (admin when it is empty)."""
        first, second = (
            Stats(each.folder / f"{level or each.program}.sock").ask(command) for each in (self.haproxy, self.wproxy)
        )
        return first, second

    def agree(self, *commands: str, level: str = "") -> None:
        for command in commands:
            haproxys, ours = self.ask(command, level)
            assert comparable(ours) == comparable(haproxys), command


def comparable(answer: str) -> str:
    """Return an answer without what must differ: versions, times, the lists of commands, the name of the socket."""
    answer = re.sub(r"2\.6\.\S+", "VERSION", answer)
    answer = re.sub(r"\[\d+/\w+/\d+:[\d:.]+\]", "[TIME]", answer)
    answer = re.sub(r"/\S*/(haproxy|wproxy|operator|user)\S*\.sock", "SOCKET", answer)
    return re.sub(r"(?m)^  [a-z].*\n", "", answer) if " command" in answer.partition("\n")[0] else answer


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:
        up = port_of(stack.enter_context(listening_socket()))
        lines = (
            f"server a 127.0.0.1:{up} weight 30 check inter 24h",
            f"server b 127.0.0.1:{up} weight 70 maxconn 5",
            f"server c 127.0.0.1:{up} disabled",
        )
        made = []
        for program in ("haproxy", "wproxy"):
            folder = tmp_path_factory.mktemp(program)
            rest = REST.format(folder=folder, port=free_port(), up=up)
            made.append(stack.enter_context(proxy(program, folder, *lines, rest=rest)))
        for each in made:
            wait_for(lambda each=each: each.stats.row("a")["check_status"] == "L4OK", what="a checked")  # type: ignore[misc]
        yield Pair(made[0], made[1], up)


COMMANDS = """
set server
set server main
set server main/a
set server main/a nope
set server main/zz state ready
set server nope/a state ready
set server main/a state
set server main/a weight
set server main/a health
set server main/a health foo
set server main/a agent
set server main/a agent up
set server main/a agent-addr
set server main/a agent-addr 127.0.0.1
set server main/a agent-port
set server main/a agent-port 90
set server main/a agent-send
set server main/a agent-send hello
set server main/a check-addr
set server main/a check-addr garbage!
set server main/a check-addr 127.0.0.1
set server main/b check-addr 127.0.0.1
set server main/a check-port
set server main/a check-port abc
set server main/a check-port 0
set server main/a check-port 99999
set server main/b check-port 90
set server main/a addr
set server main/a addr garbage!
set server main/a addr localhost
set server main/a addr /some/path
set server main/a addr 127.0.0.1
set server main/a addr 127.0.0.2
set server main/a addr 127.0.0.1 port
set server main/a addr 127.0.0.1 port 9
set server main/a addr 127.0.0.1 port 9
set server main/a addr 127.0.0.2 port 10
set server main/a addr 127.0.0.1 port abc
set server main/a addr 127.0.0.1 port 0
set server main/a addr 127.0.0.1 prt 80
set server main/a addr ::1
set server main/a addr 127.0.0.1 port {up}
set server main/a fqdn
set server main/a fqdn foo
set server main/a ssl
set server main/a ssl on
set maxconn
set maxconn nope
set maxconn frontend
set maxconn frontend nope
set maxconn frontend nope 5
set maxconn frontend in
set maxconn frontend in -1
set maxconn frontend in 50
set maxconn server
set maxconn server main
set maxconn server main/b
set maxconn server main/b abc
set maxconn server main/b -5
set maxconn server main/b 0
set maxconn server main/b 7
set maxconn server main/b 7x
set maxconn server zz/b 5
set maxconn global
set maxconn global 50
set maxconn global 200
set maxconn global 0
set rate-limit
set rate-limit nope
set rate-limit connections
set rate-limit connections global
set rate-limit connections nope 5
set rate-limit connections global -1
set rate-limit connections global 1000
set rate-limit connections global 0
set rate-limit sessions global
set rate-limit sessions global 1000
set rate-limit sessions global 0
set rate-limit ssl-sessions global 1000
set rate-limit ssl-sessions nope
set rate-limit http-compression global 10
set timeout
set timeout nope
set timeout cli
set timeout cli abc
set timeout cli 0
set timeout cli 60
set timeout cli 60s
set timeout cli 2m
set severity-output
set severity-output nope
set severity-output none
set severity-output number;get weight main/zz;show version;set server main/b addr 127.0.0.1
set severity-output string;get weight main/zz;show version;set server main/b addr 127.0.0.1
set severity-output number;get weight main/a;set weight main/a 900;show stat zz 1 1;user;show sess
enable frontend
enable frontend in
enable frontend nope
disable frontend in
disable frontend in
enable frontend in
shutdown
shutdown frontend
shutdown frontend nope
shutdown session
shutdown session abc
shutdown session 0x123
shutdown sessions
shutdown sessions server
shutdown sessions server main
shutdown sessions server main/a
shutdown sessions server main/zz
enable health
enable health main/b
enable health main/zz
disable health main/a
disable health main/b
enable health main/a
enable agent main/a
disable agent main/a
clear
clear counters
clear counters all
clear counters nope
show backend
show backend x
show version
show cli
show cli level
show cli sockets
show env HOME
show env NOPE
show errors
show errors main
show errors nope
show errors main request
show errors -1
show servers conn nope
show servers state nope
show sess 0x123
add server
add server main
add server nope
add server main/a
add server main/n
add server nope/n 127.0.0.1:5
add server main/n 127.0.0.1:5 nope
add server main/n 127.0.0.1:5 cookie x
add server main/n?x 127.0.0.1:5
add server main/a 127.0.0.1:5
add server main/n 127.0.0.1:5 weight 3 maxconn 5
add server main/n 127.0.0.1:5
add server main/o 127.0.0.1:5 check
get weight main/n
enable health main/n
enable health main/o
del server
del server main
del server main/a
del server main/zz
del server zz/zz
enable server main/n
del server main/n
disable server main/n
del server main/n
del server main/n
del server main/o
expert-mode
expert-mode on
expert-mode on;expert-mode;expert-mode x;expert-mode
experimental-mode
experimental-mode on;experimental-mode;user;operator
operator;set weight main/a 3
user;show cli level;operator
get  weight   main/a
get weight \\main/a
get weight main/\\a
get weight main/a\\ x
get weight main\\;/\\a
get weight "main/a"
get w\\eight main
help show version
"""


def test_answers(pair: Pair) -> None:
    """In this order, so that each finds what those before have left."""
    pair.agree(*(line for line in COMMANDS.format(up=pair.up).splitlines() if line))


LEVELS = """\
get weight main/a;set weight main/a 30;set server main/a state ready;enable server main/a;disable health nope/a
enable agent main/a;disable agent main/a;enable frontend in;set maxconn server main/b 5;set maxconn frontend in 50
set maxconn global 0;set rate-limit sessions global 0;set timeout cli 10;shutdown frontend nope
shutdown session 0x1;shutdown sessions server main/a;clear counters;clear counters all;show env HOME
show servers conn nope;show servers state nope;show backend;show version;show cli level;show errors
add server main/a 1;del server main/a;expert-mode;experimental-mode;operator;user
"""


@pytest.mark.parametrize("level", ["operator", "user"])
def test_levels(pair: Pair, level: str) -> None:
    pair.agree(*LEVELS.replace("\n", ";").strip(";").split(";"), level=level)


def test_what_only_operators_see(pair: Pair) -> None:
    for level in ("user", "operator"):
        for answer in pair.ask("show stat main 6 -1", level):
            assert ("roundrobin" in answer) == (level == "operator")
            assert (f"127.0.0.1:{pair.up}" in answer) == (level == "operator")
    for answer in pair.ask("show sess", "user"):
        assert answer == "Permission denied\n\n"


def test_connections_of_servers(pair: Pair) -> None:
    """The same columns; in those that count connections HAProxy counts those of the checks, too."""
    haproxys, ours = (answer.splitlines() for answer in pair.ask("show servers conn main"))
    assert ours[0] == haproxys[0]
    assert [line.split()[:6] for line in ours] == [line.split()[:6] for line in haproxys]
    assert {len(line.split()) for line in ours[1:-1]} == {len(line.split()) for line in haproxys[1:-1]}


def test_environment_without_its_secrets(pair: Pair) -> None:
    """HAProxy shows all of it; configurations take their passwords from there: what looks like one is hidden here."""
    haproxys, ours = (
        dict(line.split("=", 1) for line in answer.splitlines() if "=" in line) for answer in pair.ask("show env")
    )
    assert set(ours) == {name for name in haproxys if not name.startswith("HAPROXY_")}
    assert ours["HOME"] == haproxys["HOME"]
    assert ours["PATH"] == haproxys["PATH"]


# -- health by command -----------------------------------------------------------------------------------------------

HEALTH = """
a down;a stopping;a up;a down;a drain;a stopping;a ready;a up;b down;b down;b stopping;b up;b stopping;b drain;b up
b ready;b down;b drain;b ready;b maint;b ready;b stopping;b maint;b ready;c down;c ready;c down;c maint;c up;c stopping
c ready;c maint;a down;a maint;a ready;a up
""".replace("\n", ";").strip(";")


def test_health_by_command(pair: Pair) -> None:
    """Status, activity and health agree after each change, of a checked server, an unchecked and a disabled one."""
    for change in HEALTH.split(";"):
        name, value = change.split()
        kind = "health" if value in ("up", "down", "stopping") else "state"
        pair.agree(f"set server main/{name} {kind} {value}")
        shown = []
        for made in (pair.haproxy, pair.wproxy):
            rows, states = made.stats.rows(), made.stats.ask("show servers state main").splitlines()[2:]
            columns = ("status", "weight", "act", "check_health", "check_status")
            shown.append(
                (
                    [[rows[server][column] for column in columns] for server in ("a", "b", "c", "BACKEND")],
                    # Not of c and b: the health counter of a server without checks is nobody's business.
                    [line.split()[3:7] for line in states if line],
                )
            )
        assert shown[1] == shown[0], change


# -- forms ---------------------------------------------------------------------------------------------------------


def typed(answer: str) -> dict[str, tuple[str, ...]]:
    """Return tags, type and description by `kind.proxy.server.number.name`; values count time and traffic."""
    found = {}
    for line in answer.splitlines():
        match = re.fullmatch(r'(.*?)\.1:(\w+):(\w+):.*?(?::("[^"]*"))?', line)
        if match is not None:
            found[match[1]] = match.groups()[1:]
    return found


@pytest.mark.parametrize("words", ["typed", "typed desc", "up typed", "no-maint typed"])
def test_typed_statistics(pair: Pair, words: str) -> None:
    haproxys, ours = (typed(answer) for answer in pair.ask(f"show stat {words}"))
    # What follows behind number 105 is about HTTP/1 and HTTP/2.
    expected = {name: value for name, value in haproxys.items() if int(name.split(".")[3]) <= 105}
    assert ours == expected


@pytest.mark.parametrize("command", ["show info typed", "show info typed desc", "show info typed desc float"])
def test_typed_information(pair: Pair, command: str) -> None:
    haproxys, ours = (typed(answer) for answer in pair.ask(command))
    assert ours == haproxys


def test_information_has_the_same_lines(pair: Pair) -> None:
    haproxys, ours = ([line.split(": ")[0] for line in answer.splitlines()] for answer in pair.ask("show info"))
    assert ours == haproxys
    described, plain = pair.wproxy.stats.ask("show info desc"), pair.wproxy.stats.ask("show info")
    assert described.startswith('Name: HAProxy:"Product name"\n')
    assert len(described.splitlines()) == len(plain.splitlines())


def shape(document: object) -> object:
    """Return a JSON document without its values."""
    if isinstance(document, list):
        return [shape(each) for each in document]
    if isinstance(document, dict):
        return {key: value for key, value in document.items() if key != "value"} | {
            "type": document["value"]["type"] if isinstance(document.get("value"), dict) else None
        }
    return document


def test_json(pair: Pair) -> None:
    haproxys, ours = (shape(json.loads(answer)) for answer in pair.ask("show info json"))
    assert ours == haproxys
    theirs, mine = (json.loads(answer) for answer in pair.ask("show stat json"))
    assert len(mine) == len(theirs)
    for their_line, my_line in zip(theirs, mine, strict=True):
        known = {item["field"]["name"]: shape(item) for item in their_line}
        assert all(shape(item) == known[item["field"]["name"]] for item in my_line)
    haproxys_schema, our_schema = (json.loads(answer) for answer in pair.ask("show schema json"))
    assert our_schema == haproxys_schema


# -- conversations ---------------------------------------------------------------------------------------------------


def talk(path: Path, said: bytes) -> str:
    """Say it, hang up that direction, return all that is heard."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(10.0)
        client.connect(str(path))
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        return read_all(client).decode()


@pytest.mark.parametrize(
    "said",
    [
        b"prompt\nget weight main/a\n\nget weight main/a;get weight main/b\nquit\n",
        b"prompt\nprompt\n",
        b"prompt\nprompt;get weight main/a\n",
        b"prompt;get weight main/a\nquit\n",
        b"prompt\nshow version <<\nfoo\n\nquit\n",
        b"show version <<\nfoo\n\n",
        b"show version <<\n\n",
        b"show version <<\nfoo\n\nshow version\n",
        b"get weight main/b; get weight main/a <<\nfoo\n\n",
        b"prompt\nset severity-output number\nget weight zz\nset severity-output none\nget weight zz\nquit\n",
        b"prompt\nuser\noperator\nshow cli level\nquit\n",
        b"show version\r\n",
        b"show version\x00\n",
        b"get weight main/a\nquit\nget weight main/a\n",
    ],
)
def test_conversations(pair: Pair, said: bytes) -> None:
    haproxys, ours = (comparable(talk(made.stats.path, said)) for made in (pair.haproxy, pair.wproxy))
    if said.startswith(b"prompt\nget weight"):  # the empty line in it lists all commands
        haproxys, ours = (re.sub(r"(?s)Unknown.*?\n\n", "", text) for text in (haproxys, ours))
    assert ours == haproxys


# -- sessions ------------------------------------------------------------------------------------------------------

LISTED = re.compile(r"(0x[0-9a-f]+): proto=(\S+) src=(\S+) fe=(\S+) be=(\S+) srv=(\S+) ")


def listed(made: Proxy) -> dict[str, tuple[str, ...]]:
    """Return the sessions that are no stats socket's, by number."""
    found = [LISTED.match(line) for line in made.stats.ask("show sess").splitlines()]
    return {match[1]: match.groups()[1:] for match in found if match is not None and match[4] != "GLOBAL"}


def test_sessions_are_listed_shown_and_ended(pair: Pair) -> None:
    for made in (pair.haproxy, pair.wproxy):
        made.stats.ask("disable server main/a")
        with connect(made.port) as client, connect(made.port) as other:
            wait_for(lambda made=made: made.stats.numbers("b", "scur") == (2,), what="b has two sessions")  # type: ignore[misc]
            sessions = listed(made)
            sources = {number: facts[1] for number, facts in sessions.items()}
            mine = f"127.0.0.1:{client.getsockname()[1]}"
            assert set(sources.values()) == {mine, f"127.0.0.1:{other.getsockname()[1]}"}
            assert {facts[0:1] + facts[2:] for facts in sessions.values()} == {("tcpv4", "main", "main", "b")}
            number = next(number for number, source in sources.items() if source == mine)
            whole = made.stats.ask(f"show sess {number}")
            for fact in (
                rf"{number}: \[\d+/\w+/\d+:[\d:.]+\] id=\d+ proto=tcpv4 source={mine}\n",
                rf"\n  frontend=main \(id=2 mode=tcp\), listener=\? \(id=1\) addr=127\.0\.0\.1:{made.port}\n",
                r"\n  backend=main \(id=2 mode=tcp\) addr=127\.0\.0\.1:\d+\n",
                rf"\n  server=b \(id=2\) addr=127\.0\.0\.1:{pair.up}\n",
                r"\n  task=0x.*exp=\d+s.*age=\d+s\)\n",
            ):
                assert re.search(fact, whole), (made.program, fact, whole)
            assert made.stats.ask(f"shutdown session {number}") == "\n"
            assert client.recv(1) == b""
            assert list(listed(made)) == [each for each in sessions if each != number]
            assert made.stats.ask("shutdown sessions server main/b") == "\n"
            assert other.recv(1) == b""
        made.stats.wait_until_idle()
        assert listed(made) == {}
        made.stats.ask("enable server main/a")


def test_a_server_with_sessions_cannot_be_deleted(pair: Pair) -> None:
    for made in (pair.haproxy, pair.wproxy):
        assert made.stats.ask(f"add server main/z 127.0.0.1:{pair.up} weight 256") == "New server registered.\n\n"
        for name in "ab":
            made.stats.ask(f"disable server main/{name}")
        made.stats.ask("enable server main/z")
        with connect(made.port) as client:
            wait_for(lambda made=made: made.stats.numbers("z", "scur") == (1,), what="z has a session")  # type: ignore[misc]
            made.stats.ask("disable server main/z")
            assert made.stats.ask("del server main/z") == (
                "Server still has connections attached to it, cannot remove it.\n"
            )
            reset(client)
        made.stats.wait_until_idle("z")
        assert made.stats.ask("del server main/z") == "Server deleted.\n"
        assert "z" not in made.stats.rows()
        for name in "ab":
            made.stats.ask(f"enable server main/{name}")


def test_counters_are_cleared(pair: Pair) -> None:
    columns = ("smax", "stot", "lbtot")
    seen = []
    for made in (pair.haproxy, pair.wproxy):
        made.stats.ask("clear counters all")
        with connect(made.port) as client:
            wait_for(lambda made=made: made.stats.numbers("BACKEND", "scur") == (1,), what="counted")  # type: ignore[misc]
            reset(client)
        made.stats.wait_until_idle()
        before = made.stats.numbers("BACKEND", *columns)
        made.stats.ask("clear counters")
        after = made.stats.numbers("BACKEND", *columns)
        made.stats.ask("clear counters all")
        seen.append((before, after, made.stats.numbers("BACKEND", *columns)))
    assert seen[1] == seen[0] == ((1, 1, 1), (0, 1, 1), (0, 0, 0))


def test_a_frontend_that_is_shut_down(pair: Pair) -> None:
    """The last test of this module: it cannot be undone."""
    pair.agree("shutdown frontend in", "shutdown frontend in", "enable frontend in", "disable frontend in")
    pair.agree("shutdown frontend main", "set server main/a state ready", "set weight main/a 3", "get weight main/a")
    for made in (pair.haproxy, pair.wproxy):
        assert made.stats.row("FRONTEND")["status"] == "STOP"
        with pytest.raises(ConnectionRefusedError):
            connect(made.port)
