"""What one choice of a server costs under each algorithm, with 2 and with 200 servers: `python -m tests.bench.balance`.

A choice is what a connection makes of the backend: `assign` and, some connections later, `release`.
"""

from __future__ import annotations

from collections import deque
from time import process_time_ns

from wproxy.config.model import Address, Backend, HashType, Location, Mode, ServerLine
from wproxy.state import backend as live

HERE = Location("bench", 1)
CHOICES = 100_000
SIZES = (2, 20, 200)
ROWS = (
    ("roundrobin", HashType()), ("static-rr", HashType()), ("leastconn", HashType()), ("first", HashType()),
    ("random", HashType()), ("source", HashType()), ("source", HashType(consistent=True, avalanche=True)),
)  # fmt: skip


def backend(balance: str, hash_type: HashType, size: int) -> live.Backend:
    lines = [ServerLine(f"s{number}", Address("127.0.0.1", 1), HERE, 1 + number % 7, 100) for number in range(size)]
    return live.Backend(Backend("b", 2, Mode.TCP, HERE, balance, tuple(lines), hash_type=hash_type), 0.0)


def microseconds(made: live.Backend, held: int) -> float:
    """Return the time of one choice while `held` connections are there."""
    servers = deque(made.assign(key=key * 2654435761 % 2**32) for key in range(held))
    began = process_time_ns()
    for key in range(CHOICES):
        server = servers.popleft()
        if server is not None:
            made.release(server)
        servers.append(made.assign(key=key * 2654435761 % 2**32))
    return (process_time_ns() - began) / CHOICES / 1000


def rebuild_ms(made: live.Backend) -> float:
    """Return the time it takes to follow a change of weight or state."""
    began = process_time_ns()
    made.rebuild()
    return (process_time_ns() - began) / 1e6


def main() -> None:
    for balance, hash_type in ROWS:
        name = f"{balance} consistent" if hash_type.consistent else balance
        cells = []
        for size in SIZES:
            made = backend(balance, hash_type, size)
            cells.append(f"{microseconds(made, 40 * size):.2f} / {rebuild_ms(made):.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
