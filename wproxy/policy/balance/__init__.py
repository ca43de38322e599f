"""The balance algorithms, a file each; a new one is a file, a row here and a row in `config.grammar`."""

from wproxy.policy.balance.key import SlotTable, slot_of
from wproxy.policy.balance.roundrobin import RoundRobin

__all__ = ["RoundRobin", "SlotTable", "slot_of"]
