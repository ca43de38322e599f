from __future__ import annotations

from tests.unit.wproxy.runtime.talking import Client
from wproxy.state.epochs import Progress, ServerProgress

COLUMNS = "# backend,server,epochs,oldest_s,opened,slots_left,keys_moved,keys_moved_ever,keys_seen,keys,passes,state\n"


class Moving:
    """Two epochs are open, and server a has keys to give."""

    def progress(self) -> Progress:
        server = ServerProgress("a", slots_left=7, keys_seen=50, keys=200, passes=1, state="scanning")
        return Progress(((2, 12.7, 5), (3, 1.0, 2)), 7, 7, 30, 130, 3, (server,))

    def places(self) -> list[dict[str, int]]:
        return []

    def owes(self, name: str) -> int:
        return 7 if name == "a" else 0


def test_a_backend_whose_keys_follow() -> None:
    client = Client()
    assert client.say("show redis epochs") == COLUMNS + "\n"
    client.registry.backends["back"].epochs = Moving()
    rows = "back,,2,12,3,7,30,130,,,,moving\nback,a,,,,7,,,50,200,1,scanning\n"
    assert client.say("show redis epochs") == COLUMNS + rows + "\n"
    assert client.say("show redis epochs back") == COLUMNS + rows + "\n"
    assert client.say("show redis epochs nope") == "No such backend.\n\n"


def test_a_server_with_keys_to_give_cannot_be_deleted() -> None:
    client = Client()
    client.registry.backends["back"].epochs = Moving()
    said = client.say("disable server back/a;del server back/a")
    assert "Server still has keys of 7 slots that are to move" in said
    assert "Server deleted" in client.say("disable server back/b;del server back/b")
