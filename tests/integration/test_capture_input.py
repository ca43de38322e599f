"""pcap files and pipes as the source; and everything a user can get wrong, each one line and the right exit code."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from capture.messages import Observation
from capture.sources.scapy_quietly import quiet_scapy
from tests.support.capturing import ROOT, capturing, need_capture, options, spooled
from tests.support.programs import free_port, need
from tests.support.waiting import wait_for

with quiet_scapy():
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Dot1Q, Ether
    from scapy.utils import RawPcapNgWriter, RawPcapWriter

LISTEN = ("--listen", "192.0.2.1:9000", "--listen", "[2001:db8::1]:9000")
TIME_NS = 1_732_186_800_123_456_789


def frames(count: int) -> list[bytes]:
    """Return frames of which every second one is to a listening address, the others to another port or not TCP."""
    head = Ether(src="00:00:00:00:00:01", dst="00:00:00:00:00:02")
    kinds = [
        lambda port: head / IP(src="198.51.100.1", dst="192.0.2.1") / TCP(sport=port, dport=9000),
        lambda port: head / IP(src="198.51.100.1", dst="192.0.2.1") / TCP(sport=port, dport=9001),
        lambda port: head / Dot1Q(vlan=7) / IPv6(src="2001:db8::2", dst="2001:db8::1") / TCP(sport=port, dport=9000),
        lambda port: head / IP(src="198.51.100.1", dst="192.0.2.1") / UDP(sport=port, dport=9000),
    ]
    return [bytes(kinds[number % 4](1 + number)) for number in range(count)]


def write_pcap(path: Path, packets: list[bytes], *, nano: bool = True, linktype: int = 1) -> Path:
    with RawPcapWriter(str(path), linktype=linktype, nano=nano, sync=True) as writer:
        writer.write_header(None)
        for number, packet in enumerate(packets):
            seconds, nanoseconds = divmod(TIME_NS + number, 1_000_000_000)
            writer.write_packet(packet, sec=seconds, usec=nanoseconds if nano else nanoseconds // 1000)
    return path


def expected(count: int) -> list[Observation]:
    ours = [
        ("198.51.100.1", "192.0.2.1") if number % 4 == 0 else ("2001:db8::2", "2001:db8::1")
        for number in range(0, count, 2)
    ]
    return [Observation(*ours[i], 1 + 2 * i, 9000, TIME_NS + 2 * i) for i in range(len(ours))]


def run(folder: Path, *arguments: str, queue: str | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
    command = options(folder, queue or f"spool://{folder}/spool", *arguments)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=30, **more)


def test_a_file_is_read_to_its_end_with_the_same_filter(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "all.pcap", frames(5000))
    finished = run(tmp_path, *LISTEN, "--read", str(path))
    assert finished.returncode == 0, finished.stderr
    ready, summary = finished.stderr.splitlines()
    assert ready.endswith(f"read from {path}, queue spool://{tmp_path}/spool")
    assert summary.startswith("wproxy capture: 5000 packets, 0 dropped by the kernel, 2500 parsed, 1250 unparsed")
    assert "1250 ignored, 2500 queued, 0 dropped, 0 confirmed, 2500 spooled" in summary
    assert spooled(tmp_path / "spool") == expected(5000)


def test_more_than_the_outbox_holds_is_waited_for(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "all.pcap", frames(4000))
    finished = run(tmp_path, *LISTEN, "--read", str(path), "--batch-size", "1")
    assert finished.returncode == 0, finished.stderr
    assert spooled(tmp_path / "spool") == expected(4000)


def test_microseconds_and_compression_are_read_too(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "micro.pcap", frames(2), nano=False)
    compressed = tmp_path / "micro.pcap.gz"
    compressed.write_bytes(gzip.compress(path.read_bytes()))
    for number, name in enumerate((path, compressed)):
        finished = run(tmp_path, *LISTEN, "--read", str(name), queue=f"spool://{tmp_path}/{number}")
        assert finished.returncode == 0, finished.stderr
        assert [one.time_ns for one in spooled(tmp_path / str(number))] == [TIME_NS // 1000 * 1000]


def write_pcapng(path: Path, packets: list[bytes]) -> Path:
    with RawPcapNgWriter(str(path)) as writer:
        writer.write_header(Ether())
        for number, packet in enumerate(packets):
            writer.write_packet(packet, sec=Fraction(1_732_186_800_000_000 + number, 1_000_000))  # type: ignore[arg-type]
    return path


def test_pcapng_is_read_also_compressed_and_from_a_pipe(tmp_path: Path) -> None:
    path = write_pcapng(tmp_path / "all.pcapng", frames(4000))
    compressed = tmp_path / "all.pcapng.gz"
    compressed.write_bytes(gzip.compress(path.read_bytes()))
    wanted = [one._replace(time_ns=(1_732_186_800_000_000 + 2 * i) * 1000) for i, one in enumerate(expected(4000))]
    for number, name in enumerate((path, compressed)):
        finished = run(tmp_path, *LISTEN, "--read", str(name), queue=f"spool://{tmp_path}/{number}")
        assert finished.returncode == 0, finished.stderr
        assert spooled(tmp_path / str(number)) == wanted
    with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as cat:
        finished = run(tmp_path, *LISTEN, "--read", "-", stdin=cat.stdout, queue=f"spool://{tmp_path}/pipe")
        cat.communicate()
    assert finished.returncode == 0, finished.stderr
    assert spooled(tmp_path / "pipe") == wanted


def test_with_syn_only_a_file_s_other_packets_are_ignored(tmp_path: Path) -> None:
    head = Ether(src="00:00:00:00:00:01", dst="00:00:00:00:00:02")
    kinds = [IP(src="198.51.100.1", dst="192.0.2.1"), IPv6(src="2001:db8::2", dst="2001:db8::1")]
    packets = [
        bytes(head / kind / TCP(sport=port, dport=9000, flags=flags))
        for kind in kinds
        for port, flags in enumerate(("S", "SA", "A", "PA", "F", "SEC"), 1)
    ]
    path = write_pcap(tmp_path / "all.pcap", packets)
    finished = run(tmp_path, *LISTEN, "--read", str(path), "--syn-only")
    assert "12 packets, 0 dropped by the kernel, 4 parsed, 0 unparsed, 8 ignored" in finished.stderr
    assert [one.source_port for one in spooled(tmp_path / "spool")] == [1, 6, 1, 6]


def test_raw_ip_files_are_read(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "raw.pcap", [frames(1)[0][14:]], linktype=101)
    assert run(tmp_path, *LISTEN, "--read", str(path)).returncode == 0
    assert spooled(tmp_path / "spool") == expected(1)


def test_standard_input_is_read_while_it_is_written(tmp_path: Path) -> None:
    """What has arrived is on the queue although the writer of the pipe has not gone on, not even with the packet."""
    whole = write_pcap(tmp_path / "all.pcap", frames(8)).read_bytes()
    first = 24 + sum(16 + len(frame) for frame in frames(4))
    command = options(tmp_path, f"spool://{tmp_path}/spool", *LISTEN, "--read", "-")
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, text=False
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for start, end in ((0, 10), (10, first), (first, first + 20)):
            process.stdin.write(whole[start:end])
        wait_for(lambda: spooled(tmp_path / "spool") == expected(4), 15.0, "the first packets are on the queue")
        process.stdin.write(whole[first + 20 :])
        process.stdin.close()
        log = process.stderr.read().decode()
        assert process.wait(15.0) == 0, log
    assert spooled(tmp_path / "spool") == expected(8)


def test_a_named_pipe_is_read_and_a_stop_signal_does_not_wait_for_its_writer(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    whole = write_pcap(tmp_path / "all.pcap", frames(4)).read_bytes()
    command = options(tmp_path, f"spool://{tmp_path}/spool", *LISTEN, "--read", str(fifo))
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process, fifo.open("wb", buffering=0) as writer:
        writer.write(whole)
        wait_for(lambda: spooled(tmp_path / "spool") == expected(4), 15.0, "the packets are on the queue")
        process.terminate()
        assert process.wait(15.0) == 0
        process.communicate()


def test_a_named_pipe_that_nobody_writes_to_is_waited_for_until_a_stop_signal(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = options(tmp_path, f"spool://{tmp_path}/spool", *LISTEN, "--read", str(fifo))
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"read from" in process.stderr.readline()
        process.terminate()
        assert process.wait(15.0) == 0
        process.communicate()


def test_a_file_that_ends_within_a_packet_is_read_up_to_there(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "cut.pcap", frames(4))
    path.write_bytes(path.read_bytes()[:-1])
    finished = run(tmp_path, *LISTEN, "--read", str(path))
    assert finished.returncode == 0
    assert "wproxy capture: 3 packets" in finished.stderr


def test_the_queue_may_come_from_the_environment(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "all.pcap", frames(2))
    command = [word for word in options(tmp_path, "", *LISTEN, "--read", str(path)) if word]
    command.remove("--queue")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WPROXY_QUEUE": f"spool://{tmp_path}/elsewhere"}
    assert subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=30).returncode == 0
    assert spooled(tmp_path / "elsewhere") == expected(2)


def assert_one_line(finished: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert finished.returncode == code, finished.stderr
    (line,) = finished.stderr.splitlines()
    assert line.startswith("wproxy capture: ")
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "Missing option '--listen'"),
        (["--listen", "localhost:9000"], "localhost is no IP address"),
        (["--listen", "127.0.0.1"], "is no HOST:PORT"),
        (["--listen", "127.0.0.1:9000", "--ttl", "5"], "is no duration"),
        (["--listen", "127.0.0.1:9000", "--batch-size", "0"], "--batch-size"),
        (["--listen", "127.0.0.1:9000", "--batch-time", "soon"], "is no duration"),
        (["--listen", "127.0.0.1:9000", "--metrics", "9100"], "is no HOST:PORT"),
        (["--listen", "127.0.0.1:9000", "--sensor", "a|b"], "is no sensor name"),
        (["--listen", "127.0.0.1:9000", "--queue", "http://broker"], "scheme 'http'"),
        (["--listen", "127.0.0.1:9000", "--queue", "amqp://guest:secret@broker:x/"], "queue URL"),
        (["--listen", "127.0.0.1:9000", "--queue", "spool://folder"], "spool:///folder"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_bad_usage_is_one_line_and_2(tmp_path: Path, arguments: list[str], part: str) -> None:
    finished = run(tmp_path, *arguments)
    assert_one_line(finished, 2, part)
    assert "secret" not in finished.stderr


def test_an_unknown_interface_is_one_line_that_names_the_known_ones(tmp_path: Path) -> None:
    finished = run(tmp_path, "--listen", f"127.0.0.1:{free_port()}", "--interface", "nosuch0")
    assert_one_line(finished, 1, "no interface 'nosuch0'", "lo")


def test_a_port_in_use_is_one_line_that_names_no_listen(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        finished = run(tmp_path, "--listen", f"127.0.0.1:{port}")
    assert_one_line(finished, 1, f"cannot listen on 127.0.0.1:{port}", "Address already in use", "--no-listen")


def test_an_address_that_is_not_this_machines_is_one_line(tmp_path: Path) -> None:
    finished = run(tmp_path, "--listen", "192.0.2.1:9000")
    assert_one_line(finished, 1, "cannot listen on 192.0.2.1:9000", "Cannot assign requested address")


def test_metrics_on_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    need_capture()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        finished = run(tmp_path, "--listen", f"127.0.0.1:{free_port()}", "--metrics", f"127.0.0.1:{port}")
    assert_one_line(finished, 1, f"cannot serve metrics on 127.0.0.1:{port}", "Address already in use")


def test_without_the_capability_the_command_that_grants_it_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    command = options(tmp_path, f"spool://{tmp_path}/spool", "--listen", f"127.0.0.1:{free_port()}")
    drop = [need("setpriv"), "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"]
    finished = subprocess.run([*drop, *command], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert_one_line(finished, 1, "setcap cap_net_raw+ep /", "--read FILE.pcap")


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("missing", None, "No such file or directory"),
        ("empty", b"", "not a pcap file"),
        ("text", b"this is no pcap file at all, but a text\n", "not a pcap file"),
        ("short", b"\xd4\xc3\xb2\xa1\x02\x00", "not a pcap file"),
        ("gzip", b"\x1f\x8bnothing", "not a pcap file"),
    ],
)
def test_an_unreadable_file_is_one_line(tmp_path: Path, name: str, content: bytes | None, part: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert_one_line(run(tmp_path, *LISTEN, "--read", str(path)), 1, name, part)


def test_a_folder_is_no_pcap_file(tmp_path: Path) -> None:
    assert_one_line(run(tmp_path, *LISTEN, "--read", str(tmp_path)), 1, "Is a directory")


def test_other_link_types_are_named(tmp_path: Path) -> None:
    wireless = write_pcap(tmp_path / "wireless.pcap", frames(1), linktype=105)
    assert_one_line(run(tmp_path, *LISTEN, "--read", str(wireless)), 1, "link type 105", "Ethernet (1)")


def test_what_is_no_pcap_on_standard_input_is_one_line(tmp_path: Path) -> None:
    finished = run(tmp_path, *LISTEN, "--read", "-", input="this is no pcap file at all, but a text\n")
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1] == "wproxy capture: standard input: not a pcap file"


def test_gzip_on_standard_input_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "all.pcap.gz"
    path.write_bytes(gzip.compress(write_pcap(tmp_path / "all.pcap", frames(2)).read_bytes()))
    with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as cat:
        finished = run(tmp_path, *LISTEN, "--read", "-", stdin=cat.stdout)
        cat.communicate()
    assert finished.returncode == 1
    assert "put zcat before it" in finished.stderr.splitlines()[-1]


def test_a_spool_has_one_capture(tmp_path: Path) -> None:
    need_capture()
    more = ["--listen", f"127.0.0.1:{free_port()}"]
    with capturing(tmp_path, f"spool://{tmp_path}/spool", *more):
        finished = run(tmp_path, "--listen", f"127.0.0.1:{free_port()}")
        assert_one_line(finished, 1, f"spool {tmp_path}/spool: another process is its writer")


def test_a_spool_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    need_capture()
    (tmp_path / "file").write_text("")
    finished = run(tmp_path, "--listen", f"127.0.0.1:{free_port()}", queue=f"spool://{tmp_path}/file/spool")
    assert_one_line(finished, 1, "Not a directory")


def test_help_is_printed(tmp_path: Path) -> None:
    finished = run(tmp_path, "--help")
    assert finished.returncode == 0
    assert "--no-listen" in finished.stdout
