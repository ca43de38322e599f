"""`wproxy demo`: its options, its temporary folder, what it says at the end, its exit code."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from types import FrameType

import click

from admin.demo.report import Report
from admin.demo.waiting import Interrupted, Patience
from admin.errors import DemoError
from admin.render import percent, print_json
from admin.running import INTERRUPTED, run

WEIGHTS = ({"redisA": 30, "redisB": 70}, {"redisA": 50, "redisB": 50})
_TTL_S = 300
_LONGEST_TEMPORARY = 60
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command("demo")
@click.option(
    "--seconds", type=click.FloatRange(2, 86400), default=20.0, show_default=True, help="How long traffic flows."
)
@click.option("--json", "as_json", is_flag=True, help="Run unattended; print one JSON document last.")
@click.option("--amqp", metavar="URL", help="Queue in this RabbitMQ instead of a spool on disk.")
def demo(seconds: float, amqp: str | None, *, as_json: bool) -> int:
    """Run the whole pipeline on this machine for a moment: packets, queue, proxy, two Redis servers.

    At half-time the weights change from 30/70 to 50/50. Exits 0 only when no packet was lost.
    """
    stop = Event()
    with _stopping(stop):
        try:
            return _demo(seconds, amqp, Patience(stop), as_json=as_json)
        except Interrupted:
            click.echo("wproxy: demo: stopped; everything it started has ended", err=True)
            return INTERRUPTED
        except OSError as error:  # no space, no descriptors, no permission: in whichever file it is
            raise DemoError(str(error)) from error


def main() -> None:
    """Run `wproxy demo` and exit: 0 nothing lost, 1 something is wrong, 2 usage, 130 interrupted."""
    sys.exit(run(demo, sys.argv[2:], "wproxy demo"))


def _demo(seconds: float, amqp: str | None, patience: Patience, *, as_json: bool) -> int:
    # Loaded here: `wproxy demo --help` needs none of it.
    from admin.demo.broker import demo_queue
    from admin.demo.course import Course
    from admin.demo.pipeline import running
    from admin.demo.view import make_view

    ttl_s = max(_TTL_S, 2 * int(seconds))  # nothing may expire before it has been counted
    with ExitStack() as owned:
        folder = Path(owned.enter_context(tempfile.TemporaryDirectory(prefix="wproxy-demo-", dir=temporary_folder())))
        view = owned.enter_context(make_view(as_json=as_json))
        queue = owned.enter_context(demo_queue(amqp, folder))
        pipeline = owned.enter_context(running(folder, queue, WEIGHTS[0], ttl_s, patience))
        view.say(f"two servers: {pipeline.servers.kind}; queue: {queue.shown}; keys live {ttl_s} s")
        if not pipeline.real_packets:
            view.say("no CAP_NET_RAW: capture reads a pcap that scapy writes, not the packets of real connections")
        report = Course(pipeline, view, patience, seconds, len(WEIGHTS)).run(WEIGHTS)
    return _conclude(report, as_json=as_json)


def temporary_folder() -> str:
    """Return where the demo's folder goes: a stats socket's path has to fit into 108 bytes (unix(7))."""
    usual = tempfile.gettempdir()
    return usual if len(usual) <= _LONGEST_TEMPORARY else "/tmp"


def _conclude(report: Report, *, as_json: bool) -> int:
    faults = report.faults()
    for fault in faults:
        click.echo(f"wproxy: demo: {fault}", err=True)
    if as_json:
        print_json(report.document())
    else:
        for sentence in sentences(report):
            click.echo(sentence)
    return 1 if faults else 0


def sentences(report: Report) -> list[str]:
    """Return the result for humans."""
    phases = [
        f"phase {number}: "
        + ", ".join(
            f"{name} weight {weight}: {phase.stored[name]:,} keys ({percent(phase.share(name))})"
            for name, weight in phase.weights.items()
        )
        for number, phase in enumerate(report.phases, 1)
    ]
    totals = f"captured {report.captured:,}, stored {report.stored:,}, expired {report.expired:,}, lost {report.lost:,}"
    return [*phases, totals]


@contextmanager
def _stopping(stop: Event) -> Iterator[None]:
    """Have Ctrl-C, SIGTERM and a closed terminal set `stop` instead of cutting the clean-up short."""

    def set_stop(_: int, __: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, set_stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    main()
