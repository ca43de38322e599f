"""The persistence cookie of one backend: which server a request asks for, and what its response tells the client.

The value is the server's `cookie`, in insert mode with dates behind it: `value|last seen|first seen`; in prefix mode it
stands in front of the application's own value: `value~own`. HAProxy's cookies are understood and the reverse. A request
has one letter and its response another (manual, section 8.5), which the log shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from wproxy.config.http.cookie import CookieMode, CookieSettings
from wproxy.policy.cookies import dates, jar
from wproxy.policy.cookies.caching import may_be_cached
from wproxy.policy.cookies.setting import Seen, Setter, sets_no_cookie
from wproxy.protocols.http1.fields import Field
from wproxy.protocols.http1.heads import RequestHead, ResponseHead

_COOKIE = b"cookie"
_DAY_S = 86400
_REMEMBERED = 4096  # lines
_LONGEST = 512  # bytes of a line that is remembered
_BLOCKS = 512  # heads' fields, the same for whole heads
_LONGEST_BLOCK = 2048
_PRIVATE = Field.of(b"cache-control", b"private")


class Keeper(Protocol):
    """A server that clients may stay on."""

    @property
    def cookie(self) -> bytes:
        """The value of its cookie, b"" for none."""

    @property
    def running(self) -> bool:
        """Whether it is there at all."""


S = TypeVar("S", bound=Keeper)


class Presented(NamedTuple, Generic[S]):
    """What the cookies of one request say; dates are seconds since 1970, 0 for none.

    `server` is the one to go to, None when any will do. Letters: N no cookie, V valid, D its server is down, I no such
    server, E idle for too long, O too old, U not looked at.
    """

    server: S | None
    letter: str
    last_s: int = 0
    first_s: int = 0
    ignored: bool = False


ABSENT: Final[Presented[Keeper]] = Presented(None, "N")
_IGNORED: Final[Presented[Keeper]] = Presented(None, "N", ignored=True)
_TIED = "DEO"  # letters that a cookie which leads nowhere does not take back


class _Mention(NamedTuple):
    """One value of the cookie, taken apart."""

    server: bytes
    last_s: int
    first_s: int


class _Line(NamedTuple):
    """What is known of one `Cookie` line: the field that goes on in its place, and the values it had."""

    field: Field | None
    changes: bool
    mentions: tuple[_Mention, ...]


class _Block(NamedTuple):
    """What the fields of a head become."""

    fields: Sequence[Field]
    lines: bytes
    changes: bool
    mentions: tuple[_Mention, ...]


class Persistence(Generic[S]):
    """Made once per backend with a cookie; `serve` tells it its servers.

    `date` returns the seconds since 1970. `persist` is `option persist`: a server that is down is tried nevertheless.
    """

    __slots__ = (
        "_blocks", "_date", "_dated", "_known", "_lines", "_maxidle_s", "_maxlife_s", "_mode", "_name", "_persist",
        "_servers", "_setter", "_settings", "_undated", "_watched",
    )  # fmt: skip

    def __init__(self, settings: CookieSettings, date: Callable[[], int], *, persist: bool = False) -> None:
        self._settings = settings
        self._name = settings.name.encode()
        self._mode = settings.mode
        self._maxidle_s, self._maxlife_s = settings.maxidle_s, settings.maxlife_s
        self._dated = bool(settings.maxidle_s or settings.maxlife_s)
        self._date = date
        self._persist = persist
        self._setter = Setter(settings)
        self._servers: dict[bytes, tuple[S, ...]] = {}
        self._lines: dict[bytes, _Line] = {}
        self._blocks: dict[bytes, _Block] = {}
        # What comes of blocks whose cookies have no dates, until a server comes, goes or changes its state; no more of
        # them than of `_blocks`.
        self._known: dict[bytes, tuple[Sequence[Field], bytes | None, Presented[S]]] = {}
        self._watched = settings.mode is CookieMode.PASSIVE and not settings.indirect
        self._undated = settings.mode is not CookieMode.INSERT or not self._dated

    def serve(self, servers: Iterable[S]) -> None:
        """Take note of the backend's servers, in order; several may share a value."""
        known: dict[bytes, tuple[S, ...]] = {}
        for server in servers:
            if server.cookie:
                known[server.cookie] = (*known.get(server.cookie, ()), server)
        self._servers = known
        self._known.clear()

    # -- requests ------------------------------------------------------------------------------------------------

    def read(self, head: RequestHead, *, ignore: bool = False, force: bool = False, led: bool = False) -> Presented[S]:
        """Return what the request asks for; take out of its head what is not for the server.

        `ignore` and `force` are what `ignore-persist` and `force-persist` say about this request. One that is `led` has
        its server already.
        """
        lines = head.lines
        usual = lines is not None and not (ignore or force or led)
        known = self._known.get(lines) if usual else None  # type: ignore[arg-type] # usual ones are not None
        if known is not None:
            head.fields, head.lines, asked = known
            return asked
        block = self._block(head) if lines is None else self._blocks.get(lines) or self._block(head)
        if block.changes:
            head.fields, head.lines = block.fields, block.lines
        mentions = block.mentions
        if not mentions:
            return _IGNORED if ignore else ABSENT  # type: ignore[return-value] # they have no server
        if ignore or led:
            return Presented(None, "U", mentions[-1].last_s, mentions[-1].first_s, ignored=ignore)
        asked = self._chosen(mentions, force=force)
        if usual and lines in self._blocks and not any(mention.last_s or mention.first_s for mention in mentions):
            self._known[lines] = head.fields, head.lines, asked
        return asked

    def _block(self, head: RequestHead) -> _Block:
        """Return what the fields of a head become; what comes again is remembered, within bounds."""
        mentions: tuple[_Mention, ...] = ()
        changes = False
        for field in head.fields:
            if field.name == _COOKIE:
                line = self._lines.get(field.value) or self._line(field.value)
                mentions += line.mentions
                changes |= line.changes
        fields = [kept for field in head.fields if (kept := self._sent(field)) is not None] if changes else head.fields
        block = _Block(fields, b"".join([field.line for field in fields]) if changes else b"", changes, mentions)
        if head.lines is not None and len(head.lines) <= _LONGEST_BLOCK:
            if len(self._blocks) >= _BLOCKS:
                self._blocks.clear()
                self._known.clear()
            self._blocks[head.lines] = block
        return block

    def _line(self, value: bytes) -> _Line:
        """Return what the value of a field is; new ones are remembered, within bounds."""
        sent, found = jar.read(value, self._name, self._kept)
        field = None if sent is None else Field.of(_COOKIE, sent)
        line = _Line(field, sent != value, tuple([self._mention(text) for text in found]))
        if len(value) <= _LONGEST:
            if len(self._lines) >= _REMEMBERED:
                self._lines.clear()
            self._lines[value] = line
        return line

    def _sent(self, field: Field) -> Field | None:
        """Return what the server gets in the place of `field`."""
        if field.name != _COOKIE:
            return field
        line = self._lines.get(field.value) or self._line(field.value)
        return line.field if line.changes else field

    def _kept(self, value: bytes) -> bytes | None:
        """Return what the server sees of a cookie's value, None for nothing."""
        if self._mode is CookieMode.PREFIX:
            _, found, own = value.partition(b"~")
            return own if found else value
        return None if self._mode is CookieMode.INSERT and self._settings.indirect else value

    def _mention(self, value: bytes) -> _Mention:
        if self._mode is CookieMode.PREFIX:
            return _Mention(value.partition(b"~")[0], 0, 0)
        server, _, rest = value.partition(b"|")
        _, found, first = rest.partition(b"|")
        return _Mention(server, dates.seconds(rest), dates.seconds(first) if found else 0)

    def _chosen(self, mentions: tuple[_Mention, ...], *, force: bool) -> Presented[S]:
        """Return the first server that is there; what expires comes to nothing, whichever server it names."""
        chosen: S | None = None
        letter = "N"
        last_s = first_s = 0
        for mention in mentions:
            last_s, first_s = mention.last_s or last_s, mention.first_s or first_s
            over = self._over(last_s, first_s) if self._dated and (last_s or first_s) else ""
            if over:
                letter, last_s, first_s = over, 0, 0
            elif chosen is None:
                chosen, found = self._server(mention.server, force=force)
                if found != "I" or letter not in _TIED:
                    letter = found
        return Presented(chosen, letter, last_s, first_s)

    def _over(self, last_s: int, first_s: int) -> str:
        """Return the letter of a cookie whose time is over; a date more than a day ahead is none to rely on."""
        now_s = self._date()
        if first_s and self._maxlife_s and not -_DAY_S <= now_s - first_s <= self._maxlife_s:
            return "O"
        if last_s and self._maxidle_s and not -_DAY_S <= now_s - last_s <= self._maxidle_s:
            return "E"
        return ""

    def _server(self, value: bytes, *, force: bool) -> tuple[S | None, str]:
        servers = self._servers.get(value)
        if servers is None:
            return None, "I"
        for server in servers:
            running = server.running
            if running or self._persist or force:
                return server, "V" if running else "D"
        return None, "D"

    # -- responses -----------------------------------------------------------------------------------------------

    def answer(self, head: ResponseHead, method: bytes, asked: Presented[S], server: S | None, *, direct: bool) -> str:
        """Change the response's head as the settings say; return its letter.

        `method` is the request's, `server` the one that responded. It was `direct` when the cookie, or a stick table,
        had named this server. Letters: N nothing, I inserted, U its date renewed, P the server's own, R rewritten, D
        the server's own taken out.
        """
        if asked.ignored:
            return "N"
        if direct and self._undated and not (asked.last_s or asked.first_s) and sets_no_cookie(head):
            return "N"  # as most responses to clients that are on their server
        seen = self._setter.look_at(head, None if server is None else server.cookie, direct=direct)
        if server is None or not self._inserts(seen, asked, method, direct=direct):
            return seen.value
        if self._settings.nocache and may_be_cached(head, method):
            head.append(self._new(server, asked), _PRIVATE)
        else:
            head.append(self._new(server, asked))
        return "U" if direct and server.cookie else "I"

    def letters(self, asked: Presented[S], answered: str) -> str:
        """Return what the log says about a request and its response; nothing of a cookie that is merely watched."""
        return "--" if self._watched else asked.letter + answered

    def _inserts(self, seen: Seen, asked: Presented[S], method: bytes, *, direct: bool) -> bool:
        settings = self._settings
        if self._mode is not CookieMode.INSERT or (settings.postonly and method != b"POST"):
            return False
        if settings.preserve and seen is Seen.FOUND:
            return False
        return not direct or self._renews(asked)

    def _renews(self, asked: Presented[S]) -> bool:
        """Tell whether a client that is on its server needs a cookie with other dates."""
        last_s, first_s = asked.last_s, asked.first_s
        if bool(first_s) is not bool(self._maxlife_s):
            return True
        return bool(self._maxidle_s or last_s) and last_s < self._date()

    def _new(self, server: S, asked: Presented[S]) -> Field:
        """Return the cookie to set; without dates it is made once for each server."""
        if not self._dated or not server.cookie:
            return self._setter.plain(server.cookie)
        now = dates.now(self._date())
        first = asked.first_s // 4 if asked.first_s else now
        return self._setter.dated(server.cookie, now, first if self._maxlife_s else None)
