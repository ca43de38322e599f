from __future__ import annotations

import pytest

from wproxy.config.tls_draft import TlsDraft, VersionError


@pytest.mark.parametrize(
    ("draft", "spoken"),
    [
        (TlsDraft(), ("TLSv1.2", "TLSv1.3")),
        (TlsDraft(min_version="TLSv1.0"), ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")),
        (TlsDraft(max_version="TLSv1.2"), ("TLSv1.2",)),
        (TlsDraft(min_version="TLSv1.3", max_version="TLSv1.3"), ("TLSv1.3",)),
        (TlsDraft(without=frozenset({"TLSv1.2"})), ("TLSv1.3",)),
        (TlsDraft(without=frozenset({"TLSv1.0", "TLSv1.1", "SSLv3"})), ("TLSv1.2", "TLSv1.3")),
    ],
)
def test_versions(draft: TlsDraft, spoken: tuple[str, ...]) -> None:
    assert draft.versions() == (spoken, "")


def test_words_that_are_ignored() -> None:
    spoken, warning = TlsDraft(min_version="TLSv1.2", without=frozenset({"TLSv1.3"})).versions()
    assert spoken == ("TLSv1.2", "TLSv1.3")
    assert "ignored" in warning


def test_a_highest_version_below_the_default_lowest() -> None:
    spoken, warning = TlsDraft(max_version="TLSv1.1").versions()
    assert spoken == ("TLSv1.1",)
    assert "lower than the default" in warning


@pytest.mark.parametrize(
    "draft",
    [
        TlsDraft(min_version="TLSv1.3", max_version="TLSv1.2"),
        TlsDraft(without=frozenset({"TLSv1.2", "TLSv1.3"})),
    ],
)
def test_no_version_is_left(draft: TlsDraft) -> None:
    with pytest.raises(VersionError, match="all SSL/TLS versions are disabled"):
        draft.versions()


def test_a_line_over_the_global_section() -> None:
    defaults = TlsDraft(ciphers="A", ciphersuites="B", verify="none", min_version="TLSv1.3", tickets=False)
    line = TlsDraft(ciphers="C", without=frozenset({"TLSv1.0"})).over(defaults)
    assert (line.ciphers, line.ciphersuites, line.verify) == ("C", "B", "none")
    assert (line.min_version, line.tickets, line.without) == ("TLSv1.3", False, frozenset({"TLSv1.0"}))
