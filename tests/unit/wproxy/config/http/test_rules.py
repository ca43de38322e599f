from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.wproxy.config.http.exchange import RESPONSE, front, http_facts, problem, run
from wproxy.config.http.model import Answer
from wproxy.config.loader import parse


def test_pages(tmp_path: Path) -> None:
    (tmp_path / "e").write_bytes(b"HTTP/1.1 503 X\r\n\r\n")
    made = front(
        f"errorfile 503 {tmp_path}/e",
        "errorfile 408 /dev/null",
        "errorloc 403 http://e/",
        "errorloc303 404 http://e/",
        "http-error status 500 content-type text/plain string no",
        "http-error status 502 content-type text/plain lf-string %[path]",
    )
    assert made.pages[503] == Answer(503, b"X", closes=True, delimited=True)
    assert made.pages[408] == Answer(0, silent=True, closes=True)
    fields = ((b"cache-control", b"no-cache"), (b"location", b"http://e/"))
    assert (made.pages[403], made.pages[404]) == (Answer(302, b"Found", fields), Answer(303, b"See Other", fields))
    assert isinstance(made.pages[500], Answer)
    page = made.pages[502]
    assert not isinstance(page, Answer)
    assert page(http_facts()).body == b"/a/b"


def test_monitors() -> None:
    assert front("monitor-uri /m").monitor_uri == b"/m"
    [condition] = front("monitor fail if { path /x }").monitor_fail
    assert not condition(http_facts())


def test_outside_of_mode_http_they_have_no_effect() -> None:
    config = parse("listen l\n bind :1\n http-request nonsense\n errorfile 1 2\n", "a.cfg", {})
    assert [line.keyword for line in config.ignored] == ["http-request", "errorfile"]
    assert config.frontends[0].http is None
    assert config.backends[0].http is None


def test_defaults_pass_pages_on() -> None:
    text = "defaults\n mode http\n errorloc 403 /e\nfrontend f\n bind :1\nbackend b\n"
    config = parse(text, "a.cfg", {})
    assert config.frontends[0].http is not None
    assert config.backends[0].http is not None
    assert list(config.frontends[0].http.pages) == list(config.backends[0].http.pages) == [403]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("errorfile 299 /dev/null", "'errorfile 299' knows the statuses 200, 400, 401"),
        ("errorfile 403 /dev/null x", "'errorfile 403' cannot handle unexpected argument 'x'"),
        ("errorloc 403", "'errorloc 403' expects an address"),
        ("errorloc 403 / x", "'errorloc 403' cannot handle unexpected argument 'x'"),
        ("http-error string x", "'http-error string' has a body without a type"),
        ("http-error content-type a/b string x", "'http-error content-type' expects 'status <status>'"),
        ("http-error status 403 if x", "'http-error status' cannot handle unexpected argument 'if'"),
        ("monitor fail if", "'monitor fail if' expects a condition after 'if'"),
    ],
)
def test_problems(line: str, message: str) -> None:
    assert problem(line).startswith(message)


def test_the_order_of_lines_is_told() -> None:
    text = (
        "frontend f\n mode http\n bind :1\n timeout client 1s\n use_backend b\n http-request allow\n"
        "backend b\n mode http\n"
    )
    assert parse(text, "a.cfg", {}).warnings == (
        "[a.cfg:6] : a 'http-request' rule placed after a 'use_backend' rule will still be processed before.",
    )


def test_what_never_matches_is_told() -> None:
    text = (
        "frontend f\n mode http\n bind :1\n timeout client 1s\n acl a path /\n tcp-request connection reject if a\n"
        " http-response deny if { path / }\n"
    )
    assert parse(text, "a.cfg", {}).warnings == (
        "[a.cfg:6] : 'tcp-request connection' acl 'a' will never match: what it asks for is not there at this point",
        "[a.cfg:7] : 'http-response' '{ path / }' will never match: what it asks for is not there at this point",
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("log-format %nothing", "'log-format' cannot use the variable '%nothing' here"),
        ("option httplog xlf", "'option httplog' only supports 'clf', not 'xlf'"),
        ("http-request deny if RDP_COOKIE", "'http-request deny' cannot use HAProxy's ACL 'RDP_COOKIE', which is not"),
        ("use_backend %[nothing]", "'use_backend %[nothing]' knows no fetch 'nothing'"),
        ("use_backend %[lower]", "'use_backend %[lower]' cannot begin with the converter 'lower': it stands behind"),
    ],
)
def test_other_lines(line: str, message: str) -> None:
    assert problem(line).startswith(message)


def test_a_backend_that_is_computed() -> None:
    text = "frontend f\n mode http\n bind :1\n use_backend %[hdr(host),lower]\n"
    [rule] = parse(text, "a.cfg", {}).frontends[0].switching
    assert rule.compute is not None
    assert rule.compute(http_facts()) == "h.example:80"


def test_predefined_conditions() -> None:
    [condition] = front("monitor fail if METH_GET HTTP_1.1 !HTTP_CONTENT HTTP_URL_SLASH").monitor_fail
    assert condition(http_facts())


def test_what_tells_requests_apart() -> None:
    made = front("unique-id-format %ci-%cp", "unique-id-header X-Id")
    assert made.unique_id is not None
    assert made.unique_id(http_facts()) == "10.1.2.3-4000"
    assert made.unique_field == b"x-id"


def test_backends_tell_no_requests_apart() -> None:
    text = (
        "defaults\n mode http\n unique-id-format %[src_conn_cnt]\n"
        "frontend f\n bind :1\n stick-table type ip size 5 store conn_cnt\nbackend b\n"
    )
    config = parse(text, "a.cfg", {})  # the backend has no stick table
    assert config.frontends[0].http is not None
    assert config.frontends[0].http.unique_id is not None


def test_what_is_done_with_all_responses() -> None:
    made = front("http-after-response set-header X-Last %[status]", "http-response set-header X-First y")
    facts = http_facts(response=RESPONSE)
    assert facts.response is not None
    assert run(made.after_rules, facts) is None
    assert (facts.response.values(b"x-last"), facts.response.values(b"x-first")) == ([b"404"], [])
    assert problem("http-after-response deny").startswith("'http-after-response deny' knows add-header, allow, del-")
    text = "frontend f\n mode http\n bind :1\n timeout client 1s\n http-after-response strict-mode on\n"
    config = parse(text, "a.cfg", {})
    assert config.frontends[0].http is not None
    assert config.frontends[0].http.after_rules == ()
    assert [warning.partition(" : ")[2] for warning in config.warnings] == [
        "'http-after-response' strict-mode has no effect in wproxy"
    ]
