from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.http.squeezing import Algorithm, Compression
from wproxy.config.loader import parse

HEAD = "listen l\n bind :1\n mode http\n"


def test_lines_add_up() -> None:
    lines = (
        " compression algo gzip\n compression algo deflate raw-deflate\n compression type text/html text/plain\n"
        " compression type text/css\n compression offload\n"
    )
    config = parse(HEAD + lines, "a.cfg", {})
    made = Compression(
        (Algorithm.GZIP, Algorithm.DEFLATE, Algorithm.RAW_DEFLATE), (b"text/html", b"text/plain", b"text/css"), True
    )
    for http in (config.frontends[0].http, config.backends[0].http):
        assert http is not None
        assert http.compression == made


def test_offload_is_not_for_defaults() -> None:
    config = parse("defaults\n mode http\n compression algo gzip\n compression offload\nbackend b\n", "a.cfg", {})
    assert config.warnings == ("[a.cfg:4] : 'compression' : 'offload' ignored in 'defaults' section.",)
    assert config.backends[0].http is not None
    assert config.backends[0].http.compression == Compression((Algorithm.GZIP,))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("compression", "'compression' in 'listen' section expects one of 'algo', 'offload', 'type'"),
        ("compression algo", "'compression algo' expects <algorithm>"),
        (
            "compression algo gzipp",
            "'compression algo' knows 'identity', 'gzip', 'deflate', 'raw-deflate': 'gzipp' is not a supported "
            "algorithm; did you mean 'gzip'?",
        ),
        ("compression type", "'compression type' expects <type>"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"{HEAD} {line}\n") == problem
