"""What the `cookie` keyword says (manual, section 4.2, "cookie")."""

from __future__ import annotations

import enum

from wproxy.config.acl.facts import Condition
from wproxy.records import dataclass


class CookieMode(enum.Enum):
    """Who sets the cookie."""

    PASSIVE = ""  # the server, and nobody touches it
    REWRITE = "rewrite"  # the server, and its value becomes the server's name
    INSERT = "insert"  # the proxy
    PREFIX = "prefix"  # the server, and the proxy writes the server's name in front of the value


@dataclass(frozen=True, slots=True)
class CookieSettings:
    """One `cookie` line; `maxidle_s` and `maxlife_s` are 0 for no limit, `attributes` is what follows the value."""

    name: str
    mode: CookieMode = CookieMode.PASSIVE
    indirect: bool = False
    nocache: bool = False
    postonly: bool = False
    preserve: bool = False
    attributes: str = ""
    maxidle_s: int = 0
    maxlife_s: int = 0


@dataclass(frozen=True, slots=True)
class PersistRule:
    """One `force-persist` or `ignore-persist` line: what it means for requests for which `condition` holds."""

    forces: bool
    condition: Condition
