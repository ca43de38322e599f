from __future__ import annotations

from dataclasses import replace

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Level, Mode
from wproxy.state.commands import CommandCounters

HEAD = "# backend,server,command,calls,errors,p50_us,p99_us,p999_us\n"


def redis_client() -> Client:
    client = Client(Level.USER)
    backend = client.registry.backends["back"]
    backend.config = replace(backend.config, mode=Mode.REDIS)
    return client


def test_a_line_for_each_server_and_command() -> None:
    client = redis_client()
    get, set_ = CommandCounters(1000, 2), CommandCounters(3, 1)
    get.latencies.add(100, 990)
    get.latencies.add(1000, 10)
    client.a.counters.commands.update({"set": set_, "get": get})
    a = "back,a,ALL,1003,3,103,103,1023\nback,a,get,1000,2,103,103,1023\nback,a,set,3,1,,,\n"
    table = HEAD + a + "back,b,ALL,0,0,,,\n\n"
    assert client.say("show redis") == client.say("show redis back") == client.say("show redis #3") == table


def test_other_backends_have_none() -> None:
    assert Client().say("show redis") == HEAD + "\n"
    assert Client().say("show redis back") == "This backend is not in mode redis.\n\n"
    assert Client().say("show redis nonsense") == "No such backend.\n\n"
