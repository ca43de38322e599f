"""How many connections the limit of open files allows."""

from __future__ import annotations

import resource
from collections.abc import Callable

from wproxy.config import model
from wproxy.errors import WproxyError
from wproxy.policy.descriptors import PER_CONNECTION, reserved

Log = Callable[[str, str], None]
"""Called with a severity (ALERT, WARNING, NOTICE) and a line."""


class LimitError(WproxyError):
    """The configuration needs more open files than this process may have. Raised by `connection_limit`."""


def connection_limit(config: model.Config, wanted: int | None, log: Log) -> int:
    """Raise the limit of open files to what is needed, return how many connections it allows.

    `wanted` is the command line's -n, the configuration's `maxconn` comes next; a connection takes two descriptors.
    Raise LimitError when it cannot be raised so far, unless `no strict-limits` has fewer connections accepted then.
    """
    settings, others = config.globals, reserved(config)
    asked = wanted or settings.maxconn
    needed = max(PER_CONNECTION * (asked or 1) + others, settings.open_files or 0)
    hard = _raised(needed)
    allowed = max((hard - others) // PER_CONNECTION, 1)
    if hard < needed:
        what = f"maxconn {asked}" if asked else "ulimit-n" if settings.open_files else "this configuration"
        told = f"{what} needs {needed} open files and the limit is {hard}"
        if settings.strict_limits:
            raise LimitError(f"{told}: raise it with 'ulimit -n', lower maxconn, or write 'no strict-limits'")
        log("WARNING", f"{told}: no more than {allowed} connections are accepted. Raise it with 'ulimit -n'.")
    limit = min(asked or allowed, allowed)
    _allow(min(max(PER_CONNECTION * limit + others, needed), hard), hard)
    return limit


def _raised(needed: int) -> int:
    """Return the hard limit, raised to `needed` where it was lower and this user may do that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard >= needed:
        return hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, needed))
    except (ValueError, OSError):
        return hard
    return needed


def _allow(files: int, hard: int) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
