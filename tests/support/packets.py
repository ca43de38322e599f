"""A pcap file of TCP packets, each of another sender, and tcpreplay sending it at a steady rate."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.support.programs import need
from tests.support.veth import Wire

DESTINATION = "127.0.0.1"
PORT = 9_000
_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
_RECORD = struct.Struct("<IIII")
_ETHERNET = bytes.fromhex("02000000000102000000000208 00")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_TCP = struct.Struct("!HHIIBBHHH")
_FRAME_BYTES = 60


def sender(index: int) -> tuple[str, int]:
    """Return address and port of the sender of packet `index`."""
    number = index // 50_000
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 10_000 + index % 50_000


def write_pcap(path: Path, count: int) -> None:
    """Write `count` packets to DESTINATION:PORT, the i-th from `sender(i)`."""
    target = bytes(map(int, DESTINATION.split(".")))
    head = _RECORD.pack(0, 0, _FRAME_BYTES, _FRAME_BYTES) + _ETHERNET
    with path.open("wb") as file:
        file.write(_FILE)
        for index in range(count):
            number = index // 50_000
            source = bytes((10, number >> 16 & 255, number >> 8 & 255, number & 255))
            header = _IPV4.pack(0x45, 0, 40, index & 0xFFFF, 0, 64, 6, 0, source, target)
            file.write(head + header + _TCP.pack(10_000 + index % 50_000, PORT, 1, 0, 0x50, 2, 1024, 0, 0) + bytes(6))


def replay(wire: Wire, path: Path, rate: int) -> list[str]:
    """Return the command that sends `path` over `wire` at `rate` packets a second."""
    return wire.there(need("tcpreplay"), "--intf1", wire.far, "--pps", str(rate), "--preload-pcap", str(path))
