"""`wproxy keepalived` writes files that the real keepalived takes, and a check that tells well from ill."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.namespaces import ip, own_network
from tests.support.programs import WPROXY, need
from tests.support.proxies import proxy
from tests.support.waiting import wait_for

NODE = ("--vip", "192.0.2.10/24", "--interface", "card0", "--role", "master")


def keepalived(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [*WPROXY, "keepalived", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, env={**os.environ, **env})


def test_keepalived_takes_every_kind_of_file(tmp_path: Path) -> None:
    """keepalived -t also looks whether the interface is there, and whether scripts can be run."""
    script = tmp_path / "notify"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    unicast, password = ("--address", "192.0.2.1", "--peer", "192.0.2.2"), {"WPROXY_VRRP_PASSWORD": "secret"}
    scripts = ("--notify", str(script), "--backend", "redis", "--router-id", "7", "--priority", "200")
    kinds: tuple[tuple[tuple[str, ...], dict[str, str]], ...] = (
        ((), {}),
        (unicast, password),
        (("--nopreempt", *scripts), {}),
        (("--preempt-delay", "10", "--interval", "2"), password),
        (("--sync-port", "9999", *unicast, *scripts), password),
        (("--sync-port", "9999", "--nopreempt"), {}),
    )
    with own_network():
        ip("link", "add", "card0", "type", "veth", "peer", "name", "card1")
        ip("link", "set", "card0", "up")
        for number, (words, env) in enumerate(kinds):
            ours, theirs = (tmp_path / f"{number}-{name}.conf" for name in "ab")
            made = keepalived(*NODE, *words, "-o", str(ours), "--peer-output", str(theirs), **env)
            assert (made.returncode, made.stdout, made.stderr) == (0, "", ""), words
            # Two pairs with their roles crossed: each node has an address to itself while both are well.
            crossed = tmp_path / f"{number}-crossed.conf"
            second = keepalived("--vip", "192.0.2.20/24", *NODE[2:-1], "backup", "--router-id", "52")
            crossed.write_text(ours.read_text() + second.stdout)
            crossed.chmod(0o600)
            for file in (ours, theirs, crossed):
                assert file.stat().st_mode & 0o777 == 0o600
                done = subprocess.run([need("keepalived"), "-t", "-f", str(file)], capture_output=True, text=True)
                assert (done.returncode, done.stderr) == (0, ""), f"{words}\n{file.read_text()}"


def test_without_a_file_it_is_printed() -> None:
    made = keepalived(*NODE, "--command", "/usr/bin/wproxy", WPROXY_VRRP_PASSWORD="secret")
    assert made.returncode == 0
    assert "auth_pass secret" in made.stdout
    assert 'script "/usr/bin/wproxy keepalived check --socket /run/wproxy/admin.sock"' in made.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--vip, --interface and --role are needed"),
        ((*NODE, "--priority", "300"), "the priority is 300: 1 to 254"),
        ((*NODE, "--peer", "192.0.2.2", "--peer-output", "x"), "--address"),
        ((*NODE[:-1], "king"), "Invalid value for '--role'"),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], says: str) -> None:
    made = keepalived(*arguments)
    assert made.returncode == 2
    assert says in made.stderr
    assert made.stderr.count("\n") == 1
    assert made.stdout == ""


def test_a_password_that_is_too_long_is_refused_and_not_repeated() -> None:
    made = keepalived(*NODE, WPROXY_VRRP_PASSWORD="far-too-long")
    assert made.returncode == 2
    assert "far-too-long" not in made.stderr + made.stdout


def test_the_check_asks_the_proxy(tmp_path: Path) -> None:
    servers = "backend empty\n    server s 127.0.0.1:1\nbackend none"
    with proxy("wproxy", tmp_path, "server s 127.0.0.1:1", rest=servers) as running:
        ask = ("check", "--socket", str(tmp_path / "wproxy.sock"))
        assert keepalived(*ask).returncode == 0
        assert keepalived(*ask, "--backend", "empty").returncode == 0
        running.stats.ask("disable server empty/s")
        ill = keepalived(*ask, "--backend", "empty")
        assert (ill.returncode, ill.stderr) == (1, "wproxy keepalived: no server of empty is usable\n")
        assert "no backend with servers is named none" in keepalived(*ask, "--backend", "none").stderr
        assert keepalived(*ask).returncode == 0
        running.process.send_signal(19)  # SIGSTOP: it accepts, and says nothing
        try:
            wait_for(lambda: keepalived(*ask, "--timeout", "0.2").returncode == 3, what="no answer is no health")
        finally:
            running.process.send_signal(18)
    assert keepalived(*ask).returncode == 3
