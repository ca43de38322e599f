"""How many connections the limit of open files allows."""

from __future__ import annotations

import resource
from collections.abc import Callable

from wproxy.config import model
from wproxy.policy.descriptors import PER_CONNECTION, reserved

Log = Callable[[str, str], None]
"""Called with a severity (ALERT, WARNING, NOTICE) and a line."""


def connection_limit(config: model.Config, wanted: int | None, log: Log) -> int:
    """Raise the limit of open files to what is needed, return how many connections it allows.

    `wanted` is the command line's -n, the configuration's `maxconn` comes next; a connection takes two descriptors.
    """
    others = reserved(config)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max((hard - others) // PER_CONNECTION, 1)
    limit = wanted or config.globals.maxconn or allowed
    if limit > allowed or hard < others + PER_CONNECTION:
        log(
            "WARNING",
            f"maxconn {limit} needs {PER_CONNECTION * limit + others} open files and the limit is {hard}: "
            f"no more than {allowed} connections are accepted. Raise it with 'ulimit -n'.",
        )
        limit = allowed
    needed = min(PER_CONNECTION * limit + others, hard)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return limit
