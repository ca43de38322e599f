"""Starts the real programs on free ports in folders of their own, and ends them by pid."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.waiting import wait_for

# What runs wproxy: the source as it is, or what a user gets (`make compiled`), to which `make test` sets it.
PYTHON = os.environ.get("WPROXY_PYTHON", sys.executable)
WPROXY = [PYTHON, "-m", "wproxy"]
SCRIPT = Path(PYTHON).with_name("wproxy")
START_TIMEOUT_S = 40.0  # on a machine that has much else to do


def lack(what: str) -> NoReturn:
    """Skip the test on a developer's machine, because of `what` it needs and has not; fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def need(program: str) -> str:
    """Return the path of `program`; without it the test cannot run."""
    path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin:/usr/lib/rabbitmq/bin")
    if path is None:
        lack(f"{program} is not installed: `make test` installs it")
    return path


def need_root(what_for: str) -> None:
    """Let the test run only as root, who may do `what_for`."""
    if os.geteuid() != 0:
        lack(f"only root may {what_for}")


def own_ports(first: int, behind: int) -> range:
    """Return the ports from `first` on that are this process's: each worker of pytest-xdist has others."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return range(first + number % workers, behind, workers)


def _ports() -> Iterator[int]:
    """Yield the ports of this process in turn, for ever.

    They lie below the range from which the kernel takes the ports of outgoing connections: nobody must take one before
    the program that it is meant for.
    """
    own = own_ports(11_000, 32_000)
    start = random.randrange(len(own))
    yield from cycle([*own[start:], *own[:start]])


_PORTS = _ports()


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port of `host` on which nobody listens now, and that has not been returned for a long time."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = next(_PORTS)
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port


def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something accepts connections on `host`:`port`."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def free_ports(count: int) -> list[int]:
    """Return so many different ports as `free_port` does."""
    return [free_port() for _ in range(count)]


@contextmanager
def running(
    command: list[str], folder: Path, name: str, env: dict[str, str] | None = None, stop_timeout_s: float = 10.0
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in `folder` with its output in `folder`/`name`.log; end it at the end."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(stop_timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path, host: str = "127.0.0.1") -> None:
    """Return when `process` accepts on `port`; fail the test with its log when it ends instead."""

    def ready() -> bool:
        if process.poll() is not None:
            pytest.fail(f"ended with {process.returncode} before it listened on {port}:\n{log.read_text()}")
        return listening(port, host)

    wait_for(ready, START_TIMEOUT_S, f"port {port} of {log.stem}")


@contextmanager
def redis_server(folder: Path, port: int | None = None, *options: str) -> Iterator[int]:
    """Run a real redis-server without persistence on a free port, yield the port."""
    port = port or free_port()
    command = [need("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running([*command, "--dir", str(folder), *options], folder, f"redis-{port}") as process:
        wait_until_listening(process, port, folder / f"redis-{port}.log")
        yield port


@contextmanager
def haproxy(folder: Path, config: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run Debian's haproxy on `config`, yield it when it listens on `port`."""
    (folder / "haproxy.cfg").write_text(config)
    command = [need("haproxy"), "-db", "-f", "haproxy.cfg"]
    with running(command, folder, "haproxy") as process:
        wait_until_listening(process, port, folder / "haproxy.log")
        yield process


@contextmanager
def wproxy(folder: Path, config: str, port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run wproxy on `config`, yield it when it listens on `port`."""
    (folder / "wproxy.cfg").write_text(config)
    command = [*WPROXY, "-f", "wproxy.cfg", *options]
    with running(command, folder, "wproxy") as process:
        wait_until_listening(process, port, folder / "wproxy.log")
        yield process
