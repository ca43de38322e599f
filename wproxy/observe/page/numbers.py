"""How the page writes numbers: in groups of three, bytes and times with a unit."""

from __future__ import annotations

_GROUP = "\N{NARROW NO-BREAK SPACE}"
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def grouped(number: int) -> str:
    """Return `12 345` with narrow spaces that do not break."""
    return f"{number:,}".replace(",", _GROUP)


def in_bytes(number: int) -> str:
    """Return `12.3 MB`: three digits and the unit of a thousand."""
    amount, unit = float(number), 0
    while amount >= 999.5 and unit < len(_BYTES) - 1:
        amount, unit = amount / 1000, unit + 1
    digits = 0 if unit == 0 or amount >= 99.95 else 1 if amount >= 9.995 else 2
    return f"{amount:.{digits}f} {_BYTES[unit]}"


def lasting(seconds: int) -> str:
    """Return a duration in its two largest units, `3d4h`, `2m10s`, `12s`; as HAProxy shows how long a state lasts."""
    for number, (size, unit) in enumerate(_UNITS):
        if seconds >= size:
            rest, small = seconds % size, _UNITS[number + 1] if number + 1 < len(_UNITS) else None
            more = f"{rest // small[0]}{small[1]}" if small is not None and rest >= small[0] else ""
            return f"{seconds // size}{unit}{more}"
    return "0s"


def percent(share: float) -> str:
    """Return `30.0 %`."""
    return f"{100 * share:.1f} %"
