from __future__ import annotations

import pytest

from wproxy.command_line import OPTIONS, details, parse, usage
from wproxy.errors import UsageError


def test_the_usual_start() -> None:
    options = parse(["-D", "-f", "a.cfg", "-p", "pid", "-n", "500", "-q", "-f", "b.cfg", "--", "c.cfg", "-x"])
    assert options.configurations == ["a.cfg", "b.cfg", "c.cfg", "-x"]
    assert (options.daemon, options.pidfile, options.maxconn, options.quiet) == (True, "pid", 500, True)
    assert {options.check, options.foreground, options.verbose, options.version} == {False}


@pytest.mark.parametrize(
    "line",
    [
        # As varnishtest starts what stands in $HAPROXY_PROGRAM.
        "-d -dM -L A -f cfg",
        "-c -dM -f cfg",
        "-dI -dW -db -V -m 100 -f cfg",
        "-de -dp -dS -d -f cfg",
    ],
)
def test_what_is_accepted_for_haproxys_sake(line: str) -> None:
    options = parse(line.split())
    assert options.configurations == ["cfg"]
    assert options.check == ("-c" in line.split())
    assert options.foreground == (not options.check)


def test_ws_is_w_for_systemd() -> None:
    assert (parse(["-W", "-f", "a"]).master, parse(["-W", "-f", "a"]).notify) == (True, False)
    assert (parse(["-Ws", "-f", "a"]).master, parse(["-Ws", "-f", "a"]).notify) == (True, True)


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_the_version_needs_no_configuration(flag: str) -> None:
    assert parse([flag]).version


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no configuration: wproxy -f FILE"),
        (["-c"], "no configuration: wproxy -f FILE"),
        (["-f"], "option -f needs an argument: FILE"),
        (["-f", "a", "-n", "x"], "option -n needs a number, not 'x'"),
        (["-f", "a", "-n", "-1"], "option -n needs a number, not '-1'"),
        (["-f", "a", "-n", "\N{SUPERSCRIPT TWO}"], "option -n needs a number"),
        (["-f", "a", "-n", "9" * 5000], "option -n needs a number"),
        (["-f", "a", "-sf", "0"], "option -sf needs process ids, not '0'"),
        (["-f", "a", "-sf", "1", "9" * 20], "option -sf needs process ids, not '99999999999999999999'"),
        (["-f", "a", "-st", "\N{SUPERSCRIPT TWO}"], "option -st needs process ids"),
        (["-z"], "unknown option or command '-z': see wproxy --help"),
        (["a.cfg"], "unknown option or command 'a.cfg': see wproxy --help"),
    ],
)
def test_usage_errors_say_what_to_do(arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(arguments)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_usage_lists_every_option() -> None:
    text = usage()
    for row in OPTIONS:
        assert f"  {row.flag:3} {row.argument:10} {row.summary}\n" in text
    assert max(map(len, text.splitlines())) <= 100


def test_what_it_can_do_and_conditions_need_no_configuration() -> None:
    assert parse(["-vv"]).details
    assert parse(["-cc", ""]).condition == ""
    assert parse(["-cc", "feature(EPOLL)"]).condition == "feature(EPOLL)"
    assert "\nFeature list : +" in details()
