from __future__ import annotations

import pytest

from tests.support.pure_http import request_of, response_of
from wproxy.config.http.squeezing import Algorithm, Compression
from wproxy.policy.compression.choice import Choice

GZIP, DEFLATE, RAW, IDENTITY = Algorithm.GZIP, Algorithm.DEFLATE, Algorithm.RAW_DEFLATE, Algorithm.IDENTITY


def choice(*algorithms: Algorithm, types: tuple[bytes, ...] = (), offloads: bool = False) -> Choice:
    return Choice(Compression(algorithms or (GZIP, DEFLATE), types, offloads))


def wanted(made: Choice, *accepted: str, agent: str = "") -> Algorithm | None:
    lines = "".join(f"Accept-Encoding: {each}\r\n" for each in accepted)
    lines += f"User-Agent: {agent}\r\n" if agent else ""
    return made.wanted(request_of(f"GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()))


@pytest.mark.parametrize(
    ("accepted", "algorithm"),
    [
        ([], None), (["gzip"], GZIP), (["GZip"], GZIP), (["deflate, gzip"], DEFLATE), (["gzip, deflate"], GZIP),
        (["gzip;q=0"], None), (["gzip;q=0.5, deflate;q=0.8"], DEFLATE), (["*"], DEFLATE), (["*;q=0"], None),
        (["br"], None),
        (["br", "gzip"], GZIP), (["gzip;q=x"], GZIP), (["gzip;q=1.5, deflate"], GZIP), (["gzip x;q=0"], GZIP),
        (["gzip;foo=1;q=0.3,deflate;q=0.4"], DEFLATE), (["gzip;foo=1"], GZIP), ([""], None), (["gzip ; q=0.001"], GZIP),
        (["x-gzip"], None),
    ],
)  # fmt: skip
def test_what_a_client_accepts(accepted: list[str], algorithm: Algorithm | None) -> None:
    made = choice()
    assert wanted(made, *accepted) is algorithm
    assert wanted(made, *accepted) is algorithm  # remembered


def test_of_long_lists_only_the_beginning_counts() -> None:
    made = choice()
    assert wanted(made, "," * 63 + "gzip") is GZIP
    assert wanted(made, "," * 64 + "gzip") is None


def test_of_both_kinds_of_deflate_the_last_one_counts() -> None:
    assert wanted(choice(DEFLATE, RAW), "deflate") is RAW
    assert wanted(choice(RAW, GZIP), "*") is GZIP


def test_identity_needs_no_consent() -> None:
    made = choice(GZIP, IDENTITY)
    assert [wanted(made), wanted(made, "br"), wanted(made, "gzip")] == [IDENTITY, IDENTITY, GZIP]


def test_offload_hides_what_clients_accept_from_servers() -> None:
    made = choice(offloads=True)
    for accepted, left in (("gzip", []), ("br", [b"br"])):
        head = request_of(f"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {accepted}\r\n\r\n".encode())
        made.wanted(head)
        assert head.values(b"accept-encoding") == left


@pytest.mark.parametrize(
    ("agent", "old"),
    [
        ("Mozilla/4.0 (compatible; MSIE 6.0; Windows)", True), ("Mozilla/4.0 (compatible; MSIE 7.0; Windows)", False),
        ("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)", False), ("Mozilla/4.08", True),
        ("Mozilla/5.0", False),
        ("Mozilla/4.0 (compatible; MSIE 10.0)", True),
    ],
)  # fmt: skip
def test_old_clients(agent: str, old: bool) -> None:
    assert (wanted(choice(), "gzip", agent=agent) is None) is old
    assert (wanted(choice(IDENTITY), agent=agent) is None) is old


def applies(made: Choice, *fields: str, status: int = 200, first: str = "1.1", request: str = "GET / HTTP/1.1") -> bool:
    lines = "".join(f"{field}\r\n" for field in fields)
    length = (
        "" if any("Length" in field or "Encoding: chunked" in field for field in fields) else "Content-Length: 5\r\n"
    )
    head = response_of(f"HTTP/{first} {status} x\r\n{length}{lines}\r\n".encode())
    return made.applies(head, request_of(f"{request}\r\nHost: x\r\n\r\n".encode()))


@pytest.mark.parametrize(
    "fields",
    [
        [], ["Content-Type: text/html"], ["Transfer-Encoding: chunked"], ['ETag: "a"'], ['ETag: W/"a"'],
        ["Cache-Control: no-transform=1"], ["Content-Type: text/html", "Content-Type: multipart/x"],
    ],
)  # fmt: skip
def test_responses_that_are_compressed(fields: list[str]) -> None:
    assert applies(choice(), *fields)


@pytest.mark.parametrize(
    "fields",
    [
        ["Content-Length: 0"], ["Content-Type: Multipart/x"], ["Content-Encoding: br"],
        ["Cache-Control: a, No-Transform"],
        ["ETag: a"], ['ETag: "a"', 'ETag: "b"'], ['ETag: w/"a"'], ['ETag: "'],
    ],
)  # fmt: skip
def test_responses_that_are_not(fields: list[str]) -> None:
    assert not applies(choice(), *fields)


def test_versions_methods_and_statuses() -> None:
    made = choice()
    assert applies(made, status=203)
    assert not applies(made, status=206)
    assert not applies(made, first="1.0")
    assert not applies(made, request="GET / HTTP/1.0")
    assert not applies(made, request="HEAD / HTTP/1.1")
    head = response_of(b"HTTP/1.1 200 OK\r\n\r\n")
    assert not made.applies(head, request_of(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))


def test_types() -> None:
    made = choice(types=(b"Text/html", b"application/json"))
    assert applies(made, "Content-Type: text/HTML; charset=x")
    assert not applies(made, "Content-Type: text/plain")
    assert not applies(made)


@pytest.mark.parametrize(
    ("fields", "marked"),
    [
        ("Content-Length: 5\r\nETag: \"a\"\r\nX: y", b"etag: W/\"a\"\r\nx: y\r\ntransfer-encoding: chunked\r\n"),
        ("Transfer-Encoding: chunked\r\nETag: W/\"a\"", b"transfer-encoding: chunked\r\netag: W/\"a\"\r\n"),
    ],
)  # fmt: skip
def test_the_head_says_it(fields: str, marked: bytes) -> None:
    for algorithm, coding in ((GZIP, b"content-encoding: gzip\r\n"), (IDENTITY, b"")):
        head = response_of(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode())
        choice(GZIP, IDENTITY).mark(head, algorithm)
        assert head.joined() == marked + b"vary: Accept-Encoding\r\n" + coding
        assert head.length == -1


def test_frontend_and_backend() -> None:
    none = Compression()
    assert Choice.of(none, Compression(types=(b"a",), offloads=True)) is None
    both = Choice.of(Compression((GZIP,), (b"text/html",)), Compression((DEFLATE,), (), True))
    assert both is not None
    assert wanted(both, "gzip") is None
    assert wanted(both, "deflate") is DEFLATE
    assert not applies(both)


def test_what_is_remembered_is_bounded() -> None:
    made = choice()
    for number in range(3000):
        wanted(made, f"gzip;x={number}")
    wanted(made, "gzip" + "," * 600)
    assert len(made._known) <= 1024
    assert all(len(line) <= 512 for line in made._known)
    wanted(made, "gzip", agent="x" * 3000)
    assert len(made._blocks) <= 512
    assert all(len(lines) <= 2048 for lines in made._blocks)


def test_heads_that_rules_have_changed() -> None:
    head = request_of(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    made = choice()
    assert made.wanted(head) is None
    head.replace([*head.fields, *request_of(b"GET / HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n").fields])
    assert made.wanted(head) is GZIP
