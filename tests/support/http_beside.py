"""Runs many HTTP cases at once through HAProxy and through wproxy, and tells what client and server saw of each.

Each case has a `listen` section of its own, between two unix sockets: a client writes what the case says and reads to
the end, a server in this process does what the case says. Both programs run all cases at the same time, so a table
takes as long as its longest timeout.
"""

from __future__ import annotations

import asyncio
import operator
import re
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.support.proxies import Proxy, proxy
from tests.support.stats import Stats
from tests.support.waiting import wait_for

T = TypeVar("T")

TIMEOUT_S = 1.5  # of clients and servers, in both programs
KEPT_S = 0.5
LINES = (
    f"timeout client {int(TIMEOUT_S * 1000)}ms",
    f"timeout server {int(TIMEOUT_S * 1000)}ms",
    "timeout connect 5s",  # no server here lets a connection wait but where a case says so
    "retries 0",
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

_SIZE = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;[^\r\n]*)?\r\n")
_TRAILERS = re.compile(rb"0+\r\n((?:[^\r\n]+\r\n)*\r\n)")
_TRAILER = re.compile(rb"([^\r\n:]+):[ \t]*")

_LOG_LINE = re.compile(  # of `option httplog`
    r"\] case(\d+) case\d+/(\S+) \+?(\S+) (-?\d+) \+?\d+ (- - \S+) \d+/\d+/\d+/\d+/(\+?\d+) (\S+) (.*)"
)


class Talk:
    """One connection as a test's client or server has it: what has come so far, and how it ended."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.heard = bytearray()
        self.ended = ""  # "end" or "reset" once it is over
        self.number = 0  # a server's: how many connections the case has had before
        self.another: Callable[[], Awaitable[Talk]] = _alone  # a client's: opens one more connection

    async def say(self, data: bytes) -> None:
        if self.writer.is_closing():
            return
        self.writer.write(data)
        try:
            await self.writer.drain()
        except OSError:
            self.ended = self.ended or "reset"

    def half_close(self) -> None:
        self.writer.write_eof()

    def close(self) -> None:
        self.writer.close()

    async def hear(self, size: int = 65536) -> bytes:
        """Return what comes next, b"" at the end."""
        try:
            data = await self._reader.read(size)
        except OSError:
            self.ended = "reset"
            return b""
        if not data:
            self.ended = self.ended or "end"
        self.heard += data
        return data

    async def hear_to_end(self) -> None:
        while await self.hear():
            pass

    async def hear_until(self, mark: bytes, count: int = 1) -> bool:
        """Return when `mark` has come `count` times since the beginning; False when the end was first."""
        while self.heard.count(mark) < count:
            if not await self.hear():
                return False
        return True


async def _alone() -> Talk:
    raise NotImplementedError


Act = Callable[[Talk], Awaitable[None]]


def says(*pieces: bytes, pause_s: float = 0.0) -> Act:
    """Write `pieces`, then read to the end."""

    async def act(talk: Talk) -> None:
        for number, piece in enumerate(pieces):
            if number and pause_s:
                await asyncio.sleep(pause_s)
            await talk.say(piece)
        await talk.hear_to_end()

    return act


def request_end(data: bytes) -> int | None:
    """Return where the first request of `data` ends, None when that has not come; it comes from a proxy."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return None
    at = len(head) + 4
    if re.search(rb"(?im)^transfer-encoding: *chunked", head):
        end = chunks_end(body)
        return None if end is None else at + end
    length = re.search(rb"(?im)^content-length: *([0-9]+)", head)
    size = at + (int(length[1]) if length else 0)
    return size if len(data) >= size else None


def chunks_end(data: bytes) -> int | None:
    """Return where a chunked body ends."""
    at = 0
    while True:
        newline = data.find(b"\r\n", at)
        if newline < 0:
            return None
        size = int(data[at:newline].partition(b";")[0] or b"0", 16)
        if not size:
            break
        at = newline + 2 + size + 2
    at = newline
    end = data.find(b"\r\n\r\n", at)
    return None if end < 0 else end + 4


def answers(*replies: bytes, closes: bool = False, size: int | None = None) -> Act:
    """Answer request after request, with the last of `replies` from then on; `closes` after the first.

    An answer is written in pieces of `size` bytes.
    """
    texts = replies or (OK,)

    async def act(talk: Talk) -> None:
        at, number = 0, 0
        while True:
            end = request_end(bytes(talk.heard[at:]))
            if end is None:
                if not await talk.hear():
                    return
                continue
            at += end
            text = texts[min(number, len(texts) - 1)]
            for begin in range(0, len(text), size or len(text) or 1):
                await talk.say(text[begin : begin + (size or len(text))])
                await asyncio.sleep(0)
            number += 1
            if closes:
                talk.close()
                return

    return act


