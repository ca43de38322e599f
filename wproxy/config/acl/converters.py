"""The table of all converters (manual, section 7.3.1), those of variables among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wproxy.config.acl import arguments
from wproxy.config.acl.converter import Convert, Converter
from wproxy.config.acl.counters import TABLE_CONVERTERS
from wproxy.config.acl.facts import HttpFacts, Kind, Value
from wproxy.config.acl.hash_converters import HASH_CONVERTERS
from wproxy.config.acl.map_converters import MAP_CONVERTERS
from wproxy.config.acl.number_converters import NUMBER_CONVERTERS
from wproxy.config.acl.text_converters import TEXT_CONVERTERS


def _set(name: str, *conditions: Callable[[Value, Value | None], bool] | None) -> Convert:
    """Return what stores the sample in a variable and passes it on."""
    wanted = [condition for condition in conditions if condition is not None]

    def convert(value: Value, facts: HttpFacts) -> Value | None:
        if not all(condition(value, facts.variables.get(name)) for condition in wanted):
            return None
        facts.variables[name] = value
        return value

    return convert


def _unset(name: str) -> Convert:
    def convert(value: Value, facts: HttpFacts) -> Value:
        facts.variables.pop(name, None)
        return value

    return convert


def _ordered(value: Value, old: Value | None, sign: int) -> bool:
    """Tell whether a number is above (1) or below (-1) the one that the variable holds."""
    return isinstance(value, int) and isinstance(old, int) and (value - old) * sign > 0


# When a variable is set (manual, "http-request set-var").
SET_CONDITIONS: dict[str, Callable[[Value, Any], bool]] = {
    "ifexists": lambda value, old: old is not None,
    "ifnotexists": lambda value, old: old is None,
    "ifempty": lambda value, old: value == "",
    "ifnotempty": lambda value, old: value != "",
    "ifset": lambda value, old: True,
    "ifnotset": lambda value, old: False,
    "ifgt": lambda value, old: _ordered(value, old, 1),
    "iflt": lambda value, old: _ordered(value, old, -1),
}
_CONDITION = arguments.one_of(**{"": None}, **SET_CONDITIONS)

_ROWS = (
    *TEXT_CONVERTERS,
    *NUMBER_CONVERTERS,
    *HASH_CONVERTERS,
    *MAP_CONVERTERS,
    *TABLE_CONVERTERS,
    Converter("set-var", Kind.ANY, Kind.ANY, _set, (arguments.variable, *[_CONDITION] * 4), of_request=True),
    Converter("unset-var", Kind.ANY, Kind.ANY, _unset, (arguments.variable,), of_request=True),
)

CONVERTERS: dict[str, Converter] = {row.name: row for row in _ROWS}

# HAProxy's others, so that the error can say more than "unknown".
HAPROXY_ONLY = frozenset(
    [
        "aes_gcm_dec",
        "be2dec",
        "be2hex",
        "capture-req",
        "capture-res",
        "crc32c",
        "debug",
        "fix_is_valid",
        "fix_tag_value",
        "htonl",
        "json_query",
        "jwt_header_query",
        "jwt_payload_query",
        "jwt_verify",
        "mqtt_field_value",
        "mqtt_is_valid",
        "nbsrv",
        "protobuf",
        "srv_queue",
        "ungrpc",
        "wt6",
        "xxh3",
        "xxh32",
        "xxh64",
    ]
)
HAPROXY_ONLY_BEGIN = ("table_",)
