"""Options of mode http that change little things: probes, preferred servers, buffered requests, limits of heads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.beside_http import scene
from tests.support.http_beside import GET, OK, Act, Case, Talk, answers, compare, compare_logs, report, run, says
from tests.support.http_server import recording_server
from tests.support.proxies import Proxy, proxy
from tests.support.syslog import udp_log_server
from tests.support.waiting import wait_for

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
POST_9 = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def check(cases: Sequence[Case], *, logs: bool = True) -> None:
    """Compare what clients and servers see and, with `logs`, what is logged."""
    differing = compare(cases)
    assert not differing, report(differing)
    if logs:
        different = compare_logs(cases)
        assert not different, report(different)


def apart(*pieces: bytes) -> Act:
    return says(*pieces, pause_s=0.2)


async def leaves_at_once(talk: Talk) -> None:
    await asyncio.sleep(0.1)
    talk.half_close()
    await talk.hear_to_end()


def half_closes(*pieces: bytes) -> Act:
    async def act(talk: Talk) -> None:
        for piece in pieces:
            await talk.say(piece)
            await asyncio.sleep(0.1)
        talk.half_close()
        await talk.hear_to_end()

    return act


@pytest.mark.parametrize("option", ["option http-ignore-probes", "no option http-ignore-probes"])
def test_probes(option: str) -> None:
    lines = (option, "timeout http-request 300ms")
    ends = (option,)  # clients that leave do so before any timeout, on a busy machine, too
    check(
        [
            Case("nothing, time", says(b""), lines=lines),
            Case("nothing, end", leaves_at_once, lines=ends),
            Case("empty lines, time", says(b"\r\n"), lines=lines),
            Case("empty lines, end", half_closes(b"\r\n"), lines=ends),
            Case("half a head, time", says(b"GET / H"), lines=lines),
            Case("half a head, end", half_closes(b"GET / H"), lines=ends),
            Case("nothing behind one, time", apart(GET), lines=lines),
            Case("nothing behind one, end", half_closes(GET), lines=ends),
            Case("half a head behind one", apart(GET, b"GET"), lines=(*lines, "timeout http-keep-alive 1s")),
            Case("timeout client", says(b""), lines=(option, "timeout client 300ms")),
        ]
    )


def test_probes_are_not_counted(tmp_path: Path) -> None:
    def counted(program: str) -> tuple[int, ...]:
        lines = ("option http-ignore-probes", "timeout http-request 200ms", "server s 127.0.0.1:1")
        with proxy(program, tmp_path, *lines, mode="http") as made:
            asyncio.run(probe(made))
            wait_for(lambda: made.stats.numbers("FRONTEND", "scur", "stot") == (0, 2), what="the end of both sessions")
            return made.stats.numbers("FRONTEND", "stot", "ereq", "hrsp_4xx", "req_tot")

    async def probe(made: Proxy) -> None:
        for waits in (True, False):
            reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
            if waits:
                assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    ours = counted("wproxy")
    assert ours == counted("haproxy")
    assert ours[1:] == (0, 0, 0)


LIMITS = ("", "tune.http.maxhdr 20", "tune.http.maxhdr 300")


@pytest.mark.parametrize("setting", LIMITS)
def test_how_many_fields(tmp_path: Path, setting: str) -> None:
    """The first line counts as one."""
    limit = int(setting.rpartition(" ")[2] or 101)

    def fields(count: int) -> bytes:
        return b"".join(b"x%d: y\r\n" % number for number in range(count))

    def seen(program: str) -> list[bytes]:
        found = []
        for extra in (-3, -2, -1, 0, 1):
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + fields(limit + extra - 1) + b"\r\nok"
            with recording_server(answer) as server:
                lines = (f"server s 127.0.0.1:{server.port}",)
                rest = f"global\n    {setting}\n" if setting else ""
                with proxy(program, tmp_path, *lines, mode="http", rest=rest) as made:
                    requests = [GET[:-2] + fields(count) + b"\r\n" for count in (0, limit + extra - 1)]
                    found += [asyncio.run(ask(made, request)) for request in requests]
        return found

    async def ask(made: Proxy, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(request)
        line = await reader.readline()
        writer.close()
        return line

    ours = seen("wproxy")
    assert ours == seen("haproxy")
    assert {line[9:12] for line in ours} >= {b"400"}


@pytest.mark.parametrize("setting", ["", "tune.http.logurilen 50", "tune.http.logurilen 3000"])
def test_long_targets_in_the_log(tmp_path: Path, setting: str) -> None:
    """The request line of a log line has an end."""
    targets = [b"/" + b"abcdefghij" * count for count in (0, 1, 3, 4, 5, 99, 100, 101, 102, 110, 298, 299, 300, 310)]
    targets += [b"/abcdefghij?" + b"q" * count for count in (0, 20, 35, 40, 1000, 1020)]

    def lines_of(program: str) -> list[str]:
        with recording_server() as server, udp_log_server() as log:
            lines = (
                f"log {log.target} len 40000 local0",
                'log-format "%{+Q}r %HM %HP %HPO %HU %HQ %HV %[capture.req.uri] %[capture.req.ver] %[var(txn.e)] e"',
                "http-request set-var(txn.e) str()",
                f"server s 127.0.0.1:{server.port}",
            )
            rest = f"global\n    {setting}\n" if setting else ""
            with proxy(program, tmp_path, *lines, mode="http", rest=rest) as made:
                asyncio.run(ask(made))
                return sorted(line[line.index('"GET') :] for line in log.wait_for('"GET /', len(targets)))

    async def ask(made: Proxy) -> None:
        for target in targets:
            reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
            writer.write(b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % target)
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()

    assert lines_of("wproxy") == lines_of("haproxy")


def test_pretended_keepalive() -> None:
    lines = ("option http-pretend-keepalive",)
    cases = [
        Case(f"{mode}, {name}", says(request), answers(OK), (*lines, mode))
        for mode in ("option http-keep-alive", "option http-server-close", "option httpclose")
        for name, request in {
            "1.1": GET + NEXT,
            "1.0": b"GET / HTTP/1.0\r\n\r\n",
            "1.0 keep-alive": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + NEXT,
            "close": GET.replace(b"Host", b"Connection: close\r\nHost"),
            "upgrade": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + NEXT,
        }.items()
    ]
    check(cases)


def asks_one_by_one(*requests: bytes) -> Act:
    async def act(talk: Talk) -> None:
        for number, request in enumerate(requests, 1):
            await talk.say(request)
            await talk.hear_until(b"ok", number)

    return act


def numbered(name: bytes, answer: bytes = OK) -> Act:
    return answers(answer.replace(b"\r\n\r\n", b"\r\nX-Server: %b\r\n\r\n" % name))


CHALLENGE = b"HTTP/1.1 401 No\r\nContent-Length: 2\r\nWWW-Authenticate: %b\r\n\r\nok"


@pytest.mark.parametrize("lines", [
    (),
    ("option prefer-last-server",),
    ("option prefer-last-server", "http-reuse never"),
    ("option prefer-last-server", "http-reuse always"),
    ("option prefer-last-server", "option http-server-close"),
    ("option prefer-last-server", "http-reuse never", "balance leastconn"),
    ("option prefer-last-server", "http-reuse never", "balance uri"),
    ("option prefer-last-server", "http-reuse never", "cookie S insert"),
    ("option prefer-last-server", "http-reuse never", "balance first"),
    ("http-reuse never",),
], ids=", ".join)  # fmt: skip
def test_preferred_servers(tmp_path: Path, lines: tuple[str, ...]) -> None:
    """A client's next request goes to the server with which it has a connection of its own."""
    assert names_of("wproxy", tmp_path, lines) == names_of("haproxy", tmp_path, lines)


