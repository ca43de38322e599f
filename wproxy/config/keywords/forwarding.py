"""The options that tell servers who the client is: `option forwardfor`, `option originalto` (manual, section 4.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wproxy.config.acl.networks import Networks
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Report, Section, Statement, done
from wproxy.config.http.forwarding import AddressField
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def _forwardfor(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    proxy.forwarded_for = _read(statement, "X-Forwarded-For", ("except", "header", "if-none"))
    proxy.forwarded_for_location = statement.location


def _originalto(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    proxy.original_to = _read(statement, "X-Original-To", ("except", "header"))
    proxy.original_to_location = statement.location


def _read(statement: Statement, name: str, known: Sequence[str]) -> AddressField:
    excepted: Networks | None = None
    if_none = False
    words = iter(statement.arguments)
    for word in words:
        if word not in known:
            listed = ", ".join(f"'{each}'" for each in known[:-1]) + f" and '{known[-1]}'"
            raise ArgumentError(f"only supports optional values: {listed}, not '{word}'{did_you_mean(word, known)}")
        if word == "if-none":
            if_none = True
        elif word == "header":
            name = next(words, "")
            if not _NAME.fullmatch(name):
                raise ArgumentError("'header' expects <header_name> as argument")
        else:
            excepted = _network(next(words, ""))
    return AddressField(name.lower().encode(), excepted, if_none)


def _network(text: str) -> Networks:
    try:
        return Networks([text])
    except ArgumentError:
        raise ArgumentError(f"'except' expects <address>[/mask] as argument, not '{text}'") from None


FORWARDING = (
    done("option forwardfor", _ANYWHERE, _forwardfor, "X-Forwarded-For: except, header, if-none", "4.2"),
    done("option originalto", _ANYWHERE, _originalto, "X-Original-To: except, header", "4.2"),
)
