"""What the stats socket has changed and the next process is to know: weights, administrative states and addresses.

Shape: `{"version": 1, "servers": {"backend/server": {"weight": [30, 50], "state": ["ready", "drain"]}}}`. Each pair is
the configuration's value at the time and the one in force. A value that has changed in the configuration since wins.
For `balance key`, `"places": {"backend": [{"a": 30, "b": 70}]}` says by which weights keys may lie, the last ones last:
weights may also be changed in the configuration before the next process starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from wproxy.config.model import WEIGHT_MAX, Address
from wproxy.policy.redis.whereabouts import bounded
from wproxy.records import dataclass
from wproxy.state.backend import Backend
from wproxy.state.control import Control
from wproxy.state.registry import Registry
from wproxy.state.server import Server

VERSION = 1
_PORTS = 65536


@dataclass(frozen=True, slots=True)
class Saved:
    """One kind of value: its name, what the configuration says, what is in force, how it is set."""

    name: str
    configured: Callable[[Server], Any]
    current: Callable[[Server], Any]
    is_valid: Callable[[Any], bool]
    restore: Callable[[Control, Server, Any], None]


def _state(server: Server) -> str:
    return "maint" if server.admin.maint else "drain" if server.admin.drain else "ready"


def _set_state(control: Control, server: Server, state: str) -> None:
    {"ready": control.set_ready, "drain": control.set_drain, "maint": control.set_maint}[state](server)


def _address(text: object) -> Address | None:
    """Return the address that `host:port` or `[host]:port` names; None when it does not."""
    host, _, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    try:
        literal = str(ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        return None
    return Address(literal, int(port)) if port.isascii() and port.isdecimal() and int(port) < _PORTS else None


def _set_address(control: Control, server: Server, text: str) -> None:
    address = _address(text)
    assert address is not None  # it is valid: see the row
    control.set_address(server, address)


_VALUES = (
    Saved(
        "weight",
        lambda server: server.line.weight,
        lambda server: server.weight,
        lambda value: type(value) is int and 0 <= value <= WEIGHT_MAX,
        lambda control, server, value: control.set_weight(server, str(value)),
    ),
    Saved(
        "state",
        lambda server: "maint" if server.line.disabled else "ready",
        _state,
        lambda value: value in ("ready", "drain", "maint"),
        _set_state,
    ),
    Saved(
        "address",
        lambda server: str(server.line.address),
        lambda server: str(server.address),
        lambda value: _address(value) is not None,
        _set_address,
    ),
)


def changes(registry: Registry) -> dict[str, Any]:
    """Return what differs from the configuration."""
    servers = {str(server): _changes_of(server) for server in registry.servers()}
    document = {"version": VERSION, "servers": {name: changed for name, changed in servers.items() if changed}}
    # Whoever moves the keys may not have begun: then what the process before has left is still to be told.
    keyed = [backend for backend in registry.backends.values() if backend.epochs is not None]
    places = {backend.name: _places_of(backend) for backend in keyed}
    if any(places.values()):
        document["places"] = {name: weights for name, weights in places.items() if weights}
    return document


def _places_of(backend: Backend) -> list[dict[str, int]]:
    return (backend.epochs and backend.epochs.places()) or backend.places


def _changes_of(server: Server) -> dict[str, list[Any]]:
    pairs = {value.name: [value.configured(server), value.current(server)] for value in _VALUES}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def restore(document: Mapping[str, Any], registry: Registry, control: Control) -> Iterator[str]:
    """Set again what `document`, made by `changes`, holds; yield a line about each value.

    What is not of the expected shape is passed over: a damaged file must not keep the proxy from starting.
    """
    servers = document.get("servers")
    if document.get("version") != VERSION or not isinstance(servers, dict):
        return
    places = document.get("places")
    for name, backend in registry.backends.items():
        backend.places = _places(places.get(name)) if isinstance(places, dict) else []
    for server in registry.servers():
        changed = servers.get(str(server))
        for value in _VALUES:
            pair = changed.get(value.name) if isinstance(changed, dict) else None
            if isinstance(pair, list) and len(pair) == 2 and value.is_valid(pair[1]):
                yield _restore_one(control, server, value, *pair)


def _places(found: object) -> list[dict[str, int]]:
    """Return what is of the expected shape in the places of one backend."""
    tables = [table for table in found if isinstance(table, dict)] if isinstance(found, list) else []
    valid = [table for table in tables if all(_VALUES[0].is_valid(weight) for weight in table.values())]
    return bounded([table for table in valid if any(table.values())])


def _restore_one(control: Control, server: Server, value: Saved, base: object, wanted: object) -> str:
    configured = value.configured(server)
    if configured != base:
        return (
            f"Server {server}: {value.name} {configured} of the configuration replaces {wanted}, "
            f"which was set at runtime when it was {base}."
        )
    value.restore(control, server, wanted)
    return f"Server {server}: {value.name} {wanted}, as set at runtime (configuration: {configured})."
