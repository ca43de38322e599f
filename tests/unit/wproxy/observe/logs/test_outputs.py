from __future__ import annotations

import pytest

from tests.unit.wproxy.state.parties import HERE
from wproxy.config.model import Address, LogFormat, LogTarget, Severity
from wproxy.observe.logs.header import Sender
from wproxy.observe.logs.outputs import Output, Outputs

SENDER = Sender("tag", 7, None)


def sent(target: LogTarget, severity: Severity, text: str = "text") -> list[bytes]:
    lines: list[bytes] = []
    Outputs([Output(target, SENDER, lines.append)], lambda: 0.0).write(severity, text)
    return lines


def target(level: Severity, minimum: Severity = Severity.EMERG, length: int = 1024) -> LogTarget:
    return LogTarget(Address(path="/dev/log"), HERE, 16, LogFormat.PRIORITY, length, level, minimum)


@pytest.mark.parametrize(
    ("level", "minimum", "severity", "expected"),
    [
        (Severity.DEBUG, Severity.EMERG, Severity.INFO, [b"<134>text\n"]),
        (Severity.NOTICE, Severity.EMERG, Severity.INFO, []),
        (Severity.NOTICE, Severity.EMERG, Severity.NOTICE, [b"<133>text\n"]),
        (Severity.INFO, Severity.ERR, Severity.EMERG, [b"<131>text\n"]),
        (Severity.INFO, Severity.ERR, Severity.INFO, [b"<134>text\n"]),
    ],
)
def test_levels(level: Severity, minimum: Severity, severity: Severity, expected: list[bytes]) -> None:
    assert sent(target(level, minimum), severity) == expected


def test_a_line_is_cut_at_its_length() -> None:
    assert sent(target(Severity.DEBUG, length=80), Severity.INFO, "x" * 100) == [b"<134>" + b"x" * 75 + b"\n"]


def test_without_a_target_there_is_nothing_to_write_to() -> None:
    assert not Outputs((), lambda: 0.0)
