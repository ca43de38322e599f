"""The balance algorithms, a file each; a new one is a file, a row in `algorithms` and a row in `config.keywords`."""

from wproxy.policy.balance.algorithms import ALGORITHMS, Algorithm
from wproxy.policy.balance.balancer import NO_KEY, Balancer, Candidates
from wproxy.policy.balance.draws import Draws
from wproxy.policy.balance.http_keys import Key, request_key
from wproxy.policy.balance.key import SlotTable, slot_of
from wproxy.policy.balance.roundrobin import RoundRobin
from wproxy.policy.balance.source import source_key

__all__ = [
    "ALGORITHMS", "NO_KEY", "Algorithm", "Balancer", "Candidates", "Draws", "Key", "RoundRobin", "SlotTable",
    "request_key", "slot_of", "source_key",
]  # fmt: skip
