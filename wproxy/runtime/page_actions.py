"""What a form of the statistics page asks for: an action on servers of one backend, as HAProxy's page sends it.

s=web1&s=web2&action=drain&b=#3             (`b` is a backend's name or `#` and its number)
s=web1&w=30&s=web2&w=70&action=weight&b=#3  (only here: the weights of these servers, in the same order)
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping
from urllib.parse import parse_qsl

from wproxy.policy.weight import WeightError, parse_weight
from wproxy.runtime.command import named_or_numbered
from wproxy.state.backend import Backend
from wproxy.state.control import Control
from wproxy.state.server import Server


class Outcome(enum.Enum):
    """What became of a form; the value is what the page is asked for next, in `;st=`."""

    DONE = "DONE"
    NOTHING = "NONE"
    PARTLY = "PART"
    INVALID = "ERRP"
    TOO_LONG = "EXCD"
    DENIED = "DENY"


def apply(control: Control, body: str, scope: Collection[str] = ()) -> Outcome:
    """Do what the form `body` says, on the backends in `scope` only (on all when that is empty).

    As in HAProxy the last backend and the last action of a form are those of all its servers.
    """
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        fields.setdefault(name, []).append(value)
    backend, action, outcome = None, None, Outcome.NOTHING
    if "b" in fields:
        backend = _backend(control, fields["b"][-1], scope)
        outcome = outcome if backend else Outcome.INVALID
    if fields.get("action", ())[-1:] == ["weight"]:
        return outcome if backend is None else _set_weights(control, backend, fields.get("s", []), fields.get("w", []))
    if "action" in fields:
        action = ACTIONS.get(fields["action"][-1])
        outcome = outcome if action else Outcome.INVALID
    if backend is None or action is None:
        return outcome
    return _on_servers(control, backend, action, fields.get("s", []))


def _backend(control: Control, name: str, scope: Collection[str]) -> Backend | None:
    backend = named_or_numbered(name, control.registry.backends, lambda one: one.proxy_id)
    return backend if backend is not None and (not scope or backend.name in scope) else None


Action = Callable[[Control, Server], bool]
"""Does something to a server; tells whether there was something to do."""


def _on_servers(control: Control, backend: Backend, action: Action, names: list[str]) -> Outcome:
    servers = [backend.by_name.get(name) for name in names]
    changed = sum(action(control, server) for server in servers if server is not None)
    if None not in servers:
        return Outcome.DONE if changed else Outcome.NOTHING
    return Outcome.PARTLY if changed else Outcome.INVALID


def _set_weights(control: Control, backend: Backend, names: list[str], weights: list[str]) -> Outcome:
    """Set all weights, or none when one of them, or a server, is none."""
    servers = [backend.by_name.get(name) for name in names]
    if None in servers or len(servers) != len(weights):
        return Outcome.INVALID
    wanted = [(server, weight) for server, weight in zip(servers, weights, strict=True) if server is not None]
    try:
        changes = [
            (server, weight)
            for server, weight in wanted
            if parse_weight(weight, server.line.weight, static=backend.static) != server.weight
        ]
    except WeightError:
        return Outcome.INVALID
    for server, weight in changes:
        control.set_weight(server, weight)
    return Outcome.DONE if changes else Outcome.NOTHING


def _always(change: Callable[[Control, Server], None]) -> Action:
    def act(control: Control, server: Server) -> bool:
        change(control, server)
        return True

    return act


def _where(applies: Callable[[Server], bool], change: Callable[[Control, Server], None]) -> Action:
    def act(control: Control, server: Server) -> bool:
        if applies(server):
            change(control, server)
            return True
        return False

    return act


def _checked(server: Server) -> bool:
    return server.check is not None


def _has_agent(server: Server) -> bool:
    return server.agent is not None


def _asks_agent(server: Server) -> bool:
    return server.agent_asked


ACTIONS: Mapping[str, Action] = {
    "ready": _always(Control.set_ready),
    "drain": _always(Control.set_drain),
    "maint": _always(Control.set_maint),
    "dhlth": _where(_checked, Control.disable_checks),
    "ehlth": _where(_checked, Control.enable_checks),
    "hrunn": _always(Control.set_up),
    "hnolb": _always(Control.set_stopping),
    "hdown": _always(Control.set_down),
    "shutdown": _always(Control.kill_sessions),
    "dagent": _where(_has_agent, Control.disable_agent),
    "eagent": _where(_has_agent, Control.enable_agent),
    "arunn": _where(_asks_agent, lambda control, server: control.set_agent_health(server, up=True)),
    "adown": _where(_asks_agent, lambda control, server: control.set_agent_health(server, up=False)),
    # Not offered any more by HAProxy's page either, but taken.
    "enable": _where(lambda server: server.admin.maint, Control.set_ready),
    "disable": _where(lambda server: not server.admin.maint, Control.set_maint),
    "stop": _where(lambda server: not server.admin.maint and not server.admin.drain, Control.set_drain),
    "start": _where(lambda server: server.admin.drain and not server.admin.maint, Control.set_ready),
}
