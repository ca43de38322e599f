"""Setting the persistence cookie: what becomes of the server's own `Set-Cookie`, and the lines that the proxy adds."""

from __future__ import annotations

import enum
import re

from wproxy.config.http.cookie import CookieMode, CookieSettings
from wproxy.policy.cookies import dates
from wproxy.policy.cookies.jar import VALUE
from wproxy.protocols.http1.fields import Field
from wproxy.protocols.http1.heads import ResponseHead

# Of a Set-Cookie2, which is long obsolete, only the first cookie is looked at.
_SET = (b"set-cookie", b"set-cookie2")
_SPACED = re.compile(rb"([^=;]*?)[ \t]*=[ \t]*")
_GONE = b"=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/"
_REMEMBERED = 1024  # servers' values


class Seen(enum.Enum):
    """What became of the cookies that the server itself has set; the value is the letter in the log."""

    NONE = "N"
    FOUND = "P"
    DELETED = "D"
    REPLACED = "R"


def sets_no_cookie(head: ResponseHead) -> bool:
    """Tell whether the server sets no cookie, as far as is known without looking at every field."""
    return head.lines is not None and b"set-cookie" not in head.lines


class Setter:
    """What a response's cookies become in one backend."""

    __slots__ = ("_attributes", "_indirect", "_mode", "_name", "_own", "_plain", "_preserve")

    def __init__(self, settings: CookieSettings) -> None:
        self._name = settings.name.encode()
        self._attributes = settings.attributes.encode()
        self._mode = settings.mode
        self._indirect = settings.indirect
        self._preserve = settings.preserve
        self._own = re.compile(rb"[ \t]*" + re.escape(self._name) + rb"=(" + VALUE + rb")", re.DOTALL)
        self._plain: dict[bytes, Field] = {}

    def look_at(self, head: ResponseHead, cookie: bytes | None, *, direct: bool) -> Seen:
        """Do with the server's own cookies what the mode says; `cookie` is its value, None without a server."""
        seen = Seen.NONE
        if sets_no_cookie(head):
            return seen
        kept: list[Field] = []
        for field in head.fields:
            if field.name in _SET:
                was = seen
                seen, changed = self._deal_with(field, cookie, direct=direct)
                seen = was if seen is Seen.NONE else seen
                if changed is not None:
                    kept.append(changed)
            else:
                kept.append(field)
        if kept != head.fields:
            head.replace(kept)
        return seen

    def _deal_with(self, field: Field, cookie: bytes | None, *, direct: bool) -> tuple[Seen, Field | None]:
        """Return what a field is, and what becomes of it."""
        field = _without_spaces(field)
        match = self._own.match(field.value)
        if match is None:
            return Seen.NONE, field
        if self._preserve:
            return Seen.FOUND, field
        if (cookie is not None and self._mode is CookieMode.INSERT) or (direct and self._indirect):
            return Seen.DELETED, None
        if not cookie or self._mode not in (CookieMode.REWRITE, CookieMode.PREFIX):
            return Seen.FOUND, field
        own = match[1].rstrip(b" \t")
        value = cookie if self._mode is CookieMode.REWRITE else cookie + b"~" + own
        line, start = field.value, match.start(1)
        return Seen.REPLACED, Field.of(field.name, line[:start] + value + line[start + len(own) :])

    def plain(self, cookie: bytes) -> Field:
        """Return the field that sets the cookie to `cookie`, or with b"" takes it away from the client."""
        field = self._plain.get(cookie)
        if field is None:
            if len(self._plain) >= _REMEMBERED:
                self._plain.clear()
            field = self._plain[cookie] = self._field(b"=%b; path=/" % cookie if cookie else _GONE)
        return field

    def dated(self, cookie: bytes, last: int, first: int | None) -> Field:
        """Return the field that sets it with the dates when the client was last and, if that counts, first seen."""
        value = b"=%b|%b" % (cookie, dates.written(last))
        if first is not None:
            value += b"|" + dates.written(first)
        return self._field(value + b"; path=/")

    def _field(self, value: bytes) -> Field:
        return Field.of(b"set-cookie", self._name + value + self._attributes)


def _without_spaces(field: Field) -> Field:
    """Return `field` without spaces around the equals sign of its cookie."""
    match = _SPACED.match(field.value)
    if match is None or match.end() == match.end(1) + 1:
        return field
    return Field.of(field.name, b"%b=%b" % (match[1], field.value[match.end() :]))
