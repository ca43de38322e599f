from __future__ import annotations

import pytest

from wproxy.policy.checks.ldap import Bound
from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus

NO_LDAP = Judgement(False, "Not LDAPv3 protocol")


def answer(result: int = 0, outer: int = 0, inner: int = 0, said: bytes = b"") -> bytes:
    """Return the answer to a bind; `outer` and `inner` are how many bytes its lengths are written with."""
    body = b"\x0a\x01" + bytes([result]) + b"\x04\0\x04" + bytes([len(said)]) + said
    return _put(b"\x30", outer, b"\x02\x01\x01" + _put(b"\x61", inner, body))


def _put(tag: bytes, size: int, body: bytes) -> bytes:
    return tag + (bytes([0x80 | size]) + len(body).to_bytes(size, "big") if size else bytes([len(body)])) + body


def failed(result: int) -> Judgement:
    return Judgement(False, "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9", result, CheckStatus.L7STS)


@pytest.mark.parametrize("outer", range(5))
@pytest.mark.parametrize("inner", range(6))
def test_lengths_in_every_form(outer: int, inner: int) -> None:
    assert Bound().judge(answer(0, outer, inner), ended=False) == Judgement(True)
    whole = answer(49, outer, inner, b"wrong")
    assert Bound().judge(whole, ended=False) == failed(49)
    for cut in range(len(whole)):
        assert Bound().judge(whole[:cut], ended=False) is None
        assert cut == 0 or Bound().judge(whole[:cut], ended=True) == Judgement(False)


@pytest.mark.parametrize(
    ("data", "ended", "judgement"),
    [
        (answer(), False, Judgement(True)),
        (answer() + b"more", False, Judgement(True)),
        (answer(48, said=b"not anonymously"), False, failed(48)),
        (b"1", True, NO_LDAP),
        (b"220 I am for mail", False, NO_LDAP),
        (b"0\x80" + answer()[2:] + b"\0\0", False, NO_LDAP),
        (b"0\x85\0" + bytes(20), False, NO_LDAP),
        (b"0\x14" + bytes(20), False, NO_LDAP),
        (answer().replace(b"\x02\x01\x01", b"\x02\x01\x02"), False, NO_LDAP),
        (answer().replace(b"\x0a", b"\x0b"), False, NO_LDAP),
        (b"0\x0c\x02\x01\x01\x61\x88\0\0\0\0\0\0\0", False, NO_LDAP),
    ],
)
def test_bound(data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert Bound().judge(data, ended) == judgement
