"""What `balance uri`, `url_param`, `hdr` and `hash` go by, as the configuration says it (manual, section 4.2)."""

from __future__ import annotations

from wproxy.config.acl.facts import Fetcher
from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class HashedPart:
    """The part of a request that is hashed.

    `name` is the parameter of `url_param` or, in lower case, the field of `hdr`, of which `domain_only` takes the main
    part of a host's name. Of a URI `length` and `depth` are limits, 0 for none; `whole` is with the query, `path_only`
    without scheme and authority. `fetch` is what `hash` calls.
    """

    name: str = ""
    domain_only: bool = False
    length: int = 0
    depth: int = 0
    whole: bool = False
    path_only: bool = False
    fetch: Fetcher | None = None
