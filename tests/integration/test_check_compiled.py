"""`scripts/check_compiled.py` on what mypyc itself makes of a few lines: it finds what would fail, and only that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECK = Path(__file__).parents[2] / "scripts/check_compiled.py"

CLASS = """\
class Waiter:
    def __init__(self) -> None:
        self.place: int | None = None

    def queue(self) -> None:
        self.place = 1

    def enter(self) -> str:
"""

STALE = (
    CLASS
    + """\
        if self.place is None:
            self.queue()
            if self.place is None:
                return "none"
        return "one"
"""
)

FRESH = (
    CLASS
    + """\
        if self.place is None:
            self.queue()
        return "none" if self.place is None else "one"
"""
)


def told(source: str, folder: Path) -> tuple[int, str]:
    """Return how the check ends, and what it prints, for a module of `source`."""
    (folder / "waiter.py").write_text(source)
    translate = "from mypyc.build import mypycify; mypycify(['--config-file=', 'waiter.py'])"
    subprocess.run([sys.executable, "-c", translate], cwd=folder, check=True, timeout=120)
    done = subprocess.run(
        [sys.executable, CHECK, folder / "build/ops.txt"], capture_output=True, text=True, check=False, timeout=30
    )
    return done.returncode, done.stdout


def test_an_attribute_that_is_read_as_none_is_found(tmp_path: Path) -> None:
    code, printed = told(STALE, tmp_path)
    assert code == 1
    assert "enter" in printed


def test_one_that_is_read_anew_is_not(tmp_path: Path) -> None:
    assert told(FRESH, tmp_path) == (0, "")
