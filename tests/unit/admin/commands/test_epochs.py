from __future__ import annotations

import pytest

from admin.commands.epochs import Giver, Rebalance, parse_epochs
from admin.errors import RefusedError

ANSWER = """\
# backend,server,epochs,oldest_s,opened,slots_left,keys_moved,keys_moved_ever,keys_seen,keys,passes,state
main,,2,75,3,7,30,130,,,,moving
main,a,,,,7,,,50,200,1,scanning
other,,0,,0,0,0,0,,,,settled

"""


def test_what_the_proxy_answers() -> None:
    main, other = parse_epochs(ANSWER)
    assert main == Rebalance("main", 2, 75, 3, 7, 30, [Giver("a", 7, 50, 200, 1, "scanning")])
    assert main.done == 0.25
    assert other.done == 1.0
    assert main.lines() == [
        "main: " + "█" * 7 + "░" * 23 + " 25 %  2 epochs open for 1m15s",
        "  30 keys moved, 7 slots left",
        "  a: scanning, 50 of 200 keys looked at, 7 slots left",
    ]
    assert other.lines() == ["other: settled, 0 keys moved by the last change"]
    assert main.document()["settled"] is False


def test_a_proxy_that_knows_no_such_question() -> None:
    with pytest.raises(RefusedError, match="Unknown command"):
        parse_epochs("Unknown command: 'show redis', but maybe one of the following ones is a better match:\n")
