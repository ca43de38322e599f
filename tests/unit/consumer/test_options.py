"""HOST:PORT and durations."""

from __future__ import annotations

import pytest

from consumer.options import Address, address, duration_ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:6379", Address("127.0.0.1", 6379)),
        ("redis.example:1", Address("redis.example", 1)),
        ("[::1]:65535", Address("::1", 65535)),
    ],
)
def test_an_address_is_read_and_shown_in_the_same_form(text: str, expected: Address) -> None:
    assert address(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    "text", ["", "6379", ":6379", "host", "host:", "host:0", "host:65536", "::1:6379", "[]:1", "h:٣"]
)
def test_no_address_is_refused_with_the_form_it_should_have(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT \(like"):
        address(text)


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="HOST:PORT") as refusal:
        address("user:secret@host:6379")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "expected"), [("250ms", 250), ("90s", 90_000), ("5m", 300_000), ("1h", 3_600_000), ("2d", 172_800_000)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, expected: int) -> None:
    assert duration_ms(text) == expected


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "0s", "1.5m", "5 m", "5M", "5w", "9999999999s"])
def test_no_duration_is_refused_with_the_form_it_should_have(text: str) -> None:
    with pytest.raises(ValueError, match="like 5m"):
        duration_ms(text)
