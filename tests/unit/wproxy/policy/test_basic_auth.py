from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.basic_auth import admits

USERS = [("admin", "s3:cret"), ("ops", "")]


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([basic("admin:s3:cret")], True),
        (["bASIC  " + basic("admin:s3:cret")[6:]], True),
        ([basic("ops:")], True),
        ([basic("admin:s3")], False),
        ([basic("admin")], False),
        ([basic("ops:s3:cret")], False),
        ([basic(":")], False),
        ([], False),
        (["Bearer x"], False),
        (["Basic"], False),
        (["Basic !!!"], False),
        (["Basic \xe9"], False),
        ([basic("admin:s3:cret"), basic("admin:s3:cret")], False),
    ],
)
def test_who_is_let_in(headers: list[str], expected: bool) -> None:
    assert admits(headers, USERS) is expected


def test_without_users_everybody_is() -> None:
    assert admits([], [])


@given(st.text().filter(lambda text: text != "admin:s3:cret" and text != "ops:"))
def test_nobody_else_is(text: str) -> None:
    assert not admits([basic(text)], USERS)
