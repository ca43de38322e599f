from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config import values
from wproxy.config.model import Level, Mode
from wproxy.config.values import ArgumentError


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (values.count, "0", 0),
        (values.count, "007", 7),
        (values.count, "2147483647", 2147483647),
        (values.limit, "5", 5),
        (values.limit, "0", None),
        (values.pool, "0", 0),
        (values.pool, "-1", None),
        (values.positive, "1", 1),
        (values.threads, "64", 64),
        (values.weight, "0", 0),
        (values.weight, "256", 256),
        (values.interval, "-1", -1),
        (values.interval, "+3", 3),
        (values.interval, "0", None),
        (values.seconds, "5", 0.005),
        (values.seconds, "1us", 0.001),
        (values.seconds, "1001us", 0.002),
        (values.seconds, "0us", 0.0),
        (values.seconds, "5ms", 0.005),
        (values.seconds, "5s", 5.0),
        (values.seconds, "5m", 300.0),
        (values.seconds, "1h", 3600.0),
        (values.seconds, "24d", 24 * 86400.0),
        (values.timeout, "0", None),
        (values.timeout, "1s", 1.0),
        (values.positive_seconds, "1s", 1.0),
        (values.size, "10", 10),
        (values.size, "2k", 2048),
        (values.size, "2M", 2 << 20),
        (values.size, "1g", 1 << 30),
        (values.mode, "redis", Mode.REDIS),
        (values.level, "operator", Level.OPERATOR),
        (values.permissions, "660", 0o660),
        (values.node, "a-1.b_c", "a-1.b_c"),
        (values.pool, "5", 5),
    ],
)
def test_values(read: Callable[[str], object], text: str, expected: object) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (values.count, "abc", "expects an integer, not 'abc'"),
        (values.count, "10x", "expects an integer, not '10x'"),
        (values.count, "", "expects an integer, not ''"),
        (values.count, "٣", "expects an integer, not '٣'"),
        (values.count, "-1", "cannot be negative (-1)"),
        (values.count, "2147483648", "cannot be more than 2147483647, not 2147483648"),
        (values.interval, "-2147483648", "has to be >= -2147483647, not -2147483648"),
        (values.positive, "0", "has to be > 0, not 0"),
        (values.threads, "65", "value must be between 1 and 64 (was 65)"),
        (values.weight, "257", "is not within 0 and 256 (257)"),
        (values.weight, "-1", "is not within 0 and 256 (-1)"),
        (values.positive_seconds, "0s", "expects a time above 0, not '0s'"),
        (values.seconds, "25d", "cannot be '25d': the maximum is 2147483647 ms (about 24.8 days)"),
        (values.permissions, "999", "expects octal permissions such as 660, not '999'"),
        (values.node, "a b", "takes letters, digits, '.', '-' and '_' only, not 'a b'"),
        (values.level, "root", "only supports 'user', 'operator' and 'admin', not 'root'"),
        (values.mode, "udp", "knows 'tcp', 'http', 'redis', not 'udp'"),
    ],
)
def test_errors(read: Callable[[str], object], text: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        read(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["5x", "-5", "1.5s", "s", "", "5 s", "9" * 5000])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ArgumentError, match="expects a time such as"):
        values.seconds(text)


@pytest.mark.parametrize("text", ["5x", "-5", "k", ""])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ArgumentError, match="expects a size such as"):
        values.size(text)


TYPES = [value for value in vars(values).values() if isinstance(value, values.Type)]


@given(st.sampled_from(TYPES), st.text(st.sampled_from("0123456789-+.smkgdu ٣abc")) | st.text())
def test_any_word_is_a_value_or_an_argument_error(argument: values.Type, text: str) -> None:
    with suppress(ArgumentError):
        argument.read(text)
