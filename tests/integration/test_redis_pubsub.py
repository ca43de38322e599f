"""mode redis: channels and patterns, beside one plain Redis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from tests.support.beside_redis import Beside, Raw, beside_redis
from tests.support.killable import killable_redis
from tests.support.proxies import proxy
from tests.support.resp import Client, ask, pack
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    with beside_redis(tmp_path_factory.mktemp("pubsub")) as made:
        yield made


@pytest.fixture(autouse=True)
def quiet(beside: Beside) -> None:
    """Have those gone who listened in the test before: they would be counted."""
    for port in (beside.plain, beside.proxy.port):
        wait_for(lambda port=port: (ask(port, "PUBSUB", "CHANNELS"), ask(port, "PUBSUB", "NUMPAT")) == ([], 0))  # type: ignore[misc]


CHANNELS = [f"channel:{number}" for number in range(12)]


def test_the_answers_to_who_subscribes_are_those_of_redis(beside: Beside) -> None:
    conversation = [
        ("SUBSCRIBE a b c a", 4),
        ("PING", 1),
        ("PING x", 1),
        ("GET a", 1),
        ("NOSUCH", 1),
        ("GET", 1),
        ("PSUBSCRIBE p* q*", 2),
        ("SUBSCRIBE b", 1),
        ("HELLO 3", 1),
        ("UNSUBSCRIBE b nosuch", 2),
        ("PUNSUBSCRIBE p*", 1),
        ("SUBSCRIBE", 1),
        ("UNSUBSCRIBE c", 1),
        ("PUNSUBSCRIBE", 1),
        ("UNSUBSCRIBE a", 1),
        ("GET a", 1),
        ("UNSUBSCRIBE", 1),
        ("PUNSUBSCRIBE", 1),
        ("SUBSCRIBE d", 1),
        ("RESET", 1),
        ("GET a", 1),
    ]
    sides = [Raw(port) for port in (beside.plain, beside.proxy.port)]
    for line, count in conversation:
        answers = []
        for side in sides:
            side.send(line)
            answers.append(side.replies(count))
        assert answers[0] == answers[1], line
    for side in sides:
        side.close()


@pytest.mark.parametrize("protocol", [2, 3])
def test_messages_come_as_redis_sends_them(beside: Beside, protocol: int) -> None:
    received = []
    for port in (beside.plain, beside.proxy.port):
        listener = Raw(port)
        listener.send(f"HELLO {protocol}")
        listener.replies(1)
        listener.send(f"SUBSCRIBE {' '.join(CHANNELS)}")
        listener.replies(len(CHANNELS))
        listener.send("PSUBSCRIBE channel:1* other:*")
        listener.replies(2)
        messages = []
        with Client(port) as client:
            for channel in CHANNELS:
                assert client.ask("PUBLISH", channel, f"to {channel}") == (2 if channel.startswith("channel:1") else 1)
                messages += sorted(listener.replies(2 if channel.startswith("channel:1") else 1))
            assert client.ask("PUBLISH", "other:x", "y") == 1
            assert client.ask("PUBLISH", "nobody", "y") == 0
            messages += listener.replies(1)
        received.append(messages)
        listener.close()
    assert received[0] == received[1]


def test_in_resp3_a_listener_goes_on_with_commands(beside: Beside) -> None:
    listener = Raw(beside.proxy.port)
    listener.send("HELLO 3", "SUBSCRIBE c", "SET k v", "GET k")
    kinds = [reply[:1] for reply in listener.replies(4)]
    kinds.remove(b">")  # a push, of a connection of its own, may come between any two
    assert kinds == [b"%", b"+", b"$"]
    listener.send("PUBLISH c mine")
    assert sorted(listener.replies(2)) == [b":1\r\n", b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\nmine\r\n"]
    listener.send("HELLO 2", "GET k")
    assert listener.replies(2)[1].startswith(b"-ERR Can't execute 'get'")
    listener.close()


def test_every_listener_gets_every_message_once_and_in_order(beside: Beside) -> None:
    with ExitStack() as stack:
        listeners = [stack.enter_context(Client(beside.proxy.port)) for _ in range(10)]
        patterns = [stack.enter_context(Client(beside.proxy.port)) for _ in range(5)]
        for listener in listeners:
            listener.send(pack("SUBSCRIBE", *CHANNELS))
            listener.replies(len(CHANNELS))
        for listener in patterns:
            assert listener.ask("PSUBSCRIBE", "channel:*") == [b"psubscribe", b"channel:*", 1]
        publisher = stack.enter_context(Client(beside.proxy.port))
        sent = [(CHANNELS[number % 12].encode(), b"%d" % number) for number in range(600)]
        counts = publisher.pipeline(pack("PUBLISH", channel, text) for channel, text in sent)
        assert counts == [15] * 600
        for listener in listeners:
            got = [tuple(message[1:]) for message in listener.replies(600)]
            assert by_channel(got) == by_channel(sent)
        for listener in patterns:
            got = [tuple(message[2:]) for message in listener.replies(600)]
            assert by_channel(got) == by_channel(sent)
        assert publisher.ask("PUBSUB", "NUMSUB", "channel:1", "nobody") == [b"channel:1", 10, b"nobody", 0]
        assert publisher.ask("PUBSUB", "NUMPAT") == 1
        assert sorted(publisher.ask("PUBSUB", "CHANNELS")) == sorted(channel.encode() for channel in CHANNELS)
        assert all(ask(port, "PUBSUB", "CHANNELS") for port in beside.servers)
    wait_for(lambda: ask(beside.proxy.port, "PUBSUB", "CHANNELS") == [])


def by_channel(messages: Sequence[tuple[bytes, ...]]) -> dict[bytes, list[bytes]]:
    """Return the texts of each channel: between channels of different servers there is no order."""
    found: dict[bytes, list[bytes]] = {}
    for channel, text in messages:
        found.setdefault(channel, []).append(text)
    return found


def test_channels_do_not_move_with_the_weights(tmp_path: Path) -> None:
    with beside_redis(tmp_path) as beside, Client(beside.proxy.port) as listener:
        listener.send(pack("SUBSCRIBE", *CHANNELS))
        listener.replies(len(CHANNELS))
        for weight in (0, 200):
            beside.proxy.stats.ask(f"set weight main/a {weight}")
            for channel in CHANNELS:
                assert ask(beside.proxy.port, "PUBLISH", channel, "x") == 1
                assert listener.reply() == [b"message", channel.encode(), b"x"]


def test_keyspace_events_come_from_whichever_server_has_the_key(tmp_path: Path) -> None:
    with beside_redis(tmp_path) as beside, Client(beside.proxy.port) as listener:
        assert ask(beside.proxy.port, "CONFIG", "SET", "notify-keyspace-events", "KEA") == b"OK"
        keys = [f"k{number}" for number in range(12)]
        for key in keys:
            listener.ask("SUBSCRIBE", f"__keyspace@0__:{key}")
        for key in keys:
            ask(beside.proxy.port, "SET", key, "v")
            assert listener.reply() == [b"message", b"__keyspace@0__:" + key.encode(), b"set"]


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_listens(beside: Beside, protocol: int) -> None:
    with (
        redis.Redis(port=beside.proxy.port, protocol=protocol, decode_responses=True) as client,
        client.pubsub(ignore_subscribe_messages=True) as listener,
    ):
        listener.subscribe(*CHANNELS)
        listener.psubscribe("news.*")
        while listener.get_message(timeout=0.2) is not None or len(listener.channels) < 12:
            pass
        wait_for(lambda: client.publish("channel:3", "hello") == 1)
        wait_for(lambda: client.publish("news.x", "read") == 1)
        got: set[tuple[str, str]] = set()

        def all_there() -> bool:
            message = listener.get_message(timeout=0.1)
            if message is not None:
                got.add((message["channel"], message["data"]))
            return got == {("channel:3", "hello"), ("news.x", "read")}

        wait_for(all_there)


def test_a_listener_may_be_silent_for_longer_than_any_timeout(tmp_path: Path) -> None:
    short = "timeout client 500ms", "timeout server 500ms"
    with beside_redis(tmp_path, *short) as beside, Client(beside.proxy.port) as listener:
        listener.ask("PSUBSCRIBE", "*")
        listener.socket.settimeout(0.8)
        with pytest.raises(TimeoutError):
            listener.reply()
        assert ask(beside.proxy.port, "PUBLISH", "c", "x") == 1
        assert listener.reply() == [b"pmessage", b"*", b"c", b"x"]


def test_a_listener_that_leaves_takes_its_connections_with_it(tmp_path: Path) -> None:
    with beside_redis(tmp_path) as beside:
        assert ask(beside.proxy.port, "PUBLISH", "c", "x") == 0
        beside.proxy.stats.wait_until_idle("FRONTEND")
        before = beside.proxy.descriptors
        clients = [Client(beside.proxy.port) for _ in range(20)]
        for client in clients:
            client.ask("PSUBSCRIBE", "*")
        assert beside.proxy.descriptors == before + 20 * 4
        assert ask(beside.proxy.port, "PUBLISH", "c", "x") == 20
        for client in clients[:10]:
            assert client.reply()[0] == b"pmessage"
            assert client.ask("PUNSUBSCRIBE") == [b"punsubscribe", b"*", 0]
        wait_for(lambda: beside.proxy.descriptors == before + 10 * 4 + 10)
        for client in clients:
            client.socket.close()
        wait_for(lambda: beside.proxy.descriptors == before)


def test_one_who_does_not_read_is_dropped_and_told_of(tmp_path: Path) -> None:
    with beside_redis(tmp_path) as beside, Client(beside.proxy.port) as slow, Client(beside.proxy.port) as quick:
        slow.ask("SUBSCRIBE", "c")
        quick.ask("SUBSCRIBE", "c")
        before = beside.proxy.resident_bytes
        with Client(beside.proxy.port) as publisher:
            for _ in range(400):
                publisher.ask("PUBLISH", "c", b"x" * 100_000)
                assert quick.reply()[2] == b"x" * 100_000
            wait_for(lambda: publisher.ask("PUBLISH", "c", "after") == 1)
        assert beside.proxy.resident_bytes - before < 40 << 20
        assert "messages untaken and is dropped" in beside.proxy.log
        with pytest.raises((EOFError, ConnectionResetError)):
            slow.replies(400)


def test_a_server_that_dies_ends_what_listens_to_it(tmp_path: Path) -> None:
    with (
        killable_redis(tmp_path) as a,
        proxy("wproxy", tmp_path, "balance key", f"server a 127.0.0.1:{a.port}", mode="redis") as made,
        Client(made.port) as listener,
        Client(made.port) as late,
    ):
        listener.ask("SUBSCRIBE", "c")
        a.kill()
        assert listener.rest() == b""
        assert str(late.ask("SUBSCRIBE", "c")).startswith("SERVERDOWN")
        assert str(late.ask("PUBLISH", "c", "x")).startswith("SERVERDOWN")
        made.stats.ask("disable server main/a")
        assert str(late.ask("SUBSCRIBE", "c")).startswith("SERVERDOWN")
        assert b"flags=N" in late.ask("CLIENT", "INFO")
        made.stats.ask("enable server main/a")
        a.start()
        wait_for(lambda: late.ask("SET", "k", "v") == b"OK")
        assert late.ask("SUBSCRIBE", "c") == [b"subscribe", b"c", 1]


def test_round_robin_has_channels_too(tmp_path: Path) -> None:
    with beside_redis(tmp_path, balance="roundrobin") as beside, Client(beside.proxy.port) as listener:
        listener.send(pack("SUBSCRIBE", *CHANNELS))
        listener.replies(len(CHANNELS))
        for channel in CHANNELS:
            assert ask(beside.proxy.port, "PUBLISH", channel, "x") == 1
            assert listener.reply() == [b"message", channel.encode(), b"x"]
