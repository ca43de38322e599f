"""Cookies that keep clients on their server: what becomes of requests and responses, beside HAProxy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.support.echo_http import EchoServer, HttpClient, echo_server, http_client, lines_of
from tests.support.proxies import Proxy, proxy
from tests.support.pure_http import backend_of, request_of, response_of
from tests.support.syslog import LogServer, udp_log_server
from wproxy.policy.cookies import Persistence, dates
from wproxy.state.server import Server

NAMES = "abc"


@pytest.fixture(scope="module")
def servers() -> Iterator[list[EchoServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(echo_server(name)) for name in NAMES]


@dataclass(frozen=True)
class Case:
    """A request's fields and a response's; the first line of either may be another than usual."""

    request: bytes = b""
    response: bytes = b""
    method: bytes = b"GET"
    status: bytes = b"200 OK"

    @property
    def sent(self) -> bytes:
        return b"%b / HTTP/1.1\r\nHost: x\r\n%b\r\n" % (self.method, self.request)

    @property
    def answered(self) -> bytes:
        length = b"" if self.status.startswith((b"204", b"304")) else b"Content-Length: 0\r\n"
        return b"HTTP/1.1 %b\r\n%b%b\r\n" % (self.status, length, self.response)


@dataclass(frozen=True)
class Acts:
    """Which server gets a request, as which lines, what the client gets, and the letters."""

    server: str
    request: list[bytes]
    response: list[bytes]
    letters: str


class Both:
    """HAProxy with three servers, and our part of the same configuration."""

    def __init__(
        self, made: Proxy, client: HttpClient, log: LogServer, servers: list[EchoServer], lines: list[str]
    ) -> None:
        self.made = made
        self.client = client
        self.log = log
        self.servers = servers
        self.now = 0  # the second in which our part acts
        self.backend, _ = backend_of(lines)
        settings = self.backend.config.http
        assert settings is not None
        assert settings.cookie is not None
        self.persistence: Persistence[Server] = Persistence(
            settings.cookie, lambda: self.now, persist=self.backend.config.persist
        )
        self.persistence.serve(self.backend.servers)
        self.count = 0

    def compare(self, case: Case, *, ignore: bool = False, force: bool = False, direct: bool = False) -> str:
        """Send one request through HAProxy, do the same with our parts; return the letters."""
        for echo in self.servers:
            echo.answer = case.answered
            echo.requests.clear()
        began = int(time.time())
        answer = self.client.ask(case.sent)
        ended = int(time.time())
        self.count += 1
        letters = self.log.wait_for(r"[-\w]{4}$", self.count)[-1].strip()[-2:]
        [(name, request)] = [(echo.name, request) for echo in self.servers for request in echo.requests]

        theirs = Acts(name, lines_of(request), lines_of(answer), letters)
        for self.now in range(began, ended + 1):  # dates are told in seconds, and HAProxy's is one of these
            ours = self._ours(case, name, ignore=ignore, force=force, direct=direct)
            if ours == theirs:
                break
        assert ours == theirs, case
        return letters

    def _ours(self, case: Case, name: str, *, ignore: bool, force: bool, direct: bool) -> Acts:
        """Return what our parts do; `name` is the server that HAProxy has chosen, where that is free."""
        head = request_of(case.sent)
        asked = self.persistence.read(head, ignore=ignore, force=force)
        server = self.backend.by_name[name]
        response = response_of(case.answered)
        letter = self.persistence.answer(
            response, case.method, asked, server, direct=direct or asked.server is not None
        )
        chosen = name if asked.server is None else asked.server.name
        letters = self.persistence.letters(asked, letter)
        return Acts(chosen, lines_of(head.to_bytes()), lines_of(response.to_bytes()), letters)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def both(
    stack: ExitStack, folder: Path, servers: list[EchoServer], *lines: str, parameters: tuple[str, ...] | None = None
) -> Both:
    parameters = parameters or tuple(f"cookie s{name}" for name in NAMES)
    section = [
        *lines,
        *(f"server {each.name} 127.0.0.1:{each.port} {more}" for each, more in zip(servers, parameters, strict=True)),
    ]
    log = stack.enter_context(udp_log_server())
    logging = [f"log {log.target} local0", "log-format %tsc"]
    made = stack.enter_context(proxy("haproxy", folder, *section, *logging, mode="http"))
    return Both(made, stack.enter_context(http_client(made.port)), log, servers, section)


def cookie(*values: bytes) -> bytes:
    return b"".join(b"Cookie: %b\r\n" % value for value in values)


def set_cookie(*values: bytes) -> bytes:
    return b"".join(b"Set-Cookie: %b\r\n" % value for value in values)


MODES = [
    "", "insert", "insert indirect", "insert indirect nocache", "insert postonly", "insert preserve",
    "insert indirect preserve", "insert indirect postonly nocache", "rewrite", "prefix", "prefix indirect",
    "indirect", "indirect preserve", "insert httponly secure domain .a.b domain c.d attr SameSite=Lax attr x",
]  # fmt: skip

REQUESTS = [
    (), (b"SRV=sb",), (b"SRV=sb; b=2",), (b"a=1; SRV=sb",), (b"a=1; SRV=sb; b=2",), (b"a=1;SRV=sb;b=2",),
    (b"a=1, SRV=sb, b=2",), (b"a=1 ; SRV=sb ; b=2",), (b"SRV=zz",), (b"SRV=",), (b"SRV",), (b"SRV=sb|",),
    (b'SRV="sb"',), (b"SRV = sb ; x=1",), (b"x = 1; y= 2",), (b"x = 1; SRV=sb",), (b"SRV=sb; SRV=sc",),
    (b"SRV=zz; SRV=sc",), (b"SRV=sb", b"SRV=sc; q=1"), (b"q=1", b"SRV=sb"), (b"SRVX=sb",), (b"XSRV=sb",),
    (b"srv=sb",), (b'x="SRV=sb"; SRV=sc',), (b'x="a;SRV=sb"; SRV=sc',), (b'x="a\\";SRV=sb"; SRV=sc',),
    (b'x="open; SRV=sb',), (b"a=1; SRV=sb; b=2; SRV=sc; c=3",), (b"; SRV=sb;; x=1",), (b";SRV=sb",),
    (b";;SRV=sb;x=1",), (b"=1; SRV=sb",), (b"SRV=sb; novalue; x=2",), (b"novalue; SRV=sb",), (b"SRV=sb; novalue",),
    (b"", b"SRV=sb"), (b"$Version=1; SRV=sb; $Path=/; b=2",), (b"b=2; SRV=sb; $Path=/",), (b"$Version=1; SRV=sb",),
    (b"$SRV=sb",), (b"SRV=sb;",), (b"SRV=sb;;",), (b"SRV=sb; ",), (b"SRV=sb~own",), (b"SRV=sb~",), (b"SRV=~own",),
    (b"SRV=zz~own; a=1",), (b"SRV=sb~x; SRV=sc~y",), (b"SRV=sb~a~b",), (b"SRV==sb",), (b"SRV=sb=sc",),
    (b"SRV=s b",), (b"\tSRV\t=\tsb\t;\tx=1",), (b"SRV=sb,x=1",), (b"x=1,SRV=sb",), (b"SRV=a\xffb",),
    (b"SRV=sb|AAAAB|AAAAB",), (b"SRV=|",), (b"a=1; SRV=sb;",),
]  # fmt: skip

RESPONSES = [
    b"", set_cookie(b"SRV=own; Path=/"), set_cookie(b"A=1"), set_cookie(b"SRV=own", b"A=1"),
    set_cookie(b"A=1; SRV=x"), set_cookie(b"SRV = own ; x"), set_cookie(b"SRV="), set_cookie(b"SRV"),
    set_cookie(b"SRV=1", b"SRV=2"), set_cookie(b'SRV="q r" ; x'), set_cookie(b"=x"), set_cookie(b";SRV=2"),
    set_cookie(b"SRV=a, B=2"), set_cookie(b'SRV="a;b"; x'), set_cookie(b"SRVX=1"), set_cookie(b"  SRV=1"),
    b"set-COOKIE: SRV=1\r\nX-A: b\r\n", b"Set-Cookie2: SRV=1; Version=1\r\n",
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_requests_of_every_shape(stack: ExitStack, tmp_path: Path, servers: list[EchoServer], mode: str) -> None:
    pair = both(stack, tmp_path, servers, f"cookie SRV {mode}")
    for values in REQUESTS:
        pair.compare(Case(cookie(*values)))


@pytest.mark.parametrize("mode", MODES)
def test_responses_of_every_shape(stack: ExitStack, tmp_path: Path, servers: list[EchoServer], mode: str) -> None:
    pair = both(stack, tmp_path, servers, f"cookie SRV {mode}")
    for response in RESPONSES:
        for request in (b"", cookie(b"SRV=sb"), cookie(b"SRV=zz"), cookie(b"SRV=sb~v")):
            pair.compare(Case(request, response))
            pair.compare(Case(request + b"Content-Length: 0\r\n", response, b"POST"))


CACHING = [
    b"", b"ETag: \"a\"\r\n", b"Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT\r\n", b"Cache-Control: public\r\n",
    b"Expires: Thu, 01 Jan 2035 00:00:00 GMT\r\n", b"Cache-Control: max-age=10\r\n",
    b"Cache-Control: s-maxage=10\r\n", b"Cache-Control: max-age=0\r\nETag: \"a\"\r\n",
    b"Cache-Control: private, max-age=10\r\n", b"Cache-Control: max-age=00\r\n",
    b"Cache-Control: no-cache\r\nETag: \"a\"\r\n", b'Cache-Control: no-cache="set-cookie"\r\nETag: "a"\r\n',
    b"Cache-Control: no-store\r\nETag: \"a\"\r\n", b"Pragma: no-cache\r\nETag: \"a\"\r\n",
    b"Pragma: NO-CACHE\r\nETag: \"a\"\r\n", b"Pragma: foo, no-cache\r\nETag: \"a\"\r\n",
    b"Pragma: no-cache, foo\r\nETag: \"a\"\r\n", b"Cache-Control: s-maxage=0\r\nETag: \"a\"\r\n",
    b"Cache-Control: PUBLIC, Max-Age=5\r\n", b"Cache-Control: max-age=0, public\r\nETag: x\r\n",
    b"Cache-Control: private\r\nCache-Control: public\r\nETag: \"a\"\r\n",
    b"Cache-Control: private=x\r\nETag: \"a\"\r\n", b"Cache-Control: max-age\r\n", b"Cache-Control: max-age=\r\n",
    b"Cache-Control: max-age=x\r\n", b"ETag:\r\n", b"Expires: 0\r\n",
    b"Pragma: no-cache\r\nCache-Control: max-age=10\r\n",
    b"Cache-Control: public\r\nPragma: no-cache\r\nETag: x\r\n",
    b"Pragma: no-cache\r\nCache-Control: public\r\nETag: x\r\n",
    b"Pragma: no-cache\r\nCache-Control: foo\r\nETag: x\r\n", b"Cache-Control: no-cache, max-age=5\r\n",
    b"Cache-Control: private, public, max-age=5\r\n", b"ETag: x\r\nCache-Control: public, private\r\n",
    b"Vary: *\r\nETag: \"a\"\r\n", b"Cache-Control: must-revalidate\r\n", b"Cache-Control:\r\nETag: \"a\"\r\n",
]  # fmt: skip
STATUSES = [b"200 OK", b"201 x", b"203 x", b"204 x", b"206 x", b"300 x", b"301 x", b"302 x", b"304 x", b"307 x",
            b"400 x", b"404 x", b"405 x", b"410 x", b"414 x", b"500 x", b"501 x"]  # fmt: skip


def test_what_may_be_cached(stack: ExitStack, tmp_path: Path, servers: list[EchoServer]) -> None:
    pair = both(stack, tmp_path, servers, "cookie SRV insert nocache")
    for response in CACHING:
        pair.compare(Case(b"", response))
    for status in STATUSES:
        pair.compare(Case(b"", b'ETag: "a"\r\n', status=status))
    for method in (b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"FOO"):
        pair.compare(Case(b"Content-Length: 0\r\n" if method == b"POST" else b"", b'ETag: "a"\r\n', method=method))
    for field in (b"Authorization: a b", b"Cache-Control: no-cache", b"Pragma: no-cache", b"Range: bytes=1-2"):
        pair.compare(Case(field + b"\r\n", b'ETag: "a"\r\n'))


@pytest.mark.parametrize(
    "mode", ["maxidle 100", "maxlife 300", "maxidle 100 maxlife 300 indirect", "maxlife 1m maxidle 1500ms", ""]
)
def test_dates(stack: ExitStack, tmp_path: Path, servers: list[EchoServer], mode: str) -> None:
    pair = both(stack, tmp_path, servers, f"cookie SRV insert {mode}")
    now = int(time.time())

    def at(age_s: int) -> bytes:
        return dates.written(now - age_s >> 2)

    values = [b"SRV=sb"] + [
        b"SRV=sb|" + last + (b"|" + first if first is not None else b"")
        for last in (b"", b"abc", b"!!!!!", b"AAAAA", at(-8), at(50), at(200), at(-80000), at(-90000), at(1000) + b"xx")
        for first in (None, b"", b"abc", b"AAAAA", at(20), at(150), at(350), at(-90000), at(50) + b"yy|z")
    ]
    values += [
        b"SRV=sb|%b; SRV=sc" % at(200), b"SRV=sb|%b; SRV=sc|%b" % (at(5), at(200)), b"SRV=zz|%b; SRV=sc" % at(20),
        b"SRV=sc; SRV=sb|%b|%b" % (at(5), at(350)), b"SRV=zz|%b" % at(200), b"SRV=zz|%b" % at(20),
        b"SRV=sb|%b|%b; SRV=sc|%b" % (at(5), at(20), at(10)),
    ]  # fmt: skip
    for value in values:
        pair.compare(Case(cookie(value)))


DOWN = ("cookie sa", "cookie sb disabled", "cookie sc weight 0")


@pytest.mark.parametrize("options", [(), ("option persist", "option redispatch")])
def test_servers_that_are_away(
    stack: ExitStack, tmp_path: Path, servers: list[EchoServer], options: tuple[str, ...]
) -> None:
    pair = both(stack, tmp_path, servers, "cookie SRV insert indirect", *options, parameters=DOWN)
    for values in ((), (b"SRV=sa",), (b"SRV=sb",), (b"SRV=sc",), (b"SRV=sb; SRV=sc",), (b"SRV=sb; SRV=zz",)):
        pair.compare(Case(cookie(*values)))


def test_servers_without_a_cookie_and_with_the_same(
    stack: ExitStack, tmp_path: Path, servers: list[EchoServer]
) -> None:
    for mode in ("insert indirect", "rewrite", "prefix"):
        with ExitStack() as life:
            pair = both(life, tmp_path, servers, f"cookie SRV {mode}", parameters=("", "cookie x disabled", "cookie x"))
            for values in ((), (b"SRV=",), (b"SRV=x",), (b"SRV=a",), ()):
                for response in (b"", set_cookie(b"SRV=own")):
                    pair.compare(Case(cookie(*values), response))


def test_ignore_persist_and_force_persist(tmp_path: Path, servers: list[EchoServer]) -> None:
    for rule in ("ignore-persist", "force-persist"):
        for mode in ("insert indirect", "prefix", "insert maxidle 10"):
            with ExitStack() as life:
                pair = both(life, tmp_path, servers, f"cookie SRV {mode}", f"{rule} if TRUE", parameters=DOWN)
                for values in ((), (b"SRV=sb",), (b"SRV=sc",), (b"SRV=zz",), (b"SRV=sc~x",), (b"SRV=sc; a=1",)):
                    for response in (b"", set_cookie(b"SRV=own")):
                        case = Case(cookie(*values), response)
                        pair.compare(case, ignore=rule == "ignore-persist", force=rule == "force-persist")


_PIECES = [
    b"SRV=sb", b"SRV=sc", b"SRV=zz", b"SRV=", b"SRV", b"a=1", b"b", b"$Path=/", b"$", b";", b";", b"; ", b", ",
    b" ", b"=", b'"', b"\\", b"SRV =sb", b"SRV= sc", b'SRV="sb"', b"x=\"a;b\"", b"SRV=sb~v", b"|", b"~", b"\t",
]  # fmt: skip


@pytest.mark.parametrize("mode", ["insert indirect", "prefix", "insert", "rewrite"])
def test_requests_of_random_pieces(stack: ExitStack, tmp_path: Path, servers: list[EchoServer], mode: str) -> None:
    random = Random(mode)
    pair = both(stack, tmp_path, servers, f"cookie SRV {mode}")
    for _ in range(250):
        lines = [b"".join(random.choices(_PIECES, k=random.randrange(1, 9))) for _ in range(random.randrange(1, 3))]
        pair.compare(Case(cookie(*lines)))


@pytest.mark.parametrize("mode", ["insert", "prefix", "insert preserve", "rewrite"])
def test_responses_of_random_pieces(stack: ExitStack, tmp_path: Path, servers: list[EchoServer], mode: str) -> None:
    random = Random(mode)
    pair = both(stack, tmp_path, servers, f"cookie SRV {mode}")
    for _ in range(150):
        lines = [b"".join(random.choices(_PIECES, k=random.randrange(1, 7))) for _ in range(random.randrange(1, 3))]
        pair.compare(Case(cookie(b"SRV=sb"), set_cookie(*lines)))
