"""The ingest pipeline: how many observations a second each stage takes, and how late a key is behind its packet.

tcpreplay ─▶ capture ─▶ RabbitMQ ─▶ consumer(s) ─▶ proxy (balance key) ─▶ two Redis
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from redis import Redis

from capture.messages import encode
from tests.support.consuming import batch, publish
from tests.support.packets import DESTINATION, PORT, replay, write_pcap
from tests.support.programs import WPROXY
from tests.support.soaking import QUEUE, Pipeline, pipeline
from tests.support.veth import Wire, wire
from tests.support.waiting import wait_for

ROWS = ("ingest publish", "ingest consume", "ingest end to end")
STEADY = "ingest steady"
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_BATCH = 1_000
_PUBLISHED = 500  # batches
_SECONDS = 10
_RATES = (20_000, 40_000, 60_000, 80_000, 100_000)
_STEADY_RATE = 5_000
_STEADY_TTL_S = 60
_STEADY_S = 150  # the first keys are gone for long by then
_ON_TIME_S = 2.0  # what is stored this long after the last packet was sustained, not caught up with


def run(only: str) -> None:
    """Measure the rows whose name holds `only` and print each."""
    if only in STEADY:
        _steady()
    wanted = [name for name in ROWS if only in name]
    if not wanted:
        return
    with tempfile.TemporaryDirectory(prefix="wproxy-bench-") as name, wire() as line:
        folder = Path(name)
        with pipeline(folder, line, durable=False) as made:
            wait_for(lambda: made.broker.has_queue(QUEUE), 20.0, "the queue")
            for row, measure in zip(ROWS, (_publish, _consume, _end_to_end), strict=True):
                if row in wanted:
                    measure(made, line, folder)


def _publish(made: Pipeline, line: Wire, folder: Path) -> None:
    """Read a file as fast as it goes, into a queue that nobody reads."""
    count = _PUBLISHED * _BATCH
    write_pcap(folder / "publish.pcap", count)
    command = [*WPROXY, "capture", "--queue", f"{made.broker.url}?queue=bench", "--spool-dir", str(folder / "bench")]
    command += ["--listen", f"{DESTINATION}:{PORT}", "--read", str(folder / "publish.pcap")]
    began, before = time.monotonic(), os.times()
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    took, after = time.monotonic() - began, os.times()
    assert f"{count} confirmed" in done.stderr, done.stderr
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    print(
        f"ingest publish: {count / took:,.0f} observations/s confirmed by RabbitMQ, from a pcap file, start and end "
        f"included ({spent / count * 1e6:.1f} µs of processor each)",
        flush=True,
    )
    with made.broker.channel() as channel:
        channel.queue_delete("bench")


def _consume(made: Pipeline, line: Wire, folder: Path) -> None:
    """Have one consumer, then two, take a full queue."""
    for number in (1, 2):
        for one in made.consumers:
            one.kill()
        _consume_with(made, number)


def _consume_with(made: Pipeline, number: int) -> None:
    _flush(made)
    publish(made.broker, QUEUE, [encode(batch(each * _BATCH, _BATCH)) for each in range(_PUBLISHED)])
    count = _PUBLISHED * _BATCH
    for one in made.consumers[:number]:
        one.start()
    wait_for(lambda: made.stored() > 0, 30.0, "the first key")
    with _load(made) as load:
        first, began = made.stored(), time.monotonic()
        wait_for(lambda: made.stored() >= count, 120.0, "every key", pause_s=0.05)
        took = time.monotonic() - began
    print(
        f"ingest consume, {number} consumer(s): {(count - first) / took:,.0f} observations/s; {load(count - first)}",
        flush=True,
    )
    for one in made.consumers[:number]:
        one.stop()


def _end_to_end(made: Pipeline, line: Wire, folder: Path) -> None:
    """Send at rising rates, past the one at which the pipeline falls behind."""
    for one in made.consumers:
        one.kill()  # it may not run
        one.start()
    for rate in _RATES:
        _flush(made)
        _send(made, line, folder / "end.pcap", rate)


def _send(made: Pipeline, line: Wire, path: Path, rate: int) -> None:
    write_pcap(path, rate * _SECONDS)
    before = made.capture_view.counters()
    with _lags(made) as lags, _load(made) as load:
        subprocess.run(replay(line, path, rate), check=True, capture_output=True, timeout=60)
        ended = time.monotonic()
        wait_for(lambda: _is_stored(made, before) or time.monotonic() > ended + _ON_TIME_S, 10.0, pause_s=0.05)
        late, on_time = time.monotonic() - ended, made.stored()
    after = made.capture_view.counters()
    drops, captured = after["kernel_drops"] - before["kernel_drops"], after["parsed"] - before["parsed"]
    p99 = quantiles(lags, n=100)[98] if len(lags) > 1 else 0.0
    verdict = "sustained" if on_time == captured and not drops else "not sustained"
    print(
        f"ingest end to end, {rate:,} packets/s for {_SECONDS} s: {verdict}; captured {captured:,}, dropped by the "
        f"kernel {drops:,}, stored {on_time:,} {late:.1f} s after the last packet; "
        f"lag p50 {median(lags or [0]):.0f} ms, p99 {p99:.0f} ms; {load(on_time)}",
        flush=True,
    )
    wait_for(lambda: _is_stored(made, before), 120.0, "the rest")


def _steady() -> None:
    """Send at one rate for longer than keys live: what is held at a time, and what it takes (docs/scaling.md)."""
    with tempfile.TemporaryDirectory(prefix="wproxy-bench-") as name, wire() as line:
        folder = Path(name)
        with pipeline(folder, line, durable=False, ttl_s=_STEADY_TTL_S) as made:
            wait_for(lambda: made.broker.has_queue(QUEUE), 20.0, "the queue")
            empty = _memory(made)
            write_pcap(folder / "steady.pcap", _STEADY_RATE * _STEADY_S)
            before = made.capture_view.counters()
            began = time.monotonic()
            with _load(made) as load:
                subprocess.run(
                    replay(line, folder / "steady.pcap", _STEADY_RATE), check=True, capture_output=True, timeout=600
                )
                took = time.monotonic() - began
                held, memory = made.stored(), _memory(made) - empty
            after = made.capture_view.counters()
            captured, drops = (after[each] - before[each] for each in ("parsed", "kernel_drops"))
            print(
                f"{STEADY}, {_STEADY_RATE:,} packets/s for {took:.0f} s, kept for {_STEADY_TTL_S} s: captured "
                f"{captured:,}, dropped by the kernel {drops:,}, at the end {held:,} keys in {memory / 1e6:.1f} MB of "
                f"Redis memory ({memory / max(held, 1):.0f} bytes each); {load(captured)}",
                flush=True,
            )


def _memory(made: Pipeline) -> int:
    """Return how many bytes all Redis servers use."""
    total = 0
    for server in made.servers:
        with Redis(port=server.port) as client:
            total += int(client.info("memory")["used_memory"])
    return total


def _flush(made: Pipeline) -> None:
    for server in made.servers:
        with Redis(port=server.port) as client:
            client.flushall()


def _is_stored(made: Pipeline, before: dict[str, int]) -> bool:
    now = made.capture_view.counters()
    return made.stored() >= now["parsed"] - before["parsed"] > 0 and now["confirmed"] == now["parsed"]


@contextmanager
def _lags(made: Pipeline) -> Iterator[list[float]]:
    """Yield a list that fills with the milliseconds from capture to key, of one key in a hundred."""
    lags: list[float] = []
    stopping = threading.Event()

    def listen(port: int) -> None:
        with Redis(port=port, decode_responses=True) as client, client.pubsub() as events:
            events.psubscribe("__keyspace@0__:obs|*|*|*77|soak|*")
            while not stopping.is_set():
                message = events.get_message(timeout=0.1)
                if message is not None and message["data"] == "set":
                    lags.append((time.time_ns() - int(message["channel"].split("|")[3])) / 1e6)

    threads = []
    for server in made.servers:
        with Redis(port=server.port) as client:
            client.config_set("notify-keyspace-events", "K$")
        threads.append(threading.Thread(target=listen, args=(server.port,)))
        threads[-1].start()
    try:
        yield lags
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


@contextmanager
def _load(made: Pipeline) -> Iterator[Callable[[int], str]]:
    """Yield a function that tells, after the block, what each of so many observations cost each program within it.

    The first one named is the bottleneck: with a core of its own it can do a million divided by its microseconds.
    """
    before = _spent(made)
    seconds: dict[str, float] = {}

    def told(count: int) -> str:
        each = {name: spent / max(count, 1) * 1e6 for name, spent in seconds.items()}
        busiest = sorted(each.items(), key=lambda item: -item[1])
        return "µs of processor: " + ", ".join(f"{name} {us:.1f}" for name, us in busiest)

    yield told
    seconds.update({name: spent - before.get(name, 0.0) for name, spent in _spent(made).items()})


def _spent(made: Pipeline) -> dict[str, float]:
    """Return the processor seconds of every program that runs."""
    processes = {
        "RabbitMQ": made.broker.process,
        "proxy": made.proxy.process,
        "capture": made.capture.process,
        "consumer 1": made.consumers[0].process,
        "consumer 2": made.consumers[1].process,
        "Redis 30": made.servers[0].process,
        "Redis 70": made.servers[1].process,
    }
    return {name: _processor_s(process.pid) for name, process in processes.items() if process is not None}


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S
