"""HAProxy's typed and json forms of one value of `show info` or `show stat` (management manual, section 9.2)."""

from __future__ import annotations

import json

_ORIGINS = {"M": "Metric", "S": "Status", "K": "Key", "C": "Config", "P": "Product"}
_NATURES = {
    "A": "Age", "a": "Avg", "C": "Counter", "D": "Duration", "G": "Gauge", "L": "Limit", "M": "Max", "m": "Min",
    "N": "Name", "O": "Output", "R": "Rate", "T": "Time",
}  # fmt: skip
_SCOPES = {"C": "Cluster", "P": "Process", "S": "Service", "s": "System"}


def line(number: int, name: str, tags: str, kind: str, value: int | float | str) -> str:
    """Return `number.name.1:tags:type:value`; the 1 is the process's number."""
    return f"{number}.{name}.1:{tags}:{kind}:{value}"


def json_item(number: int, name: str, tags: str, kind: str, value: int | float | str, about: str = "") -> str:
    """Return one value as the JSON object that `show schema json` describes; `about` is put in front."""
    return (
        f'{{{about}"field":{{"pos":{number},"name":"{name}"}},"processNum":1,'
        f'"tags":{{"origin":"{_ORIGINS[tags[0]]}","nature":"{_NATURES[tags[1]]}","scope":"{_SCOPES[tags[2]]}"}},'
        f'"value":{{"type":"{kind}","value":{json.dumps(value)}}}}}'
    )
