from __future__ import annotations

import pytest

from wproxy.config.model import Address


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address("127.0.0.1", 80), "127.0.0.1:80"),
        (Address("", 80), "*:80"),
        (Address("::", 80), "[::]:80"),
        (Address(path="/run/a.sock"), "/run/a.sock"),
        (Address(fd=0), "fd@0"),
    ],
)
def test_an_address_prints_as_a_bind_line_has_it(address: Address, text: str) -> None:
    assert str(address) == text
