from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import USERS, http_facts
from wproxy.config.acl.users import User, authorization, credentials, is_to_proxy


def request(authorization: str, target: str = "/", more: str = "") -> bytes:
    return f"GET {target} HTTP/1.0\r\nAuthorization: {authorization}\r\n{more}\r\n".encode()


@pytest.mark.parametrize(
    ("words", "user"),
    [
        ("Basic dTpw", "u"),
        ("basic dTpw", "u"),
        ("Basic dTp4", None),  # u:x
        ("Basic dTpwcA==", None),  # u:pp
        ("Basic eDp5", None),  # x:y
        ("Basic Y3J5cHRlZDp3b3Jk", "crypted"),
        ("Basic Y3J5cHRlZDp4", None),
        ("Basic bm9ib2R5Og==", None),
        ("Basic dTpw!", None),
        ("Basic dXA=", None),  # up
        ("Bearer dTpw", None),
    ],
)
def test_who_asks(words: str, user: str | None) -> None:
    found = USERS.user_of(http_facts(request(words)))
    assert (None if found is None else found[0]) == user


def test_without_login() -> None:
    assert credentials(http_facts(b"GET / HTTP/1.0\r\n\r\n")) is None


def test_what_a_proxy_is_told() -> None:
    plain = http_facts(request("Basic dTpw", "http://h/"))
    proxied = http_facts(request("Basic dTpw", "http://h/", "Proxy-Connection: x\r\nProxy-Authorization: Other y\r\n"))
    assert (is_to_proxy(plain), authorization(plain)) == (False, ("Basic", "dTpw"))
    assert (is_to_proxy(proxied), authorization(proxied)) == (True, ("Other", "y"))


def test_passwords_are_not_shown() -> None:
    assert "hunter2" not in repr(User("hunter2"))
