"""What can go wrong between a command line and the stats socket; each error knows its exit code and is one line."""

from __future__ import annotations


class AdminError(Exception):
    """The root. Raised by nobody; caught by `admin.running`, which prints it and exits `exit_code`."""

    exit_code = 1


class RefusedError(AdminError):
    """The proxy answered and the answer was no. Raised by `client` with the proxy's words, and by `servers`."""

    exit_code = 1


class MisusedError(AdminError):
    """A command line that cannot be right whatever the proxy says. Raised before a setter is sent."""

    exit_code = 2


class NoAnswerError(AdminError):
    """Nothing on the stats socket answered in time and in full. Raised by `client` only."""

    exit_code = 3


class DemoError(AdminError):
    """A part of the demo that does not work. Raised all over `admin.demo`; caught by `admin.demo.command`."""

    exit_code = 1


class UnfinishedError(AdminError):
    """Something was begun and has not come to its end in the time given. Raised by `waiting`."""

    exit_code = 1
