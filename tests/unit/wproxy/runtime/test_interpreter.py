from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Level
from wproxy.runtime.commands import conversation, dynamic, frontends, limits, servers, sessions, show
from wproxy.runtime.interpreter import split_line, split_words


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("", [""]),
        ("a", ["a"]),
        (" a ; b;c ", ["a", "b", "c"]),
        ("a;", ["a", ""]),
        (";a", ["", "a"]),
        ("a\\;b;c", ["a\\;b", "c"]),
        ("\\;", ["\\;"]),
        ("a\\", ["a\\"]),
        ("a\\\\;b", ["a\\\\", "b"]),
        ("a\0b;c", ["a"]),
    ],
)
def test_a_line_of_commands(line: str, commands: list[str]) -> None:
    assert split_line(line) == commands


TAIL = """\
  help [<command>]                        : list matching or all commands
  prompt                                  : toggle interactive mode with prompt
  quit                                    : disconnect

"""


def test_help_lists_what_the_level_may() -> None:
    everything = Client().say("help")
    assert everything.startswith("The following commands are valid at this level:\n  add acl ")
    assert everything.endswith(TAIL)
    for line in everything.splitlines()[1:-1]:
        assert line[:2] == "  "
        assert line[42:44] == ": "
    little = Client(Level.USER).say("help")
    assert "set weight" not in little
    assert "operator" not in little
    assert "get weight" in little
    assert set(little.splitlines()) < set(everything.splitlines())


def test_help_on_a_word() -> None:
    shown = Client().say("help set")
    assert all(line.startswith("  set ") for line in shown.removesuffix(TAIL).splitlines()[1:])
    assert "  set server <bk>/<srv> [opts]            : change a server's state, weight, address or ssl\n" in shown
    assert shown.endswith(TAIL)
    assert Client().say("help nonsense") == "The following commands are valid at this level:\n" + TAIL


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("show cli", ["show cli level", "show cli sockets"]),
        ("show servers", ["show servers conn", "show servers state"]),
        ("show servers nonsense", ["show servers conn", "show servers state"]),
        ("set maxconn nonsense", ["set maxconn frontend", "set maxconn global", "set maxconn server"]),
        ("enable", ["enable agent", "enable frontend", "enable health", "enable server"]),
    ],
)
def test_a_command_that_is_not_whole_shows_what_it_may_become(line: str, shown: list[str]) -> None:
    answer = Client().say(line)
    head, *rows = answer.removesuffix(TAIL).splitlines()
    assert head == "Unknown command, but maybe one of the following ones is a better match:"
    assert len(rows) == len(shown)
    assert all(row.strip().startswith(start) for row, start in zip(rows, shown, strict=True))


@pytest.mark.parametrize("line", ["nonsense", "", "  ", "sho", ";"[:0]])
def test_an_unknown_command_shows_all(line: str) -> None:
    answer = Client().say(line)
    assert answer.startswith("Unknown command. Please enter one of the following commands only:\n  add acl")
    assert answer.endswith(TAIL)
    assert "set weight" not in Client(Level.OPERATOR).say(line)


ADMIN_ONLY = (
    "set weight back/a 1", "set server back/a state maint", "enable server back/a", "disable server back/a",
    "enable frontend front", "disable frontend front", "set weight",
)  # fmt: skip


@pytest.mark.parametrize("level", [Level.USER, Level.OPERATOR])
@pytest.mark.parametrize("line", ADMIN_ONLY)
def test_levels(level: Level, line: str) -> None:
    client = Client(level)
    assert client.say(line) == "Permission denied\n\n"
    assert (client.a.weight, client.a.status) == (30, "no check")


def test_commands_are_run_in_order_and_errors_do_not_stop_them() -> None:
    client = Client()
    answer = client.say("set weight back/a 7; get weight back/a ;get weight nope/a;get weight back/b")
    assert answer == "\n7 (initial 30)\n\nNo such backend.\n\n70 (initial 70)\n\n"
    assert client.say("set weight back/a 30x%") == "Trailing garbage in weight string\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("get  weight\tback/a", ["get", "weight", "back/a"]),
        ("a\\ b \\c", ["a b", "c"]),
        ("back/\\\\a\\;", ["back/\\a;"]),
        ("end\\", ["end\\"]),
        ("", []),
    ],
)
def test_words(command: str, words: list[str]) -> None:
    assert split_words(command) == words


def test_severities_are_shown_when_asked_for() -> None:
    client = Client()
    assert client.say("set severity-output number;get weight back/a;get weight nope/a") == (
        "\n30 (initial 30)\n\n[3]: No such backend.\n\n"
    )
    assert client.say("set severity-output string;show version").startswith("\n[info]: 2.6")
    assert client.say("nonsense").startswith("[info]: Unknown command.")
    assert client.say("set severity-output none;get weight nope/a") == "\nNo such backend.\n\n"


ROWS = [row for group in (servers, dynamic, frontends, limits, sessions, show, conversation) for row in group.COMMANDS]
WORDS = sorted(
    {word for row in ROWS for word in row.words}
    | {
        "back/a",
        "#3/#1",
        "front",
        "state",
        "maint",
        "ready",
        "addr",
        "127.0.0.1",
        "::1",
        "port",
        "0",
        "-1",
        "99999",
        "1%",
    }
    | {
        "health",
        "down",
        "up",
        "stopping",
        "global",
        "connections",
        "cli",
        "typed",
        "json",
        "0x1",
        "all",
        "older",
        "check",
    }
    | {"<<", ";", "\\", "é", "\N{SUPERSCRIPT TWO}", "1" * 5000}
)


@given(st.lists(st.sampled_from(WORDS) | st.text(), max_size=8).map(" ".join))
def test_any_line_is_answered(line: str) -> None:
    """Whatever is said, there is an answer and no exception; the words of the commands are tried more than others."""
    assert Client().say(line).endswith(("\n", "> "))


def test_reload_needs_a_master() -> None:
    client = Client()
    assert client.say("reload") == "\n"
    client.has_master = False
    assert client.say("reload").startswith("There is no master process")
    assert client.say("show proc") == "processes\n\n"
    assert client.say("show startup-logs") == "\n"
