"""What tests that compare log lines leave of them: all that two programs must say alike, nothing else."""

from __future__ import annotations

import pytest

from tests.support.log_lines import steady

HEADER = "<134>Nov 22 07:19:04 haproxy[2201]: "
MASKED = "<134>SYSLOG-DATE haproxy[PID]: "
CLIENT = "127.0.0.1:32786 [22/Nov/2026:07:19:08.880] "
STEADY = "127.0.0.1:PORT [DATE] "
LINES = {
    f"{HEADER}{CLIENT}main main/s 1/0/202 6 cD 2/2/0/0/0 0/1\n":
        f"{MASKED}{STEADY}main main/s T/T/T 6 cD N/N/N/N/0 0/1\n",
    f"{HEADER}{CLIENT}main main/<NOSRV> 0/-1/+3 +0 -- 1/1/1/1/+2 0/0":
        f"{MASKED}{STEADY}main main/<NOSRV> T/-T/+T +0 -- N/N/N/N/+2 0/0",
    f"{CLIENT}main main/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 3/2/0/0/0 0/0 \"<BADREQ>\"":
        f"{STEADY}main main/<NOSRV> -T/-T/-T/-T/T 400 0 - - PR-- N/N/N/N/0 0/0 \"<BADREQ>\"",
    f"{CLIENT}main~ back/s 0/0/5/0/+5 201 +84 - - ---- 1/1/1/1/0 0/0 \"GET / HTTP/1.1\" 0/0000/0/0/0 -/-":
        f"{STEADY}main~ back/s T/T/T/T/+T 201 +84 - - ---- N/N/N/N/0 0/0 \"GET / HTTP/1.1\" 0/0000/0/0/0 -/-",
    'a[1]: 127.0.0.1 - - [22/Nov/2026:07:19:04 +0000] "GET /a" 201 86 "" "" 60370 395 "m" "b" "s" 0 0 -1 -1 14 ---- '
    '1 1 0 0 0 2 3 "" "" "z"':
        'a[PID]: 127.0.0.1 - - [DATE +0000] "GET /a" 201 86 "" "" PORT MS "m" "b" "s" T T -T -T T ---- '
        'N N N N 0 2 3 "" "" "z"',
    "<158>1 2026-11-22T07:18:57.250589+00:00 - tagged 2247 - - 127.0.0.1:35546 [22/Nov/2026:07:":
        "<158>1 ISO-DATE - tagged PID - - 127.0.0.1:PORT [DATE",
    "[WARNING]  (2201) : Server main/s is DOWN, check duration: 12ms. 1 active and 0 backup servers left.":
        "[WARNING]  (PID) : Server main/s is DOWN, check duration: T. 1 active and 0 backup servers left.",
    "Connect from ::1:41028 to ::1:27138 (main/TCP)": "Connect from ::1:PORT to ::1:PORT (main/TCP)",
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_what_is_left(line: str) -> None:
    assert steady(line) == LINES[line]


def test_who_is_alone_compares_connections_and_who_knows_the_process_that() -> None:
    line = f"{HEADER}{CLIENT}main main/s 1/0/202 6 cD 2/2/0/0/0 0/1"
    assert steady(line, alone=True).endswith(" T/T/T 6 cD 2/2/0/0/0 0/1")
    assert "haproxy[PID]" in steady(line, pid=2201)
    assert "haproxy[2201]" in steady(line, pid=220)
