from __future__ import annotations

import hashlib
import hmac

import pytest

from tests.unit.wproxy.config.http.exchange import http_scope, value
from wproxy.config.acl.sample import parse_sample
from wproxy.config.values import ArgumentError

SHA256 = hashlib.sha256(b"abc").digest().decode("latin-1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("str(abc),crc32", 891568578),
        ("str(abc),crc32(1)", 930845320),
        ("str(abc),sha2", SHA256),
        ("str(abc),digest(SHA256)", SHA256),
        ("str(abc),sha1", hashlib.sha1(b"abc").digest().decode("latin-1")),
        ("str(abc),hmac(sha256,YWJj)", hmac.digest(b"abc", b"abc", "sha256").decode("latin-1")),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("str(a),digest(md6)", "'digest' knows no algorithm 'md6'; did you mean 'md5'?"),
        ("str(a),hmac(md5,!)", "'hmac' expects its key in base64"),
        ("str(a),sha2(1)", "'sha2' expects 224, 256, 384 or 512 bits, not '1'"),
        ("bool(1),sha1", "'sha1' cannot make a sample of type binary of one of type boolean"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_sample(text, http_scope())
    assert str(caught.value) == problem
