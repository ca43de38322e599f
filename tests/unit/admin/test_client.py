"""admin.client: which socket a command line means, and what its errors say; no socket is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin.client import SocketAddress, find_address, parse_address, refusal
from admin.errors import MisusedError, NoAnswerError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/run/wproxy/admin.sock", SocketAddress(path="/run/wproxy/admin.sock")),
        ("admin.sock", SocketAddress(path="admin.sock")),
        ("./odd:name", SocketAddress(path="./odd:name")),
        ("127.0.0.1:9999", SocketAddress(host="127.0.0.1", port=9999)),
        ("[::1]:9999", SocketAddress(host="::1", port=9999)),
        (":9999", SocketAddress(host="127.0.0.1", port=9999)),
    ],
)
def test_an_address_is_a_path_or_host_and_port(text: str, address: SocketAddress) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["host:", "host:0", "host:65536", "host:http", "host:-1", "host:٣"])
def test_a_port_that_is_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(MisusedError, match="is no stats socket"):
        parse_address(text)


def test_an_address_is_printed_as_it_is_typed() -> None:
    assert str(parse_address("[::1]:9999")) == "[::1]:9999"
    assert str(parse_address("/run/a.sock")) == "/run/a.sock"


def test_the_option_wins_over_the_environment_and_that_over_the_defaults(tmp_path: Path) -> None:
    default = tmp_path / "default.sock"
    default.touch()
    environment = {"WPROXY_SOCKET": "/from/environment"}
    assert find_address("/from/option", environment, [str(default)]).path == "/from/option"
    assert find_address(None, environment, [str(default)]).path == "/from/environment"
    assert find_address(None, {"WPROXY_SOCKET": ""}, [str(default)]).path == str(default)


def test_the_first_default_that_exists_is_taken(tmp_path: Path) -> None:
    first, second = tmp_path / "no-folder" / "a.sock", tmp_path / "b.sock"
    second.touch()
    assert find_address(None, {}, [str(first), str(second)]).path == str(second)


def test_without_any_socket_the_error_names_the_places_and_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(NoAnswerError, match=r"a\.sock nor .*b\.sock: name it with --socket .* or \$WPROXY_SOCKET"):
        find_address(None, {}, [str(tmp_path / "a.sock"), str(tmp_path / "b.sock")])


def test_a_refusal_is_the_first_line_of_the_proxys_words() -> None:
    assert str(refusal("\nNo such server.\n\n")) == "the proxy refused: No such server."
    assert str(refusal("Unknown command, but maybe:\n  help\n")) == "the proxy refused: Unknown command, but maybe:"
    assert str(refusal("\n\n")) == "the proxy refused: an empty answer"


def test_a_missing_permission_says_what_to_change() -> None:
    assert "needs a higher level" in str(refusal("Permission denied\n\n"))
