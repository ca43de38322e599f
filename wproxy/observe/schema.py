"""`show schema json`: the JSON schema of what `show info json` and `show stat json` answer (management manual, 9.3)."""

from __future__ import annotations

import json
from typing import Any

_SAFE = 2**53 - 1  # what JavaScript's numbers hold exactly


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}


def _whole(minimum: int, maximum: int | None = None) -> dict[str, Any]:
    upper = {} if maximum is None else {"maximum": maximum}
    return {"type": "integer", "minimum": minimum, **upper}


def _choice(*texts: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(texts)}


def _value(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"type": _choice(kind), "value": value}, "required": ["type", "value"]}


def _item(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"title": "InfoItem", "type": "object", "properties": properties, "required": list(required)}


_VALUES = {
    "s32Value": _value("s32", _whole(-(2**31), 2**31 - 1)),
    "s64Value": _value("s64", _whole(-_SAFE, _SAFE)),
    "u32Value": _value("u32", _whole(0, 2**32 - 1)),
    "u64Value": _value("u64", _whole(0, _SAFE)),
    "strValue": _value("str", {"type": "string"}),
}
_UNKNOWN = {"properties": {"type": _whole(0), "value": _choice("unknown")}, "required": ["type", "value"]}
_COMMON = {name: _reference(name) for name in ("field", "processNum", "tags")}
_INFO = _item({**_COMMON, "value": _reference("typedValue")}, "field", "processNum", "tags", "value")
_STAT = _item(
    {
        "objType": {"enum": ["Frontend", "Backend", "Listener", "Server", "Unknown"]},
        "proxyId": _whole(0),
        "id": _whole(0),
        **_COMMON,
        "typedValue": _reference("typedValue"),
    },
    "objType", "proxyId", "id", "field", "processNum", "tags", "value",
)  # fmt: skip
_SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "oneOf": [
        {"title": "Info", "type": "array", "items": _INFO},
        {"title": "Stat", "type": "array", "items": _STAT},
        {
            "title": "Error",
            "type": "object",
            "properties": {"errorStr": {"type": "string"}},
            "required": ["errorStr"],
        },
    ],
    "definitions": {
        "field": {"type": "object", "pos": _whole(0), "name": {"type": "string"}, "required": ["pos", "name"]},
        "processNum": _whole(1),
        "tags": {
            "type": "object",
            "origin": _choice("Metric", "Status", "Key", "Config", "Product", "Unknown"),
            "nature": _choice(
                "Gauge", "Limit", "Min", "Max", "Rate", "Counter", "Duration", "Age", "Time", "Name", "Output", "Avg",
                "Unknown",
            ),
            "scope": _choice("Cluster", "Process", "Service", "System", "Unknown"),
            "required": ["origin", "nature", "scope"],
        },
        "typedValue": {
            "type": "object",
            "oneOf": [_reference(f"typedValue/definitions/{name}") for name in _VALUES],
            "definitions": {**_VALUES, "unknownValue": _UNKNOWN},
        },
    },
}  # fmt: skip


def text() -> str:
    """Return the schema on one line."""
    return json.dumps(_SCHEMA, separators=(",", ":")) + "\n"
