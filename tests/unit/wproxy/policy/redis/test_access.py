from __future__ import annotations

import pytest

from wproxy.config.login import Login, login_of
from wproxy.policy.redis.access import WRONG, admits, auth, auth_error

APP = Login("app", "pässword")


def test_a_login_shows_no_password() -> None:
    assert "pässword" not in repr(APP)
    assert login_of("app", None) is None
    assert login_of(None, "x") == Login("default", "x")


@pytest.mark.parametrize(
    ("login", "user", "password", "right"),
    [
        (None, b"default", b"anything", True),
        (None, b"app", b"anything", False),
        (APP, b"app", "pässword".encode(), True),
        (APP, b"app", b"", False),
        (APP, b"default", "pässword".encode(), False),
        (APP, b"\xff", b"\xff", False),
        (Login("default", "x"), b"default", b"x", True),
    ],
)
def test_admission(login: Login | None, user: bytes, password: bytes, right: bool) -> None:
    assert admits(login, user, password) is right
    assert auth_error(login, [b"AUTH", user, password]) == (None if right else WRONG)


def test_a_password_alone_is_the_default_users() -> None:
    assert auth_error(Login("default", "x"), [b"AUTH", b"x"]) is None
    assert auth_error(APP, [b"AUTH", "pässword".encode()]) == WRONG


def test_the_proxys_own_auth() -> None:
    assert auth(Login("default", "x y")) == b"*2\r\n$4\r\nAUTH\r\n$3\r\nx y\r\n"
    assert auth(Login("app", "x")) == b"*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$1\r\nx\r\n"
