"""Reads the arguments of `tcp-check` and `http-check` lines into rules (configuration manual, section 4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from wproxy.config.address import host
from wproxy.config.checks import ConnectRule, ExpectRule, Match, RequestRule, SendRule
from wproxy.config.values import ArgumentError, integer

OK_STATUSES = ("L7OK", "L7OKC", "L6OK", "L4OK")
ERROR_STATUSES = ("L7OKC", "L7RSP", "L7STS", "L6RSP", "L4CON")
TIMEOUT_STATUSES = ("L7TOUT", "L6TOUT", "L4TOUT")

_PORT_MAX = 65535
_CODES = re.compile(r"[1-9][0-9]{2}(-[1-9][0-9]{2})?(,[1-9][0-9]{2}(-[1-9][0-9]{2})?)*")
_NOT_HERE = ("send-proxy", "via-socks4", "alpn", "proto")

Reader = Callable[[str], object]


def connect_rule(words: Sequence[str], number: int) -> ConnectRule:
    """Return the rule of `connect [default] [port <port>] [addr <ip>] [ssl] [sni <name>] [linger] [comment <text>]`."""
    options: dict[str, object] = {}
    rest = iter(words)
    for word in rest:
        match word:
            case "default":
                options["default"] = True
            case "linger" | "ssl":
                options[word] = True
            case "sni":
                options["sni"] = _value(word, rest)
            case "port":
                options["port"] = integer(_value(word, rest), 1, _PORT_MAX)
            case "addr":
                options["host"] = host(_value(word, rest))
            case "comment":
                options["comment"] = _value(word, rest)
            case _ if word in _NOT_HERE:
                raise ArgumentError(f"has HAProxy's '{word}', which is not supported by wproxy")
            case _:
                known = "'comment', 'port', 'addr', 'ssl', 'sni', 'linger' or 'default'"
                raise ArgumentError(f"expects {known}, not '{word}'")
    return ConnectRule(number, **options)  # type: ignore[arg-type] # each read above as its field's type


def send_rule(words: Sequence[str], number: int, *, binary: bool = False) -> SendRule:
    """Return the rule of `send <text>` or `send-binary <hex>`, with `[comment <text>]`."""
    if not words or not words[0]:
        raise ArgumentError("expects a " + ("string of hexadecimal digits" if binary else "string"))
    data = hexadecimal(words[0]) if binary else words[0].encode()
    return SendRule(number, data, _comment(words[1:]))


def request_rule(words: Sequence[str], number: int) -> RequestRule:
    """Return the rule of `send [meth …] [uri …] [ver …] [hdr <name> <value>]… [body …] [comment …]`."""
    fields = {"meth": "method", "uri": "uri", "ver": "version", "body": "body", "comment": "comment"}
    options: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    rest = iter(words)
    for word in rest:
        if word == "hdr":
            headers.append((_value(word, rest), _plain(word, _value(word, rest))))
        elif word in fields:
            options[fields[word]] = _value(word, rest)
        else:
            raise ArgumentError(f"expects 'comment', 'meth', 'uri', 'ver', 'hdr' or 'body', not '{word}'")
    return RequestRule(number, headers=tuple(headers), **options)


def expect_rule(words: Sequence[str], number: int, matches: Collection[Match]) -> ExpectRule:
    """Return the rule of `expect [<option> <value>]… [!] <match> <pattern>` with one of `matches`."""
    options: dict[str, object] = {}
    rest = iter(words)
    for word in rest:
        if word in _EXPECT_OPTIONS:
            field, read = _EXPECT_OPTIONS[word]
            options[field] = read(_value(word, rest))
        elif "match" in options:
            raise ArgumentError(f"cannot handle unexpected argument '{word}'")
        else:
            name = word.removeprefix("!") or next(rest, "")
            match = _match(name, matches)
            options |= {"negated": word.startswith("!"), "match": match, "pattern": _pattern(match, _value(name, rest))}
    if "match" not in options:
        raise ArgumentError("expects a match and a pattern")
    return ExpectRule(number, **options)  # type: ignore[arg-type] # each read as its field's type


def _match(name: str, matches: Collection[Match]) -> Match:
    match = next((known for known in matches if known.value == name), None)
    if match is None:
        known = ", ".join(f"'{one.value}'" for one in matches)
        raise ArgumentError(f"knows {known}, not '{name}'")
    return match


def header_lines(text: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of lines as they stand in a request."""
    lines = [line.partition(":") for line in text.split("\r\n") if line]
    return tuple((name.strip(), value.strip()) for name, _, value in lines)


def hexadecimal(text: str) -> bytes:
    """Return the bytes of an even number of hexadecimal digits."""
    if not re.fullmatch(r"([0-9A-Fa-f]{2})+", text):
        raise ArgumentError(f"expects an even number of hexadecimal digits, not '{text}'")
    return bytes.fromhex(text)


def _pattern(match: Match, text: str) -> str:
    """Return the pattern after a look at whether it is one."""
    if not text:
        raise ArgumentError(f"expects a pattern after '{match.value}'")
    if match is Match.BINARY:
        hexadecimal(text)
    elif match is Match.STATUS and not _CODES.fullmatch(text):
        raise ArgumentError(f"expects statuses such as 200 or 200,300-310, not '{text}'")
    elif match in (Match.REGEX, Match.BINARY_REGEX, Match.STATUS_REGEX):
        try:
            re.compile(text.encode())
        except re.error as error:
            raise ArgumentError(f"has an invalid regular expression '{text}': {error}") from None
    return text


def _value(name: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise ArgumentError(f"expects a value after '{name}'")
    return value


def _plain(name: str, text: str) -> str:
    """Return a text that HAProxy reads as a log format; wproxy has no variables to put in."""
    if "%" in text.replace("%%", ""):
        raise ArgumentError(f"has a log format after '{name}', which is not supported by wproxy: '{text}'")
    return text.replace("%%", "%")


def _comment(words: Sequence[str]) -> str:
    rest = iter(words)
    word = next(rest, None)
    if word is None:
        return ""
    if word != "comment":
        raise ArgumentError(f"expects 'comment', not '{word}'")
    comment = _value(word, rest)
    _nothing_left(rest)
    return comment


def _nothing_left(rest: Iterator[str]) -> None:
    word = next(rest, None)
    if word is not None:
        raise ArgumentError(f"cannot handle unexpected argument '{word}'")


def _one_of(known: Collection[str]) -> Reader:
    def read(text: str) -> str:
        if text not in known:
            raise ArgumentError(f"knows {', '.join(repr(one) for one in known)}, not '{text}'")
        return text

    return read


_EXPECT_OPTIONS: Mapping[str, tuple[str, Reader]] = {
    "comment": ("comment", str),
    "min-recv": ("min_recv", lambda text: integer(text, -1)),
    "ok-status": ("ok_status", _one_of(OK_STATUSES)),
    "error-status": ("error_status", _one_of(ERROR_STATUSES)),
    "tout-status": ("timeout_status", _one_of(TIMEOUT_STATUSES)),
    "on-success": ("on_success", lambda text: _plain("on-success", text)),
    "on-error": ("on_error", lambda text: _plain("on-error", text)),
}
