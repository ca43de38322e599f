"""Reads compose.yaml as docker-compose does, and turns a service's command into one that runs on this machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.programs import PYTHON, WPROXY, need

ROOT = Path(__file__).resolve().parents[2]
# docker-compose answers in YAML and brings the library for it to Debian's own Python.
_TO_JSON = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"


def compose(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run docker-compose on compose.yaml with the example environment; `config` needs no container engine."""
    return subprocess.run(
        [
            need("docker-compose"),
            "--file",
            str(ROOT / "compose.yaml"),
            "--env-file",
            str(ROOT / ".env.example"),
            *arguments,
        ],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def services(**env: str) -> dict[str, dict[str, Any]]:
    """Return every service by name, with anchors merged and variables filled in."""
    rendered = compose("config", **env)
    assert rendered.returncode == 0, rendered.stderr
    document = subprocess.run(
        ["/usr/bin/python3", "-c", _TO_JSON],
        input=rendered.stdout,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, dict[str, Any]] = json.loads(document.stdout)["services"]
    return found


def on_this_machine(command: list[str], places: Mapping[str, str]) -> list[str]:
    """Return `command` with every text of `places` replaced and our own programs called by this Python."""
    ours = {"wproxy": WPROXY, "python": [PYTHON]}
    program, *arguments = command
    start = ours[program] if program in ours else [need(program)]
    return [*start, *(replaced(text, places) for text in arguments)]


def replaced(text: str, places: Mapping[str, str]) -> str:
    """Return `text` with every key of `places` replaced by its value, the longest first."""
    for there in sorted(places, key=len, reverse=True):
        text = text.replace(there, places[there])
    return text
