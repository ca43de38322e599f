from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.same_origin import same_origin

HERE, ELSEWHERE = "http://proxy:8404", "http://evil.example"


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({}, True),  # curl and scripts
        ({"host": ["proxy:8404"]}, True),
        ({"host": ["proxy:8404"], "origin": [HERE]}, True),
        ({"host": ["Proxy:8404"], "origin": ["HTTP://PROXY:8404"]}, True),
        ({"host": ["proxy"], "origin": ["http://proxy:80"]}, True),
        ({"host": ["proxy:443"], "origin": ["https://proxy"]}, True),
        ({"host": ["[::1]:8404"], "origin": ["http://[::1]:8404"]}, True),
        ({"host": ["proxy:8404"], "referer": [f"{HERE}/haproxy?stats;st=DONE"]}, True),
        ({"host": ["proxy:8404"], "origin": [ELSEWHERE]}, False),
        ({"host": ["proxy:8404"], "origin": ["http://proxy:8405"]}, False),
        ({"host": ["proxy:8404"], "origin": ["http://proxy:84040"]}, False),
        ({"host": ["proxy:8404"], "origin": ["null"]}, False),
        ({"host": ["proxy:8404"], "origin": ["http://[bad"]}, False),
        ({"host": ["proxy:8404"], "origin": [ELSEWHERE], "referer": [HERE]}, False),
        ({"host": ["proxy:8404"], "origin": [HERE, ELSEWHERE]}, False),
        ({"host": ["proxy:8404", "evil.example"], "origin": [ELSEWHERE]}, False),
        ({"origin": [HERE]}, False),
        ({"host": ["proxy:8404"], "referer": [f"{ELSEWHERE}/{HERE}"]}, False),
        ({"host": ["proxy:8404"], "referer": ["http://proxy:8404@evil.example/"]}, False),
        ({"host": ["inner"], "origin": [HERE], "sec-fetch-site": ["same-origin"]}, True),
        ({"sec-fetch-site": ["none"]}, True),
        ({"host": ["proxy:8404"], "origin": [HERE], "sec-fetch-site": ["cross-site"]}, False),
        ({"sec-fetch-site": ["same-site"]}, False),
        ({"sec-fetch-site": ["same-origin", "cross-site"]}, False),
    ],
)
def test_who_sent_it(headers: dict[str, list[str]], same: bool) -> None:
    assert same_origin(headers) == same


@given(st.text())
def test_any_origin_is_understood(text: str) -> None:
    same_origin({"host": ["proxy"], "origin": [text]})
