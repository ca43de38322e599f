from __future__ import annotations

from tests.unit.wproxy.config.acl.asking import facts


def test_a_client_is_not_told_by_a_header_unless_said() -> None:
    assert not facts().by_header
