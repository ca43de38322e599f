"""The forms of `show stat` and `show info`, typed, described and JSON: the same fields on HAProxy and on wproxy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.support.runtime_pair import Pair, runtime_pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with runtime_pair(tmp_path_factory.mktemp("pair")) as made:
        yield made


def typed(answer: str) -> dict[str, tuple[str, ...]]:
    """Return tags, type and description by `kind.proxy.server.number.name`; values count time and traffic."""
    found = {}
    for line in answer.splitlines():
        match = re.fullmatch(r'(.*?)\.1:(\w+):(\w+):.*?(?::("[^"]*"))?', line)
        if match is not None:
            found[match[1]] = match.groups()[1:]
    return found


@pytest.mark.parametrize("words", ["typed", "typed desc", "up typed", "no-maint typed"])
def test_typed_statistics(pair: Pair, words: str) -> None:
    haproxys, ours = (typed(answer) for answer in pair.ask(f"show stat {words}"))
    # What follows behind number 105 is about HTTP/1 and HTTP/2.
    expected = {name: value for name, value in haproxys.items() if int(name.split(".")[3]) <= 105}
    assert ours == expected


@pytest.mark.parametrize("command", ["show info typed", "show info typed desc", "show info typed desc float"])
def test_typed_information(pair: Pair, command: str) -> None:
    haproxys, ours = (typed(answer) for answer in pair.ask(command))
    assert ours == haproxys


def test_information_has_the_same_lines(pair: Pair) -> None:
    haproxys, ours = ([line.split(": ")[0] for line in answer.splitlines()] for answer in pair.ask("show info"))
    assert ours == haproxys
    described, plain = pair.wproxy.stats.ask("show info desc"), pair.wproxy.stats.ask("show info")
    assert described.startswith('Name: HAProxy:"Product name"\n')
    assert len(described.splitlines()) == len(plain.splitlines())


def shape(document: object) -> object:
    """Return a JSON document without its values."""
    if isinstance(document, list):
        return [shape(each) for each in document]
    if isinstance(document, dict):
        return {key: value for key, value in document.items() if key != "value"} | {
            "type": document["value"]["type"] if isinstance(document.get("value"), dict) else None
        }
    return document


def test_json(pair: Pair) -> None:
    haproxys, ours = (shape(json.loads(answer)) for answer in pair.ask("show info json"))
    assert ours == haproxys
    theirs, mine = (json.loads(answer) for answer in pair.ask("show stat json"))
    assert len(mine) == len(theirs)
    for their_line, my_line in zip(theirs, mine, strict=True):
        known = {item["field"]["name"]: shape(item) for item in their_line}
        assert all(shape(item) == known[item["field"]["name"]] for item in my_line)
    haproxys_schema, our_schema = (json.loads(answer) for answer in pair.ask("show schema json"))
    assert our_schema == haproxys_schema
