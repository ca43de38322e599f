"""The keywords of the statistics page, `stats …` in a proxy in mode http (configuration manual, section 4.2)."""

from __future__ import annotations

import re

from wproxy.config import values
from wproxy.config.drafts import PageDraft, ProxyDraft, RuleLine
from wproxy.config.grammar import Action, Report, Section, Statement, done, ignored, single
from wproxy.config.values import ArgumentError

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_PROXIES = (Section.FRONTEND, Section.LISTEN, Section.BACKEND)

_UNPRINTABLE = re.compile(r"[\0-\x20\x7f]")
_CONTROL = re.compile(r"[\0-\x1f\x7f]")
_NUMBER = re.compile(r"[0-9]+")
_NODE = re.compile(r"[A-Za-z0-9._-]*")


def page_of(proxy: ProxyDraft, statement: Statement) -> PageDraft:
    """Return the page of `proxy`; as in HAProxy, its first own line starts from nothing, not from `defaults`."""
    if proxy.page is None or proxy.page.owner != proxy.location:
        proxy.page = PageDraft(owner=proxy.location, location=statement.location)
    return proxy.page


def _enable(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    page_of(proxy, statement)


def _uri(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    page = page_of(proxy, statement)
    text = single(statement, "the beginning of the page's address")
    if _UNPRINTABLE.search(text):
        raise ArgumentError("cannot hold spaces or control characters")
    page.uri = text


def _realm(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    page = page_of(proxy, statement)
    text = single(statement, "a text, its spaces escaped by '\\'")
    if _CONTROL.search(text):
        raise ArgumentError("cannot hold control characters")
    page.realm = text


def _auth(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Add a user. What was written is a secret: no error repeats it."""
    page = page_of(proxy, statement)
    user, colon, password = statement.arguments[0].partition(":") if statement.arguments else ("", "", "")
    if not user or not colon or len(statement.arguments) > 1:
        raise ArgumentError("expects user:password, one word")
    page.users.append((user, password))


def _refresh(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    page = page_of(proxy, statement)
    text = single(statement, "a time such as 30s (without a unit: seconds)")
    delay_s = values.seconds(f"{text}s" if _NUMBER.fullmatch(text) else text)
    page.refresh_s = round(delay_s)


def _hide_version(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    page_of(proxy, statement).hide_version = True


def _scope(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    page = page_of(proxy, statement)
    name = single(statement, "a proxy's name, or '.' for this one")
    page.scope.append(name)


def _description(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if not statement.arguments:
        raise ArgumentError("expects a text")
    proxy.description = " ".join(statement.arguments)


def _show_legends(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    page_of(proxy, statement).legends = True


def _show_modules(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    page_of(proxy, statement).modules = True


def _show_node(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Show a name of one word, the global section's where none is given."""
    page = page_of(proxy, statement)
    node = statement.arguments[0] if statement.arguments else ""
    if not _NODE.fullmatch(node):
        raise ArgumentError("expects a name of letters, digits, '-', '_' and '.'")
    page.node = node


def _show_desc(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    page_of(proxy, statement).description = " ".join(statement.arguments)


def _admin(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Keep the line until all proxies are known, as those of `config.keywords.rules`."""
    page_of(proxy, statement)
    if statement.arguments[:1] not in (("if",), ("unless",)):
        raise ArgumentError("expects 'if' or 'unless' and a condition")
    proxy.rules.append(RuleLine(statement.keyword, "", tuple(statement.arguments), statement.location))


def guard(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Note a line that would have to guard the page."""
    proxy.guards.append(statement)


_PAGE: tuple[tuple[str, Action, str], ...] = (
    ("stats enable", _enable, "serve the statistics page on this proxy, in mode http"),
    ("stats uri", _uri, "how the page's address begins; default /haproxy?stats"),
    ("stats realm", _realm, "what a browser shows when it asks for the password"),
    ("stats auth", _auth, "user:password that the page asks for"),
    ("stats refresh", _refresh, "have browsers load the page again, in seconds"),
    ("stats hide-version", _hide_version, "do not show the version"),
    ("stats scope", _scope, "show this proxy only; '.' is the page's own"),
    ("stats show-desc", _show_desc, "show a description, without one the global section's"),
    ("stats show-legends", _show_legends, "show addresses, cookies and algorithms, too"),
    ("stats show-modules", _show_modules, "show the Redis commands of each server"),
    ("stats show-node", _show_node, "show the node's name, without one the global section's"),
)

PAGE = (
    *(done(words, _ANYWHERE, action, doc, "4.2") for words, action, doc in _PAGE),
    done("description", _PROXIES, _description, "a text beside the proxy's name on the statistics page", "4.2"),
    done("stats admin", _PROXIES, _admin, "clients that may change servers on the page, by a condition", "4.2"),
    *ignored("stats http-request", _PROXIES, "configures mode http; refused on a statistics page", "4.2", action=guard),
)
