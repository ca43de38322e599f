"""capture beside tcpdump and dumpcap: the same 64-byte packets over a veth pair between two network namespaces.

Each program in turn watches the same traffic, at the same rates. tcpdump and dumpcap write to /dev/null; capture
decodes, encodes and writes its batches to a spool in memory. What a program lost it says itself: packets the kernel
dropped for it, and what it dropped of its own.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.measure import memory_kb, processor_s
from tests.bench.sender import DESTINATION
from tests.support.namespaces import ip
from tests.support.programs import WPROXY, need, running
from tests.support.waiting import wait_for

NAME = "capture"
RATES = (100_000, 300_000, 600_000, 0)  # packets/s; 0 is as fast as the senders can
SECONDS = 3.0
SENDERS = 3
_ROOT = Path(__file__).resolve().parent.parent.parent
_FILTER = f"tcp dst port {DESTINATION[1]} and dst host {DESTINATION[0]}"


@dataclass(frozen=True, slots=True)
class Watcher:
    """A program that watches an interface: how it is started, what it says when it is ready and at its end."""

    name: str
    command: tuple[str, ...]
    ready: str
    received: str
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """What one program made of one load: packets, seconds, packets lost; processor µs per packet, memory in MB."""

    sent: int
    seconds: float
    received: int
    lost: int
    cpu_us: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Network:
    """Two network namespaces with a cable between them."""

    sending: str
    watching: str
    sending_end: str
    watching_end: str


@contextmanager
def network() -> Iterator[Network]:
    """Make the namespaces and the cable, and take them away."""
    mark = f"wpb{os.getpid()}"
    made = Network(f"{mark}-tx", f"{mark}-rx", f"{mark}t", f"{mark}r")
    with ExitStack() as stack:
        for namespace in (made.sending, made.watching):
            ip("netns", "add", namespace)
            stack.callback(ip, "netns", "del", namespace)
        peer = ("peer", "name", made.watching_end, "netns", made.watching)
        ip("link", "add", made.sending_end, "netns", made.sending, "type", "veth", *peer)
        ip("-n", made.sending, "link", "set", made.sending_end, "up")
        ip("-n", made.watching, "link", "set", made.watching_end, "up")
        yield made


def watchers(interface: str, spool: Path) -> list[Watcher]:
    """Return the programs that are compared."""
    listen = f"{DESTINATION[0]}:{DESTINATION[1]}"
    wproxy = ("capture", "--no-listen", "--listen", listen, "--interface", interface, "--spool-limit", "8000")
    common = ("-i", interface, "-s", "128", "-w", "/dev/null")
    return [
        Watcher(
            "wproxy capture",
            (*WPROXY, *wproxy, "--queue", f"spool://{spool}", "--spool-dir", str(spool.parent)),
            "watching ",
            r"(\d+) packets, \d+ dropped by the kernel",
            (r"(\d+) dropped by the kernel", r"(\d+) dropped, "),
        ),
        Watcher(
            "tcpdump",
            (need("tcpdump"), *common, "-n", "-Z", "root", _FILTER),
            "listening on",
            r"(\d+) packets received by filter",
            (r"(\d+) packets dropped by kernel",),
        ),
        Watcher(
            "dumpcap",
            (need("dumpcap"), *common, "-q", "-f", _FILTER),
            "File: ",
            r"'\w+': (\d+)/",
            (r"'\w+': \d+/(\d+) ",),
        ),
    ]


def measure(watcher: Watcher, net: Network, rate: int, folder: Path) -> Round:
    """Let `watcher` watch `rate` packets/s for SECONDS."""
    log = folder / "watcher.log"
    command = [need("ip"), "netns", "exec", net.watching, *watcher.command]
    with running(command, folder, "watcher", env={"PYTHONPATH": str(_ROOT)}) as process:
        wait_for(lambda: watcher.ready in log.read_text(), 20.0, f"{watcher.name} is ready")
        before_s = processor_s(process.pid)
        sent, seconds = _send(net, rate)
        _wait_until_idle(process.pid)
        spent_s, memory = processor_s(process.pid) - before_s, memory_kb(process.pid) / 1024
        process.send_signal(signal.SIGINT)
        process.wait(30.0)
    text = log.read_text()
    received = _number(watcher.received, text)
    if watcher.name == "dumpcap":
        received += _number(watcher.lost[0], text)  # the only one of the three that counts them apart
    lost = sum(_number(pattern, text) for pattern in watcher.lost)
    return Round(sent, seconds, received, lost, spent_s / max(received - lost, 1) * 1e6, memory)


def run(rounds: int) -> None:
    """Measure every rate and print it as soon as it is measured."""
    print("capture: 64-byte packets over veth; lost: packets of all rounds together; cpu: µs per packet taken")
    shared = Path("/dev/shm")
    with (
        network() as net,
        tempfile.TemporaryDirectory(prefix="wproxy-bench-", dir=shared if shared.is_dir() else None) as name,
    ):
        folder = Path(name)
        best = dict.fromkeys(("wproxy capture", "tcpdump", "dumpcap"), 0.0)
        for rate in RATES:
            label = f"capture at {rate:,} packets/s" if rate else "capture at full rate"
            programs = watchers(net.watching_end, folder / "spool")
            figures: dict[str, list[Round]] = {program.name: [] for program in programs}
            for _ in range(rounds):
                for program in programs:
                    figures[program.name].append(measure(program, net, rate, folder))
                    _empty(folder / "spool")
            _print(label, figures)
            for watcher, measured in figures.items():
                lossless = [one.received / one.seconds for one in measured if not one.lost]
                best[watcher] = max([best[watcher], *lossless])
    print("most taken in a round without loss: " + ", ".join(f"{who} {most:,.0f}/s" for who, most in best.items()))


def _send(net: Network, rate: int) -> tuple[int, float]:
    command = [need("ip"), "netns", "exec", net.sending, sys.executable, "-m", "tests.bench.sender"]
    arguments = [net.sending_end, str(rate // SENDERS), str(SECONDS)]
    senders = [
        subprocess.Popen([*command, *arguments], cwd=_ROOT, stdout=subprocess.PIPE, text=True) for _ in range(SENDERS)
    ]
    answers = [json.loads(sender.communicate(timeout=SECONDS + 60)[0]) for sender in senders]
    return sum(answer["packets"] for answer in answers), max(answer["seconds"] for answer in answers)


def _wait_until_idle(pid: int) -> None:
    """Return when the process has nothing left to do: it has not run for a while."""
    spent = [-1.0]

    def idle() -> bool:
        spent.append(processor_s(pid))
        return len(spent) > 20 and spent[-1] == spent[-20]

    wait_for(idle, 60.0, "the last packets are taken")


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, f"no {pattern!r} in:\n{text}"
    return int(found[1])


def _empty(spool: Path) -> None:
    for path in spool.glob("*.seg"):
        path.unlink()


def _print(label: str, figures: dict[str, list[Round]]) -> None:
    print(f"{label}:")
    for name, rounds in figures.items():
        offered = median(one.received / one.seconds for one in rounds)
        taken = [(one.received - one.lost) / one.seconds for one in rounds]
        lost, received = sum(one.lost for one in rounds), sum(one.received for one in rounds)
        print(
            f"  {name:16} offered {offered:10,.0f}/s  taken {median(taken):10,.0f}/s "
            f"({min(taken):,.0f}–{max(taken):,.0f})  lost {lost:9,} ({100 * lost / max(received, 1):.2f} %)  "
            f"cpu {median(one.cpu_us for one in rounds):.2f}  {median(one.memory_mb for one in rounds):.0f} MB",
            flush=True,
        )
    pairs = zip(figures["wproxy capture"], figures["tcpdump"], strict=True)
    ratios = [(our.received - our.lost) / our.seconds / ((its.received - its.lost) / its.seconds) for our, its in pairs]
    print(f"  taken by capture ÷ taken by tcpdump: {median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})")
