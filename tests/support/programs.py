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
from pathlib import Path

import pytest

from tests.support.waiting import wait_for

# What runs wproxy: the source as it is, or what a user gets (`make compiled`), to which `make test` sets it.
PYTHON = os.environ.get("WPROXY_PYTHON", sys.executable)
WPROXY = [PYTHON, "-m", "wproxy"]
SCRIPT = Path(PYTHON).with_name("wproxy")


def need(program: str) -> str:
    """Return the path of `program`; without it skip the test on a developer's machine and fail it in CI."""
    path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin:/usr/lib/rabbitmq/bin")
    if path is None and os.environ.get("CI"):
        pytest.fail(f"{program} is not installed: `make test` installs it")
    if path is None:
        pytest.skip(f"{program} is not installed: `make test` installs it")
    return path


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port of `host` on which nobody listens now.

    It lies below the range from which the kernel takes the ports of outgoing connections: one of those must not take it
    before the program that it is meant for.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.randint(11_000, 32_000)
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
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


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

    wait_for(ready, 15.0, f"port {port} of {log.stem}")


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
