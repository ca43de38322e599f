"""Runs three RabbitMQ nodes as one cluster, each of which a test kills, freezes and starts again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.programs import free_port, need, running
from tests.support.rabbitmq import Broker

CTL = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")  # Debian's wrapper in /usr/sbin changes the user
# What docs/high-availability.md says: a node that is cut off pauses, and one that hangs is given up after 15 s.
CONFIG = """\
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {0.node}
cluster_formation.classic_config.nodes.2 = {1.node}
cluster_formation.classic_config.nodes.3 = {2.node}
cluster_partition_handling = pause_minority
"""
ADVANCED = "[{kernel, [{net_ticktime, 15}]}].\n"


@dataclass(frozen=True)
class Cluster:
    """Three nodes, `nodes[0]` the one that the others have joined."""

    nodes: tuple[Broker, ...]

    def url(self, first: int = 0) -> str:
        """Return a queue URL that names every node, beginning with `nodes[first]`."""
        ports = [node.port for node in (*self.nodes[first:], *self.nodes[:first])]
        return f"amqp://guest:guest@{','.join(f'127.0.0.1:{port}' for port in ports)}/"

    def leader(self, queue: str) -> Broker:
        """Return the node that leads `queue`."""
        name = self._row(queue)["leader"]
        return next(node for node in self.nodes if node.node == name)

    def online(self, queue: str) -> set[str]:
        """Return the names of the nodes whose member of `queue` takes part."""
        return set(self._row(queue)["online"])

    def times_down(self, node: Broker) -> int:
        """Return how often the other nodes have found that `node` is down, in all."""
        others = [other for other in self.nodes if other is not node]
        logs = [(other.folder / "log" / f"{other.node}.log").read_text() for other in others]
        return sum(log.count(f"rabbit on node '{node.node}' down") for log in logs)

    def _row(self, queue: str) -> dict[str, Any]:
        node = next(node for node in self.nodes if node.process is not None)
        ctl = str(CTL) if CTL.exists() else need("rabbitmqctl")
        command = [ctl, "-n", node.node, "-q", "list_queues", "name", "leader", "online", "--formatter", "json"]
        said = subprocess.run(command, env=node.environment(), check=True, capture_output=True, timeout=60).stdout
        rows: list[dict[str, Any]] = json.loads(said)
        return next(row for row in rows if row["name"] == queue)


@contextmanager
def rabbitmq_cluster(folder: Path) -> Iterator[Cluster]:
    """Run three nodes with their data in `folder`, yield them when they are one cluster, end them and their epmd."""
    need("rabbitmq-server")
    home = folder / "cluster"
    home.mkdir()
    cookie = home / ".erlang.cookie"
    cookie.write_text("wproxytestcluster")
    cookie.chmod(0o400)
    epmd_port = free_port()
    nodes = tuple(Broker(home / f"node{n}", free_port(), free_port(), epmd_port, home) for n in (1, 2, 3))
    with running([need("epmd"), "-port", str(epmd_port), "-address", "127.0.0.1"], home, "epmd"), ExitStack() as stack:
        for node in nodes:
            node.folder.mkdir()
            (node.folder / "rabbitmq.conf").write_text(CONFIG.format(*nodes))
            (node.folder / "advanced.config").write_text(ADVANCED)
            stack.callback(node.stop)
            node.start()
        yield Cluster(nodes)
