"""Real connections on loopback, into a spool: each packet once, as tcpdump saw them."""

from __future__ import annotations

import re
import socket
from contextlib import closing
from pathlib import Path
from statistics import median

import pytest

from capture.messages import Observation
from capture.options import Address
from capture.sieve import Sieve
from capture.sources import PcapSource
from capture.targets import Targets
from tests.support.capturing import PACKETS_PER_CONNECTION, capturing, connect, need_capture, spooled, tcpdump
from tests.support.programs import free_port, listening
from tests.support.waiting import wait_for


@pytest.fixture(autouse=True)
def _may_capture() -> None:
    need_capture()


def recorded(path: Path, *addresses: Address) -> list[Observation]:
    """Return what stands in a pcap file that tcpdump wrote."""
    observations = []
    with closing(PcapSource(str(path), Sieve(Targets(addresses)))) as source:
        while (haul := source.read(1.0)) is not None:
            assert haul.unparsed == haul.ignored == 0
            observations += [Observation._make(row) for run in haul.runs for row in run.rows()]
    return observations


def identity(observation: Observation) -> tuple[str, str, int, int]:
    return observation[:4]


def test_every_packet_is_captured_once_as_tcpdump_captures_it(tmp_path: Path) -> None:
    port = free_port()
    spool = tmp_path / "spool"
    more = ["--listen", f"127.0.0.1:{port}", "--listen", f"[::1]:{port}"]
    addresses = (Address("127.0.0.1", port), Address("::1", port))
    with capturing(tmp_path, f"spool://{spool}", *more) as capture:
        with tcpdump(tmp_path, f"tcp dst port {port} and (dst host 127.0.0.1 or dst host ::1)") as path:
            sources = connect("127.0.0.1", port, 100) + connect("::1", port, 100)
            capture.wait_for_count("spooled", 200 * PACKETS_PER_CONNECTION)
            wait_for(
                lambda: len(recorded(path, *addresses)) == capture.counters()["spooled"], 10.0, "as many as tcpdump saw"
            )
            expected = recorded(path, *addresses)
        counters = capture.counters()
        summary = capture.stop()
    observations = spooled(spool)
    assert sorted(map(identity, observations)) == sorted(map(identity, expected))
    assert {(observation.source, observation.source_port) for observation in observations} == set(sources)
    assert counters["packets"] == counters["parsed"] == counters["queued"] == len(expected)
    assert counters["kernel_drops"] == counters["unparsed"] == counters["ignored"] == counters["dropped"] == 0
    assert counters["connections"] == 200
    assert f"wproxy capture: {len(expected)} packets, 0 dropped by the kernel, {len(expected)} parsed" in summary
    # Each socket has its packets stamped on its own, and tcpdump's file has microseconds; a machine may be held up
    # between the two stamps of one packet.
    differences = [abs(ours.time_ns - its.time_ns) for ours, its in zip(observations, expected, strict=True)]
    assert median(differences) < 50_000_000


def test_other_addresses_of_the_same_port_are_not_captured(tmp_path: Path) -> None:
    port = free_port()
    with (
        socket.create_server(("127.0.0.2", port)) as other,
        capturing(tmp_path, f"spool://{tmp_path}/spool", "--listen", f"127.0.0.1:{port}") as capture,
    ):
        with socket.create_connection(("127.0.0.2", port)), other.accept()[0]:
            pass
        sources = connect("127.0.0.1", port, 1)
        capture.wait_for_count("spooled", PACKETS_PER_CONNECTION)
        capture.stop()
    observations = spooled(tmp_path / "spool")
    assert {(o.source, o.source_port, o.destination) for o in observations} == {(*sources[0], "127.0.0.1")}


def test_a_wildcard_address_takes_all_of_its_family(tmp_path: Path) -> None:
    port = free_port()
    with capturing(tmp_path, f"spool://{tmp_path}/spool", "--listen", f"0.0.0.0:{port}") as capture:
        connect("127.0.0.1", port, 1)
        connect("127.0.0.77", port, 1)
        capture.wait_for_count("spooled", 2 * PACKETS_PER_CONNECTION)
        capture.stop()
    assert {o.destination for o in spooled(tmp_path / "spool")} == {"127.0.0.1", "127.0.0.77"}


def test_with_no_listen_the_port_is_another_services(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]
        more = ["--listen", f"127.0.0.1:{port}", "--no-listen"]
        with capturing(tmp_path, f"spool://{tmp_path}/spool", *more) as capture:
            assert f"watching 127.0.0.1:{port}, interface lo" in capture.log.read_text()
            with socket.create_connection(("127.0.0.1", port)) as client, service.accept()[0] as server:
                client.sendall(b"ping")
                assert server.recv(10) == b"ping"
            assert capture.wait_for_count("spooled", 3)["connections"] == 0
            capture.stop()


def test_without_no_listen_the_port_is_open_and_drained(tmp_path: Path) -> None:
    port = free_port()
    assert not listening(port)
    with capturing(tmp_path, f"spool://{tmp_path}/spool", "--listen", f"127.0.0.1:{port}") as capture:
        with socket.create_connection(("127.0.0.1", port), 20.0) as client:
            client.sendall(bytes(5_000_000))  # far more than the buffers of both ends hold
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""
        capture.stop()
    assert not listening(port)


def test_the_ready_line_and_the_summary_are_one_line_each(tmp_path: Path) -> None:
    port = free_port()
    with capturing(tmp_path, f"spool://{tmp_path}/spool", "--listen", f"127.0.0.1:{port}") as capture:
        capture.stop()
        lines = capture.log.read_text().splitlines()
    assert len(lines) == 2
    assert lines[0] == f"wproxy capture: listening on 127.0.0.1:{port}, interface lo, queue spool://{tmp_path}/spool"
    assert re.fullmatch(r"wproxy capture: \d+ packets, .* \d+ expired", lines[1])
