from __future__ import annotations

import pytest

from capture.options import Address, address, duration_s, sensor_name


@pytest.mark.parametrize(
    ("text", "shown"), [("host:1", "host:1"), ("127.0.0.1:9000", "127.0.0.1:9000"), ("[::1]:9000", "[::1]:9000")]
)
def test_an_address_is_a_host_and_a_port(text: str, shown: str) -> None:
    assert str(address(text)) == shown
    assert address("[::1]:9000") == Address("::1", 9000)


@pytest.mark.parametrize(
    "text", ["", ":1", "host", "host:", "host:0", "host:65536", "host:1x", "::1:1", "[]:1", "a b:1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no HOST:PORT"):
        address(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("100ms", 0.1), ("90s", 90), ("5m", 300), ("1h", 3600), ("2d", 172_800), ("007s", 7)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "m", "0s", "-1s", "1.5s", "5 m", "5M", "1w", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        duration_s(text)


@pytest.mark.parametrize("text", ["host-a", "host.example", "ü", "x" * 64])
def test_a_sensor_has_a_name(text: str) -> None:
    assert sensor_name(text) == text


@pytest.mark.parametrize("text", ["", "a|b", "a b", "a\n", "x" * 65, "\x07"])
def test_what_cannot_stand_in_a_key_names_no_sensor(text: str) -> None:
    with pytest.raises(ValueError, match="is no sensor name"):
        sensor_name(text)


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="HOST:PORT") as refusal:
        address("user:secret@host:6379")
    assert "secret" not in str(refusal.value)
