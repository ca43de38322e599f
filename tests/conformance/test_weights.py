"""The same commands on the stats sockets of HAProxy and of wproxy: the answers agree byte by byte."""

from __future__ import annotations

import csv
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.support.log_lines import steady
from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.stats import Stats
from tests.support.tcp_server import listening_socket, port_of
from tests.support.waiting import wait_for

SERVERS = (
    "server a 127.0.0.1:{up} weight 30",
    "server b 127.0.0.1:{up} weight 70 check inter 24h",
    "server c 127.0.0.1:{up} weight 5 disabled",
    "server d 127.0.0.1:{up} weight 5 disabled check inter 24h maxconn 7",
)
REST = """
global
    stats socket {folder}/operator.sock level operator
    stats socket {folder}/user.sock level user
frontend in
    mode tcp
    bind 127.0.0.1:{port}
    default_backend out
backend out
    server x 127.0.0.1:{up} weight 256
    server y 127.0.0.1:{up} weight 0
backend empty
"""


@dataclass(frozen=True)
class Pair:
    """HAProxy and wproxy on the same configuration, asked the same."""

    haproxy: Proxy
    wproxy: Proxy

    def ask(self, command: str, level: str = "") -> tuple[str, str]:
        """Return both answers to one line, sent at `level` (admin when it is empty)."""
        answers = [
            Stats(each.folder / f"{level or each.program}.sock").ask(command) for each in (self.haproxy, self.wproxy)
        ]
        return answers[0], answers[1]

    def converse(self, text: str, end: str) -> tuple[str, str]:
        """Return what both answer to `text` on a connection that stays open, up to `end`."""
        first, second = (_converse(each.stats.path, text, end) for each in (self.haproxy, self.wproxy))
        return first, second


def _converse(path: Path, text: str, end: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(10.0)
        client.connect(str(path))
        client.sendall(text.encode())
        answer = ""
        while not answer.endswith(end) and (chunk := client.recv(65536)):
            answer += chunk.decode()
        return answer


def wait_until_checked(made: Proxy) -> None:
    wait_for(lambda: made.stats.row("b")["check_status"] == "L4OK", what="b checked")


def wait_until_logged(made: Proxy, text: str) -> None:
    wait_for(lambda: text in made.log, what=text)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:
        up = port_of(stack.enter_context(listening_socket()))
        proxies = []
        for program in ("haproxy", "wproxy"):
            folder = tmp_path_factory.mktemp(program)
            lines = [line.format(up=up) for line in SERVERS]
            rest = REST.format(folder=folder, port=free_port(), up=up)
            proxies.append(stack.enter_context(proxy(program, folder, *lines, rest=rest)))
        for each in proxies:
            wait_until_checked(each)
        yield Pair(*proxies)


SAME = [
    "get weight", "get weight main", "get weight main/", "get weight /a", "get weight main/a", "get weight main/nope",
    "get weight nope/a", "get weight main/a/b", "get weight main/a extra", "get weight empty/a", "get weight #2/#1",
    "get weight main/#2", "get weight #2/a", "get weight #99/a", "get weight main/#x", "get weight out/x",
    "set weight", "set weight main", "set weight main/a", "set weight nope/a 1", "set weight main/nope 1",
    "set weight main/a x", "set weight main/a -1", "set weight main/a 257", "set weight main/a 300x",
    "set weight main/a 30x%", "set weight main/a -1%", "set weight main/a %", "set weight main/a " + "9" * 5000,
    "set server", "set server main", "set server nope/a state ready", "set server main/nope state ready",
    "set server main/a state", "set server main/a state foo", "set server main/a weight",
    "set server main/a weight x", "set server main/a weight 257",
    "enable server", "enable server main", "enable server nope/a", "enable server main/nope",
    "disable server", "disable server nope/a", "disable server main/nope",
    "enable frontend", "enable frontend nope", "enable frontend out", "enable frontend in", "enable frontend #3",
    "disable frontend", "disable frontend nope",
    "disable frontend in;disable frontend in;enable frontend in;enable frontend in",
    "show backend", "show backend x", "show cli level", "show servers state nope",
    "show stat nope 7 -1", "show stat 0 0 0", "show servers state in",
    "get weight main/a;get weight main/b", "get weight main/a ; get weight main/b;get weight nope/x",
    "operator;show cli level;set weight main/a 3;user;show cli level;operator",
    "quit", "quit;get weight main/a", "get weight main/a;quit;get weight main/b", "get weight main/a\\;b",
]  # fmt: skip


@pytest.mark.parametrize("command", SAME, ids=lambda command: command[:60])
def test_answers_agree(pair: Pair, command: str) -> None:
    haproxys, ours = pair.ask(command)
    assert ours == haproxys


@pytest.mark.parametrize("weight", ["50%", "1000%", "99%", "0", "+7", "256", "3 4", "007", "9" * 30 + "%", "100%"])
def test_weights_that_were_set(pair: Pair, weight: str) -> None:
    for command in (f"set weight main/a {weight}", f"set server main/d weight {weight}"):
        assert pair.ask(command) == ("\n", "\n")
    haproxys, ours = pair.ask("get weight main/a;get weight main/d")
    assert ours == haproxys


@pytest.mark.parametrize("level", ["user", "operator"])
@pytest.mark.parametrize(
    "command",
    [
        "get weight main/a", "set weight main/a 3", "set weight", "set server main/a state drain",
        "enable server main/a", "disable server main/a", "disable frontend in", "enable frontend in", "show cli level",
        "operator;show cli level", "user;show cli level", "show backend",
    ],
)  # fmt: skip
def test_levels(pair: Pair, level: str, command: str) -> None:
    haproxys, ours = pair.ask(command, level)
    assert ours == haproxys


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("prompt\n", "> "),
        ("prompt\nget weight main/b\n", ")\n\n> "),
        ("prompt;get weight main/b\nset weight main/b 1;set weight main/b 70\nget weight main/b\nquit\n", "closed"),
        ("prompt\nprompt\n", "closed"),
        ("prompt\nget weight main/b;quit;get weight main/b\n", "closed"),
        ("prompt\r\nget weight main/b\r\nquit\r\n", "closed"),
        ("get weight main/b\r\n", "closed"),
        ("get weight main/b\nget weight main/b\n", "closed"),
        ("get weight main/b\nquit\nget weight main/b\n", "closed"),
    ],
)
def test_conversations(pair: Pair, text: str, end: str) -> None:
    haproxys, ours = pair.converse(text, end)
    assert ours == haproxys


