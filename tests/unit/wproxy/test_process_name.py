from __future__ import annotations

import subprocess
import sys

import pytest

from wproxy.process_name import name_of


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("/usr/bin/wproxy", "wproxy"),
        ("./haproxy", "haproxy"),
        ("wproxy", "wproxy"),
        ("/opt/site-packages/wproxy/__main__.py", "wproxy"),
    ],
)
def test_the_name_it_was_started_by(program: str, name: str) -> None:
    assert name_of(program) == name


SHOW = """
import sys
from wproxy.process_name import show_as
show_as(sys.argv[1], ["-f", "a file.cfg"])
print(open("/proc/self/comm").read().strip(), open("/proc/self/cmdline").read().rstrip("\\0").split("\\0"))
"""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("wproxy", "wproxy ['wproxy', '-f', 'a file.cfg']"),
        ("a-name-of-many-letters", "a-name-of-many- ['a-name-of-many-letters', '-f', 'a file.cfg']"),
    ],
)
def test_it_is_what_the_system_shows(name: str, shown: str) -> None:
    done = subprocess.run([sys.executable, "-c", SHOW, name], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == shown


def test_a_command_line_that_does_not_fit_stays() -> None:
    program = (
        "from wproxy.process_name import show_as; show_as('x' * 5000, []); print(open('/proc/self/cmdline').read())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(sys.executable)
