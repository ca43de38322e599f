"""The weight a stats socket's client writes: `30` or `50%`, with HAProxy's rules and words."""

from __future__ import annotations

import re

from wproxy.config.model import WEIGHT_MAX
from wproxy.errors import WproxyError

_NUMBER = re.compile(r"([+-]?)0*([0-9]+)")
_LONGEST = 9  # digits; more is too much whatever they are


class WeightError(WproxyError):
    """A weight that cannot be set. Raised by `parse_weight`, answered by the stats socket; carries HAProxy's words."""


def parse_weight(text: str, initial: int, *, static: bool = False) -> int:
    """Return the weight that `text` asks for (management manual, section 9.3, "set weight").

    `initial` is the weight in the configuration, which percentages refer to. More than 256 by percentage is 256. Under
    a `static` balance algorithm only 0 and the initial weight are accepted.
    """
    weight = _parse(text, initial)
    if static and weight not in (0, initial):
        raise WeightError("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n")
    return weight


def _parse(text: str, initial: int) -> int:
    if not text:
        raise WeightError("Require <weight> or <weight%>.\n")
    number = _NUMBER.match(text)
    if number is None:
        raise WeightError("Empty weight string empty or preceded by garbage")
    sign, digits = number.groups()
    value, rest = int(sign + digits[:_LONGEST]), text[number.end() :]
    if rest == "%":
        if value < 0:
            raise WeightError("Relative weight must be positive.\n")
        return min(initial * value // 100, WEIGHT_MAX)
    if not 0 <= value <= WEIGHT_MAX:
        raise WeightError(f"Absolute weight can only be between 0 and {WEIGHT_MAX} inclusive.\n")
    if rest:
        raise WeightError("Trailing garbage in weight string")
    return value
