from __future__ import annotations

from wproxy.config.loader import parse

LINES = " cookie S insert\n option forwardfor\n option originalto\n"


def test_what_has_no_effect_in_another_mode() -> None:
    config = parse("backend b\n mode tcp\n" + LINES, "a.cfg", {})
    assert config.warnings == (
        "[a.cfg:3] : cookie will be ignored for backend 'b' (needs 'mode http').",
        "[a.cfg:4] : 'option forwardfor' ignored for backend 'b' as it requires HTTP mode.",
        "[a.cfg:5] : 'option originalto' ignored for backend 'b' as it requires HTTP mode.",
    )


def test_in_mode_http_all_is_well() -> None:
    assert parse("backend b\n mode http\n" + LINES, "a.cfg", {}).warnings == ()
