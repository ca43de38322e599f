from __future__ import annotations

from admin.processes import Process, parse_processes

TEXT = """#<PID>           <type>          <reloads>       <uptime>        <version>
11              master          2               1d02h03m04s     2.6
# workers
12              supervisor      2               0d00h00m09s     2.6
13              worker          2               0d00h00m08s     2.6
# old workers
9               worker          1               0d00h10m00s     2.6
# programs

"""


def test_processes_are_read_with_their_place() -> None:
    assert parse_processes(TEXT) == [
        Process(11, "master", 2, "1d02h03m04s", old=False),
        Process(12, "supervisor", 2, "0d00h00m09s", old=False),
        Process(13, "worker", 2, "0d00h00m08s", old=False),
        Process(9, "worker", 1, "0d00h10m00s", old=True),
    ]


def test_another_answer_has_no_processes() -> None:
    assert parse_processes("Unknown command: 'show proc'.\n") == []
