"""How capture lives on a machine: links that go and come, losses, the background, and the rights it gives up."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from capture.background import has_syslog, log_to_syslog
from capture.messages import Observation
from capture.options import Address
from capture.sieve import Sieve
from capture.sources import InterfaceSource
from capture.sources.scapy_quietly import quiet_scapy
from capture.targets import Targets
from tests.bench.sender import DESTINATION, SLOTS, SendRing
from tests.support.capturing import PACKETS_PER_CONNECTION, ROOT, capturing, connect, need_capture, options, spooled
from tests.support.namespaces import ip, own_network
from tests.support.pids import alive
from tests.support.programs import free_port
from tests.support.tun import tun
from tests.support.waiting import wait_for

with quiet_scapy():
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6

TARGETS = Targets([Address("192.0.2.1", 9000), Address("2001:db8::1", 9000)])
V4 = bytes(IP(src="198.51.100.1", dst="192.0.2.1") / TCP(sport=4, dport=9000))
V6 = bytes(IPv6(src="2001:db8::2", dst="2001:db8::1") / TCP(sport=6, dport=9000))


@pytest.fixture(autouse=True)
def _own_network() -> Iterator[None]:
    need_capture()
    with own_network():
        yield


def source(interface: str, *, with_ring: bool = True) -> InterfaceSource:
    return InterfaceSource(interface, TARGETS.filters(), Sieve(TARGETS), with_ring=with_ring)


def read(held: InterfaceSource, count: int) -> list[Observation]:
    """Return the next observations when they are `count`."""
    seen: list[Observation] = []

    def enough() -> bool:
        haul = held.read(0.05)
        assert haul is not None
        assert haul.unparsed == haul.ignored == 0
        seen.extend(Observation._make(row) for run in haul.runs for row in run.rows())
        return len(seen) >= count

    wait_for(enough, 10.0, f"{count} observations")
    assert len(seen) == count
    return seen


def ports(seen: list[Observation]) -> list[int]:
    return [one.source_port for one in seen]


@pytest.mark.parametrize("with_ring", [True, False], ids=["ring", "recvmsg"])
@pytest.mark.parametrize("interface", ["wptun", "any"])
def test_an_interface_without_link_headers(interface: str, with_ring: bool) -> None:
    with tun("wptun") as wire, closing(source(interface, with_ring=with_ring)) as held:
        for packet in (V4, V6) * 50:
            os.write(wire, packet)
        assert ports(read(held, 100)) == [4, 6] * 50


@pytest.mark.parametrize("with_ring", [True, False], ids=["ring", "recvmsg"])
def test_a_link_that_goes_down_and_comes_up(caplog: pytest.LogCaptureFixture, with_ring: bool) -> None:
    with tun("wptun") as wire, closing(source("wptun", with_ring=with_ring)) as held:
        for _ in range(3):
            os.write(wire, V4)
            assert ports(read(held, 1)) == [4]
            caplog.clear()
            ip("link", "set", "wptun", "down")
            wait_for(lambda: held.read(0.01) is not None and "is down" in caplog.text, 10.0, "the link's end is told")
            assert held.read(0.01) is not None
            assert len(caplog.records) == 1
            ip("link", "set", "wptun", "up")
            wait_for(lambda: held.read(0.01) is not None and "up again" in caplog.text, 10.0, "its return is told")
            os.write(wire, V6)
            assert ports(read(held, 1)) == [6]


@pytest.mark.parametrize("with_ring", [True, False], ids=["ring", "recvmsg"])
def test_an_interface_that_is_made_anew(caplog: pytest.LogCaptureFixture, with_ring: bool) -> None:
    with tun("wptun") as wire:
        held = source("wptun", with_ring=with_ring)
        os.write(wire, V4)
        assert ports(read(held, 1)) == [4]
    with closing(held):
        wait_for(lambda: held.read(0.01) is not None and "going on when" in caplog.text, 10.0, "the end is told")
        with tun("wptun") as wire:
            wait_for(lambda: held.read(0.01) is not None and "up again" in caplog.text, 10.0, "the return is told")
            os.write(wire, V6)
            assert ports(read(held, 1)) == [6]
        held.stop()  # with the interface gone


@pytest.mark.parametrize("with_ring", [True, False], ids=["ring", "recvmsg"])
def test_what_the_buffer_cannot_hold_is_counted(with_ring: bool) -> None:
    ip("link", "add", "wpa", "type", "veth", "peer", "name", "wpb")
    for end in ("wpa", "wpb"):
        ip("link", "set", end, "up")
    sent = 0
    with closing(source("wpb", with_ring=with_ring)) as held, closing(SendRing("wpa")) as sender:
        while sent < 70 * SLOTS:
            sent += sender.send(SLOTS)
        held.stop()
        taken = 0
        while (haul := held.read(0.1)) is not None:
            taken += haul.parsed
        counted = held.statistics()
    assert counted.packets == sent
    assert counted.drops > 0
    assert taken == sent - counted.drops


def test_the_filter_is_locked() -> None:
    with closing(source("lo")) as held, pytest.raises(PermissionError):
        held._socket.socket.setsockopt(socket.SOL_SOCKET, 27, 0)  # SO_DETACH_FILTER


def test_more_addresses_than_a_filter_has_room_for_are_one_line(tmp_path: Path) -> None:
    listen = [word for number in range(250) for word in ("--listen", f"10.0.{number}.1:{9000 + number}")]
    command = options(tmp_path, f"spool://{tmp_path}/spool", "--no-listen", *listen)
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert "the kernel takes 4096" in line
    assert "several captures" in line


def test_losses_are_logged(tmp_path: Path) -> None:
    """With a process that stands still the ring runs over; it says so when it goes on."""
    ip("link", "add", "wpa", "type", "veth", "peer", "name", "wpb")
    for end in ("wpa", "wpb"):
        ip("link", "set", end, "up")
    more = ["--listen", f"{DESTINATION[0]}:{DESTINATION[1]}", "--no-listen", "--interface", "wpb"]
    with capturing(tmp_path, f"spool://{tmp_path}/spool", *more) as capture, closing(SendRing("wpa")) as sender:
        capture.process.send_signal(signal.SIGSTOP)
        sent = sum(sender.send(SLOTS) for _ in range(70))
        capture.process.send_signal(signal.SIGCONT)
        wait_for(lambda: "lost: " in capture.log.read_text(), 20.0, "the loss is told")
        capture.wait_for_count("packets", sent)
        summary = capture.stop()
    counts = [int(number) for number in re.findall(r"\d+", summary)]
    assert counts[0] == sent == counts[1] + counts[2]  # packets, dropped by the kernel, parsed
    assert counts[1] > 0


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_a_running_capture_has_no_rights_left(tmp_path: Path) -> None:
    port = free_port()
    with capturing(tmp_path, f"spool://{tmp_path}/spool", "--listen", f"127.0.0.1:{port}") as capture:
        for thread in Path(f"/proc/{capture.process.pid}/task").iterdir():
            status = status_of(int(thread.name))
            assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}
            assert status["NoNewPrivs"] == "1"
        connect("127.0.0.1", port, 1)
        capture.wait_for_count("spooled", PACKETS_PER_CONNECTION)
        capture.stop()


def test_it_becomes_another_user_when_told_to(tmp_path: Path) -> None:
    assert os.geteuid() == 0, "only root can become another user"
    port = free_port()
    more = ["--listen", f"127.0.0.1:{port}", "--user", "nobody"]
    with tempfile.TemporaryDirectory() as spool:  # nobody may not look into pytest's folder
        os.chown(spool, 65534, 65534)
        if not readable_by_all(Path(os.__file__)):
            command = options(tmp_path, f"spool://{spool}", *more)
            finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
            assert finished.returncode == 1
            assert "user 'nobody' may not read Python itself in /" in finished.stderr
            return
        with capturing(tmp_path, f"spool://{spool}", *more) as capture:
            status = status_of(capture.process.pid)
            assert status["Uid"].split() == ["65534"] * 4
            assert int(status["CapEff"], 16) == 0
            connect("127.0.0.1", port, 1)
            capture.wait_for_count("spooled", PACKETS_PER_CONNECTION)
            capture.stop()


def readable_by_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.parents) and bool(path.stat().st_mode & 0o004)


@pytest.mark.parametrize(
    ("more", "part"),
    [
        (["--user", "nosuchuser"], "no user 'nosuchuser' on this machine"),
        (["--pidfile", "/nowhere/capture.pid"], "pid file /nowhere/capture.pid: No such file or directory"),
        (["--interface", "nosuch0"], "no interface 'nosuch0': this machine has lo, any"),
    ],
)
@pytest.mark.parametrize("background", [False, True])
def test_what_hinders_the_start_is_one_line(tmp_path: Path, more: list[str], part: str, background: bool) -> None:
    more = [*more, "-D"] if background else more
    command = options(tmp_path, f"spool://{tmp_path}/spool", "--listen", f"127.0.0.1:{free_port()}", *more)
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert part in line


def test_in_the_background_it_captures_until_it_is_told_to_stop(tmp_path: Path) -> None:
    port, pid_file = free_port(), tmp_path / "capture.pid"
    more = ["--listen", f"127.0.0.1:{port}", "-D", "--pidfile", str(pid_file)]
    command = options(tmp_path, f"spool://{tmp_path}/spool", *more)
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert finished.returncode == 0
    assert f"listening on 127.0.0.1:{port}" in finished.stderr.splitlines()[0]
    pid = int(pid_file.read_text())
    try:
        assert os.getsid(pid) == pid
        connect("127.0.0.1", port, 10)  # the ports are open as soon as the command has returned
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not pid_file.exists(), 20.0, "the pid file is gone")
        wait_for(lambda: not alive(pid), 20.0, "the end")
    assert len(spooled(tmp_path / "spool")) >= 10 * PACKETS_PER_CONNECTION


def test_captures_for_one_broker_need_no_folders_of_their_own(tmp_path: Path) -> None:
    queue = f"amqp://127.0.0.1:{free_port()}/"
    with (
        capturing(tmp_path, queue, "--listen", f"127.0.0.1:{free_port()}", name="one") as one,
        capturing(tmp_path, queue, "--listen", f"127.0.0.1:{free_port()}", name="two") as two,
    ):
        assert len(list((tmp_path / "state").iterdir())) == 2
        one.stop()
        two.stop()


def test_standard_input_is_not_read_in_the_background(tmp_path: Path) -> None:
    command = options(tmp_path, f"spool://{tmp_path}/spool", "--listen", "127.0.0.1:9000", "-D", "--read", "-")
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert finished.returncode == 2
    assert "-D and --read -" in finished.stderr


def test_without_rights_at_the_spool_it_says_so(tmp_path: Path) -> None:
    """Root's power over files is given up too: a folder of somebody else is told at the start, not when it rotates."""
    assert os.geteuid() == 0, "only root has rights to give up"
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o750)
    os.chown(spool, 65534, 65534)
    command = options(tmp_path, f"spool://{spool}", "--listen", f"127.0.0.1:{free_port()}")
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert f"spool {spool}: Permission denied" in line


def test_in_the_background_log_lines_go_to_syslog(tmp_path: Path) -> None:
    logger, address = logging.getLogger("test.syslog"), str(tmp_path / "log")
    assert not has_syslog(address)
    log_to_syslog(logger, address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(address)
        syslog.settimeout(5.0)
        assert has_syslog(address)
        logger.warning("lost: %d packets", 7)
        line = syslog.recv(1000).decode()
    logger.handlers[0].close()
    assert line == f"<28>wproxy-capture[{os.getpid()}]: lost: 7 packets"  # daemon.warning
