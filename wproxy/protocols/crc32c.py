"""The checksum CRC-32C (RFC 4960, appendix B), which Python's own zlib does not have."""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed


def _row(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_row, range(256)))


def crc32c(data: bytes) -> int:
    """Return the checksum of `data`."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder = remainder >> 8 ^ _TABLE[(remainder ^ byte) & 0xFF]
    return remainder ^ 0xFFFFFFFF
