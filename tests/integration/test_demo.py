"""`wproxy demo` whole, as a user runs it: what it prints, its exit code, and that nothing of it stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pika.exceptions import ChannelClosedByBroker

from tests.support.capturing import need_capture
from tests.support.programs import WPROXY, need
from tests.support.pty import run_in_terminal
from tests.support.rabbitmq import Broker
from tests.support.waiting import wait_for

SECONDS = 4
ROOT = os.geteuid() == 0
STEP_TIMEOUT_S = 60.0


@dataclass
class Demo:
    """Runs demos whose files all go to one folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TMPDIR": str(self.folder)}

    def run(self, *options: str, prefix: tuple[str, ...] = (), **env: str) -> subprocess.CompletedProcess[str]:
        """Run one to its end."""
        return subprocess.run(
            [*prefix, *WPROXY, "demo", "--seconds", str(SECONDS), *options],
            env={**self.environment, **env},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    @contextmanager
    def flowing(self) -> Iterator[subprocess.Popen[str]]:
        """Run one that would go on for long, yield it when its traffic flows."""
        with (
            (self.folder.parent / "words.log").open("w+") as words,
            subprocess.Popen(
                [*WPROXY, "demo", "--seconds", "600"], env=self.environment, stdout=words, stderr=words, text=True
            ) as process,
        ):
            try:
                wait_for(
                    lambda: "traffic flows" in self.words() or process.poll() is not None, STEP_TIMEOUT_S, "traffic"
                )
                assert process.poll() is None, self.words()
                yield process
            finally:
                process.kill()

    def words(self) -> str:
        """Return what the flowing demo has said."""
        return (self.folder.parent / "words.log").read_text()

    def children(self) -> dict[str, int]:
        """Return the pid of every child by name: each writes what it has to say to a file of the demo, NAME.log."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                output = (entry / "fd/1").readlink()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if output.is_relative_to(self.folder):
                found[output.name.removesuffix(" (deleted)").removesuffix(".log")] = int(entry.name)
        return found

    def left_behind(self) -> list[str]:
        """Return the files and processes of demos that have ended: there should be none."""
        return [*(str(path) for path in self.folder.iterdir()), *self.children()]


@pytest.fixture
def demo() -> Iterator[Demo]:
    # Not in tmp_path, which is longer than a unix socket's path may be.
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        (Path(folder) / "t").mkdir()
        yield Demo(Path(folder) / "t")


def check(finished: subprocess.CompletedProcess[str]) -> None:
    """Hold the demo's document against what it promises."""
    assert finished.returncode == 0, finished.stderr
    document = json.loads(finished.stdout.splitlines()[-1])
    assert list(document) == ["captured", "stored", "lost", "expired", "phases"]
    assert document["captured"] == document["stored"] >= 1000 * SECONDS / 20
    assert (document["lost"], document["expired"]) == (0, 0)
    first, second = document["phases"]
    assert first["weights"] == {"redisA": 30, "redisB": 70}
    assert second["weights"] == {"redisA": 50, "redisB": 50}
    for phase in (first, second):
        total = sum(phase["stored"].values())
        for name, weight in phase["weights"].items():
            assert phase["stored"][name] / total == pytest.approx(weight / 100, abs=0.01)
    assert document["stored"] == sum(sum(phase["stored"].values()) for phase in (first, second))


def test_real_packets_reach_real_servers_by_weight_and_none_is_lost(demo: Demo) -> None:
    need_capture()
    need("redis-server")
    finished = demo.run("--json")
    check(finished)
    assert "two servers: redis-server; queue: spool on disk" in finished.stderr
    assert "redisA 30 → 50, share" in finished.stderr
    assert "CAP_NET_RAW" not in finished.stderr
    assert demo.left_behind() == []


def test_without_the_capability_it_reads_a_pcap_and_says_so(demo: Demo) -> None:
    # A root that may only do what any user may.
    prefix = (need("setpriv"), "--inh-caps", "-all", "--bounding-set", "-all") if ROOT else ()
    finished = demo.run("--json", prefix=prefix)
    check(finished)
    assert "no CAP_NET_RAW: capture reads a pcap that scapy writes" in finished.stderr
    assert demo.left_behind() == []


def test_without_redis_server_fakeredis_takes_its_place(demo: Demo, tmp_path: Path) -> None:
    need("redis-server")
    finished = demo.run("--json", PATH=str(tmp_path))
    check(finished)
    assert "two servers: fakeredis" in finished.stderr
    assert demo.left_behind() == []


@pytest.mark.long
def test_the_queue_may_be_a_rabbitmq_which_is_left_as_it_was(demo: Demo, broker: Broker) -> None:
    # Through a shell that becomes the demo, to know the pid that the queue is named after.
    finished = demo.run("--json", "--amqp", broker.url, prefix=("/bin/sh", "-c", 'echo $$ >&2; exec "$@"', "sh"))
    check(finished)
    queue = f"wproxy.demo.{finished.stderr.splitlines()[0]}"
    assert f"queue: RabbitMQ at 127.0.0.1:{broker.port};" in finished.stderr
    assert "guest" not in finished.stderr
    for name in (queue, f"{queue}.dead"):
        with broker.channel() as channel, pytest.raises(ChannelClosedByBroker, match="no queue"):
            channel.queue_declare(name, passive=True)
    assert demo.left_behind() == []


def test_a_terminal_shows_the_picture_and_the_end_in_words(demo: Demo) -> None:
    code, drawn = run_in_terminal([*WPROXY, "demo", "--seconds", "2"], demo.environment)
    assert code == 0, drawn
    assert "packets captured" in drawn
    assert "weights 50/50" in drawn
    assert "lost 0" in drawn.splitlines()[-1]
    assert demo.left_behind() == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_everything_it_started(demo: Demo, ending: signal.Signals) -> None:
    with demo.flowing() as process:
        assert set(demo.children()) == {"redisA", "redisB", "proxy", "consumer", "capture"}
        process.send_signal(ending)
        assert process.wait(STEP_TIMEOUT_S) == 130
    assert "Traceback" not in demo.words()
    assert demo.words().endswith("wproxy: demo: stopped; everything it started has ended\n")
    assert demo.left_behind() == []


@pytest.mark.parametrize("name", ["capture", "consumer", "proxy", "redisB"])
def test_a_part_that_dies_is_one_line_and_ends_the_rest(demo: Demo, name: str) -> None:
    with demo.flowing() as process:
        os.kill(demo.children()[name], signal.SIGKILL)
        assert process.wait(STEP_TIMEOUT_S) == 1
    (line,) = (line for line in demo.words().splitlines() if line.startswith("wproxy demo: "))
    assert f"{name} ended early, killed by SIGKILL" in line
    assert "Traceback" not in demo.words()
    assert demo.left_behind() == []
