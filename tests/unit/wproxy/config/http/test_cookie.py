from __future__ import annotations

from wproxy.config.http.cookie import CookieMode, CookieSettings


def test_a_cookie_is_left_alone_unless_a_mode_is_set() -> None:
    assert CookieSettings("S").mode is CookieMode.PASSIVE
