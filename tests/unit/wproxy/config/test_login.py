from __future__ import annotations

from wproxy.config.login import Login, login_of


def test_a_password_alone_is_the_default_users() -> None:
    assert login_of(None, "x") == Login("default", "x")
    assert login_of("app", "x") == Login("app", "x")
    assert login_of("app", None) is None


def test_the_password_stands_in_no_repr() -> None:
    assert repr(Login("app", "hunter2")) == "Login(user='app')"


def test_what_is_sent_are_the_bytes_of_the_file_or_the_environment() -> None:
    login = Login("ä", "\udcff")
    assert (login.user_bytes, login.password_bytes) == ("ä".encode(), b"\xff")
