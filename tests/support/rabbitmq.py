"""Runs a private RabbitMQ on free ports in a folder of its own, and kills and restarts it on the same data."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from capture.topology import DEFAULT_QUEUE, dead_letters
from tests.support.programs import free_port, need, running
from tests.support.waiting import wait_for

# Debian's wrapper in /usr/sbin changes the user; the script behind it runs as whoever calls it.
SERVER_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_TIMEOUT_S = 120.0  # a node of three, started anew on a busy machine: up to 56 s
# A server that is asked whether it is there yet makes pika write ten lines of its own each time.
logging.getLogger("pika").setLevel(logging.CRITICAL + 1)


@dataclass
class Broker:
    """A RabbitMQ server of this test's own; `url` names its default virtual host and the default queue."""

    folder: Path
    port: int
    dist_port: int
    epmd_port: int
    home: Path | None = None  # where the Erlang cookie is; else `folder`
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start the server on the data it had before; return when it accepts logins."""
        with (self.folder / "rabbitmq.log").open("ab") as log:
            self.process = subprocess.Popen(
                [_server_script()],
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(self._ready, START_TIMEOUT_S, "RabbitMQ")

    def kill(self, queue: str = DEFAULT_QUEUE) -> None:
        """End the server as a crash does: SIGKILL, nothing is flushed.

        Waits for the registration of `queue` and its dead letters first: RabbitMQ 3.10 holds the names of new quorum
        queues in memory for some 3 s, and one that is killed meanwhile never brings them up again.
        """
        for name in (queue, dead_letters(queue)):
            wait_for(lambda name=name: self._registered(name), 20.0, f"the registration of queue {name}")  # type: ignore[misc]
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the server in its own time."""
        self._end(signal.SIGTERM)

    def restart(self, queue: str = DEFAULT_QUEUE) -> None:
        """Kill the server and start it again on the same data."""
        self.kill(queue)
        self.start()

    def freeze(self) -> None:
        """Make the server silent: its sockets stay open, and it does nothing until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    @contextmanager
    def channel(self) -> Iterator[BlockingChannel]:
        """Open a channel on a connection of its own."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            yield connection.channel()
        finally:
            if connection.is_open:
                connection.close()

    def ready_messages(self, queue: str) -> int:
        """Return how many messages of `queue` wait for a consumer; 0 when there is no such queue yet."""
        with self.channel() as channel:
            try:
                return int(channel.queue_declare(queue, passive=True).method.message_count)
            except AMQPError:
                return 0

    def has_queue(self, queue: str) -> bool:
        """Tell whether `queue` exists."""
        with self.channel() as channel:
            try:
                channel.queue_declare(queue, passive=True)
            except AMQPError:
                return False
            return True

    def take_all(self, queue: str) -> list[bytes]:
        """Take every message that waits in `queue` off it, in order."""
        bodies: list[bytes] = []
        with self.channel() as channel:
            while True:
                method, _, body = channel.basic_get(queue, auto_ack=True)
                if method is None:
                    return bodies
                bodies.append(body)

    def _registered(self, queue: str) -> bool:
        names = self.folder / "data" / self.node / "quorum" / self.node / "names.dets"
        process = f"%2F_{queue}".encode()  # an Erlang atom, "%2F" for the virtual host "/"; its length stands before it
        return names.exists() and bytes([len(process)]) + process in names.read_bytes()

    @property
    def node(self) -> str:
        return f"wproxy-{self.port}@localhost"

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None, "the server does not run"
        self.process.send_signal(number)

    def _end(self, signal_number: signal.Signals) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
            self.process.send_signal(signal.SIGCONT)  # a frozen one hears of nothing but SIGKILL
        try:
            self.process.wait(30.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail(f"RabbitMQ ended with {self.process.returncode}:\n{(self.folder / 'rabbitmq.log').read_text()}")
        try:
            with self.channel():
                return True
        except (AMQPError, OSError):
            return False

    def environment(self) -> dict[str, str]:
        """Return the environment of the server and of the programs that ask it."""
        settings = {
            "NODENAME": self.node,
            "NODE_IP_ADDRESS": "127.0.0.1",
            "NODE_PORT": str(self.port),
            "DIST_PORT": str(self.dist_port),
            "MNESIA_BASE": str(self.folder / "data"),
            "LOG_BASE": str(self.folder / "log"),
            "CONFIG_FILE": str(self.folder / "rabbitmq"),
            "ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "CONF_ENV_FILE": "/dev/null",
            # Two schedulers that do not spin: the tests share two cores.
            "SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
            " -kernel inet_dist_use_interface {127,0,0,1}",
        }
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home or self.folder),
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Makes the script become the server, so that our child is the server itself and dies by its own pid.
            "RUNNING_UNDER_SYSTEMD": "true",
            **{f"RABBITMQ_{name}": value for name, value in settings.items()},
        }


def _server_script() -> str:
    found = need("rabbitmq-server")
    return str(SERVER_SCRIPT) if SERVER_SCRIPT.exists() else found


@contextmanager
def rabbitmq(folder: Path) -> Iterator[Broker]:
    """Run a RabbitMQ with its data in `folder`, yield it when it accepts logins, end it and its epmd at the end."""
    need("rabbitmq-server")
    folder = folder / "rabbitmq"
    folder.mkdir()
    epmd_port = free_port()
    # The server would start a daemon of its own that outlives it: with this one there already, it does not.
    epmd = [need("epmd"), "-port", str(epmd_port), "-address", "127.0.0.1"]
    broker = Broker(folder, free_port(), free_port(), epmd_port)
    with running(epmd, folder, "epmd"):
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()
