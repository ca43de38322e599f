"""Renders docs/compatibility.md from the rows of the keyword tables: `python -m wproxy.config.reference`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wproxy.config.grammar import Keyword, Section, Status
from wproxy.config.keywords import bind, server
from wproxy.config.keywords.process import GLOBAL
from wproxy.config.keywords.proxy import PROXY
from wproxy.config.keywords.sections import DIRECTIVES, OTHER_SECTIONS

_INTRODUCTION = """\
# Compatibility with HAProxy 2.6, keyword by keyword

This page is written by `python -m wproxy.config.reference` from the tables in `wproxy/config/keywords/`.

- **done**: as HAProxy does it; the last column says what it is.
- **ignored**: accepted without effect, because it does not change what happens to traffic here; the last column says
  why, and `wproxy -V` lists the lines.
- **refused**: HAProxy's keyword is known, wproxy does not do it yet. A file that has it is not started: the error names
  file, line and keyword.

A keyword that HAProxy does not know either is an error that suggests the nearest one. The manual's section of each
keyword is that of HAProxy's configuration manual.
"""

_DIFFERENCES = """\
## Where wproxy reads a file differently

- `mode redis` and `balance key` are wproxy's own.
- `mode http` is read in `defaults`, and refused for now where a proxy has it.
- A missing last newline is accepted; HAProxy refuses it.
- Numbers are whole: HAProxy reads `weight 10x` as 10 and `maxconn abc` as 0, here both are errors. So are negative
  numbers, a parameter without its value, and words after an argument that takes none.
- A frontend and its backend must have the same mode; HAProxy lets a tcp frontend use an http backend.
- A server needs a host and a fixed port: HAProxy takes the client's destination where they are missing.
- `option redis-check` fails at the first whole line that is not +PONG, in the server's words (`needs a password: …`);
  HAProxy waits for the end of the time and says "Layer7 timeout". An agent may speak first; HAProxy 2.6.12 reads it
  only when `agent-send` is set. A `timeout check` shorter than `inter` is kept; HAProxy notices it late.
  The log formats of `tcp-check` and `http-check`, and `http-check expect hdr`, are errors.
- Users, groups and names of hosts are looked up when they are used, not while the file is read.
- A NUL character, a word that is not UTF-8 and an address or parameter that is an empty word are errors: HAProxy cuts
  the line there. An empty first word switches the line off and an empty last one is no word, as in HAProxy.
"""


def page() -> str:
    """Return the whole of docs/compatibility.md."""
    parts = [
        _INTRODUCTION,
        "## Sections and directives\n\n" + _sections(),
        "## global\n\n" + table(GLOBAL.rows),
        "## defaults, frontend, listen, backend\n\n" + table(PROXY.rows),
        "## Parameters of bind and stats socket\n\n" + table(bind.PARAMETERS.rows),
        "## Parameters of server and default-server\n\n" + table(server.PARAMETERS.rows),
        _DIFFERENCES,
    ]
    return "\n".join(parts)


def table(rows: Iterable[Keyword]) -> str:
    """Return the Markdown table of `rows`, by name."""
    lines = [
        f"| `{row.label}` | {_places(row)} | {row.status.value} | {row.manual} | {row.doc} |"
        for row in sorted(rows, key=lambda row: (row.words, row.status.value))
    ]
    return "\n".join(["| keyword | where | status | manual | |", "|---|---|---|---|---|", *lines, ""])


def _places(row: Keyword) -> str:
    return ", ".join(section.value for section in Section if section in row.sections)


def _sections() -> str:
    return "\n".join(["| section | status | |", "|---|---|---|", *_section_lines(), ""])


def _section_lines() -> Iterator[str]:
    yield f"| `global`, `defaults`, `frontend`, `listen`, `backend` | {Status.DONE.value} | see below |"
    for name, (status, reason) in OTHER_SECTIONS.items():
        yield f"| `{name}` | {status.value} | {reason} |"
    directives = ", ".join(f"`{word}`" for word in DIRECTIVES)
    yield f"| {directives}, `[scope]` | {Status.REFUSED.value} | |"


if __name__ == "__main__":
    print(page(), end="")
