"""The systemd units: valid, and with the privileges that each program needs and no others."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import SCRIPT, need

UNITS = Path(__file__).resolve().parent.parent.parent / "systemd"
CAPABILITIES = {
    "wproxy.service": "CAP_NET_BIND_SERVICE",
    "wproxy-capture.service": "CAP_NET_RAW CAP_NET_BIND_SERVICE",
    "wproxy-consume@.service": "",
}


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name)
    return parser


def test_there_is_a_unit_for_every_program() -> None:
    assert {path.name for path in UNITS.iterdir()} == set(CAPABILITIES)


@pytest.mark.parametrize("name", CAPABILITIES)
def test_systemd_accepts_the_unit(name: str, tmp_path: Path) -> None:
    """As it stands but for the program's path, which is where the tests have it."""
    (tmp_path / name).write_text((UNITS / name).read_text().replace("/usr/bin/wproxy", str(SCRIPT)))
    instance = name.replace("@", "@1")
    command = [need("systemd-analyze"), "verify", "--man=no", str(tmp_path / instance)]
    if instance != name:
        (tmp_path / instance).symlink_to(tmp_path / name)
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("name", CAPABILITIES)
def test_systemd_rates_the_unit_well(name: str, tmp_path: Path) -> None:
    """From 0 to 10, what harm a service could do that is taken over; below 2 it calls good."""
    path = tmp_path / name.replace("@", "@1")
    path.write_text((UNITS / name).read_text())
    command = [need("systemd-analyze"), "security", "--offline=true", "--no-pager", "--threshold=20", str(path)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stdout
    assert "Overall exposure level" in answer.stdout


@pytest.mark.parametrize(("name", "capabilities"), CAPABILITIES.items())
def test_each_program_has_the_capabilities_that_it_needs_and_no_others(name: str, capabilities: str) -> None:
    service = unit(name)["Service"]
    assert service["AmbientCapabilities"] == service["CapabilityBoundingSet"] == capabilities
    assert service["NoNewPrivileges"] == "yes"
    assert service["DynamicUser"] == "yes"
