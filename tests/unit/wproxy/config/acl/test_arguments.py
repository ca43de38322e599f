from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import scope
from wproxy.config.acl import arguments
from wproxy.config.acl.arguments import Argument
from wproxy.config.values import ArgumentError


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (arguments.backend, "back", "back"),
        (arguments.frontend, "", "front"),
        (arguments.frontend, "off", "off"),
        (arguments.server, "back/a", ("back", "a")),
        (arguments.integer, "-3", -3),
        (arguments.optional_integer, "", 0),
        (arguments.optional_integer, "7", 7),
        (arguments.boolean, "true", True),
        (arguments.boolean, "0", False),
        (arguments.string, "x", "x"),
        (arguments.environment, "HOME", "/root"),
        (arguments.environment, "NOPE", ""),
        (arguments.ipv4, "1.2.3.4", b"\1\2\3\4"),
        (arguments.ipv6, "::1", bytes(15) + b"\1"),
    ],
)
def test_values(read: Argument, text: str, expected: object) -> None:
    assert read(text, scope()) == expected


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (arguments.backend, "", "needs a backend's name in parentheses: 'front' is no backend"),
        (arguments.backend, "bakc", "names a backend that is not there: 'bakc'; did you mean 'back'?"),
        (arguments.frontend, "frond", "names a frontend that is not there: 'frond'; did you mean 'front'?"),
        (arguments.server, "a", "needs a backend's name in parentheses: 'front' is no backend"),
        (arguments.server, "back/z", "names a server that is not in backend 'back': 'z'"),
        (arguments.integer, "x", "expects a whole number in parentheses, not 'x'"),
        (arguments.boolean, "yes", "expects one of true, 1, false, 0 in parentheses, not 'yes'"),
        (arguments.string, "", "expects an argument in parentheses"),
        (arguments.ipv4, "::1", "expects an IPv4 address in parentheses, not '::1'"),
        (arguments.ipv6, "1.2.3.4", "expects an IPv6 address in parentheses, not '1.2.3.4'"),
    ],
)
def test_problems(read: Argument, text: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        read(text, scope())
    assert str(caught.value) == problem


def test_a_backend_means_itself_and_is_no_frontend() -> None:
    here = scope(has_frontend=False, has_backend=True, backends={"front": frozenset({"a"})})
    assert arguments.backend("", here) == "front"
    assert arguments.server("a", here) == ("front", "a")
    with pytest.raises(ArgumentError):
        arguments.frontend("", here)
