"""Three RabbitMQ nodes: the queue's leader is killed, comes back, is killed again, hangs, and nothing is lost."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from redis import Redis

from capture.topology import DEFAULT_QUEUE as QUEUE
from capture.topology import dead_letters
from tests.support.capturing import Capture, need_capture
from tests.support.packets import DESTINATION, PORT, replay, sender, write_pcap
from tests.support.programs import WPROXY, free_port, listening, redis_server
from tests.support.rabbitmq import Broker
from tests.support.rabbitmq_cluster import Cluster, rabbitmq_cluster
from tests.support.restartable import Restartable, restartable
from tests.support.soaking import CONFIG, counters_of
from tests.support.veth import Wire, wire
from tests.support.waiting import wait_for

RATE = 1_000
MOST = RATE * 240
FLOWING = 5 * RATE  # so many more are stored: the pipeline is at work again
LONGEST_PAUSE_KILLED_S = 30.0
LONGEST_PAUSE_HANGS_S = 90.0


class Flow:
    """Notes when keys come to the servers, in a thread of its own."""

    def __init__(self, ports: tuple[int, int]) -> None:
        self._clients = [Redis(port=port) for port in ports]
        self._stopping = Event()
        self._thread = threading.Thread(target=self._watch, name="flow")
        self.seen: list[tuple[float, int]] = [(time.monotonic(), 0)]

    @property
    def stored(self) -> int:
        return self.seen[-1][1]

    def longest_pause_s(self, since: float) -> float:
        """Return the longest time since a moment, by the monotonic clock, in which no key came."""
        moments = [since, *(moment for moment, _ in self.seen if moment > since)]
        return max(after - before for before, after in pairwise(moments))

    def __enter__(self) -> Flow:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        for client in self._clients:
            client.close()

    def _watch(self) -> None:
        while not self._stopping.wait(0.02):
            stored = sum(int(client.dbsize()) for client in self._clients)
            if stored > self.stored:
                self.seen.append((time.monotonic(), stored))


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_queues_leader_fails_and_nothing_is_lost(tmp_path: Path) -> None:
    need_capture()
    write_pcap(tmp_path / "packets.pcap", MOST)
    with (
        wire() as line,
        redis_server(tmp_path) as a,
        redis_server(tmp_path) as b,
        rabbitmq_cluster(tmp_path) as cluster,
        pipeline(tmp_path, line, cluster, (a, b)) as (capture, consumers),
        Flow((a, b)) as flow,
    ):
        wait_for(lambda: cluster.nodes[0].has_queue(QUEUE), 30.0, "the queue")
        began_ns = time.time_ns()
        with subprocess.Popen(
            replay(line, tmp_path / "packets.pcap", RATE), stdout=subprocess.PIPE, text=True
        ) as sending:
            try:
                wait_for(lambda: flow.stored >= FLOWING, 60.0, "the pipeline is at work")
                for _ in range(2):
                    with_leader_killed(cluster, flow)
                with_leader_frozen(cluster, flow)
            finally:
                sending.send_signal(signal.SIGINT)
                said, _ = sending.communicate(timeout=30.0)
        sent = re.search(r"Actual: (\d+) packets", said)
        assert sent is not None, said
        captured = capture.wait_for_count("parsed", int(sent[1]))
        wait_for(lambda: flow.stored >= captured["parsed"], 90.0, "everything is stored")
        assert captured["kernel_drops"] == captured["dropped"] == captured["expired"] == 0
        assert senders((a, b), began_ns) == [sender(index) for index in range(int(sent[1]))]
        check_consumers(consumers)
        assert [cluster.nodes[0].ready_messages(name) for name in (QUEUE, dead_letters(QUEUE))] == [0, 0]
        print(f"{sent[1]} packets, every one of them stored; {captured['spooled']} came by way of the spool")


@contextmanager
def pipeline(
    folder: Path, line: Wire, cluster: Cluster, servers: tuple[int, int]
) -> Iterator[tuple[Capture, tuple[Restartable, Restartable]]]:
    """Run a proxy before `servers`, two consumers that begin with different nodes, and a capture on `line`."""
    port, metrics = free_port(), free_port()
    (folder / "cluster.cfg").write_text(
        CONFIG.format(folder=folder, port=port, servers=servers).replace("inter 200ms", "inter 2s")
    )
    consume = [*WPROXY, "consume", "--redis", f"127.0.0.1:{port}", "--ttl", "20m", "--queue"]
    watch = [*WPROXY, "capture", "--queue", cluster.url(), "--sensor", "cluster", "--ttl", "20m", "--no-listen"]
    watch += ["--listen", f"{DESTINATION}:{PORT}", "--interface", line.near, "--spool-dir", str(folder / "state")]
    log = folder / "capture.log"
    with (
        restartable("proxy", folder, [*WPROXY, "-f", "cluster.cfg"], lambda: listening(port)),
        restartable("consumer1", folder, [*consume, cluster.url()]) as first,
        restartable("consumer2", folder, [*consume, cluster.url(1)]) as second,
        restartable(
            "capture",
            folder,
            [*watch, "--metrics", f"127.0.0.1:{metrics}"],
            lambda: "wproxy capture: watching" in log.read_text(),
        ) as watching,
    ):
        assert watching.process is not None
        yield Capture(watching.process, log, metrics), (first, second)


def with_leader_killed(cluster: Cluster, flow: Flow) -> None:
    """Kill the leader, see the rest go on, start it again, and wait until it takes part."""
    leader = cluster.leader(QUEUE)
    pause_s = pause_after(flow, lambda: leader.kill(QUEUE))
    assert pause_s < LONGEST_PAUSE_KILLED_S
    began = time.monotonic()
    leader.start()
    wait_for(lambda: leader.node in cluster.online(QUEUE), 60.0, "the node takes part again", pause_s=0.2)
    back_s = time.monotonic() - began
    print(f"leader {number(cluster, leader)} killed: {pause_s:.1f} s; takes part again {back_s:.1f} s after its start")


def with_leader_frozen(cluster: Cluster, flow: Flow) -> None:
    """Make the leader hang until the other nodes have given it up, see the rest go on, and let it go on, too."""
    leader = cluster.leader(QUEUE)
    down, began = cluster.times_down(leader), time.monotonic()
    try:
        pause_s = pause_after(flow, leader.freeze)
        assert pause_s < LONGEST_PAUSE_HANGS_S
        wait_for(lambda: cluster.times_down(leader) >= down + 2, 150.0, "the others give it up", pause_s=0.2)
        given_up_s = time.monotonic() - began
    finally:
        leader.thaw()
    # It does not always start anew by itself, and for half a minute it may not heed a SIGTERM.
    leader.kill(QUEUE)
    leader.start()
    wait_for(lambda: leader.node in cluster.online(QUEUE), 60.0, "the node takes part again", pause_s=0.2)
    name = f"leader {number(cluster, leader)}"
    print(f"{name} hung: {pause_s:.1f} s; given up within {given_up_s:.0f} s; takes part again when restarted")


def pause_after(flow: Flow, fault: Callable[[], None]) -> float:
    """Return for how long nothing was stored after `fault`, when observations are stored as before."""
    fault()
    since, before = time.monotonic(), flow.stored
    wait_for(lambda: flow.stored >= before + FLOWING, 120.0, "observations are stored again")
    return flow.longest_pause_s(since)


def number(cluster: Cluster, node: Broker) -> int:
    return cluster.nodes.index(node) + 1


def senders(ports: tuple[int, int], began_ns: int) -> list[tuple[str, int]]:
    """Return the senders of all keys in the order of their numbers, which must follow each other."""
    found: dict[int, tuple[str, int]] = {}
    for port in ports:
        with Redis(port=port, decode_responses=True) as client:
            keys = list(client.scan_iter("obs|*", count=10_000))
            for key, value in zip(keys, client.mget(keys), strict=True):
                _, source, _, moment, _, sequence = key.split("|")
                assert began_ns <= int(moment) <= time.time_ns()
                assert int(sequence) not in found, "an observation stands twice"
                found[int(sequence)] = source, int(value.partition("|")[0])
    assert sorted(found) == list(range(len(found)))
    return [found[sequence] for sequence in sorted(found)]


def check_consumers(consumers: tuple[Restartable, Restartable]) -> None:
    """Both worked, nothing was poison, and their counters agree to the unit."""
    for one in consumers:
        counters = counters_of(one.stop())
        assert counters["acked"] > 0
        assert counters["received_batches"] == counters["acked"] + counters["returned"]
        assert counters["received_observations"] == counters["written"]
        assert counters["expired"] == counters["refused"] == counters["poison"] == 0
        assert "Traceback" not in one.log.read_text()
