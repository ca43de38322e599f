from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Level, Mode
from wproxy.state.hotkeys import Wish
from wproxy.state.redis_view import RedisView
from wproxy.state.slowlog import SlowCommand

SLOW = "# backend,time,microseconds,client,server,commands,command\n"
HOT = "# backend,key,looked_at,times,error,percent,per_s\n"
STATE = "# backend,slowlog_us,slowlog_max_len,slowlog_kept,slow_ever,hotkeys_s_left,hotkeys_one_in\n"


def redis_client(level: Level = Level.ADMIN) -> tuple[Client, RedisView]:
    client = Client(level)
    backend = client.registry.backends["back"]
    backend.config = replace(backend.config, mode=Mode.REDIS)
    view = backend.view = RedisView(None, 128)
    return client, view


def test_slow_commands_the_last_first() -> None:
    client, view = redis_client(Level.OPERATOR)
    for at in (1.5, 2.5):
        view.slowlog.keep(SlowCommand(at, 12_000, "192.0.2.1:5", "a", 2, r'"set" "a\"b"'))
    line = r'back,{}.500000,12000,192.0.2.1:5,a,2,"""set"" ""a\""b"""'
    both = SLOW + line.format(2) + "\n" + line.format(1) + "\n\n"
    assert client.say("show redis slowlog") == client.say("show redis slowlog back 5") == both
    assert client.say("show redis slowlog 1") == SLOW + line.format(2) + "\n\n"
    assert client.say("clear redis slowlog back") == "\n"
    assert client.say("show redis slowlog") == SLOW + "\n"


def test_a_threshold_at_runtime() -> None:
    client, view = redis_client()
    assert client.say("set redis slowlog back 250us max-len 5") == "\n"
    assert (view.slowlog.slower_us, view.slowlog.most) == (250, 5)
    assert client.say("show redis view") == STATE + "back,250,5,0,0,,\n\n"
    assert client.say("set redis slowlog back off") == "\n"
    assert client.say("show redis view back") == STATE + "back,,5,0,0,,\n\n"


def test_hot_keys_for_a_time() -> None:
    client, view = redis_client()
    assert client.say("show redis hotkeys") == HOT + "\n"
    assert client.say("set redis hotkeys back 10s one-in 2") == "\n"
    assert view.hotkeys is not None
    now = client.control.clock()
    assert view.hotkeys.wish == Wish(now, now + 10, 2)
    view.hotkeys.sampler.passed, view.hotkeys.sampler.looked = 8, 4
    for key in (b"k", b'"\n', b"k", b"k"):
        view.hotkeys.take([key], [len(key)])
    client.control.clock.now += 2  # type: ignore[attr-defined]
    k, odd = 'back,"""k""",4,3,0,75.00,3.0\n', 'back,"""\\""\\n""",4,1,0,25.00,1.0\n'
    assert client.say("show redis hotkeys") == HOT + k + odd + "\n"
    assert client.say("show redis hotkeys back 1") == HOT + k + "\n"
    assert client.say("show redis view") == STATE + "back,,128,0,0,8.0,2\n\n"
    assert client.say("set redis hotkeys back off") == "\n"
    assert client.say("show redis view") == STATE + "back,,128,0,0,,2\n\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("show redis slowlog nonsense", "No such backend."),
        ("show redis slowlog back 0", "A number has to be >= 1, not 0."),
        ("show redis slowlog back x", "A number expects an integer, not 'x'."),
        ("set redis slowlog", "A backend name is expected."),
        (
            "set redis slowlog back",
            "'set redis slowlog <backend>' expects '<time>|off [max-len <number>]', for instance '10ms max-len 128'.",
        ),
        ("set redis hotkeys back", "'set redis hotkeys <backend>' expects '<time>|off [one-in <number>]'."),
        ("set redis hotkeys back 5s 7 8", "'set redis hotkeys <backend>' expects '<time>|off [one-in <number>]'."),
        ("set redis hotkeys back 0", "Expects a time above 0, not '0'."),
        ("set redis hotkeys back 2d", "A time of up to 3600s is expected, not '2d'."),
    ],
)
def test_what_cannot_be_done_is_one_line(line: str, words: str) -> None:
    assert redis_client()[0].say(line) == words + "\n\n"


def test_other_modes_and_levels() -> None:
    client = Client()
    assert client.say("show redis slowlog") == SLOW + "\n"
    assert client.say("set redis slowlog back 1ms") == "This backend is not in mode redis.\n\n"
    assert redis_client(Level.USER)[0].say("show redis slowlog") == "Permission denied\n\n"
    assert redis_client(Level.OPERATOR)[0].say("set redis slowlog back 1ms") == "Permission denied\n\n"