def names_of(program: str, folder: Path, lines: Sequence[str], answer: bytes = OK) -> list[list[int]]:
    """Return for each of two clients, who ask in turn, which connection to which server served each request."""

    async def play(ports: list[int], port: int) -> list[list[int]]:
        clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        found: list[list[int]] = [[], []]
        for number in range(6):
            for client, (reader, writer) in enumerate(clients):
                writer.write(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2)
                found[client].append(int(head.partition(b"x-connection: ")[2].partition(b"\r")[0]))
        for _, writer in clients:
            writer.close()
        return found

    async def all_of_it() -> list[list[int]]:
        connections = 0

        def served_by(name: int) -> object:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal connections
                connections += 1
                number = connections * 10 + name
                try:
                    while True:
                        await reader.readuntil(b"\r\n\r\n")
                        writer.write(answer.replace(b"\r\n\r\n", b"\r\nX-Connection: %d\r\n\r\n" % number))
                except (asyncio.IncompleteReadError, OSError):
                    writer.close()

            return serve

        servers = [await asyncio.start_server(served_by(name), "127.0.0.1", 0) for name in range(3)]  # type: ignore[arg-type]
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        words = [f"server s{name} 127.0.0.1:{port} cookie s{name}" for name, port in enumerate(ports)]

        def open_proxy() -> tuple[object, Proxy]:
            # Of several threads one may serve a client while another still holds the connection that is to be reused.
            manager = proxy(program, folder, *lines, *words, mode="http", rest="global\n    nbthread 1\n")
            return manager, manager.__enter__()

        manager, made = await asyncio.to_thread(open_proxy)
        try:
            return await play(ports, made.port)
        finally:
            await asyncio.to_thread(manager.__exit__, None, None, None)  # type: ignore[attr-defined]
            for server in servers:
                server.close()

    return asyncio.run(all_of_it())


