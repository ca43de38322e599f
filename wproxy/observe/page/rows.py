"""What the page shows, before it is text: the lines of `show stat` by proxy, with whom each is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from wproxy.observe import statistics
from wproxy.observe.columns import COLUMNS, Party, Value
from wproxy.records import dataclass
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend
from wproxy.state.registry import Registry
from wproxy.state.server import Server

_NAMES = [column.name for column in COLUMNS]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which proxies and lines: those in `scope` (all when empty) whose names contain `search`, and of servers not
    those that are down (`up`) or in maintenance (`no_maint`). `legends` shows addresses, cookies and algorithms, too.
    """  # noqa: D205

    scope: frozenset[str] = frozenset()
    search: str = ""
    up: bool = False
    no_maint: bool = False
    legends: bool = False

    def shows(self, proxy: str) -> bool:
        """Tell whether there is anything about `proxy`."""
        return (not self.scope or proxy in self.scope) and self.search.lower() in proxy.lower()

    @property
    def lines(self) -> statistics.Filter:
        """The same for `show stat`."""
        return statistics.Filter(up=self.up, no_maint=self.no_maint, legends=self.legends)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: whom it is about, its values by column, and of a server its share of what its backend gets."""

    party: Party
    values: Mapping[str, Value]
    share: float | None = None

    @property
    def kind(self) -> str:
        """What it is about: a frontend, a backend or a server."""
        return {Frontend: "frontend", Backend: "backend", Server: "server"}[type(self.party)]

    @property
    def proxy(self) -> str:
        """The proxy's name."""
        return str(self.values["pxname"])

    @property
    def name(self) -> str:
        """What the line is called: by the server's name, or as HAProxy's page calls it."""
        return self.party.name if isinstance(self.party, Server) else self.kind.capitalize()

    def number(self, column: str) -> int:
        """Return a value that is a number, 0 where there is none."""
        value = self.values[column]
        return value if isinstance(value, int) else 0

    def text(self, column: str) -> str:
        """Return a value as it is written in `show stat`, "" where there is none."""
        value = self.values[column]
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy with its lines; of a `listen` section there are a frontend's and a backend's."""

    name: str
    number: int
    mode: str
    rows: tuple[Row, ...]

    @property
    def backend(self) -> Backend | None:
        """Its servers' side, None of a frontend."""
        return next((row.party for row in self.rows if isinstance(row.party, Backend)), None)

    @property
    def description(self) -> str:
        """What the configuration says of it."""
        party = self.rows[-1].party
        return "" if isinstance(party, Server) else party.config.description

    @property
    def servers(self) -> list[Row]:
        """The lines about servers."""
        return [row for row in self.rows if isinstance(row.party, Server)]


def proxies(registry: Registry, now: float, wanted: Wanted) -> Iterator[Proxy]:
    """Yield what `wanted` shows of each proxy, in the configuration's order."""
    registry.sessions.settle()
    lines = statistics.rows(registry, now, wanted.lines)
    for name, group in groupby(lines, lambda line: str(line.values[0])):
        if wanted.shows(name):
            shares = _shares(registry.backends.get(name))
            rows = tuple(_row(_party(registry, line), line, shares) for line in group)
            yield Proxy(name, rows[0].number("iid"), rows[0].text("mode"), rows)


def _row(party: Party, line: statistics.Shown, shares: Mapping[Server, float]) -> Row:
    values = dict(zip(_NAMES, line.values, strict=True))
    return Row(party, values, shares[party] if isinstance(party, Server) else None)


def _shares(backend: Backend | None) -> dict[Server, float]:
    """Return the share of each server; of keys it has one also while it is down."""
    if backend is None:
        return {}
    by_key = backend.balance == "key"
    weights = [each.configured_weight for each in backend.servers] if by_key else backend.shares
    whole = sum(weights)
    return {server: weight / whole if whole else 0.0 for server, weight in zip(backend.servers, weights, strict=True)}


def _party(registry: Registry, line: statistics.Shown) -> Party:
    name = str(line.values[0])
    if line.kind == "F":
        return registry.frontends[name]
    backend = registry.backends[name]
    return backend if line.kind == "B" else backend.by_name[str(line.values[1])]
