from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wproxy.state_file import StateFile, path_for


def opened(path: Path | None, warn: Callable[[str], object]) -> StateFile:
    file = StateFile(path, warn)  # type: ignore[arg-type] # whatever `warn` returns is thrown away
    file.open()
    return file


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    file = opened(tmp_path / "deep" / "state.json", pytest.fail)
    assert file.load() == {}
    file.save({"version": 1})
    file.save({"version": 1, "servers": {}})
    assert file.load() == {"version": 1, "servers": {}}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"version": 1'])
def test_a_damaged_file_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    assert opened(path, pytest.fail).load() == {}


def test_a_file_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told: list[str] = []
    file = opened(tmp_path / "file" / "state.json", told.append)
    file.save({})
    file.save({})
    assert len(told) == 1
    assert "state-file" in told[0]


def test_without_a_path_nothing_is_kept() -> None:
    file = opened(None, pytest.fail)
    file.save({"version": 1})
    assert file.load() == {}


def test_where_the_state_belongs(tmp_path: Path) -> None:
    assert path_for("none", ["a.cfg"], {}) is None
    assert path_for("/somewhere/else", ["a.cfg"], {}) == Path("/somewhere/else")
    environ = {"STATE_DIRECTORY": f"{tmp_path}:/second"}
    first, second = path_for(None, ["a.cfg"], environ), path_for(None, ["b.cfg"], environ)
    assert first is not None
    assert first.parent == tmp_path
    assert first != second
    assert first == path_for(None, [str(Path("a.cfg").resolve())], environ)
    assert path_for(None, ["a.cfg"], environ, 7) == tmp_path / "user-7" / first.name


def test_without_a_folder_from_the_service_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert str(path_for(None, ["a"], {})).startswith("/var/lib/wproxy/")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert str(path_for(None, ["a"], {"XDG_STATE_HOME": "/home/me/s"})).startswith("/home/me/s/wproxy/")
    assert ".local/state/wproxy/" in str(path_for(None, ["a"], {}))


def test_a_user_without_a_home_is_told_that_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("os.geteuid", lambda: 12345)
    monkeypatch.setattr(Path, "home", homeless)
    assert str(path_for(None, ["a"], {})).startswith("/nonexistent/")
