from __future__ import annotations

import os
from pathlib import Path

import pytest

from wproxy import privileges
from wproxy.config.model import Global


@pytest.fixture
def as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    monkeypatch.setattr(os, "getegid", lambda: 65534)


@pytest.mark.usefixtures("as_nobody")
@pytest.mark.parametrize("settings", [Global(user=0), Global(group=0), Global(chroot="/")])
def test_only_root_can_change(settings: Global) -> None:
    with pytest.raises(privileges.PrivilegeError, match="start wproxy as root"):
        privileges.check(settings)


@pytest.mark.usefixtures("as_nobody")
@pytest.mark.parametrize("settings", [Global(), Global(user=65534), Global(user=65534, group=65534)])
def test_who_is_what_it_should_be_changes_nothing(settings: Global) -> None:
    privileges.check(settings)
    privileges.drop(settings)


def test_a_root_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    privileges.check(Global(chroot=str(tmp_path)))
    with pytest.raises(privileges.PrivilegeError, match="no such folder"):
        privileges.check(Global(chroot=str(tmp_path / "none")))
