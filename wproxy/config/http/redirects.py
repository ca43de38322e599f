"""The action `redirect`, and the keyword of that name (manual, section 4.2, "redirect prefix")."""

from __future__ import annotations

from collections.abc import Callable

from wproxy.config.acl.facts import HttpFacts
from wproxy.config.acl.samples import latin
from wproxy.config.acl.targets import pathq_of
from wproxy.config.http.action import Action, Context, Words
from wproxy.config.http.fields import to_bytes
from wproxy.config.http.format import Format, compile_format
from wproxy.config.http.model import Act, Answer
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_REASONS = {
    301: b"Moved Permanently",
    302: b"Found",
    303: b"See Other",
    307: b"Temporary Redirect",
    308: b"Permanent Redirect",
}
_TO_KEEP = (301, 308)  # browsers may remember these
_KINDS = ("location", "prefix", "scheme")
_OPTIONS = ("code", "drop-query", "append-slash", "set-cookie", "clear-cookie")

Way = Callable[[HttpFacts], bytes]


def _redirect(words: Words, context: Context) -> Act:
    return read_redirect(words, lambda text: compile_format(text, context.scope))


def plain_redirect(words: Words) -> Act:
    """Return the action of a line `redirect …`, whose texts are no log-format strings; raise ArgumentError."""
    return read_redirect(words, _plain)


def _plain(text: str) -> Format:
    fixed = latin(text)
    return lambda facts: fixed


def read_redirect(words: Words, compile_text: Callable[[str], Format]) -> Act:
    """Return the action that `words` describe; raise ArgumentError."""
    kind, text = "", ""
    code, options, cookie = 302, set(), b""
    while not words.over:
        word = words.next("an argument")
        if word in _KINDS:
            kind, text = word, words.next(f"a text after '{word}'")
        elif word == "code":
            code = _code(words.next("a code after 'code'"))
        elif word == "set-cookie":
            cookie = to_bytes(latin(words.next("a cookie after 'set-cookie'"))) + b"; path=/;"
        elif word == "clear-cookie":
            cookie = to_bytes(latin(words.next("a cookie after 'clear-cookie'"))) + b"; path=/; Max-Age=0;"
        elif word in _OPTIONS:
            options.add(word)
        else:
            raise ArgumentError(f"knows no argument '{word}'{did_you_mean(word, [*_KINDS, *_OPTIONS])}")
    if not kind:
        raise ArgumentError("expects 'location', 'prefix' or 'scheme'")
    way = _way(kind, compile_text(text), options, root=text == "/")
    after: tuple[tuple[bytes, bytes], ...] = () if code in _TO_KEEP else ((b"cache-control", b"no-cache"),)
    if cookie:
        after += ((b"set-cookie", cookie),)
    reason = _REASONS[code]
    return lambda facts: Answer(code, reason, ((b"location", way(facts)), *after))


def _code(text: str) -> int:
    if text not in map(str, _REASONS):
        raise ArgumentError(f"knows the codes {', '.join(map(str, _REASONS))}, not '{text}'")
    return int(text)


def _way(kind: str, make: Format, options: set[str], *, root: bool) -> Way:
    """Return what computes the Location."""
    if kind == "location":
        return lambda facts: to_bytes(make(facts))
    rest = _rest(options)
    if kind == "prefix":
        if root:
            return rest
        return lambda facts: to_bytes(make(facts)) + rest(facts)

    def with_scheme(facts: HttpFacts) -> bytes:
        hosts = facts.request.values(b"host")
        return b"%b://%b%b" % (to_bytes(make(facts)), hosts[0] if hosts else b"", rest(facts))

    return with_scheme


def _rest(options: set[str]) -> Way:
    """Return what keeps of the target that was asked for."""
    drops, appends = "drop-query" in options, "append-slash" in options

    def rest(facts: HttpFacts) -> bytes:
        pathq = pathq_of(facts.request.target) or b"/"
        if drops:
            pathq = pathq.partition(b"?")[0]
        return pathq + b"/" if appends and not pathq.endswith(b"/") else pathq

    return rest


REDIRECT_ACTIONS = (Action("redirect", _redirect),)
