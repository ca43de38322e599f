"""Runs `wproxy capture` beside a count of the packets that does not come from it, and makes traffic for it."""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from capture.messages import Observation, decode
from capture.spool import SpoolReader
from tests.support.programs import START_TIMEOUT_S, WPROXY, free_port, lack, need, running
from tests.support.tcp_server import TIMEOUT_S
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
PACKETS_PER_CONNECTION = 5  # SYN, ACK, the data, FIN, ACK: what `connect` sends to the port, over loopback always


def need_capture() -> None:
    """Skip the test where packet sockets are not allowed; fail it in CI."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        lack("no permission to capture (CAP_NET_RAW)")


@dataclass
class Capture:
    """A running `wproxy capture`; what it logged stands in `log`."""

    process: subprocess.Popen[bytes]
    log: Path
    metrics_port: int

    def counters(self) -> dict[str, int]:
        """Return the counters of its metrics page, without prefix and suffix, summed over labels."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
            text = response.read().decode()
        counters: dict[str, int] = {}
        for family in text_string_to_metric_families(text):
            name = family.name.removeprefix("wproxy_capture_")
            counters[name] = sum(int(sample.value) for sample in family.samples)
        return counters

    def wait_for_count(self, name: str, count: int, timeout_s: float = 20.0) -> dict[str, int]:
        """Return the counters when `name` has reached `count`."""
        wait_for(lambda: self.counters()[name] >= count, timeout_s, f"{name} ≥ {count}")
        return self.counters()

    def stop(self) -> str:
        """End it by SIGTERM; return its last line, the counters."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(START_TIMEOUT_S) == 0, self.log.read_text()
        return self.log.read_text().splitlines()[-1]


def options(folder: Path, queue: str, *more: str) -> list[str]:
    """Return the command of a capture whose state is in `folder`."""
    return [*WPROXY, "capture", "--queue", queue, "--spool-dir", str(folder / "state"), *more]


@contextmanager
def capturing(folder: Path, queue: str, *more: str, name: str = "capture") -> Iterator[Capture]:
    """Run a capture on `lo`, yield it when it is ready."""
    metrics_port = free_port()
    command = options(folder, queue, "--metrics", f"127.0.0.1:{metrics_port}", "--sensor", "test", *more)
    log = folder / f"{name}.log"
    with running(command, folder, name, env={"PYTHONPATH": str(ROOT)}) as process:
        capture = Capture(process, log, metrics_port)

        def ready() -> bool:
            if process.poll() is not None:
                pytest.fail(f"capture ended with {process.returncode}:\n{log.read_text()}")
            return "wproxy capture: listening on " in log.read_text() or "wproxy capture: watching " in log.read_text()

        wait_for(ready, START_TIMEOUT_S, "capture is ready")
        yield capture


def connect(host: str, port: int, count: int) -> list[tuple[str, int]]:
    """Open `count` connections to `host`:`port`, one after the other, say something on each; return where from."""
    sources = []
    for _ in range(count):
        with socket.create_connection((host, port), TIMEOUT_S) as connection:
            connection.sendall(b"hello")
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""  # the other end has read to the end, and closed
            sources.append(connection.getsockname()[:2])
    return sources


def spooled(folder: Path) -> list[Observation]:
    """Return the observations in the spool in `folder`, in order."""
    with closing(SpoolReader(folder)) as reader:
        batches = [decode(record.payload) for record in reader.read(1_000_000)]
    return [observation for batch in batches for observation in batch.observations]


@contextmanager
def tcpdump(folder: Path, expression: str) -> Iterator[Path]:
    """Run tcpdump on what arrives at `lo` within the block; yields the file, complete after the block."""
    path = folder / "tcpdump.pcap"
    command = [need("tcpdump"), "-i", "lo", "-Q", "in", "-n", "-U", "-B", "8192", "-s", "128", "-Z", "root"]
    process = subprocess.Popen([*command, "-w", str(path), expression], stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process.stderr:
        assert select.select([process.stderr], [], [], 10.0)[0], "tcpdump says nothing"
        assert b"listening on lo" in process.stderr.readline()
        try:
            yield path
        finally:
            process.send_signal(signal.SIGINT)
            summary = process.stderr.read().decode()
            process.wait(10.0)
    assert "0 packets dropped by kernel" in summary, summary
