"""HAProxy's command line (management manual, section 3), as a table of options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field

from wproxy.errors import UsageError
from wproxy.records import dataclass
from wproxy.version import FEATURES

_NUMBER = re.compile("[0-9]{1,9}")


@dataclass(slots=True)
class Options:
    """What was asked for. `configurations` are files and folders, in order."""

    configurations: list[str] = field(default_factory=list)
    check: bool = False
    foreground: bool = False
    daemon: bool = False
    verbose: bool = False
    version: bool = False
    details: bool = False  # of the version
    condition: str | None = None
    quiet: bool = False
    pidfile: str | None = None
    maxconn: int | None = None
    master: bool = False
    notify: bool = False
    inherit: str | None = None
    finish: list[int] = field(default_factory=list)
    terminate: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its spelling, its argument's name if it has one, what it does, the field it sets ("" for none)."""

    flag: str
    argument: str
    summary: str
    field: str


OPTIONS: tuple[Option, ...] = (
    Option("-f", "FILE", "configuration file, or folder of *.cfg files; may be repeated", "configurations"),
    Option("-c", "", "check the configuration and exit", "check"),
    Option("-d", "", "stay in the foreground", "foreground"),
    Option("-db", "", "stay in the foreground", "foreground"),
    Option("-D", "", "go to the background", "daemon"),
    Option("-p", "FILE", "write the process id to this file", "pidfile"),
    Option("-n", "NUMBER", "limit of concurrent connections, in place of the configuration's", "maxconn"),
    Option("-W", "", "run under a master process, which SIGUSR2 has load the configuration anew", "master"),
    Option("-Ws", "", "the same, and tell systemd when it serves (Type=notify)", "notify"),
    Option("-sf", "PID …", "take over the sockets of these processes, and let them finish their sessions", "finish"),
    Option("-st", "PID …", "take over the sockets of these processes, and end them", "terminate"),
    Option("-x", "SOCKET", "take over the sockets of the process that has this stats socket", "inherit"),
    Option("-q", "", "print nothing but errors", "quiet"),
    Option("-V", "", "print more, also with -c or -D", "verbose"),
    Option("-v", "", "print the version and exit", "version"),
    Option("-vv", "", "print the version and what it can do, and exit", "details"),
    Option(
        "-cc", "CONDITION", "evaluate a condition such as 'version_atleast(2.4)': exit 0 true, 1 false", "condition"
    ),
    Option("--version", "", "print the version and exit", "version"),
    Option("-dM", "", "accepted for HAProxy's sake", ""),
    Option("-dI", "", "accepted for HAProxy's sake", ""),
    Option("-dW", "", "accepted for HAProxy's sake", ""),
    Option("-de", "", "accepted for HAProxy's sake", ""),
    Option("-dp", "", "accepted for HAProxy's sake", ""),
    Option("-dS", "", "accepted for HAProxy's sake", ""),
    Option("-L", "NAME", "accepted for HAProxy's sake (name of the local peer)", ""),
    Option("-m", "MEGABYTES", "accepted for HAProxy's sake", ""),
)


def parse(arguments: Sequence[str]) -> Options:
    """Return what `arguments`, without the program's name, ask for; raise UsageError."""
    options = Options()
    rows = {row.flag: row for row in OPTIONS}
    rest = list(arguments)
    while rest:
        flag = rest.pop(0)
        if flag == "--":
            options.configurations += rest
            break
        row = rows.get(flag)
        if row is None:
            raise UsageError(f"unknown option or command '{flag}': see wproxy --help")
        if row.field in ("finish", "terminate"):
            getattr(options, row.field).extend(_process_ids(flag, rest))
            continue
        if row.argument and not rest:
            raise UsageError(f"option {flag} needs an argument: {row.argument}")
        _apply(options, row, rest.pop(0) if row.argument else "")
    options.master |= options.notify
    if not (options.configurations or options.version or options.details or options.condition is not None):
        raise UsageError("no configuration: wproxy -f FILE")
    return options


def _process_ids(flag: str, rest: list[str]) -> list[int]:
    """Take the numbers in front of `rest`; scripts write `-sf $(cat pidfile)`, so there may be none."""
    found = []
    while rest and rest[0].isdigit():
        word = rest.pop(0)
        # 0 would be this process and its whole group.
        if not _NUMBER.fullmatch(word) or not int(word):
            raise UsageError(f"option {flag} needs process ids, not '{word[:32]}'")
        found.append(int(word))
    return found


def _apply(options: Options, row: Option, argument: str) -> None:
    if row.field == "configurations":
        options.configurations.append(argument)
    elif row.field == "maxconn":
        if not _NUMBER.fullmatch(argument):
            raise UsageError(f"option {row.flag} needs a number, not '{argument}'")
        options.maxconn = int(argument)
    elif row.field:
        setattr(options, row.field, argument if row.argument else True)


def usage() -> str:
    """Return the help text."""
    lines = (f"  {row.flag:3} {row.argument:10} {row.summary}" for row in OPTIONS)
    return "\n".join(["usage: wproxy -f FILE [options]", *lines]) + "\n"


def details() -> str:
    """Return what `-vv` adds, in the shape in which programs look for it in HAProxy's."""
    return "\n".join(
        (
            "Build options :",
            "  TARGET  = python",
            "",
            f"Feature list : {' '.join(f'+{name}' for name in FEATURES)}",
            "",
            "Available polling systems :",
            "      epoll : pref=300,  test result OK",
            "Total: 1 (1 usable), will use epoll.",
            "",
            "Available services : none",
        )
    )
