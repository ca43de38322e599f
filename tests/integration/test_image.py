"""The image's entry point, without a container engine: what it runs, and which configuration it takes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.compose import ROOT

ENTRY = ROOT / "compose/docker-entrypoint"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return where HAProxy's image has its configuration, and where this one brings its own; neither is there yet."""
    return tmp_path / "haproxy.cfg", tmp_path / "own.cfg"


def entered(tmp_path: Path, files: tuple[Path, Path], *arguments: str) -> str:
    """Return the command that the entry point becomes; programs that say how they were called stand in for the real."""
    for name in ("wproxy", "redis-cli"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text('#!/bin/sh\necho "$(basename "$0") $*"\n')
        program.chmod(0o755)
    env = {
        **os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "WPROXY_CONFIGS": " ".join(map(str, files)),
    }  # fmt: skip
    done = subprocess.run([str(ENTRY), *arguments], env=env, capture_output=True, text=True, timeout=20)
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize("arguments", [(), ("wproxy",)])
def test_the_file_of_haproxys_image_is_taken_before_its_own(
    tmp_path: Path, files: tuple[Path, Path], arguments: tuple[str, ...]
) -> None:
    theirs, own = files
    own.touch()
    assert entered(tmp_path, files, *arguments) == f"wproxy -W -f {own}"
    theirs.touch()
    assert entered(tmp_path, files, *arguments) == f"wproxy -W -f {theirs}"
    assert entered(tmp_path, files, *arguments, "-d") == f"wproxy -W -f {theirs} -d"


def test_without_any_file_it_says_where_they_belong(tmp_path: Path, files: tuple[Path, Path]) -> None:
    assert entered(tmp_path, files) == f"wproxy: no configuration: mount one of: {files[0]} {files[1]}"


@pytest.mark.parametrize(
    "arguments",
    [
        ("wproxy", "-f", "other.cfg"), ("wproxy", "capture", "--listen", "a:1"), ("wproxy", "show", "info"),
        ("wproxy", "-vv"), ("redis-cli", "-f", "x"), ("wproxy", "--help"),
    ],
)  # fmt: skip
def test_what_says_all_itself_is_run_as_it_is(
    tmp_path: Path, files: tuple[Path, Path], arguments: tuple[str, ...]
) -> None:
    files[0].touch()
    assert entered(tmp_path, files, *arguments) == " ".join(arguments)


def test_the_image_is_told_where_the_files_are() -> None:
    """The defaults of the script, the folder that HAProxy's image uses, and the file that the Dockerfile puts there."""
    (found,) = re.findall(r"WPROXY_CONFIGS:-([^}]*)\}", ENTRY.read_text())
    first, second = found.split()
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert first == "/usr/local/etc/haproxy/haproxy.cfg"
    assert f"COPY compose/haproxy.cfg {second}\n" in dockerfile
    assert 'ENTRYPOINT ["docker-entrypoint"]' in dockerfile
    assert "\nUSER wproxy\n" in dockerfile
    assert {"!compose/docker-entrypoint", "!compose/haproxy.cfg"} <= set((ROOT / ".dockerignore").read_text().split())
