"""Every observation that was captured is in Redis, whatever is killed in between."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from redis import Redis

from capture.topology import dead_letters
from tests.support.capturing import need_capture
from tests.support.packets import replay, sender, write_pcap
from tests.support.soaking import QUEUE, TTL_S, Faults, Pipeline, counters_of, pipeline
from tests.support.veth import wire
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

SEED = int(os.environ.get("SOAK_SEED", "0")) or time.time_ns() % 1_000_000  # printed when the test fails
_AT_ONCE = 10_000


@pytest.mark.long
@pytest.mark.timeout(240)
def test_nothing_is_lost_in_15_seconds(tmp_path: Path) -> None:
    soak(tmp_path, 5_000, seconds=15, rounds=1)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_nothing_is_lost_in_60_seconds(tmp_path: Path) -> None:
    soak(tmp_path, 20_000, seconds=60, rounds=3)


def soak(folder: Path, rate: int, seconds: int, rounds: int) -> None:
    """Send `rate` packets a second while everything goes away and comes back, then look for every one of them."""
    need_capture()
    count = rate * seconds
    write_pcap(folder / "soak.pcap", count)
    with wire() as line, pipeline(folder, line) as made:
        wait_for(lambda: made.broker.has_queue(QUEUE), 20.0, "the queue")
        faults = Faults(made, SEED, seconds, rounds)
        began_ns = time.time_ns()
        with subprocess.Popen(replay(line, folder / "soak.pcap", rate), stdout=subprocess.PIPE, text=True) as sending:
            faults.start()
            said, _ = sending.communicate()
        ended_ns = time.time_ns()
        faults.join()
        print(f"seed {SEED}: {', '.join(faults.told)}\n{said}")
        assert f"Actual: {count} packets" in said
        captured = settle(made, count)
        check_capture(captured, count)
        keys, senders = check_keys(made, began_ns, ended_ns)
        assert len(keys) == len(senders) == captured["parsed"] == count - captured["kernel_drops"]
        assert senders <= {sender(index) for index in range(count)}
        check_balance(made, captured)
        check_consumers(made)
        made.capture.stop()


def settle(made: Pipeline, count: int) -> dict[str, int]:
    """Return capture's counters when all that it saw is stored."""

    def done() -> dict[str, int] | None:
        now = made.capture_view.counters()
        seen = now["packets"] == now["kernel_drops"] + now["parsed"] + now["unparsed"] + now["ignored"]
        return now if seen and now["packets"] >= count and made.stored() >= now["parsed"] else None

    try:
        found = wait_for(done, 90.0, "everything is stored", pause_s=0.2)
    except TimeoutError as error:
        error.add_note(f"{made.capture_view.counters()}, {made.stored()} stored")
        raise
    assert found is not None
    return found


def check_capture(captured: dict[str, int], count: int) -> None:
    """Capture's counters agree to the unit."""
    sent = count + captured["ignored"] + captured["unparsed"]  # the kernel's own neighbour discovery is ignored
    assert captured["packets"] == sent
    assert captured["parsed"] == count - captured["kernel_drops"]
    assert captured["dropped"] == captured["expired"] == captured["torn"] == 0
    assert captured["queued"] == captured["parsed"]
    assert captured["queued"] + captured["drained"] == captured["confirmed"] + captured["spooled"]
    assert captured["drained"] == captured["spooled"] > 0
    assert captured["kernel_drops"] <= count // 4  # a busy machine drops some; what is captured is what counts


def check_keys(made: Pipeline, began_ns: int, ended_ns: int) -> tuple[set[bytes], set[tuple[str, int]]]:
    """Return the keys of both servers and their senders; each stands on one of them and expires when it should."""
    found: set[bytes] = set()
    senders: set[tuple[str, int]] = set()
    total = 0
    for server in made.servers:
        with Redis(port=server.port) as client:
            keys = list(client.scan_iter("obs|*", count=_AT_ONCE))
            total += client.dbsize()
            found.update(keys)
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                asked = client.pipeline(transaction=False)
                for key in some:
                    asked.pexpiretime(key)
                for key, value, expires_ms in zip(some, client.mget(some), asked.execute(), strict=True):
                    _, source, _, moment, _, _ = key.decode().split("|")
                    senders.add((source, int(value.partition(b"|")[0])))
                    seen_ns = int(moment)
                    assert began_ns <= seen_ns <= ended_ns
                    assert abs(expires_ms - (seen_ns / 1e6 + TTL_S * 1_000)) <= 10
    assert total == len(found), "an observation stands twice"
    return found, senders


def check_balance(made: Pipeline, captured: dict[str, int]) -> None:
    """What `wproxy show ingest` says adds up; the counts of killed consumers are missing from what was stored."""
    found = made.balance()
    under_way = found["in_capture"], found["in_spool"], found["in_hand"]
    assert (found["captured"], found["kernel_drops"], *under_way) == (
        captured["parsed"],
        captured["kernel_drops"],
        0,
        0,
        0,
    )
    assert found["stored"] + found["in_flight"] - found["came_again"] == captured["parsed"]
    assert found["dead_lettered"] == found["expired"] == found["unreadable"] == 0


def check_consumers(made: Pipeline) -> None:
    """The queue is empty, nothing is dead, and the consumers' counters agree to the unit."""
    for one in made.consumers:
        counters = counters_of(one.stop())
        assert counters["received_batches"] == counters["acked"] + counters["returned"]
        assert counters["received_observations"] == counters["written"]
        assert counters["expired"] == counters["refused"] == counters["poison"] == 0
        assert "Traceback" not in one.log.read_text()
    assert made.broker.ready_messages(QUEUE) == 0
    assert made.broker.ready_messages(dead_letters(QUEUE)) == 0
