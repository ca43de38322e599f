from __future__ import annotations

from wproxy.policy.checks.verdict import STATUSES, CheckStatus, Outcome


def test_numbers_and_names_are_unique() -> None:
    assert len({status.number for status in CheckStatus}) == len(STATUSES) == len(CheckStatus)


def test_what_passes() -> None:
    assert [status.label for status in CheckStatus if status.passed] == ["L4OK", "L6OK", "L7OK", "L7OKC"]
    assert [status.label for status in CheckStatus if status.outcome is Outcome.CONDITIONALLY] == ["L7OKC"]


def test_what_has_a_code() -> None:
    assert [status.label for status in CheckStatus if status.has_code] == ["L7OK", "L7OKC", "L7STS"]
