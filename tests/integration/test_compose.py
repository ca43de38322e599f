"""compose.yaml without a container engine: docker-compose accepts it, and each service's exact command runs here."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.support.capturing import PACKETS_PER_CONNECTION, connect, need_capture
from tests.support.compose import ROOT, compose, on_this_machine, replaced, services
from tests.support.programs import WPROXY, free_port, running, wait_until_listening
from tests.support.rabbitmq import Broker
from tests.support.waiting import wait_for

CONNECTIONS = 40


def test_docker_compose_accepts_the_file() -> None:
    finished = compose("config", "-q")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


def test_the_example_environment_has_every_variable_with_its_default() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", (ROOT / "compose.yaml").read_text()))
    offered = set(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert offered == asked


def test_the_password_comes_from_the_environment() -> None:
    changed = services(RABBITMQ_PASSWORD="from-the-environment")
    assert changed["rabbitmq"]["environment"]["RABBITMQ_DEFAULT_PASS"] == "from-the-environment"
    for name in ("capture", "consumer"):
        assert ":from-the-environment@rabbitmq:5672" in str(changed[name])
    assert "development-only" not in str(changed)


def test_nobody_has_more_power_than_needed() -> None:
    by_name = services()
    assert {name: service.get("cap_add", []) for name, service in by_name.items() if service.get("cap_add")} == {
        "capture": ["NET_RAW"]
    }
    assert not any(service.get("privileged") for service in by_name.values())
    assert all(service["cap_drop"] == ["ALL"] for name, service in by_name.items() if name != "rabbitmq")
    assert [name for name, service in by_name.items() if service.get("user") == "root"] == ["capture"]
    assert "\nUSER wproxy\n" in (ROOT / "Dockerfile").read_text()


def test_each_starts_when_what_it_needs_is_healthy() -> None:
    by_name = services()
    needs = {name: set(service.get("depends_on", ())) for name, service in by_name.items()}
    assert needs == {
        "rabbitmq": set(),
        "redisA": set(),
        "redisB": set(),
        "proxy": {"redisA", "redisB"},
        "capture": {"rabbitmq"},
        "consumer": {"rabbitmq", "proxy"},
    }
    assert all(
        condition == {"condition": "service_healthy"}
        for service in by_name.values()
        for condition in service.get("depends_on", {}).values()
    )
    assert all("healthcheck" in service for service in by_name.values())


def test_the_stats_socket_is_where_the_command_looks_on_a_volume() -> None:
    (path,) = re.findall(r"WPROXY_SOCKET=(\S+)", (ROOT / "Dockerfile").read_text())
    assert f"stats socket {path} " in (ROOT / "compose/haproxy.cfg").read_text()
    assert f"run:{Path(path).parent}" in str(services()["proxy"]["volumes"])


@dataclass
class Here:
    """The services as processes of this machine: where each thing of the file is here."""

    folder: Path
    places: dict[str, str]
    ports: dict[str, int]

    def command(self, words: list[str]) -> list[str]:
        return on_this_machine(words, self.places)

    def environment(self, service: dict[str, Any]) -> dict[str, str]:
        """Return what the image and the service set."""
        own = {name: replaced(value, self.places) for name, value in service.get("environment", {}).items()}
        return {"WPROXY_SOCKET": str(self.folder / "run/admin.sock"), **own}


def places_of(folder: Path, broker_port: int, ports: dict[str, int]) -> dict[str, str]:
    return {
        "wproxy:development-only@rabbitmq:5672": f"guest:guest@127.0.0.1:{broker_port}",
        "redisA:6379": f"127.0.0.1:{ports['redisA']}",
        "redisB:6379": f"127.0.0.1:{ports['redisB']}",
        "proxy:6379": f"127.0.0.1:{ports['proxy']}",
        "*:6379": f"127.0.0.1:{ports['proxy']}",
        "0.0.0.0:9000": f"127.0.0.1:{ports['capture']}",
        "interface=eth0": "interface=lo",
        ":9101": f":{ports['capture metrics']}",
        ":9102": f":{ports['consumer metrics']}",
        "0.0.0.0": "127.0.0.1",
        "/run/wproxy": str(folder / "run"),
        "/var/spool/wproxy": str(folder / "spool"),
        "/etc/wproxy/haproxy.cfg": str(folder / "haproxy.cfg"),
    }


@pytest.fixture
def by_name() -> dict[str, dict[str, Any]]:
    return services()


@pytest.fixture
def here(tmp_path: Path, by_name: dict[str, dict[str, Any]], broker: Broker) -> Iterator[Here]:
    """Every service of the file, running; nobody else uses the default queue of `broker`."""
    need_capture()
    names = ("redisA", "redisB", "proxy", "capture", "capture metrics", "consumer metrics")
    ports = {name: free_port() for name in names}
    for name in ("run", "spool", "redisA", "redisB"):
        (tmp_path / name).mkdir()
    with ExitStack() as owned:
        here = Here(tmp_path, places_of(tmp_path, broker.port, ports), ports)
        (tmp_path / "haproxy.cfg").write_text(replaced((ROOT / "compose/haproxy.cfg").read_text(), here.places))

        def start(name: str, port: int, *more: str) -> None:
            command = [*here.command(by_name[name]["command"]), *more]
            folder = tmp_path / name if (tmp_path / name).is_dir() else tmp_path
            process = owned.enter_context(running(command, folder, name, here.environment(by_name[name])))
            wait_until_listening(process, port, folder / f"{name}.log")

        for name in ("redisA", "redisB"):  # the image's port is the container's own
            start(name, ports[name], "--port", str(ports[name]), "--bind", "127.0.0.1")
        start("proxy", ports["proxy"])
        start("consumer", ports["consumer metrics"])
        start("capture", ports["capture metrics"])
        yield here


def test_the_commands_of_all_services_make_a_working_pipeline(here: Here, by_name: dict[str, dict[str, Any]]) -> None:
    for name, port in (("redisA", here.ports["redisA"]), ("proxy", 0), ("capture", 0), ("consumer", 0)):
        check_health(here, by_name[name], *(["-p", str(port)] if port else []))
    connect("127.0.0.1", here.ports["capture"], CONNECTIONS)
    with (
        Redis(port=here.ports["redisA"], protocol=2) as first,
        Redis(port=here.ports["redisB"], protocol=2) as second,
    ):
        # All of them: the servers are asked one after the other.
        wanted = CONNECTIONS * PACKETS_PER_CONNECTION
        wait_for(lambda: first.dbsize() + second.dbsize() >= wanted, 20.0, "the packets are stored")
        counts = first.dbsize(), second.dbsize()
    assert counts[0] / sum(counts) == pytest.approx(0.3, abs=0.05)
    exec_in_proxy = subprocess.run(
        [*WPROXY, "weight", "set", "redisA", "70"],
        env={**os.environ, **here.environment(by_name["proxy"])},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert exec_in_proxy.stdout == "redisA 30 → 70, share 30.0 % → 50.0 %\n", exec_in_proxy


def check_health(here: Here, service: dict[str, Any], *more: str) -> None:
    """Run a service's health check as the container engine would."""
    kind, program, *arguments = service["healthcheck"]["test"]
    assert kind == "CMD"
    command = [*here.command([program]), *more, *here.command(["python", *arguments])[1:]]
    finished = subprocess.run(
        command,
        env={**os.environ, **here.environment(service)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert finished.returncode == 0, finished
