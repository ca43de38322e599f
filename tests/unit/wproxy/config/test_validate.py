from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.grammar import Report
from wproxy.config.loader import parse
from wproxy.config.reader import Reader
from wproxy.config.validate import validate

TIMEOUTS = " timeout client 1s\n timeout connect 1s\n timeout server 1s\n"


def validated(text: str) -> tuple[list[str], list[str]]:
    """Return the problems and the warnings that validation adds."""
    report = Report()
    reader = Reader({}, report)
    reader.read(text, "a.cfg")
    assert report.problems == []
    validate(reader.proxies, report)
    return [str(problem) for problem in report.problems], report.warnings


@pytest.mark.parametrize(
    "text",
    [
        "frontend a\n bind :1\n default_backend a\nbackend a\n",
        "listen a\n bind :1\n default_backend b\nbackend b\n",
        "frontend a\n disabled\n mode http\n default_backend nope\n",
        "defaults\n mode http\n",
        "backend a\n mode redis\n balance key\n",
        "defaults\n balance key\nfrontend f\n bind :1\n",
    ],
)
def test_valid(text: str) -> None:
    assert validated(text)[0] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("backend a\nbackend a\n", "[a.cfg:2] : backend 'a' has the same name as backend 'a' declared at a.cfg:1."),
        ("listen a\nbackend a\n", "[a.cfg:2] : backend 'a' has the same name as listen 'a' declared at a.cfg:1."),
        ("frontend a\nlisten a\n", "[a.cfg:2] : listen 'a' has the same name as frontend 'a' declared at a.cfg:1."),
        (
            "backend a\n balance key\n",
            "[a.cfg:2] : backend 'a' : 'balance key' is for 'mode redis' only, not for 'mode tcp'",
        ),
        (
            "backend a\n server s h:1\n server s h:2\n",
            "[a.cfg:3] : backend 'a', another server named 's' was already defined at line 2, "
            "please use distinct names.",
        ),
        (
            "frontend a\n default_backend rdis\nbackend redis\n",
            "[a.cfg:2] : frontend 'a' : unable to find required default_backend: 'rdis'; did you mean 'redis'?",
        ),
        ("listen a\n default_backend a\n", "[a.cfg:2] : listen 'a' : loop detected for default_backend: 'a'."),
        (
            "frontend a\n default_backend b\nbackend b\n mode redis\n",
            "[a.cfg:2] : tcp frontend 'a' tries to use incompatible redis backend 'b' (a.cfg:3) "
            "as its default backend (see 'mode').",
        ),
    ],
)
def test_problems(text: str, problem: str) -> None:
    assert validated(text)[0] == [problem]


def test_everything_is_reported_in_one_pass() -> None:
    text = "listen a\n mode http\n default_backend x\nlisten a\n balance key\n server s h:1\n server s h:1\n"
    assert len(validated(text)[0]) == 4


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            "frontend a\n timeout client 1s\n",
            "[a.cfg:1] : frontend 'a' has no 'bind' directive. Please declare it as a backend if this was intended.",
        ),
        (
            "listen a\n bind :1\n server s h:1\n",
            "[a.cfg:1] : listen 'a' has no 'timeout client', 'timeout connect', 'timeout server': "
            "connections that hang stay for ever.",
        ),
    ],
)
def test_warnings(text: str, warning: str) -> None:
    assert validated(text) == ([], [warning])


def test_no_warning_where_nothing_can_hang() -> None:
    assert validated("backend a\n") == ([], [])
    assert validated("listen a\n bind :1\n server s h:1\n" + TIMEOUTS) == ([], [])
    assert validated("backend a\n server s h:1\n timeout connect 1s\n timeout tunnel 1s\n") == ([], [])


def test_only_mode_http_looks_at_responses() -> None:
    text = "backend a\n mode tcp\n stick-table type string size 5\n stick store-response src\n"
    assert problem_of(text) == ("backend 'a' : 'stick store-response' needs 'mode http': it looks at responses")
    assert parse(text.replace("tcp", "http"), "a.cfg", {}).backends[0].name == "a"
