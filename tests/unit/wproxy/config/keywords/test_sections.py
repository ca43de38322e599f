from __future__ import annotations

from wproxy.config.grammar import Status
from wproxy.config.keywords.sections import NAMES, OTHER_SECTIONS, PROXY_SECTIONS


def test_every_section_has_one_place() -> None:
    assert len(NAMES) == len(set(NAMES)) == 3 + len(PROXY_SECTIONS) + len(OTHER_SECTIONS)


def test_what_is_ignored_has_a_reason() -> None:
    for name, (status, reason) in OTHER_SECTIONS.items():
        assert status is not Status.DONE, name
        assert reason or status is Status.REFUSED, name
