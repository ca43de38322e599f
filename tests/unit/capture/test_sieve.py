from __future__ import annotations

from capture.decode import LINK_ETHERNET
from capture.messages import Observation
from capture.options import Address
from capture.runs import Listed
from capture.sieve import NOTHING, Haul, Sieve
from capture.sources.scapy_quietly import quiet_scapy
from capture.targets import Targets

with quiet_scapy():
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.l2 import Ether

HEAD = Ether(src="00:00:00:00:00:01", dst="00:00:00:00:00:02") / IP(src="10.0.0.1", dst="192.0.2.1")
OURS = bytes(HEAD / TCP(sport=1, dport=9000, flags="A"))


def sieve(*, syn_only: bool = False) -> Sieve:
    return Sieve(Targets([Address("192.0.2.1", 9000)]), syn_only=syn_only)


def test_every_frame_is_counted_once() -> None:
    held = sieve()
    held.frame(OURS, 7, LINK_ETHERNET)
    held.frame(bytes(HEAD / TCP(sport=1, dport=9001)), 8, LINK_ETHERNET)
    held.frame(bytes(HEAD / UDP(sport=1, dport=9000)), 9, LINK_ETHERNET)
    assert held.haul() == Haul((Listed([Observation("10.0.0.1", "192.0.2.1", 1, 9000, 7)]),), unparsed=1, ignored=1)
    assert held.haul() == NOTHING


def test_with_syn_only_the_others_are_ignored_not_unreadable() -> None:
    held = sieve(syn_only=True)
    held.frame(OURS, 7, LINK_ETHERNET)
    assert held.haul() == Haul((), ignored=1)


def test_runs_and_single_frames_keep_their_order() -> None:
    run = Listed([Observation("10.0.0.9", "192.0.2.1", 9, 9000, 9)])
    held = sieve()
    held.frame(OURS, 7, LINK_ETHERNET)
    held.run(run)
    held.frame(OURS, 8, LINK_ETHERNET)
    held.frame(OURS, 9, LINK_ETHERNET)
    haul = held.haul()
    assert [[row[-1] for row in one.rows()] for one in haul.runs] == [[7], [9], [8, 9]]
    assert haul.parsed == 4
