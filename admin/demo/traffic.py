"""The demo's traffic: short TCP connections from many loopback addresses, real ones or packets that scapy made.

TrafficThread ──▶ LoopbackClient ──▶ the port that capture listens on      (with CAP_NET_RAW)
             └──▶ PcapClient ──▶ pipe ──▶ wproxy capture --read -          (without)
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address
from threading import Event, Thread
from typing import IO

from admin.errors import DemoError

CONNECTIONS_PER_SECOND = 100
PAYLOAD = b"hello from the demo\n"
_FIRST_SOURCE = int(IPv4Address("127.1.0.0"))
_SOURCES = 2**23  # 127.1.0.0 to 127.128.255.255
_STRIDE = 2_654_435_761  # odd, so that the sources repeat only after all have had a turn
_TIMEOUT_S = 5.0


def source_address(number: int) -> str:
    """Return the loopback address that connection `number` comes from; 8,388,608 numbers in a row all differ."""
    return str(IPv4Address(_FIRST_SOURCE + number * _STRIDE % _SOURCES))


class LoopbackClient:
    """Opens one real connection per call, says something, and sees it closed in order."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)

    def __call__(self, number: int) -> None:
        """Make connection `number`; raise OSError when the port does not take it."""
        source = (source_address(number), 0)
        with socket.create_connection(self._target, _TIMEOUT_S, source_address=source) as connection:
            connection.sendall(PAYLOAD)
            connection.shutdown(socket.SHUT_WR)
            # Reading to the end means that the last packet of the handshake has left before the call returns.
            while connection.recv(4096):
                pass


class PcapClient:
    """Writes the packets of one connection per call, with the time they are written, as a pcap stream."""

    def __init__(self, stream: IO[bytes], host: str, port: int) -> None:
        from scapy.utils import PcapWriter

        self._writer = PcapWriter(stream, nano=True, linktype=1)
        self._writer.write_header(None)
        self._stream = stream
        self._target = (host, port)

    def __call__(self, number: int) -> None:
        """Write connection `number`; raise OSError when the reader has gone."""
        for packet in connection_packets(source_address(number), 20_000 + number % 40_000, *self._target):
            seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
            self._writer.write_packet(packet, sec=seconds, usec=nanoseconds)  # with nano=True, usec is nanoseconds
        self._stream.flush()


def connection_packets(source: str, source_port: int, host: str, port: int) -> list[bytes]:
    """Return the packets that a client sends in a connection like LoopbackClient's, as Ethernet frames of `lo`."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether

    nobody = "00:00:00:00:00:00"
    after = 1001 + len(PAYLOAD)
    segments = (
        ("S", 1000, 0, b""),
        ("A", 1001, 2001, b""),
        ("PA", 1001, 2001, PAYLOAD),
        ("FA", after, 2001, b""),
        ("A", after + 1, 2002, b""),
    )
    head = Ether(src=nobody, dst=nobody) / IP(src=source, dst=host)
    return [
        bytes(head / TCP(sport=source_port, dport=port, flags=flags, seq=seq, ack=ack) / payload)
        for flags, seq, ack, payload in segments
    ]


class TrafficThread:
    """Calls a client at a steady rate between `start` and `pause`, in a thread of its own."""

    def __init__(self, client: Callable[[int], None], rate: int = CONNECTIONS_PER_SECOND) -> None:
        self._client = client
        self._rate = rate
        self._pausing = Event()
        self._thread: Thread | None = None
        self.made = 0
        self.failed = 0
        self.last_error = ""

    def start(self) -> None:
        """Let the traffic flow."""
        self._pausing.clear()
        self._thread = Thread(target=self._flow, name="traffic", daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Return when no connection is open any more; raise DemoError when the last one does not end."""
        self._pausing.set()
        if self._thread is not None:
            self._thread.join(2 * _TIMEOUT_S)
            if self._thread.is_alive():
                raise DemoError("the traffic generator does not end: its packets are not being read")
            self._thread = None

    def _flow(self) -> None:
        began, first = time.monotonic(), self.made + self.failed
        while True:
            number = self.made + self.failed
            due = began + (number - first) / self._rate
            if self._pausing.wait(max(0.0, due - time.monotonic())):
                return
            try:
                self._client(number)
                self.made += 1
            except OSError as error:
                self.failed += 1
                self.last_error = error.strerror or str(error)


def may_capture() -> bool:
    """Tell whether this process may open packet sockets (CAP_NET_RAW)."""
    with suppress(PermissionError), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0):
        return True
    return False
