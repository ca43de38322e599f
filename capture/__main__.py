"""The command line of `wproxy capture`."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from capture.options import Address, address, duration_s, parsed, sensor_name
from capture.targets import target
from capture.topology import QUEUE_HELP, BrokerQueue, SpoolQueue, parse_queue_url

if TYPE_CHECKING:
    from capture.app import Settings


def main() -> None:
    """Run `wproxy capture …`, or `python -m capture …`; exit 2 for bad usage, 1 when it cannot start."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["capture"]:
        arguments = arguments[1:]
    try:
        capture.main(arguments, prog_name="wproxy capture", standalone_mode=False)
    except click.ClickException as error:
        _exit(error.format_message(), error.exit_code)
    except click.Abort:
        _exit("interrupted before it started", 1)


def _targets(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Address, ...]:
    try:
        return tuple(target(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from error


def state_folder() -> Path:
    """Return where this program keeps what must survive it: systemd's choice, root's, or the user's own."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.partition(":")[0])
    if os.geteuid() == 0:
        return Path("/var/lib/wproxy/capture")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "wproxy/capture"


@click.command(context_settings={"show_default": True})
@click.option(
    "--listen",
    required=True,
    multiple=True,
    metavar="IP:PORT",
    callback=_targets,
    help="Observe what is sent here; 127.0.0.1:9000, [::1]:9000, 0.0.0.0:9000. May be given several times.",
)
@click.option(
    "--interface", default="lo", metavar="NAME", help="The network interface that the packets arrive on; any for all."
)
@click.option("--syn-only", is_flag=True, help="Only the packets that open a connection, not all of it.")
@click.option(
    "--queue",
    required=True,
    envvar="WPROXY_QUEUE",
    metavar="URL",
    callback=parsed(lambda url: parse_queue_url(url, os.environ)),
    help=QUEUE_HELP,
)
@click.option("--no-listen", is_flag=True, help="Another service owns the port: only watch.")
@click.option("--read", metavar="FILE", help="Read a pcap or pcapng file, not the interface; - is standard input.")
@click.option(
    "--sensor",
    default=socket.gethostname,
    show_default="host name",
    metavar="NAME",
    callback=parsed(sensor_name),
    help="Who observed, in every batch.",
)
@click.option("--batch-size", default=1000, type=click.IntRange(1, 10_000), help="Most observations in a batch.")
@click.option(
    "--batch-time",
    default="100ms",
    metavar="DURATION",
    callback=parsed(duration_s),
    help="How long an observation waits for its batch to fill.",
)
@click.option(
    "--spool-dir",
    default=state_folder,
    show_default="a state folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where batches wait while the broker is away.",
)
@click.option("--spool-limit", default=1024, metavar="MIB", type=click.IntRange(1), help="How large a spool may grow.")
@click.option(
    "--ttl",
    default="5m",
    metavar="DURATION",
    callback=parsed(duration_s),
    help="What waited longer than this for the broker is dropped.",
)
@click.option("--metrics", metavar="HOST:PORT", callback=parsed(address), help="Where Prometheus reads the counters.")
@click.option(
    "-D", "--daemon", "is_daemon", is_flag=True, help="Go into the background when all is open; log to syslog."
)
@click.option(
    "--pidfile",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the process id.",
)
@click.option("--user", metavar="NAME", help="Become this user when the interface and the ports are open.")
def capture(
    *,
    listen: tuple[Address, ...],
    interface: str,
    queue: BrokerQueue | SpoolQueue,
    no_listen: bool,
    syn_only: bool,
    read: str | None,
    sensor: str,
    batch_size: int,
    batch_time: float,
    spool_dir: Path,
    spool_limit: int,
    ttl: float,
    metrics: Address | None,
    is_daemon: bool,
    pidfile: Path | None,
    user: str | None,
) -> None:
    """Watch the TCP packets sent to IP:PORT and put who sent them, to whom and when, on a queue."""
    from capture.app import Settings

    if is_daemon and read == "-":
        raise click.UsageError("-D and --read - do not go together: in the background there is no standard input.")
    _run(
        Settings(
            listen=listen,
            interface=interface,
            queue=queue,
            sensor=sensor,
            state=spool_dir,
            read=read,
            is_listening=not no_listen,
            syn_only=syn_only,
            batch_size=batch_size,
            batch_time_s=batch_time,
            spool_bytes=spool_limit << 20,
            ttl_s=ttl,
            metrics=metrics,
            pid_file=pidfile,
            user=user,
        ),
        is_daemon=is_daemon,
    )


def _run(settings: Settings, *, is_daemon: bool) -> None:
    from capture.app import StartError, run
    from capture.background import Background, PidFileError
    from capture.listener import ListenError
    from capture.privileges import PrivilegeError
    from capture.sources import SourceError
    from capture.spool import SpoolError

    try:
        run(settings, Background() if is_daemon else None)
    except (StartError, ListenError, SourceError, SpoolError, PidFileError, PrivilegeError) as error:
        raise click.ClickException(str(error)) from error


def _exit(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"wproxy capture: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
