from __future__ import annotations

import re

import pytest

from wproxy.config.model import LogFormat
from wproxy.observe.logs.header import Sender, header

NOW = 1_234_567_890.123456
DATE = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.123456[+-]\d\d:\d\d"


@pytest.mark.parametrize(
    ("layout", "hostname", "expected"),
    [
        (None, None, rf"<158>{DATE} tag\[7\]: "),
        (None, "host", rf"<158>{DATE} host tag\[7\]: "),
        (LogFormat.LOCAL, "host", rf"<158>{DATE} tag\[7\]: "),
        (LogFormat.RFC3164, None, rf"<158>{DATE} localhost tag\[7\]: "),
        (LogFormat.RFC5424, None, rf"<158>1 {ISO} - tag 7 - - "),
        (LogFormat.RFC5424, "host", rf"<158>1 {ISO} host tag 7 - - "),
        (LogFormat.PRIORITY, None, "<158>"),
        (LogFormat.SHORT, None, "<6>"),
        (LogFormat.TIMED, None, rf"<6>{ISO} "),
        (LogFormat.ISO, None, rf"{ISO} "),
        (LogFormat.RAW, None, ""),
    ],
)
def test_headers(layout: LogFormat | None, hostname: str | None, expected: str) -> None:
    made = header(layout, Sender("tag", 7, hostname))(158, NOW)
    assert re.fullmatch(expected, made), made