@pytest.mark.parametrize("command", ["nonsense", "", " ", "show", "show servers", "get", "set", "help", "help set"])
def test_help_begins_and_ends_alike(pair: Pair, command: str) -> None:
    """The rows between differ: each program lists its own commands."""
    haproxys, ours = (answer.splitlines() for answer in pair.ask(command))
    assert ours[-4:] == haproxys[-4:]
    if command != "nonsense":  # HAProxy lists what looks similar
        assert ours[0] == haproxys[0]


def test_usage_of_set_server_has_the_same_form(pair: Pair) -> None:
    for answer in pair.ask("set server main/a nope"):
        form = re.fullmatch(r"usage: set server <backend>/<server> ([a-z| -]+)\n\n", answer)
        assert form is not None
        assert {"state", "weight"} <= set(form[1].split(" | "))


STATE_COMMANDS = (
    "set server main/{} state ready", "set server main/{} state drain", "set server main/{} state maint",
    "enable server main/{}", "disable server main/{}", "set weight main/{} 0", "set weight main/{} 9",
    "set weight main/{} 100%",
)  # fmt: skip
# Of servers and backends; what is left out counts time or traffic, or is about what one of the two does not do.
AGREEING = (
    "svname", "status", "act", "bck", "chkfail", "chkdown", "pid", "iid", "sid", "type", "rate_lim", "check_status",
    "check_desc", "check_rise", "check_fall", "check_health", "addr", "mode", "algo", "uweight", "qcur", "last_chk",
)  # fmt: skip


def rows(answer: str) -> list[dict[str, str]]:
    return list(csv.DictReader(answer.removeprefix("# ").splitlines()))


def state_of(answer: str) -> list[list[str]]:
    """Return the fields of `show servers state`, but for the time of the last change."""
    lines = [line.split() for line in answer.splitlines()]
    assert lines[0] == ["1"]
    at = lines[1].index("srv_time_since_last_change") - 1
    return [fields[:at] + fields[at + 1 :] for fields in lines[1:] if fields]