def tells(text: bytes, *, closes: bool = False, after_s: float = 0.0) -> Act:
    """Say `text` once the head of a request is there, whatever its body is; then close, or wait for the other end."""

    async def act(talk: Talk) -> None:
        await talk.hear_until(b"\r\n\r\n")
        await asyncio.sleep(after_s)
        await talk.say(text)
        if closes:
            talk.close()
        else:
            await talk.hear_to_end()

    return act


@dataclass(frozen=True)
class Case:
    """What a client writes, what its server does, lines for its section, words for its lines `server` and `bind`.

    `twins` are the names of further servers, with the same address.
    """

    name: str
    client: Act
    server: Act = field(default_factory=answers)
    lines: tuple[str, ...] = ()
    words: str = ""
    bind: str = ""
    twins: tuple[str, ...] = ()


@dataclass
class Seen:
    """What became of one case; `at_once` tells that the client's end came before any timeout, of those in LINES.

    A connection to a server that is still there a moment after the client's end counts as "kept".
    """

    client: bytes = b""
    end: str = ""
    others: list[bytes] = field(default_factory=list)  # what further connections of the client heard
    at_once: bool = False
    servers: list[tuple[bytes, str]] = field(default_factory=list)  # what each connection heard, and its end
    lasted_s: float = field(default=0.0, compare=False)  # until the client's end


def plain(data: bytes) -> bytes:
    """Return messages with chunked bodies put together, and trailers in one spelling.

    HAProxy cuts bodies anew, as its buffers happen to be filled, and writes the names of trailers in lower case.
    """
    out, at = b"", 0
    for match in re.finditer(rb"(?i)\r\ntransfer-encoding: *chunked(?:\r\n[^\r\n]+)*\r\n\r\n", data):
        if match.end() <= at:
            continue
        out += data[at : match.end()]
        at, text = match.end(), b""
        while (line := _SIZE.match(data, at)) and int(line[1], 16):
            size = int(line[1], 16)
            text += data[line.end() : line.end() + size]
            at = min(line.end() + size + 2, len(data))
        out += b"<" + text + b">"
        if trailers := _TRAILERS.match(data, at):
            out += b"0\r\n" + _TRAILER.sub(lambda field: field[1].lower() + b": ", trailers[1])
            at = trailers.end()
    return out + data[at:]


