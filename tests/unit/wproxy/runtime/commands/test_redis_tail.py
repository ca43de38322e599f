from __future__ import annotations

import orjson
import pytest

from tests.unit.wproxy.runtime.commands.test_redis_view import redis_client
from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Level
from wproxy.runtime.commands.redis_tail import joined
from wproxy.runtime.dialogue import Dialogue
from wproxy.runtime.interpreter import Interpreter


def dialogue(client: Client) -> Dialogue:
    return Dialogue(Interpreter(), client.context)


def test_lines_come_until_the_time_is_over() -> None:
    client, view = redis_client(Level.OPERATOR)
    talk = dialogue(client)
    talk.feed(b"tail redis back for 5s\n")
    assert talk.step() == b"\n"
    assert talk.following
    assert not talk.finished
    assert talk.step() is None
    assert talk.follow() == b""
    (tail,) = view.tails.values()
    tail.take(1.0, "1.0 one")
    tail.take(2.0, "2.0 two")
    assert talk.follow() == b"1.0 one\n2.0 two\n"
    tail.take(3.0, "3.0 three")
    client.control.clock.now += 5  # type: ignore[attr-defined]
    assert talk.follow() == b"3.0 three\n\n"
    assert not talk.following
    assert talk.finished
    assert not view.tails
    assert talk.follow() == b""


def test_the_next_command_waits() -> None:
    client, _ = redis_client()
    talk = dialogue(client)
    talk.feed(b"prompt\ntail redis\nshow redis view\n")
    assert talk.step() == b"\n> "
    assert talk.step() == b"\n> "
    assert talk.step() is None
    client.control.clock.now += 10  # type: ignore[attr-defined]
    assert talk.follow() == b"\n> "
    assert b"back" in (talk.step() or b"")


def test_what_is_asked_for_reaches_the_tail() -> None:
    client, view = redis_client()
    talk = dialogue(client)
    talk.feed(b"tail redis back for 5s command get,set prefix user:\\ x one-in 7 rate 3 values\n")
    talk.step()
    talk.follow()
    (tail,) = view.tails.values()
    wish = tail.wish
    assert (wish.names, wish.prefix, wish.one_in, wish.rate) == (frozenset({b"GET", b"SET"}), b"user: x", 7, 3)
    assert wish.values
    for number in range(5):
        tail.take(float(number), f"{number}")
    assert talk.follow() == b"0\n1\n2\n# 2 left out: more than are looked at or shown in a second\n"
    for number in range(2005):
        tail.take(float(number), f"{number}")
    assert b"# 5 lost: this reader is too slow\n" in talk.follow()
    talk.unfollow()
    assert not view.tails


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "No such backend."),
        ("back for", "Expects '[<backend>] [for <time>]"),
        ("back fast", "Expects '[<backend>] [for <time>]"),
        ("for soon", "Expects a time such as"),
        ("rate 1000000", "A number cannot be more than 2000"),
    ],
)
def test_what_cannot_be_done_is_one_line(line: str, words: str) -> None:
    client, _ = redis_client()
    answer = client.say(f"tail redis {line}")
    assert answer.startswith(words)
    assert answer.count("\n") == 2
    assert client.conversation.follow is None


def test_so_many_may_watch() -> None:
    client, _ = redis_client()
    for _ in range(8):
        talk = dialogue(client)
        talk.feed(b"tail redis\n")
        talk.step()
        talk.follow()
        client.conversation.follow = None
    assert client.say("tail redis") == "There are 8 who watch already.\n\n"


def test_what_processes_tell_is_one_answer() -> None:
    answers = ['[[[2.0,"b"]],0,1]\n\n', '[[[1.0,"a"]],3,0]\n\n']
    assert orjson.loads(joined(answers)) == [[[1.0, "a"], [2.0, "b"]], 3, 1]


@pytest.mark.parametrize("words", ["", " a x", " a 5b5d", " a 7b7d x", " a " + b'["",1.0,0,1,"","",""]'.hex()])
def test_what_processes_are_asked_is_nothing_to_type(words: str) -> None:
    client, _ = redis_client()
    complaint = client.say(f"_tail{words}")
    assert complaint == "Use 'tail redis': this is what it asks each process.\n\n"
    assert joined([complaint, complaint]) == complaint
