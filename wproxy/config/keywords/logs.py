"""The keywords about logs, of the `global` section and of proxies (configuration manual, sections 3.1 and 4.2)."""

from __future__ import annotations

from typing import Any

from wproxy.config.address import logging
from wproxy.config.drafts import GlobalDraft, ProxyDraft, RuleLine
from wproxy.config.grammar import Report, Section, SetsTo, Statement, at_most, done, single
from wproxy.config.model import LogFormat, LogTarget, Severity
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_GLOBAL = (Section.GLOBAL,)
_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_FRONT = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN)
_BACK = (Section.DEFAULTS, Section.LISTEN, Section.BACKEND)

_FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit",
    "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
_LEVELS = {severity.name.lower(): severity for severity in Severity}
_FORMATS = {known.value: known for known in LogFormat}
_EXPECTS = "expects <address> and <facility> or global as arguments"
_LENGTH = 1024  # RFC 3164, section 4.1
_LENGTH_MIN, _LENGTH_MAX = 80, 65535


def _target(statement: Statement) -> LogTarget:
    """Read `<address> [len <length>] [format <format>] <facility> [<level> [<minimum>]]`."""
    if len(statement.arguments) < 2:
        raise ArgumentError(_EXPECTS)
    address, *words = statement.arguments
    length = _length(_option(words, "len"))
    layout = _option(words, "format")
    if words[:1] == ["sample"]:
        raise ArgumentError("cannot do 'sample' in wproxy: every line is sent")
    if not words:
        raise ArgumentError(_EXPECTS)
    facility, *levels = words
    if len(levels) > 2:
        raise ArgumentError(f"cannot handle unexpected argument '{levels[2]}'")
    return LogTarget(
        address=logging(address),
        location=statement.location,
        facility=_FACILITIES.index(_known(facility, _FACILITIES, "facility")),
        format=None if layout is None else _FORMATS[_known(layout, _FORMATS, "format")],
        length=length,
        level=_LEVELS[_known(levels[0], _LEVELS, "level")] if levels else Severity.DEBUG,
        minimum=_LEVELS[_known(levels[1], _LEVELS, "minimum level")] if levels[1:] else Severity.EMERG,
    )


def _option(words: list[str], name: str) -> str | None:
    """Take `name` and its argument from the front of `words`."""
    if words[:1] != [name]:
        return None
    words.pop(0)
    return words.pop(0) if words else ""


def _length(text: str | None) -> int:
    if text is None:
        return _LENGTH
    if not text.isdecimal() or not _LENGTH_MIN <= int(text) <= _LENGTH_MAX:
        raise ArgumentError(f"has an invalid length '{text}', must be between {_LENGTH_MIN} and {_LENGTH_MAX}")
    return int(text)


def _known(text: str, names: Any, what: str) -> str:  # noqa: ANN401 - any collection of names
    if text not in names:
        raise ArgumentError(f"has an unknown {what} '{text}'{did_you_mean(text, names)}")
    return text


def _log_of_process(process: GlobalDraft, statement: Statement, report: Report) -> None:
    if statement.arguments == ("global",):
        raise ArgumentError("global stands in the other sections; here say where to: 'log <address> <facility>'")
    process.log_targets += (_target(statement),)


def _log_of_proxy(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if statement.arguments != ("global",):
        proxy.log_targets += (_target(statement),)
    elif None not in proxy.log_targets:
        proxy.log_targets += (None,)


def _tag(draft: GlobalDraft | ProxyDraft, statement: Statement, report: Report) -> None:
    if not statement.arguments:
        raise ArgumentError("expects a tag for use in syslog")
    draft.log_tag = statement.arguments[0]


def _hostname(process: GlobalDraft, statement: Statement, report: Report) -> None:
    process.log_hostname = statement.arguments[0] if statement.arguments else ""


def _tcplog(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    at_most(statement, 0)
    proxy.tcplog, proxy.httplog, proxy.log_format_location = True, False, statement.location
    proxy.log_format = None


def _httplog(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    at_most(statement, 1)
    if statement.arguments not in ((), ("clf",)):
        raise ArgumentError(f"only supports 'clf', not '{statement.arguments[0]}'")
    proxy.tcplog, proxy.httplog, proxy.log_format_location = False, True, statement.location
    proxy.clf, proxy.httpslog = bool(statement.arguments), False
    proxy.log_format = None


def _httpslog(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    at_most(statement, 0)
    _httplog(proxy, statement, report)
    proxy.httpslog = True


def _log_format(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    text = single(statement, "a log-format string")
    proxy.log_format = RuleLine(statement.keyword, text, (), statement.location)
    proxy.tcplog, proxy.httplog, proxy.log_format_location = False, False, statement.location


_LOG_DOC = "where lines go: host:port (UDP), the path of a socket, stdout, stderr or fd@N; a facility; levels"

GLOBAL_LOGS = (
    done("log", _GLOBAL, _log_of_process, _LOG_DOC, "3.1", undo=SetsTo("log_targets", ())),
    done("log-tag", _GLOBAL, _tag, "the program's name in the lines; default: as it was started", "3.1"),
    done("log-send-hostname", _GLOBAL, _hostname, "tell this host's name, or another one, in the lines", "3.1"),
)

PROXY_LOGS = (
    done("log", _ANYWHERE, _log_of_proxy, f"global, or {_LOG_DOC}", "4.2", undo=SetsTo("log_targets", ())),
    done("log-tag", _ANYWHERE, _tag, "the program's name in the lines of this proxy", "4.2"),
    done("option tcplog", _ANYWHERE, _tcplog, "a line at the end of each connection, with times and counts", "4.2"),
    done("option httplog", _FRONT, _httplog, "a line about each request; clf; as tcplog in mode tcp", "4.2"),
    done("option httpslog", _FRONT, _httpslog, "as httplog, and about the client's TLS", "4.2"),
    done("log-format", _FRONT, _log_format, "what the line says: variables, and expressions in mode http", "4.2"),
    done(
        "option dontlognull", _FRONT, SetsTo("log_null", False), "no line when the client sent nothing", "4.2",
        undo=SetsTo("log_null", True),
    ),
    done(
        "option dontlog-normal", _FRONT, SetsTo("log_normal", False), "lines about errors and retries only", "4.2",
        undo=SetsTo("log_normal", True),
    ),
    done(
        "option log-separate-errors", _FRONT, SetsTo("log_separate_errors", True), "errors at level err", "4.2",
        undo=SetsTo("log_separate_errors", False),
    ),
    done(
        "option logasap", _FRONT, SetsTo("log_asap", True), "the line as soon as the server is connected", "4.2",
        undo=SetsTo("log_asap", False),
    ),
)  # fmt: skip
