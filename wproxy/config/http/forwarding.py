"""What `option forwardfor` and `option originalto` say (manual, section 4.2)."""

from __future__ import annotations

from collections.abc import Container

from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class AddressField:
    """One such option: the field `name`, in lower case, tells an address, unless that is in `excepted`.

    Addresses are packed. With `if_none` a request that has such a field keeps what it has.
    """

    name: bytes
    excepted: Container[bytes] | None = None
    if_none: bool = False
