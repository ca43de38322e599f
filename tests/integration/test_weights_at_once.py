"""Several weights as one change, in mode redis with `balance key`: one epoch, in every worker or in none."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import WPROXY, redis_server
from tests.support.proxies import Proxy, proxy


@pytest.fixture(params=[1, 2], ids=["process", "workers"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    with redis_server(tmp_path) as first, redis_server(tmp_path) as second:
        lines = [f"server s{number} 127.0.0.1:{port} weight 50" for number, port in enumerate((first, second))]
        rest = f"global\n    nbthread {request.param}\n    state-file {tmp_path}/state.json"
        with proxy("wproxy", tmp_path, "balance key", *lines, mode="redis", rest=rest) as started:
            yield started


def weight(made: Proxy, *words: str) -> str:
    command = [*WPROXY, "weight", "set", *words, "--socket", str(made.stats.path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def test_two_weights_open_one_epoch(made: Proxy) -> None:
    said = weight(made, "s0", "30", "s1", "70")
    assert set(re.findall(r"epoch (\d+) opened", said)) == {"1"}
    assert weight(made, "s0", "60", "s1", "40").count("epoch 2 opened") == 2
    assert [made.stats.row(name)["weight"] for name in ("s0", "s1")] == ["60", "40"]


def test_one_that_cannot_be_set_keeps_the_others_from_it(made: Proxy) -> None:
    assert made.stats.ask("set weights main/s0 30 main/s1 700").startswith("Absolute weight can only be")
    assert made.stats.ask("set weights main/s0 30 main/s2 70").startswith("No such server.")
    assert [made.stats.row(name)["weight"] for name in ("s0", "s1")] == ["50", "50"]
    assert "epoch 1 opened" in weight(made, "s0", "51")
