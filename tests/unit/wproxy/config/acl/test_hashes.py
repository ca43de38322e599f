from __future__ import annotations

from wproxy.config.acl.hashes import avalanche, crc32, djb2, sdbm


def test_what_haproxy_makes_of_abc() -> None:
    assert [function(b"abc") for function in (crc32, djb2, sdbm)] == [891568578, 193485963, 807794786]
    assert [avalanche(function(b"abc")) for function in (crc32, djb2, sdbm)] == [930845320, 2235766107, 659243622]
