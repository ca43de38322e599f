from __future__ import annotations

import time

import pytest

from wproxy.observe.logs import dates


def at(zone: str, second: int) -> time.struct_time:
    """Return local time where clocks are `zone` (POSIX: hours west)."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TZ", zone)
    time.tzset()
    try:
        return time.localtime(second)
    finally:
        patch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC0", "2009-02-03T23:31:30{}+00:00"),
        ("XXX-5:30", "2009-02-04T05:01:30{}+05:30"),
        ("XXX8", "2009-02-03T15:31:30{}-08:00"),
    ],
)
def test_iso_tells_the_zone(zone: str, expected: str) -> None:
    assert dates.iso(at(zone, 1_233_703_890)) == expected


def test_syslog_pads_the_day_with_a_space_and_the_log_with_a_zero() -> None:
    moment = at("UTC0", 1_233_703_890)
    assert dates.rfc3164(moment) == "Feb  3 23:31:30"
    assert dates.accept_date(moment) == "03/Feb/2009:23:31:30"


def test_a_second_is_formatted_once() -> None:
    asked: list[int] = []

    def layout(moment: time.struct_time) -> str:
        asked.append(moment.tm_sec)
        return str(len(asked))

    seconds = dates.Seconds(layout)
    assert [seconds.text(second) for second in (60, 60, 61, 61, 60)] == ["1", "1", "2", "2", "3"]
