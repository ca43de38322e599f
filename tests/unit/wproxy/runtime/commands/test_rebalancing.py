from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.wproxy.runtime.talking import Client
from tests.unit.wproxy.state.parties import Carrier
from wproxy.config.model import Level, Mode
from wproxy.state.session import Standing

HEAD = "# be_name,srv_name,state,rate,sessions,quota,surplus,closed,bound,left,returned\n"


class Crowded(Client):
    """A client of a proxy whose ten sessions are all on server a (30) and none on b (70)."""

    def __init__(self, level: Level = Level.ADMIN) -> None:
        super().__init__(level)
        self.killed: list[str] = []
        front, back = self.registry.frontends["front"], self.registry.backends["back"]
        for number in range(10):
            session = self.registry.sessions.open(front, back, 38.0)
            session.server, session.placed = self.a, True
            session.carrier = Carrier(str(number), self.killed, Standing(50.0 + number, busy=False, home=None))
            back.take(self.a)


def test_sessions_are_closed_and_the_answer_says_how_many() -> None:
    crowded = Crowded()
    assert crowded.say("show rebalance back") == HEAD + "\n"
    # The carriers of this test keep their places: the load stays what it was.
    table = HEAD + "back,a,,,10,3,,7,0,,\nback,b,,,0,7,,0,0,,\nback,BACKEND,returning,100,10,10,7,7,0,0,0\n\n"
    assert crowded.say("rebalance sessions back") == table
    assert crowded.killed == ["0", "1", "2", "3", "4", "5", "6"]
    assert crowded.say("show rebalance") == crowded.say("show rebalance #3") == table


def test_the_rate() -> None:
    crowded = Crowded()
    assert ",BACKEND,closing,20,10,10,7,2,0,5,0\n" in crowded.say("rebalance sessions back 20").replace("back,B", ",B")
    assert crowded.killed == ["0", "1"]
    for rate in ("0", "10001", "-1", "x", "1.5"):
        assert crowded.say(f"rebalance sessions back {rate}") == "Sessions per second expected, 1 to 10000.\n\n"


@pytest.mark.parametrize("command", ["rebalance sessions", "show rebalance"])
def test_a_backend_that_is_none(command: str) -> None:
    assert Crowded().say(f"{command} nonsense") == "No such backend.\n\n"


def test_it_is_for_administrators_and_needs_a_name() -> None:
    assert Crowded().say("rebalance sessions") == "A backend name is expected.\n\n"
    assert Crowded(Level.OPERATOR).say("rebalance sessions back") == "Permission denied\n\n"
    assert Crowded(Level.USER).say("show rebalance") == HEAD + "\n"


def test_mode_redis_has_nothing_to_close() -> None:
    client = Client()
    backend = client.registry.backends["back"]
    backend.config = replace(backend.config, mode=Mode.REDIS)
    assert client.say("rebalance sessions back").startswith("Nothing to close: in mode redis ")
    assert client.say("show rebalance") == HEAD + "\n"
