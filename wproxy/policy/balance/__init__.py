"""The balance algorithms, a file each; a new one is a file, a row in `algorithms` and a row in `config.keywords`."""

from wproxy.policy.balance.algorithms import ALGORITHMS, Algorithm
from wproxy.policy.balance.balancer import Balancer, Candidates
from wproxy.policy.balance.draws import Draws
from wproxy.policy.balance.key import SlotTable, slot_of
from wproxy.policy.balance.roundrobin import RoundRobin
from wproxy.policy.balance.source import source_key

__all__ = [
    "ALGORITHMS", "Algorithm", "Balancer", "Candidates", "Draws", "RoundRobin", "SlotTable", "slot_of", "source_key",
]  # fmt: skip
