"""Sends 64-byte TCP packets (60 without the checksum) at a chosen rate, through a ring that the kernel sends from.

usage: python -m tests.bench.sender INTERFACE PACKETS_PER_SECOND SECONDS; prints packets and seconds as JSON. At rate 0
it sends as fast as it can. The packets are made by scapy once; all that is done for one then is to mark it as to be
sent.
"""

from __future__ import annotations

import json
import mmap
import random
import socket
import struct
import sys
import time
from array import array

from capture.sources.scapy_quietly import quiet_scapy

DESTINATION = ("192.0.2.1", 9000)
SLOTS = 4096
_SLOT_BYTES = 128
_DATA_AT = 32  # behind struct tpacket2_hdr
_SOL_PACKET, _PACKET_VERSION, _PACKET_TX_RING, _PACKET_QDISC_BYPASS = 263, 10, 13, 20
_TPACKET_V2 = 1
_REQUESTED = 1  # TP_STATUS_SEND_REQUEST
_FRAME_BYTES = 60
_TURNS_PER_S = 500


def frames(count: int) -> list[bytes]:
    """Return packets from as many random addresses and ports, always the same ones."""
    with quiet_scapy():
        from scapy.layers.inet import IP, TCP
        from scapy.layers.l2 import Ether
    host, port = DESTINATION
    numbers = random.Random(5)
    made = []
    for _ in range(count):
        source = ".".join(("198", str(numbers.randint(18, 19)), *(str(numbers.randint(1, 254)) for _ in range(2))))
        # Another station's address: the stack behind the tap lets it go at once, whoever captures.
        packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:99") / IP(src=source, dst=host)
        packet /= TCP(sport=numbers.randint(1024, 65535), dport=port, flags="PA")
        made.append(bytes(packet).ljust(_FRAME_BYTES, b"\0"))
    return made


class SendRing:
    """A socket whose packets stand in memory shared with the kernel."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        total = SLOTS * _SLOT_BYTES
        request = struct.pack("@4I", 4096, total // 4096, _SLOT_BYTES, SLOTS)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_TX_RING, request)
        self._socket.bind((interface, 0))
        self._map = mmap.mmap(self._socket.fileno(), total)
        for slot, frame in enumerate(frames(SLOTS)):
            at = slot * _SLOT_BYTES
            self._map[at + 4 : at + 8] = struct.pack("@I", len(frame))
            self._map[at + _DATA_AT : at + _DATA_AT + len(frame)] = frame
        self._words = memoryview(self._map).cast("I")
        self._statuses = self._words[:: _SLOT_BYTES // 4]
        self._next = 0

    def send(self, count: int) -> int:
        """Send up to `count` packets, in the ring's order; return how many, when the kernel is done with them."""
        first = self._next
        last = min(first + count, SLOTS)
        self._statuses[first:last] = memoryview(array("I", [_REQUESTED]) * (last - first))
        self._socket.send(b"")
        self._next = last % SLOTS
        return last - first

    def close(self) -> None:
        """Give the memory and the socket back."""
        self._statuses.release()
        self._words.release()
        self._map.close()
        self._socket.close()


def run(interface: str, rate: int, seconds: float) -> tuple[int, float]:
    """Return how many packets were sent, and in what time."""
    ring = SendRing(interface)
    most = max(rate // _TURNS_PER_S, 1) if rate else SLOTS
    sent, began = 0, time.perf_counter()
    while (now := time.perf_counter() - began) < seconds:
        due = min(int(now * rate) - sent, most * 4) if rate else most
        if due > 0:
            sent += ring.send(due)
    return sent, time.perf_counter() - began


if __name__ == "__main__":
    packets, elapsed_s = run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
    print(json.dumps({"packets": packets, "seconds": elapsed_s}))
