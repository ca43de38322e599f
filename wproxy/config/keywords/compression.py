"""The `compression` keyword (manual, section 4.2)."""

from __future__ import annotations

from dataclasses import replace

from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Report, Section, Statement, done
from wproxy.config.http.squeezing import Algorithm
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)


def _algo(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if not statement.arguments:
        raise ArgumentError("expects <algorithm>")
    algorithms = proxy.compression.algorithms + tuple(_algorithm(name) for name in statement.arguments)
    proxy.compression = replace(proxy.compression, algorithms=algorithms)


def _algorithm(name: str) -> Algorithm:
    try:
        return Algorithm(name)
    except ValueError:
        known = [each.value for each in Algorithm]
        listed = ", ".join(f"'{each}'" for each in known)
        raise ArgumentError(
            f"knows {listed}: '{name}' is not a supported algorithm{did_you_mean(name, known)}"
        ) from None


def _type(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if not statement.arguments:
        raise ArgumentError("expects <type>")
    types = proxy.compression.types + tuple(text.encode() for text in statement.arguments)
    proxy.compression = replace(proxy.compression, types=types)


def _offload(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if proxy.section is Section.DEFAULTS:
        report.warn(statement.location, "'compression' : 'offload' ignored in 'defaults' section.")
        return
    proxy.compression = replace(proxy.compression, offloads=True)


COMPRESSION = (
    done(
        "compression algo",
        _ANYWHERE,
        _algo,
        "how responses are compressed: gzip, deflate, raw-deflate, identity",
        "4.2",
    ),
    done("compression type", _ANYWHERE, _type, "which types of responses; any but multipart ones without it", "4.2"),
    done("compression offload", _ANYWHERE, _offload, "servers are not told that clients accept compression", "4.2"),
)
