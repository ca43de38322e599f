"""Finds attributes that mypy holds to be None when they are read again, in what mypyc has made (build/ops.txt).

    if self.place is None:
        await self.queue()       # sets self.place
        if self.place is None:   # to mypy it still is: compiled, this raises TypeError when it is not

mypy keeps what a condition has told of an attribute over calls and awaits. Interpreted, nobody notices; compiled, the
read insists on it. The remedy is to write the loop or the condition so that nothing is told before the call.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_FUNCTION = re.compile(r"def ([^(]+)\(")
_INSISTS = re.compile(r"r\d+ = unbox\(None, (r\d+)\)")
_WHERE = re.compile(r"\(error at ([^)]+)\)")
_NEAR = 8  # lines in which the value that is looked at was made


def stale_reads(lines: list[str]) -> list[str]:
    """Return the place of each attribute that is read as None."""
    found, function = [], ""
    for number, line in enumerate(lines):
        begins = _FUNCTION.match(line)
        function = begins[1] if begins else function
        insists = _INSISTS.search(line)
        if insists is None:
            continue
        made = next(
            (each for each in reversed(lines[max(number - _NEAR, 0) : number]) if f"{insists[1]} = " in each), ""
        )
        if "Vectorcall" not in made:  # a call of what returns None is fine
            where = _WHERE.search(" ".join(lines[number : number + 3]))
            found.append(f"{function}, {where[1] if where else '?'}: {made.strip()}")
    return found


def main() -> int:
    """Print them; return 1 if there are any."""
    found = stale_reads(Path(sys.argv[1]).read_text().splitlines())
    for place in found:
        print(f"compiled: an attribute that mypy holds to be None is read again: {place}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
