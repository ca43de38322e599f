from __future__ import annotations

from wproxy.config.drafts import ProxyDraft, ServerDraft
from wproxy.config.grammar import Section
from wproxy.config.model import Location

HERE, THERE = Location("a.cfg", 1), Location("a.cfg", 9)


def test_a_proxy_inherits_settings_and_changes_only_its_own() -> None:
    defaults = ProxyDraft(Section.DEFAULTS, "", HERE, client_s=5.0)
    defaults.default_server.weight = 7
    child = defaults.child(Section.LISTEN, "l", THERE)
    child.default_server.weight = 8
    child.client_s = 6.0
    child.servers.append(ServerDraft(THERE))
    assert (child.section, child.name, child.location) == (Section.LISTEN, "l", THERE)
    assert (defaults.client_s, defaults.default_server.weight, defaults.servers) == (5.0, 7, [])


def test_a_server_inherits_from_default_server() -> None:
    child = ServerDraft(HERE, weight=7).child(THERE)
    assert (child.weight, child.location) == (7, THERE)


def test_sides() -> None:
    sides = {}
    for section in (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND):
        proxy = ProxyDraft(section, "x", HERE)
        sides[section] = (proxy.has_frontend, proxy.has_backend)
    assert list(sides.values()) == [(False, False), (True, False), (True, True), (False, True)]
