from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.acl.scope import Scope
from wproxy.config.grammar import Report
from wproxy.config.loader import parse
from wproxy.config.log_formats import TCPLOG, parse_log_format
from wproxy.config.model import Address, Config, LogFormat, Logs, LogTarget, Severity
from wproxy.config.reader import Reader

WITH_TIMEOUTS = "defaults\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"


def load(text: str) -> Config:
    return parse(text, "a.cfg", {})


def logs_of(*lines: str) -> Logs:
    return load("\n ".join(["listen l", "bind :1", *lines])).frontends[0].logs


def target_of(line: str) -> LogTarget:
    [target] = logs_of(f"log {line}").targets
    return target


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("127.0.0.1:99", Address("127.0.0.1", 99)),
        ("127.0.0.1", Address("127.0.0.1", 514)),
        ("udp@127.0.0.1", Address("127.0.0.1", 514)),
        ("localhost:99", Address("localhost", 99)),
        ("::1", Address("::1", 514)),
        ("[::1]:99", Address("::1", 99)),
        (":99", Address("127.0.0.1", 99)),
        ("/dev/log", Address(path="/dev/log")),
        ("unix@/dev/log", Address(path="/dev/log")),
        ("stdout", Address(fd=1)),
        ("stderr", Address(fd=2)),
        ("fd@7", Address(fd=7)),
    ],
)
def test_addresses(line: str, address: Address) -> None:
    assert target_of(f"{line} local0").address == address


def test_everything_a_line_may_say() -> None:
    target = target_of("stdout len 100 format rfc5424 local3 notice err")
    assert (target.length, target.format, target.facility) == (100, LogFormat.RFC5424, 19)
    assert (target.level, target.minimum) == (Severity.NOTICE, Severity.ERR)
    target = target_of("stdout daemon")
    assert (target.length, target.format, target.facility) == (1024, None, 3)
    assert (target.level, target.minimum) == (Severity.DEBUG, Severity.EMERG)


def test_targets_are_inherited_added_and_forgotten() -> None:
    config = load(
        "defaults\n log global\n log fd@3 user\n"
        "listen a\n bind :1\n log fd@4 user\n log global\n"
        "listen b\n bind :2\n no log\n"
        "global\n log fd@1 user\n log fd@2 user\n"
        "global\n log-tag t\n log-send-hostname h\n"
    )
    descriptors = [[target.address.fd for target in frontend.logs.targets] for frontend in config.frontends]
    assert descriptors == [[1, 2, 3, 4], []]
    assert config.backends[0].logs.targets == config.frontends[0].logs.targets
    assert (config.globals.log_tag, config.globals.log_hostname) == ("t", "h")
    assert (
        load("global\n log-send-hostname\n log fd@1 user\n no log\nlisten b\n log global\n").globals.log_hostname == ""
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), Logs()),
        (("option tcplog",), Logs(format=parse_log_format(TCPLOG, Scope("l")))),
        (("option httplog",), Logs(format=parse_log_format(TCPLOG, Scope("l")))),
        (("option dontlognull",), Logs(null=False)),
        (("option dontlognull", "no option dontlognull"), Logs()),
        (("option dontlog-normal",), Logs(normal=False)),
        (("option log-separate-errors",), Logs(separate_errors=True)),
        (("option logasap",), Logs(as_soon_as_possible=True)),
        (("log-tag t",), Logs(tag="t")),
    ],
)
def test_options(lines: tuple[str, ...], expected: Logs) -> None:
    assert logs_of(*lines) == expected


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("option tcplog", "log format ignored for listen 'l' since it has no log address."),
        (
            "log stdout daemon\n option httplog",
            "'option httplog' not usable with listen 'l' (needs 'mode http'). Falling back to 'option tcplog'.",
        ),
    ],
)
def test_warnings(line: str, warning: str) -> None:
    [found] = load(f"{WITH_TIMEOUTS}listen l\n bind :1\n {line}\n").warnings
    assert found.endswith(warning)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("log", "'log' expects <address> and <facility> or global as arguments"),
        ("log 127.0.0.1", "'log' expects <address> and <facility> or global as arguments"),
        ("log stdout format raw", "'log' expects <address> and <facility> or global as arguments"),
        ("log stdout local9", "'log' has an unknown facility 'local9'; did you mean 'local7'?"),
        ("log stdout local0 wanring", "'log' has an unknown level 'wanring'; did you mean 'warning'?"),
        ("log stdout local0 info x", "'log' has an unknown minimum level 'x'"),
        ("log stdout local0 info err x", "'log' cannot handle unexpected argument 'x'"),
        ("log stdout len 79 local0", "'log' has an invalid length '79', must be between 80 and 65535"),
        ("log stdout len", "'log' has an invalid length '', must be between 80 and 65535"),
        ("log stdout format rwa local0", "'log' has an unknown format 'rwa'; did you mean 'raw'?"),
        ("log stdout sample 1:2 local0", "'log' cannot do 'sample' in wproxy: every line is sent"),
        ("log ring@x local0", "'log' cannot log to a ring or over TCP in wproxy: 'ring@x'"),
        ("log tcp@1.1.1.1 local0", "'log' cannot log to a ring or over TCP in wproxy: 'tcp@1.1.1.1'"),
        ("log 127.0.0.1:x local0", "'log' has an invalid port 'x' in '127.0.0.1:x'"),
        ("log-tag", "'log-tag' expects a tag for use in syslog"),
        ("option tcplog x", "'option tcplog' cannot handle unexpected argument 'x'"),
        ("no option tcplog", "'no' cannot stand before 'option tcplog'"),
        ("no log x", "'log' cannot handle unexpected argument 'x'"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"listen l\n bind :1\n {line}") == problem


def test_global_in_global() -> None:
    assert problem_of("global\n log global") == (
        "'log' global stands in the other sections; here say where to: 'log <address> <facility>'"
    )


def test_formats() -> None:
    assert logs_of("log-format %ci").format == parse_log_format("%ci", Scope("l"))
    assert logs_of("log-format %ci", "option tcplog").format == parse_log_format(TCPLOG, Scope("l"))
    assert logs_of("option tcplog", "log-format %ci").format == parse_log_format("%ci", Scope("l"))
    assert len(logs_of("mode http", "option httplog").format) > len(logs_of("mode http", "option tcplog").format)
    assert logs_of("mode http", "option httplog clf").format != logs_of("mode http", "option httplog").format


@pytest.mark.parametrize(
    ("lines", "https"),
    [("option httpslog", True), ("option httpslog\n option httplog", False), ("option httplog", False)],
)
def test_the_line_of_http_over_tls(lines: str, *, https: bool) -> None:
    report = Report()
    reader = Reader({}, report)
    reader.read(f"listen l\n {lines}\n", "a.cfg")
    [proxy] = reader.proxies
    assert (proxy.httplog, proxy.httpslog, report.problems) == (True, https, [])
    assert problem_of("listen l\n option httpslog clf\n") == (
        "'option httpslog' cannot handle unexpected argument 'clf'"
    )
