"""Where a condition stands, and what it can refer to there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from wproxy.config.acl.facts import Stage
from wproxy.config.acl.users import UserList
from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """The proxy whose line is read, and the names that lines may use.

    `backends` gives each backend's servers; `read` returns the text of a pattern file or raises OSError; `warn` takes
    note of what is most likely not what the user wants. `stage` is when the line is looked at, `speaks_http` whether
    the proxy is in mode http, `waits` whether the line is looked at again when more data come.
    """

    proxy: str
    has_frontend: bool = True
    has_backend: bool = False
    backends: Mapping[str, frozenset[str]] = field(default_factory=dict)
    frontends: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    environ: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[str], str] = lambda path: ""
    warn: Callable[[str], None] = lambda message: None
    stage: Stage = Stage.CONNECTION
    speaks_http: bool = False
    waits: bool = False
    userlists: Mapping[str, UserList] = field(default_factory=dict)
    http_errors: Mapping[str, Mapping[int, str]] = field(default_factory=dict)  # by section and status, files
