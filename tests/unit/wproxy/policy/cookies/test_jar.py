from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wproxy.policy.cookies.jar import Line, read

NAME = b"SRV"


def out(line: bytes) -> Line:
    return read(line, NAME, lambda value: None)


@pytest.mark.parametrize(
    ("line", "left", "found"),
    [
        (b"a=1", b"a=1", []),
        (b"SRV=x", None, [b"x"]),
        (b"a=1; SRV=x", b"a=1", [b"x"]),
        (b"SRV=x; a=1", b"a=1", [b"x"]),
        (b"a=1; SRV=x; b=2", b"a=1; b=2", [b"x"]),
        (b"a=1;SRV=x;b=2", b"a=1; b=2", [b"x"]),
        (b"a=1 ; SRV=x ; b=2", b"a=1; b=2", [b"x"]),
        (b"SRV=x; SRV=y", None, [b"x", b"y"]),
        (b"a=1; SRV=x; b=2; SRV=y; c=3", b"a=1; b=2; c=3", [b"x", b"y"]),
        (b"SRV = x ; a = 1", b"a=1", [b"x"]),
        (b"a = 1", b"a=1", []),
        (b'SRV="a;b,c"; d=1', b"d=1", [b'"a;b,c"']),
        (b'a="SRV=x"; SRV=y', b'a="SRV=x"', [b"y"]),
        (b'a="q\\";SRV=x"; SRV=y', b'a="q\\";SRV=x"', [b"y"]),
        (b'a="open; SRV=x', b'a="open; SRV=x', []),
        (b'SRV="open\\', None, [b'"open\\']),
        (b"$Version=1; SRV=x; $Path=/; a=1", b"$Version=1; a=1", [b"x"]),
        (b"$Version=1; SRV=x", None, [b"x"]),
        (b"a=1; SRV=x; $Path=/", b"a=1", [b"x"]),
        (b"$SRV=x", b"$SRV=x", []),
        (b"SRV", b"SRV", []),
        (b"SRVX=x; XSRV=y", b"SRVX=x; XSRV=y", []),
        (b"; SRV=x;; a=1", b"; a=1", [b"x"]),
        (b"SRV=x;", None, [b"x"]),
        (b"SRV=x; novalue", b"novalue", [b"x"]),
        (b"=1; SRV=x", b"=1", [b"x"]),
        (b"", b"", []),
    ],
)
def test_taking_out(line: bytes, left: bytes | None, found: list[bytes]) -> None:
    assert out(line) == (left, tuple(found))


def test_a_value_may_change_and_stay() -> None:
    assert read(b"a=1; SRV=x~y ; b=2", NAME, lambda value: value[2:]) == (b"a=1; SRV=y ; b=2", (b"x~y",))


LINES = st.lists(
    st.sampled_from(
        [b"SRV=x", b"SRV=", b"SRV", b"a=1", b"$Path=/", b";", b"; ", b", ", b" ", b"=", b'"', b"\\", b"SRV =y", b"x"]
    )
).map(b"".join)


@given(st.one_of(LINES, st.binary(max_size=40)))
@example(b'"' * 3000 + b"SRV=x")
@example(b"SRV=" + b'\\"' * 3000)
def test_nothing_of_it_is_left_and_others_stay(line: bytes) -> None:
    left, found = out(line)
    if left is None:
        assert found
    else:
        again = out(left)
        assert not again.found or not found
        # What is left goes on as it is.
        assert read(left, NAME, lambda value: value).value == left or b"=" in left
    assert read(line, NAME, lambda value: value).found == found


@given(st.lists(st.sampled_from([b"a", b"bc", b"SRVX"]), max_size=5), st.integers(0, 5))
def test_the_order_of_others_stays(names: list[bytes], at: int) -> None:
    others = [b"%b=%d" % (name, number) for number, name in enumerate(names)]
    line = b"; ".join([*others[:at], b"SRV=x", *others[at:]])
    assert out(line) == (b"; ".join(others) or None, (b"x",))