async def _run(case: Case, folder: Path, number: int) -> Seen:
    seen = Seen()
    talks: list[Talk] = []
    tasks: list[asyncio.Task[None]] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.get_running_loop().create_task(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(reader, writer)
        talk.number = len(talks)
        talks.append(talk)
        try:
            await case.server(talk)
            if not talk.ended and not writer.is_closing():
                await talk.hear_to_end()
        finally:
            writer.close()

    server = await asyncio.start_unix_server(accept, folder / f"s{number}", limit=1 << 22)
    mine: list[Talk] = []

    async def connect() -> Talk:
        reader, writer = await asyncio.open_unix_connection(folder / f"c{number}", limit=1 << 22)
        talk = Talk(reader, writer)
        talk.another = connect
        mine.append(talk)
        return talk

    try:
        talk = await connect()
        began = time.monotonic()
        async with asyncio.timeout(15.0):
            await case.client(talk)
            for each in mine:
                if not each.writer.is_closing():
                    await each.hear_to_end()
        seen.lasted_s = time.monotonic() - began
        seen.at_once = seen.lasted_s < TIMEOUT_S * 0.8
        for each in mine:
            each.close()
        seen.client = plain(bytes(talk.heard))
        seen.others = [plain(bytes(each.heard)) for each in mine[1:]]
        seen.end = "end" if talk.heard else talk.ended  # a reset, too: it tells of bytes that nobody has read
        if tasks:
            await asyncio.wait(tasks, timeout=KEPT_S)
    except TimeoutError:
        seen.end += "never"
    finally:
        server.close()
    for each in talks:
        end = "end" if each.ended else "closed" if each.writer.is_closing() else "kept"
        seen.servers.append((plain(bytes(each.heard)), end))
        each.close()
    await asyncio.gather(*tasks)
    return seen


async def _run_all(cases: Sequence[Case], folder: Path) -> list[Seen]:
    return list(await asyncio.gather(*(_run(case, folder, number) for number, case in enumerate(cases))))


@contextmanager
def serving(program: str, folder: Path, cases: Sequence[Case], lines: Sequence[str] = LINES) -> Iterator[Proxy]:
    """Run `program` with a section for each case; yields it when it serves.

    Of several threads one may take a client while another has not yet put aside the connection that it could reuse.
    """
    sections = ["global\n    nbthread 1\n"]
    for number, case in enumerate(cases):
        own = "\n".join(f"    {line}" for line in (*lines, *case.lines))
        servers = "".join(f"    server {name} unix@{folder}/s{number} {case.words}\n" for name in ("s", *case.twins))
        sections.append(f"listen case{number}\n    bind unix@{folder}/c{number} {case.bind}\n{own}\n{servers}")
    with proxy(program, folder, *lines, mode="http", rest="".join(sections)) as made:
        yield made


def logged(program: str, cases: Sequence[Case], lines: Sequence[str] = LINES) -> list[list[str]]:
    """Return what `program` writes into its log about each case, without dates, addresses, times and sizes."""
    return [told.lines for told in tell(program, cases, lines=lines)]


@dataclass
class Told:
    """What a proxy tells of one case: its log, and counters of each line of `show stat`; and what was seen of it."""

    seen: Seen
    lines: list[str]
    counters: dict[str, dict[str, str]]


def tell(program: str, cases: Sequence[Case], *columns: str, lines: Sequence[str] = LINES) -> list[Told]:
    """Return what `program` logs about each case, as `logged` does, and what it counts in `columns`."""
    folder = Path(tempfile.mkdtemp(prefix="h"))
    try:
        with serving(program, folder, cases, ("log stdout format raw local0", "option httplog", *lines)) as made:
            seen = asyncio.run(_run_all(cases, folder))
            wait_for(lambda: " fe=case" not in made.stats.ask("show sess"), what="the end of all sessions")
            text = made.log
            rows = [Stats(made.stats.path, f"case{number}").rows() for number in range(len(cases))] if columns else []
    finally:
        shutil.rmtree(folder)
    found: list[list[str]] = [[] for _ in cases]
    for match in _LOG_LINE.finditer(text):
        number, server, times, status, rest, retries, queues, request = match.groups()
        came = "/".join("-1" if time.startswith("-") else "T" for time in times.split("/"))
        found[int(number)].append(f"{server} {came} {status} {rest} {retries} {queues} {request}")
    counted = [{name: {column: row[column] for column in columns} for name, row in each.items()} for each in rows]
    parts = zip(seen, found, counted or [{} for _ in cases], strict=True)
    return [Told(each, sorted(lines), counters) for each, lines, counters in parts]


def run(program: str, cases: Sequence[Case], lines: Sequence[str] = LINES) -> list[Seen]:
    """Return what was seen of each case."""
    folder = Path(tempfile.mkdtemp(prefix="h"))  # a short path: those of unix sockets are
    try:
        with serving(program, folder, cases, lines):
            return asyncio.run(_run_all(cases, folder))
    finally:
        shutil.rmtree(folder)


def _all(seen: Seen) -> object:
    return seen


def compare(
    cases: Sequence[Case], lines: Sequence[str] = LINES, times: int = 3, look: Callable[[Seen], object] = _all
) -> dict[str, tuple[Seen, Seen]]:
    """Return the cases that differ in what is looked at, with what HAProxy and what wproxy let be seen."""
    return _compare(
        cases, lambda program, left: run(program, left, lines), times, lambda theirs, ours: look(theirs) != look(ours)
    )


def compare_told(cases: Sequence[Case], *columns: str, times: int = 3) -> dict[str, tuple[Told, Told]]:
    """Do the same with what log and `columns` of the statistics tell, too."""
    return _compare(cases, lambda program, left: tell(program, left, *columns), times, operator.ne)


def compare_logs(
    cases: Sequence[Case], times: int = 3, *, each: bool = False
) -> dict[str, tuple[list[str], list[str]]]:
    """Return the cases about which HAProxy and wproxy log something else, and what.

    With `each` those of which nothing is logged are among them.
    """
    return _compare(cases, logged, times, lambda theirs, ours: theirs != ours or (each and not ours))


def _compare(
    cases: Sequence[Case],
    look: Callable[[str, Sequence[Case]], Sequence[T]],
    times: int,
    differ: Callable[[T, T], bool],
) -> dict[str, tuple[T, T]]:
    """Return the cases that `look` finds to `differ`, with what it saw of HAProxy and of wproxy.

    Those that differ are run again, because on a busy machine a moment's difference may be one of time.
    """
    differing: dict[str, tuple[T, T]] = {}
    left = list(cases)
    for _ in range(times):
        both = zip(left, look("haproxy", left), look("wproxy", left), strict=True)
        differing = {case.name: (theirs, ours) for case, theirs, ours in both if differ(theirs, ours)}
        left = [case for case in left if case.name in differing]
        if not left:
            break
    return differing


def report(differing: Mapping[str, tuple[object, object]]) -> str:
    """Return what differs, for a person to read."""
    return "".join(f"\n{name}\n  haproxy {theirs}\n  wproxy  {ours}" for name, (theirs, ours) in differing.items())
