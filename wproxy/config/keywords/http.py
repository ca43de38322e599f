"""The keywords of mode http (configuration manual, section 4.2); `config.rules` reads those that hold expressions."""

from __future__ import annotations

from typing import Any

from wproxy.config import values
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Action, Keyword, Report, Section, Statement, at_most, done, single
from wproxy.config.http.model import Closing, RetryOn, Reuse
from wproxy.config.keywords.rules import note
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_PROXIES = (Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_FRONT = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN)
_BACK = (Section.DEFAULTS, Section.LISTEN, Section.BACKEND)
_BINDS = (Section.FRONTEND, Section.LISTEN)

# The words of `retry-on`. Nothing is ever sent as early data here, so that nothing of it can be rejected.
_RETRIED = (
    "none", "conn-failure", "empty-response", "junk-response", "response-timeout", "0rtt-rejected",
    "all-retryable-errors",
)  # fmt: skip
_RETRIED_STATUSES = ("401", "403", "404", "408", "425", "500", "501", "502", "503", "504")
_ALL_RETRYABLE = {"conn-failure", "empty-response", "junk-response", "response-timeout", "500", "502", "503", "504"}


def _line(expects: str) -> Action:
    """Return the action of a line that is read when all proxies are known; `expects` is what must follow."""

    def action(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        if not statement.arguments:
            raise ArgumentError(f"expects {expects}")
        note(proxy, statement)

    return action


def _word(expects: str) -> Action:
    """Return the action of a line with one word, which stands in any `defaults` section: it holds no condition."""

    def action(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        single(statement, expects)
        note(proxy, statement, anywhere=True)

    return action


def _page(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Keep a line about an error page; it stands in any `defaults` section, since it holds no condition."""
    if not statement.arguments:
        raise ArgumentError("expects a status")
    note(proxy, statement, anywhere=True)


def _closes(mode: Closing) -> Action:
    def action(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        at_most(statement, 0)
        proxy.http.closing = mode

    return action


def _keeps(mode: Closing) -> Action:
    """Return what `no` in front of an option does: connections are kept, unless another option says otherwise."""

    def action(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        if proxy.http.closing is mode:
            proxy.http.closing = Closing.KEEP_ALIVE

    return action


def _time(field: str) -> Action:
    def action(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        setattr(proxy.http, field, values.timeout(single(statement, values.TIMEOUT.expects)))

    return action


def _flag(field: str, value: Any) -> Action:  # noqa: ANN401 - whatever the field holds
    def action(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        at_most(statement, 0)
        setattr(proxy.http, field, value)

    return action


def _reuse(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    name = single(statement, "never, safe, aggressive or always")
    known = {reuse.value: reuse for reuse in Reuse}
    if name not in known:
        raise ArgumentError(f"knows {', '.join(known)}, not '{name}'{did_you_mean(name, known)}")
    proxy.http.reuse = known[name]


def _retry_on(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Replace what was said before, in a `defaults` section for instance."""
    words = statement.arguments
    if not words:
        raise ArgumentError(f"expects at least one of {', '.join(_RETRIED)} or a status")
    for word in words:
        if word not in _RETRIED and word not in _RETRIED_STATUSES:
            raise ArgumentError(
                f"knows {', '.join(_RETRIED)} and the statuses {', '.join(_RETRIED_STATUSES)}, "
                f"not '{word}'{did_you_mean(word, _RETRIED)}"
            )
    if "none" in words and len(words) > 1:
        raise ArgumentError("cannot have anything beside 'none'")
    proxy.http.retry_on = _retried({*words})


def _retried(words: set[str]) -> RetryOn:
    if "all-retryable-errors" in words:
        words = words | _ALL_RETRYABLE
    return RetryOn(
        connect="conn-failure" in words,
        empty="empty-response" in words,
        junk="junk-response" in words,
        timeout="response-timeout" in words,
        statuses=frozenset(int(word) for word in words if word in _RETRIED_STATUSES),
    )


def _monitor_uri(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    proxy.http.monitor_uri = single(statement, "an address such as /health").encode("utf-8", "surrogateescape")


HTTP: tuple[Keyword, ...] = (
    done("http-request", _ANYWHERE, _line("an action such as deny"), "what is done with requests", "4.2"),
    done("http-response", _ANYWHERE, _line("an action such as set-header"), "the same with responses", "4.2"),
    done(
        "http-after-response", _ANYWHERE, _line("an action such as set-header"),
        "changes of all responses at the very end, the proxy's own included", "4.2",
    ),
    done("unique-id-format", _FRONT, _word("a log-format string"), "what tells requests apart: `%ID`", "4.2"),
    done("unique-id-header", _FRONT, _word("a header field's name"), "the field that tells servers this", "4.2"),
    done("redirect", _PROXIES, _line("'location' or 'prefix'"), "`http-request redirect` without log-format", "4.2"),
    done("monitor-uri", _FRONT, _monitor_uri, "requests for it get 200, or 503 by `monitor fail`", "4.2"),
    done("monitor fail", _BINDS, _line("'if' or 'unless' and a condition"), "when `monitor-uri` answers 503", "4.2"),
    done("declare capture", _BINDS, _line("'request' or 'response'"), "a slot that rules may fill for the log", "4.2"),
    done("capture request", _BINDS, _line("'header <name> len <length>'"), "a field of requests for the log", "4.2"),
    done("capture response", _BINDS, _line("'header <name> len <length>'"), "a field of responses for the log", "4.2"),
    done("capture cookie", _BINDS, _line("a cookie's name"), "a cookie for the log", "4.2"),
    done("errorfile", _ANYWHERE, _page, "a file with a whole response in the place of an error page", "4.2"),
    done("errorloc", _ANYWHERE, _page, "a redirect (302) in the place of an error page", "4.2"),
    done("errorloc302", _ANYWHERE, _page, "a redirect (302) in the place of an error page", "4.2"),
    done("errorloc303", _ANYWHERE, _page, "a redirect (303) in the place of an error page", "4.2"),
    done("http-error", _ANYWHERE, _page, "an answer in the place of an error page, as `http-request return`", "4.2"),
    done("errorfiles", _ANYWHERE, _page, "the pages of a section `http-errors`, or some of them", "4.2"),
    done("timeout http-request", _ANYWHERE, _time("request_s"), "time for a whole request head", "4.2"),
    done("timeout tarpit", _ANYWHERE, _time("tarpit_s"), "how long `http-request tarpit` lasts", "4.2"),
    done("timeout http-keep-alive", _ANYWHERE, _time("keep_alive_s"), "time between two requests", "4.2"),
    done("http-reuse", _BACK, _reuse, "never, safe, aggressive, always: which connections serve others", "4.2"),
    done(
        "retry-on", _BACK, _retry_on,
        "when a request goes out again, `retries` times at most; what fits into tune.bufsize and was there as a whole",
        "4.2", misplaced=True,
    ),
    done(
        "option http-keep-alive", _ANYWHERE, _closes(Closing.KEEP_ALIVE), "keep connections; the default", "4.2",
        undo=_keeps(Closing.KEEP_ALIVE),
    ),
    done(
        "option http-server-close", _ANYWHERE, _closes(Closing.SERVER_CLOSE), "keep those of clients only", "4.2",
        undo=_keeps(Closing.SERVER_CLOSE),
    ),
    done(
        "option httpclose", _ANYWHERE, _closes(Closing.CLOSE), "one request on each connection", "4.2",
        undo=_keeps(Closing.CLOSE),
    ),
    done(
        "option abortonclose", _BACK, _flag("abort_on_close", True), "clients that go away leave the queue", "4.2",
        undo=_flag("abort_on_close", False),
    ),
    done(
        "option prefer-last-server", _BACK, _flag("prefer_last", True),
        "a client's next request goes where it has a connection of its own: `http-reuse never`, NTLM", "4.2",
        undo=_flag("prefer_last", False),
    ),
    done(
        "option http-pretend-keepalive", _BACK, _flag("pretend_keep_alive", True),
        "servers are not told that their connection will be closed", "4.2", undo=_flag("pretend_keep_alive", False),
    ),
    done(
        "option http-ignore-probes", _FRONT, _flag("ignore_probes", True),
        "clients that send nothing are told nothing, not logged and not counted", "4.2",
        undo=_flag("ignore_probes", False),
    ),
    done(
        "option http-buffer-request", _ANYWHERE, _flag("buffer_request", True),
        "wait for the body of a request, as far as it fits into tune.bufsize, before a server is chosen", "4.2",
        undo=_flag("buffer_request", False),
    ),
)  # fmt: skip
