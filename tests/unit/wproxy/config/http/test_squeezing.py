from __future__ import annotations

from wproxy.config.http.squeezing import Algorithm


def test_both_kinds_of_deflate_have_one_name() -> None:
    assert Algorithm.RAW_DEFLATE.coding == Algorithm.DEFLATE.coding == b"deflate"
    assert Algorithm.GZIP.coding == b"gzip"
