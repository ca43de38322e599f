from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.loader import load, parse
from wproxy.config.model import Config
from wproxy.errors import ConfigError

GUIDE = """\
global
    stats socket "${SOCKET-/tmp/s}" level admin
defaults
    mode tcp
    timeout client 5s
frontend f
    bind 127.0.0.1:80 # comment
    default_backend b
backend b
    balance roundrobin
    server s '127.0.0.1:1' check inter 2s weight 30
    option redispatch
"""


def problems(caught: pytest.ExceptionInfo[ConfigError]) -> list[tuple[str, int]]:
    return [(Path(problem.file).name, problem.line) for problem in caught.value.problems]


def test_parse_returns_the_configuration() -> None:
    config = parse(GUIDE, "a.cfg", {"SOCKET": "/run/s"})
    assert config.globals.stats_sockets[0].address.path == "/run/s"
    assert config.backends[0].servers[0].weight == 30


def test_every_problem_of_every_file_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.cfg").write_text("listen l\n default_backend nope\n retries x\n")
    (tmp_path / "a.cfg").write_text("backend l\n balanse x\n balance y\n")
    with pytest.raises(ConfigError) as caught:
        load([str(tmp_path / "b.cfg"), str(tmp_path / "gone.cfg"), str(tmp_path / "a.cfg")], {})
    assert problems(caught) == [("gone.cfg", 0), ("b.cfg", 2), ("b.cfg", 3), ("a.cfg", 1), ("a.cfg", 2), ("a.cfg", 3)]
    assert "cannot be read: No such file or directory" in str(caught.value)


def test_a_folder_is_its_cfg_files_in_lexical_order(tmp_path: Path) -> None:
    (tmp_path / "2.cfg").write_text("backend b")
    (tmp_path / "1.cfg").write_text("defaults\n retries 1\n")
    (tmp_path / "0.txt").write_text("nonsense")
    (tmp_path / ".0.cfg").write_text("nonsense")
    (tmp_path / "0.cfg").mkdir()
    assert load([str(tmp_path)], {}).backends[0].retries == 1


def test_several_files_know_their_names(tmp_path: Path) -> None:
    one, two = tmp_path / "1.cfg", tmp_path / "2.cfg"
    one.write_text('global\n description "$HAPROXY_CFGFILES"\n')
    two.write_text("")
    assert load([str(one), str(two)], {}).globals.description == f"{one};{two}"


def test_bytes_that_are_not_utf8_may_stand_in_comments(tmp_path: Path) -> None:
    file = tmp_path / "a.cfg"
    file.write_bytes(b"backend b # caf\xe9\n")
    assert [backend.name for backend in load([str(file)], {}).backends] == ["b"]
    file.write_bytes(b"backend b\n server caf\xe9 h:1\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load([str(file)], {})


def test_nothing_is_a_configuration() -> None:
    assert parse("", "a.cfg", {}) == Config()


WORDS = sorted(
    {word for line in GUIDE.splitlines() for word in line.split()}
    | {"listen", "mode redis", "balance key", "no", "default", "from", "bind", "default-server", "userlist", ".if", "["}
    | {
        "nbthread",
        "maxconn",
        "256",
        "-1",
        "0",
        "5x",
        "'",
        '"',
        '"${A[*]}"',
        '"${A-b}"',
        "\\x",
        ":80",
        "::1:80",
        ",",
        "é",
    }
)
LINES = st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=6).map(" ".join)


@given(st.lists(LINES, max_size=12).map("\n".join) | st.text())
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        assert isinstance(parse(text, "a.cfg", {"A": "b c"}), Config)


@given(st.data())
def test_any_damage_to_a_file_is_a_configuration_or_a_config_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GUIDE)))
    gone = data.draw(st.integers(0, 9))
    damaged = GUIDE[:at] + data.draw(st.text(max_size=3)) + GUIDE[at + gone :]
    with suppress(ConfigError):
        assert isinstance(parse(damaged, "a.cfg", {}), Config)
