"""admin.demo.command: the words at the end, and a folder whose path leaves room for a unix socket."""

from __future__ import annotations

import tempfile

import pytest

from admin.demo.command import sentences, temporary_folder
from admin.demo.report import Phase, Report


def test_the_end_in_words_has_each_phase_and_the_sums() -> None:
    report = Report(1000, 0, (Phase({"redisA": 30, "redisB": 70}, {"redisA": 300, "redisB": 700}),))
    assert sentences(report) == [
        "phase 1: redisA weight 30: 300 keys (30.0 %), redisB weight 70: 700 keys (70.0 %)",
        "captured 1,000, stored 1,000, expired 0, lost 0",
    ]


def test_a_long_temporary_folder_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/short")
    assert temporary_folder() == "/short"
    monkeypatch.setattr(tempfile, "tempdir", "/long" * 20)
    assert temporary_folder() == "/tmp"
