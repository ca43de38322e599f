"""Log-format variables in rules: what is known of an exchange when requests and when responses are looked at."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.beside_http import scene

TIMES = {"Tc", "Ti", "Tq", "TR", "Tr", "Tw"}
OTHERS = ("CC", "CS", "Th", "Tt", "bc", "bq", "f", "lc", "r", "rc", "s", "sc", "si", "sq", "ts", "tsc", "ST", "b", "HM")
NAMES = (*sorted(TIMES), *OTHERS)


def shown(program: str, folder: Path) -> list[dict[str, str]]:
    """Return the variables as a request and as a response have them; T for a time that is known."""
    lines = [
        "capture cookie C len 9",
        *(f'http-request set-header q{number} "<%{name}>"' for number, name in enumerate(NAMES)),
        *(f'http-response set-header a{number} "<%{name}>"' for number, name in enumerate(NAMES)),
    ]
    with scene(program, folder, lines) as made:
        answer = made.ask(b"GET /a?b HTTP/1.1\r\nHost: h\r\nCookie: C=1\r\n\r\n")
        found = []
        for letter, text in (("q", made.seen[0] + b"\r\n"), ("a", answer)):
            values = dict(re.findall(rf"(?im)^{letter}(\d+): <(.*)>\r", text.decode()))
            names = {name: values[str(number)] for number, name in enumerate(NAMES)}
            found.append({name: "T" if name in TIMES and value != "-1" else value for name, value in names.items()})
        return found


def test_what_rules_know(tmp_path: Path) -> None:
    ours = shown("wproxy", tmp_path)
    assert ours == shown("haproxy", tmp_path)
    assert ours[1]["Tr"] == "T"
    assert ours[1]["si"] == "127.0.0.1"