@pytest.mark.parametrize("seed", range(4))
def test_states_agree_after_any_sequence(pair: Pair, seed: int) -> None:
    random, done = Random(seed), list[str]()
    for _ in range(60):
        done.append(random.choice(STATE_COMMANDS).format(random.choice("abcd")))
        haproxys, ours = pair.ask(done[-1])
        assert ours == haproxys, done
        theirs, mine = (state_of(answer) for answer in pair.ask("show servers state main"))
        assert mine == theirs, done
        for their_row, my_row in zip(*(rows(answer) for answer in pair.ask("show stat 2 6 -1")), strict=True):
            for column in AGREEING:
                assert my_row[column] == their_row[column], (column, done)
            if my_row["status"] != "MAINT":  # HAProxy applies a weight when the server comes back
                assert my_row["weight"] == their_row["weight"], done
            assert (my_row["downtime"] == "") == (their_row["downtime"] == ""), done


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "-1 -1 -1",
        "2",
        "3 1 0",
        "2 4 1",
        "2x 4",
        "abc",
        "99",
        "-1 2",
        "4 4 -1",
        "0",
        "out 4 -1",
        "#4 6 2",
        "main 1 0",
        "-1 4 1x",
    ],
)
def test_statistics_agree(pair: Pair, arguments: str) -> None:
    haproxys, ours = pair.ask(f"show stat {arguments}")
    header = ours.splitlines()[0]
    assert header == haproxys.splitlines()[0]
    assert ours.endswith("\n\n")
    theirs, mine = rows(haproxys), rows(ours)
    assert len(mine) == len(theirs)
    for their_row, my_row in zip(theirs, mine, strict=True):
        for column in AGREEING:
            assert my_row[column] == their_row[column], (column, my_row["pxname"], my_row["svname"])
        assert my_row["pxname"] == their_row["pxname"]
        assert {my_row[empty] for empty in my_row if empty.startswith(("agent", "hrsp"))} == {""}


def test_info_begins_with_what_tools_look_for(pair: Pair) -> None:
    theirs, mine = ([line.partition(": ") for line in answer.splitlines() if line] for answer in pair.ask("show info"))
    names = [name for name, _, _ in theirs]
    at = [names.index(name) for name, _, _ in mine]
    assert at == sorted(at)
    assert mine[0] == theirs[0] == ("Name", ": ", "HAProxy")


LOGGED = (
    "a state maint", "a state ready", "a state ready", "a state drain", "a state drain", "a state ready",
    "a state drain", "a state maint", "a state maint", "a state drain", "a state ready", "c state ready",
    "d state ready", "d state maint", "c state maint", "b state maint", "a weight 0", "a weight 3", "a state drain",
    "a state ready", "a weight 30", "b weight 70", "b state ready",
)  # fmt: skip


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    seen = []
    down = free_port()
    for program in ("haproxy", "wproxy"):
        folder = tmp_path / program
        folder.mkdir()
        # Once it is down it is left alone: the next check would be shown, too, while it lasts.
        check = "check inter 20ms downinter 24h rise 3 fall 2"
        with proxy(program, folder, f"server z 127.0.0.1:{down} {check}") as made:
            wait_until_logged(made, "has no server available!")
            shown = [[row[column] for column in AGREEING] for row in made.stats.rows().values()]
            seen.append((shown, state_of(made.stats.ask("show servers state")), steady(made.log).strip()))
    assert seen[1] == seen[0]


def test_health_takes_the_same_steps(tmp_path: Path) -> None:
    """Down with `fall` failures, up with `rise` passes."""
    seen = []
    for program in ("haproxy", "wproxy"):
        folder = tmp_path / program
        folder.mkdir()
        with listening_socket() as listening:
            port = port_of(listening)
            with proxy(program, folder, f"server s 127.0.0.1:{port} check inter 300ms rise 2 fall 3") as running:
                follow(running, "UP")
                listening.close()
                down = follow(running, "DOWN")
                with listening_socket(port=port):
                    seen.append((down, follow(running, "UP")))
    steps = (
        [("UP", "4"), ("UP 2/3", "3"), ("UP 1/3", "2"), ("DOWN", "0")],
        [("DOWN", "0"), ("DOWN 1/2", "1"), ("UP", "4")],
    )
    assert seen == [steps, steps]


def follow(running: Proxy, last: str) -> list[tuple[str, str]]:
    """Return the steps of server s, status and check_health, up to the status `last`."""
    steps: list[tuple[str, str]] = []

    def step() -> bool:
        row = running.stats.row("s")
        now = row["status"], row["check_health"]
        if now not in steps[-1:]:
            steps.append(now)
        return now[0] == last

    wait_for(step, what=f"s is {last}")
    return steps


def test_log_lines_agree(tmp_path: Path) -> None:
    said = []
    with listening_socket() as listening:
        lines = [line.format(up=port_of(listening)) for line in SERVERS]
        for program in ("haproxy", "wproxy"):
            folder = tmp_path / program
            folder.mkdir()
            with proxy(program, folder, *lines) as made:
                wait_until_checked(made)
                for change in LOGGED:
                    assert made.stats.ask(f"set server main/{change}") == "\n"
                said.append(steady(made.log).strip().splitlines())
    assert [line for line in said[1] if "(PID)" in line] == [line for line in said[0] if "main" in line]
