from __future__ import annotations

from wproxy.dataplane.redis.login import Identity

INFO = b"*2\r\n$6\r\nCLIENT\r\n$4\r\nINFO\r\n"
KILL = b"*6\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n$1\r\n7\r\n$4\r\nADDR\r\n$11\r\n127.0.0.1:9\r\n"
SEVENTH = b"$48\r\nid=7 addr=127.0.0.1:9 laddr=127.0.0.1:1 fd=8 name=\r\n"


def greet(identity: Identity, answer: bytes) -> list[bytes]:
    """Begin a connection, whose identity is told as `answer`."""
    sent: list[bytes] = []
    for raw, find_fault in identity.greetings():
        assert find_fault(answer if raw == INFO else b":1\r\n") == ""
        sent.append(raw)
    return sent


def test_a_connection_that_broke_is_closed_on_the_server_before_anything_else() -> None:
    identity = Identity()
    assert greet(identity, SEVENTH) == [INFO]
    identity.lost()
    assert identity.in_doubt
    assert greet(identity, SEVENTH.replace(b"id=7", b"id=8")) == [KILL, INFO]
    assert not identity.in_doubt


def test_one_that_owed_nothing_need_not_be_closed() -> None:
    identity = Identity()
    greet(identity, SEVENTH)
    assert greet(identity, SEVENTH) == [INFO]


def test_it_is_in_doubt_until_the_next_one_has_been_greeted() -> None:
    identity = Identity()
    greet(identity, SEVENTH)
    identity.lost()
    for (raw, find_fault), expected in zip(identity.greetings(), (KILL, INFO), strict=True):
        assert (raw, identity.in_doubt) == (expected, True)  # this one breaks before it is answered
        if raw == KILL:
            find_fault(b":1\r\n")
    assert greet(identity, SEVENTH) == [KILL, INFO]


def test_a_server_that_does_not_tell_is_believed() -> None:
    identity = Identity()
    greet(identity, b"-ERR Unknown subcommand\r\n")
    identity.lost()
    assert greet(identity, b"-NOPERM\r\n") == [INFO]
    assert not identity.in_doubt
