"""What stands in front of a log line's text: a row for each `format` of a `log` line (manual, section 4.2, "log")."""

from __future__ import annotations

from collections.abc import Callable

from wproxy.config.model import LogFormat
from wproxy.observe.logs import dates
from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes the line: the tag, the process, and its host's name if `log-send-hostname` tells it."""

    tag: str
    pid: int
    hostname: str | None


Header = Callable[[int, float], str]
"""Called with the priority (facility and severity) and the time in seconds since 1970."""


def _local(sender: Sender) -> Header:
    date = dates.Seconds(dates.rfc3164)
    return lambda priority, now: f"<{priority}>{date.text(int(now))} {sender.tag}[{sender.pid}]: "


def _rfc3164(sender: Sender) -> Header:
    date = dates.Seconds(dates.rfc3164)
    who = f"{sender.hostname or 'localhost'} {sender.tag}[{sender.pid}]: "
    return lambda priority, now: f"<{priority}>{date.text(int(now))} {who}"


def _rfc5424(sender: Sender) -> Header:
    date = _iso_date()
    who = f"{sender.hostname or '-'} {sender.tag} {sender.pid} - - "
    return lambda priority, now: f"<{priority}>1 {date(now)} {who}"


def _timed(sender: Sender) -> Header:
    date = _iso_date()
    return lambda priority, now: f"<{priority & 7}>{date(now)} "


def _iso(sender: Sender) -> Header:
    date = _iso_date()
    return lambda priority, now: f"{date(now)} "


def _iso_date() -> Callable[[float], str]:
    date = dates.Seconds(dates.iso)
    return lambda now: date.text(int(now)).format(f".{int(now * 1_000_000) % 1_000_000:06d}")


_ROWS: dict[LogFormat, Callable[[Sender], Header]] = {
    LogFormat.LOCAL: _local,
    LogFormat.RFC3164: _rfc3164,
    LogFormat.RFC5424: _rfc5424,
    LogFormat.PRIORITY: lambda sender: lambda priority, now: f"<{priority}>",
    LogFormat.SHORT: lambda sender: lambda priority, now: f"<{priority & 7}>",
    LogFormat.TIMED: _timed,
    LogFormat.ISO: _iso,
    LogFormat.RAW: lambda sender: lambda priority, now: "",
}


def header(layout: LogFormat | None, sender: Sender) -> Header:
    """Return what makes the header of each line of `sender`; without `layout`, HAProxy's default."""
    if layout is None:
        layout = LogFormat.LOCAL if sender.hostname is None else LogFormat.RFC3164
    return _ROWS[layout](sender)