@pytest.mark.parametrize(
    "challenge", [b"NTLM", b"Negotiate", b"ntlm TlRMTVNT", b"Basic realm=x\r\nWWW-Authenticate: NTLM", b"Basic realm=x"]
)
def test_logins_that_belong_to_a_connection(tmp_path: Path, challenge: bytes) -> None:
    """After a challenge of NTLM or Negotiate the connection to the server serves that client alone."""
    text = CHALLENGE % challenge
    ours, theirs = (names_of(program, tmp_path, (), text) for program in ("wproxy", "haproxy"))
    assert [[name % 10 for name in client] for client in ours] == [[name % 10 for name in client] for client in theirs]
    if b"realm=x" not in challenge[-7:]:
        assert not set(ours[0]) & set(ours[1])
        assert [len(set(client)) for client in ours] == [1, 1]


def test_buffered_requests() -> None:
    """A server is looked for when the whole body is there, or as much as a buffer holds."""
    option = ("option http-buffer-request", "http-request set-header seen %[path]")
    fast = (*option, "timeout http-request 400ms")
    expecting = POST_9.replace(b"Host", b"Expect: 100-continue\r\nHost")

    def continues(body: bytes) -> Act:
        async def act(talk: Talk) -> None:
            await talk.say(expecting)
            await talk.hear_until(b"100")
            await talk.say(body)
            await talk.hear_to_end()

        return act

    check(
        [
            Case("no body", says(GET + NEXT), lines=option),
            Case("at once", says(POST_9 + b"abcdefghi" + GET), lines=option),
            Case("in pieces", apart(POST_9, b"abc", b"def", b"ghi" + GET), lines=option),
            Case("in chunks", apart(CHUNKED, b"3\r\nabc\r\n", b"0\r\n\r\n" + GET), lines=option),
            Case("half of it", says(POST_9 + b"abc"), lines=option),
            Case("half of it, http-request", says(POST_9 + b"abc"), lines=fast),
            Case("half of it, in pieces", apart(POST_9, b"abc", b"def", b"ghi" + GET), lines=fast),
            Case("half of the chunks", says(CHUNKED + b"3\r\nabc\r\n"), lines=fast),
            Case("no more of it", half_closes(POST_9, b"abc"), lines=option),
            Case("bad chunks", apart(CHUNKED, b"3\r\nabc\r\n", b"x\r\n"), lines=option),
            Case("long", says(POST_9.replace(b"9", b"100000") + b"x" * 100000), lines=option),
            Case("expected", continues(b"abcdefghi"), lines=option),
            Case("expected, and nothing", says(expecting), lines=fast),
            Case("denied", apart(POST_9, b"abcdefghi"), lines=(*option, "http-request deny")),
            Case("no server", apart(POST_9, b"abcdefghi"), lines=option, words="disabled"),
        ]
    )


def test_a_backend_that_buffers(tmp_path: Path) -> None:
    """Its frontend's rules act at once, its own wait."""
    lines = ["http-request deny if { path /front }"]
    back_lines = ["option http-buffer-request", "timeout http-request 300ms", "http-request deny if { path /back }"]

    def asked(program: str) -> list[bytes]:
        found = []
        with scene(program, tmp_path, lines, back_lines=back_lines) as made:
            for path, body in ((b"/front", b""), (b"/back", b"abc"), (b"/", b"abc"), (b"/", b"abcdefghi")):
                answer = made.ask(POST_9.replace(b"/", path, 1) + body)
                found.append(answer.partition(b"\r\n")[0] + b" %d" % len(made.seen))
        return found

    ours = asked("wproxy")
    assert ours == asked("haproxy")
    assert ours[1:] == [b"HTTP/1.1 408 Request Time-out 0"] * 2 + [b"HTTP/1.1 200 OK 1"]


def test_a_server_hears_nothing_of_a_request_that_is_buffered() -> None:
    seen = run("wproxy", [Case("", says(POST_9 + b"abc"), lines=("option http-buffer-request",))])
    assert seen[0].servers == []


@pytest.mark.parametrize("count", [-1, 0, 1, 3])
def test_how_often_a_connection_serves(count: int) -> None:
    """As the manual says; HAProxy does so for HTTP/2 only."""
    [seen] = run("wproxy", [Case("", asks_one_by_one(*(GET,) * 5), words=f"max-reuse {count}")])
    served = [heard.count(b"GET ") for heard, _ in seen.servers]
    assert served == {-1: [5], 0: [1] * 5, 1: [2, 2, 1], 3: [4, 1]}[count]
