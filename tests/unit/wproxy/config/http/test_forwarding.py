from __future__ import annotations

from wproxy.config.http.forwarding import AddressField


def test_a_field_is_always_added_by_default() -> None:
    field = AddressField(b"x-forwarded-for")
    assert (field.excepted, field.if_none) == (None, False)
