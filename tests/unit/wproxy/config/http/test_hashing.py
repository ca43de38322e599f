from __future__ import annotations

from wproxy.config.http.hashing import HashedPart


def test_a_part_has_no_limits_by_itself() -> None:
    part = HashedPart("host")
    assert (part.length, part.depth, part.whole, part.path_only, part.domain_only) == (0, 0, False, False, False)
