"""Has the process show under the name it was started by, where tools look for it: ps -C, killall, pidof.

Those three look at the kernel's name of the process and at the first word of its command line; both would be Python's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePath

_OWN = Path("/proc/self")
_NAME_MAX = 15  # of the kernel's name; killall and ps know that it is cut
_ARG_START, _ARG_END = 45, 46  # in /proc/PID/stat, counted behind the name (proc(5): fields 48 and 49)


def name_of(program: str) -> str:
    """Return the name by which `program`, the path that was started, is known."""
    name = PurePath(program).name
    return PurePath(program).parent.name if name == "__main__.py" else name


def show_as(name: str, arguments: Sequence[str]) -> None:
    """Show as `name` with `arguments`; where the system does not allow it, nothing changes."""
    with suppress(OSError):
        (_OWN / "comm").write_text(name[:_NAME_MAX])
        _write_command_line("\0".join([name, *arguments, ""]).encode("utf-8", "surrogateescape"))


def _write_command_line(text: bytes) -> None:
    """Write `text` over the command line the process was started with, if it is not longer."""
    fields = (_OWN / "stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    if len(text) > end - start:
        return
    with (_OWN / "mem").open("r+b", buffering=0) as memory:
        memory.seek(start)
        memory.write(text.ljust(end - start, b"\0"))
