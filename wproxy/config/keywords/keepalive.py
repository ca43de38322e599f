"""The keepalive keywords of both sides: the kernel's probes of idle connections (configuration manual, section 4.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from wproxy.config import values
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Keyword, Report, Section, Statement, at_most, done, single
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_FRONT = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN)
_BACK = (Section.DEFAULTS, Section.LISTEN, Section.BACKEND)

_PROBES_MAX = 127  # MAX_TCP_KEEPCNT of linux/tcp.h
_TIME_MAX_S = 32767  # MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL


def _probes(text: str) -> int:
    return values.integer(text, 1, _PROBES_MAX)


def _time_s(text: str) -> int:
    """Return a time in whole seconds, which are its unit where it has none, rounded down as HAProxy does."""
    try:
        seconds = values.seconds(f"{text}s" if text.isdigit() else text)
    except ArgumentError:
        raise ArgumentError(f"expects a time such as 30s or 2m (without a unit: seconds), not '{text}'") from None
    return values.integer(str(int(seconds)), 1, _TIME_MAX_S)


@dataclass(frozen=True, slots=True)
class _Switch:
    """The action of an option: whether there are probes on the sides whose drafts are `fields`."""

    on: bool
    fields: tuple[str, ...]

    def __call__(self, proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        at_most(statement, 0)
        for field in self.fields:
            setattr(proxy, field, replace(getattr(proxy, field), on=self.on))


@dataclass(frozen=True, slots=True)
class _Part:
    """The action of a keyword with one argument: it sets `part` of the draft `field`."""

    field: str
    part: str
    read: Callable[[str], int]

    def __call__(self, proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        value = self.read(single(statement, "a number" if self.part == "count" else "a time such as 30s"))
        setattr(proxy, self.field, replace(getattr(proxy, self.field), **{self.part: value}))


def _rows() -> Iterator[Keyword]:
    both = ("client_keepalive", "server_keepalive")
    yield done(
        "option tcpka", _ANYWHERE, _Switch(True, both), "`option clitcpka` and `option srvtcpka` together", "4.2"
    )
    for side, sections, field, whom in (
        ("cli", _FRONT, both[0], "clients"),
        ("srv", _BACK, both[1], "servers, in mode tcp"),
    ):
        yield done(
            f"option {side}tcpka",
            sections,
            _Switch(True, (field,)),
            f"the kernel probes idle connections of {whom}",
            "4.2",
            undo=_Switch(False, (field,)),
        )
        yield done(f"{side}tcpka-cnt", sections, _Part(field, "count", _probes), "probes before it gives up", "4.2")
        yield done(
            f"{side}tcpka-idle", sections, _Part(field, "idle_s", _time_s), "seconds before the first probe", "4.2"
        )
        yield done(
            f"{side}tcpka-intvl", sections, _Part(field, "interval_s", _time_s), "seconds between two probes", "4.2"
        )


KEEPALIVE = tuple(_rows())
