"""The keywords by which a cookie keeps clients on their server: `cookie`, `ignore-persist`, … (manual, section 4.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wproxy.config import values
from wproxy.config.drafts import ProxyDraft, RuleLine
from wproxy.config.grammar import Report, Section, Statement, done, ignored
from wproxy.config.http.cookie import CookieMode, CookieSettings
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_SERVERS = (Section.LISTEN, Section.BACKEND)
_BACK = (Section.DEFAULTS, Section.LISTEN, Section.BACKEND)

_MODES = ("rewrite", "insert", "prefix")
_FLAGS = ("indirect", "nocache", "postonly", "preserve")


def _cookie(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if not statement.arguments or not statement.arguments[0]:
        raise ArgumentError("expects <cookie_name> as argument")
    name, *words = statement.arguments
    options: dict[str, Any] = {}
    attributes: dict[str, list[str]] = {"domain": [], "httponly": [], "secure": [], "attr": []}
    rest = iter(words)
    for word in rest:
        if word in _MODES:
            if options.setdefault("mode", CookieMode(word)) is not CookieMode(word):
                raise ArgumentError("'rewrite', 'insert' and 'prefix' modes are incompatible")
        elif word in _FLAGS:
            options[word] = True
        elif word in _OPTIONS:
            _OPTIONS[word](options, attributes, rest)
        else:
            known = (*_MODES, *_FLAGS, *_OPTIONS)
            raise ArgumentError(
                f"supports {', '.join(repr(each) for each in known)}, not '{word}'{did_you_mean(word, known)}"
            )
    for domain in attributes["domain"]:
        if "." not in domain[1:]:
            report.warn(
                statement.location,
                f"domain '{domain}' contains no embedded dot, this configuration may not work properly "
                "(see RFC6265#5.2.3).",
            )
    proxy.cookie = _checked(CookieSettings(name, **options, attributes=_text(attributes)))
    proxy.cookie_location = statement.location


def _checked(settings: CookieSettings) -> CookieSettings:
    """Return `settings`; raise ArgumentError where two of them contradict each other."""
    if settings.mode is CookieMode.REWRITE and settings.indirect:
        raise ArgumentError("'rewrite' and 'indirect' modes are incompatible")
    if settings.preserve and not (settings.mode is CookieMode.INSERT or settings.indirect):
        raise ArgumentError("'preserve' requires at least 'insert' or 'indirect'")
    return settings


def _text(attributes: Mapping[str, list[str]]) -> str:
    """Return what follows the cookie's value, in HAProxy's order."""
    domains = [f"domain={domain}" for domain in attributes["domain"]]
    return "".join(
        f"; {text}" for text in [*domains, *attributes["httponly"], *attributes["secure"], *attributes["attr"]]
    )


def _next(rest: Iterator[str], word: str, what: str) -> str:
    text = next(rest, "")
    if not text:
        raise ArgumentError(f"'{word}' expects {what} as argument")
    return text


def _duration(word: str, what: str) -> Callable[..., None]:
    def read(options: dict[str, Any], attributes: dict[str, list[str]], rest: Iterator[str]) -> None:
        text = _next(rest, word, f"<{what}>, in seconds or with a unit such as 30m,")
        # Without a unit these are seconds, where other times are milliseconds.
        options[f"{word}_s"] = int(values.seconds(f"{text}s" if text.isdigit() else text))

    return read


def _domain(options: dict[str, Any], attributes: dict[str, list[str]], rest: Iterator[str]) -> None:
    attributes["domain"].append(_next(rest, "domain", "<domain>"))


def _flag(word: str, text: str) -> Callable[..., None]:
    def read(options: dict[str, Any], attributes: dict[str, list[str]], rest: Iterator[str]) -> None:
        attributes[word] = [text]

    return read


def _attr(options: dict[str, Any], attributes: dict[str, list[str]], rest: Iterator[str]) -> None:
    text = _next(rest, "attr", "<value>")
    for character in text:
        if character == ";" or not character.isprintable():
            raise ArgumentError(f"character '%x{ord(character):02X}' is not permitted in attribute value")
    attributes["attr"].append(text)


def _dynamic(options: dict[str, Any], attributes: dict[str, list[str]], rest: Iterator[str]) -> None:
    raise ArgumentError("cannot be 'dynamic' with wproxy: write 'cookie <value>' on each 'server' line")


_OPTIONS: Mapping[str, Callable[..., None]] = {
    "domain": _domain,
    "maxidle": _duration("maxidle", "idletime"),
    "maxlife": _duration("maxlife", "lifetime"),
    "httponly": _flag("httponly", "HttpOnly"),
    "secure": _flag("secure", "Secure"),
    "attr": _attr,
    "dynamic": _dynamic,
}


def _persist(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Keep the line until all proxies are known."""
    if statement.arguments[:1] not in (("if",), ("unless",)):
        raise ArgumentError("requires either 'if' or 'unless' followed by a condition")
    proxy.rules.append(RuleLine(statement.keyword, "", statement.arguments, statement.location))


def _name_field(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if not statement.arguments:
        raise ArgumentError("requires a header string")
    proxy.name_field = statement.arguments[0].lower()


PERSISTENCE = (
    done(
        "cookie",
        _BACK,
        _cookie,
        "keeps clients on their server: name, insert, rewrite or prefix, indirect, nocache, postonly, preserve, "
        "httponly, secure, domain, maxidle, maxlife, attr",
        "4.2",
    ),
    done("ignore-persist", _SERVERS, _persist, "requests that the cookie does not concern", "4.2"),
    done("force-persist", _SERVERS, _persist, "requests that go to their server even while it is down", "4.2"),
    done("http-send-name-header", _BACK, _name_field, "a field that tells servers their own name", "4.2"),
    *ignored("dynamic-cookie-key", _BACK, "acts with `cookie … dynamic` only, which is refused", "4.2"),
    *ignored("max-keep-alive-queue", _BACK, "wproxy prefers no server because of a connection that is kept", "4.2"),
)
