"""The kernel's filter, put together from what libpcap compiles (classic BPF, <linux/filter.h>).

A filter's answer is how much of the packet it lets through. libpcap's programs answer with more than any packet has;
here the answer depends on the packet:

    plain IPv4 (no options, no tag in the frame)       the headers only, always the same number of bytes
    plain IPv6 (no extension header, no tag)           the same
    everything else that is to be seen                 SNAP_BYTES

So whatever the packets' sizes are, plain ones stand in the ring at equal distances, and can be taken out of it column
by column (`sources.ring`). Plain packets whose own lengths are too short for a TCP header are turned away here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import NamedTuple, TypeAlias

ETHERNET_HEADER = 14
IPV4_SNAP = ETHERNET_HEADER + 20 + 20
IPV6_SNAP = ETHERNET_HEADER + 40 + 20
MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS

Instruction: TypeAlias = tuple[int, int, int, int]  # code, jump if true, jump if false, operand
Program: TypeAlias = Sequence[Instruction]

_INSTRUCTION = Struct("=HBBI")
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE = 0x20, 0x28, 0x30
_AND, _JUMP, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x54, 0x05, 0x15, 0x35, 0x06
_HARDWARE_TYPE = 0xFFFFF000 + 28  # SKF_AD_OFF + SKF_AD_HATYPE: not of the packet but of the interface it came from

_REFUSE: Instruction = (_RETURN, 0, 0, 0)
_TYPE_AT = 12
_IPV4, _IPV6, _TCP = 0x0800, 0x86DD, 6
_FIRST_AT = ETHERNET_HEADER
_IPV4_LENGTH_AT, _IPV6_LENGTH_AT, _IPV6_NEXT_AT = 16, 18, 20


class Programs(NamedTuple):
    """What libpcap made for Ethernet; None where no address of the family is watched."""

    plain_ipv4: Program | None
    plain_ipv6: Program | None
    other: Program


def with_snap(program: Program, snap: int) -> list[Instruction]:
    """Return `program` with `snap` for an answer, where it answers that a packet is wanted."""
    return [(code, yes, no, snap if code == _RETURN and operand else operand) for code, yes, no, operand in program]


def ethernet_program(programs: Programs, snap: int) -> list[Instruction]:
    """Return the program for interfaces with Ethernet's header, whose answers tell plain packets from others."""
    ipv6 = _ipv6_part(with_snap(programs.plain_ipv6 or [_REFUSE], IPV6_SNAP))
    ipv4 = _ipv4_part(with_snap(programs.plain_ipv4 or [_REFUSE], IPV4_SNAP), before_other=len(ipv6))
    head: list[Instruction] = [
        (_LOAD_HALF, 0, 0, _TYPE_AT),
        (_IF_EQUAL, 0, 1, _IPV4),
        (_JUMP, 0, 0, 3),
        (_IF_EQUAL, 0, 1, _IPV6),
        (_JUMP, 0, 0, 1 + len(ipv4)),
        (_JUMP, 0, 0, len(ipv4) + len(ipv6)),
    ]
    return [*head, *ipv4, *ipv6, *with_snap(programs.other, snap)]


def by_hardware_type(rows: Iterable[tuple[Sequence[int], Program]]) -> list[Instruction]:
    """Return the program that does what the row with the interface's hardware type does, and refuses all others."""
    program: list[Instruction] = [(_LOAD_WORD, 0, 0, _HARDWARE_TYPE)]
    for types, body in rows:
        program += [(_IF_EQUAL, len(types) - index, 0, number) for index, number in enumerate(types)]
        program += [(_JUMP, 0, 0, len(body)), *body]
    return [*program, _REFUSE]


def packed(program: Program) -> bytes:
    """Return the bytes of `program` as the kernel reads them: an array of struct sock_filter."""
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in program)


def _ipv4_part(plain: Program, before_other: int) -> list[Instruction]:
    """Go to the program for others where the header has options."""
    return [
        (_LOAD_BYTE, 0, 0, _FIRST_AT),
        (_IF_EQUAL, 1, 0, 0x45),
        (_JUMP, 0, 0, 4 + len(plain) + before_other),
        (_LOAD_HALF, 0, 0, _IPV4_LENGTH_AT),
        (_IF_EQUAL, 2, 0, 0),  # a length of 0: a segment that the network card is still to cut up
        (_IF_AT_LEAST, 1, 0, 40),
        _REFUSE,
        *plain,
    ]


def _ipv6_part(plain: Program) -> list[Instruction]:
    """Go to the program for others, which follows, where the header has extensions."""
    return [
        (_LOAD_BYTE, 0, 0, _FIRST_AT),
        (_AND, 0, 0, 0xF0),
        (_IF_EQUAL, 1, 0, 0x60),
        _REFUSE,
        (_LOAD_BYTE, 0, 0, _IPV6_NEXT_AT),
        (_IF_EQUAL, 1, 0, _TCP),
        (_JUMP, 0, 0, 4 + len(plain)),
        (_LOAD_HALF, 0, 0, _IPV6_LENGTH_AT),
        (_IF_EQUAL, 2, 0, 0),
        (_IF_AT_LEAST, 1, 0, 20),
        _REFUSE,
        *plain,
    ]
