"""Lines of logs without what no two runs have in common: the one mask that tests which compare lines use."""

from __future__ import annotations

import re

_PATTERNS = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d", "ISO-DATE"),
    (r"\d\d/[A-Z][a-z]{2}/\d{4}[\d:.]*", "DATE"),  # a line that is cut off may end in the middle
    (r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d", "SYSLOG-DATE"),
    (r"(127(?:\.\d+){3}|::1):\d+", r"\1:PORT"),
    (r"duration: \d+ms", "duration: T"),
    (  # of `option httplog clf`: the port, milliseconds, names, times, how it ended, connections
        r'(?<="" "" )\d+ \d+ ((?:"[^"]*" ){3})(-?)\d+ (-?)\d+ (-?)\d+ (-?)\d+ (\+?)\d+ (\S+) \d+ \d+ \d+ \d+ ',
        r"PORT MS \1\2T \3T \4T \5T \6T \7 N N N N ",
    ),
)
_PIDS = (r"(?<=\w\[){}(?=\]: )", r"(?<=\(){}(?=\) ?: )", r"(?<=ISO-DATE )(\S+ \S+) {} (?=- )")
_TIMES = re.compile(r"(?<!\S)-?\d+/-?\d+(?:/-?\d+/-?\d+)?/[+-]?\d+(?= [+-]?\d+ )")  # the bytes or the status follow
_COUNTS = re.compile(r"(?<!\S)\d+/\d+/\d+/\d+/(\+?\d+ \d+/\d+)")  # retries and queues follow: they are kept


def steady(line: str, *, pid: int | None = None, alone: bool = False) -> str:
    """Return `line` with names in place of dates, ports, process ids, times and numbers of connections.

    Of a time its sign and the '+' of one that goes on are left: -1 says that something did not happen. HAProxy may
    count connections that are over for a moment longer; who has made sure that the line's own is `alone` compares
    their numbers, too. With `pid` only this process id is taken for one.
    """
    for pattern, name in _PATTERNS:
        line = re.sub(pattern, name, line)
    number = r"\d+" if pid is None else str(pid)
    header, process, structured = (pattern.format(number) for pattern in _PIDS)
    line = re.sub(structured, r"\1 PID ", re.sub(f"{header}|{process}", "PID", line))
    line = _TIMES.sub(lambda found: re.sub(r"\d+", "T", found[0]), line)
    return line if alone else _COUNTS.sub(r"N/N/N/N/\1", line)
