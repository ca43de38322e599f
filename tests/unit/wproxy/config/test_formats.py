from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import http_scope
from wproxy.config.formats import Expression, Flags, Text, Variable, parse_format
from wproxy.config.values import ArgumentError

NAMES = ("ci", "cp", "HM")
QUOTED = Flags(quoted=True)


def test_pieces() -> None:
    pieces = parse_format("é 100%% %ci:%cp %{+Q}o%{-Q,+X}ci%HM", NAMES, http_scope())
    assert pieces == (
        Text("\xc3\xa9 100% "),
        Variable("ci", Flags()),
        Text(":"),
        Variable("cp", Flags()),
        Text(" "),
        Variable("ci", Flags(hexadecimal=True)),
        Variable("HM", QUOTED),
    )
    assert parse_format("", NAMES, http_scope()) == ()


def test_expressions() -> None:
    [piece] = parse_format("%{+E}[path,lower]", NAMES, http_scope())
    assert isinstance(piece, Expression)
    assert (piece.sample.text, piece.flags) == ("path,lower", Flags(escaped=True))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("%", "has a '%' without a variable in '%'; write '%%' for the sign itself"),
        ("%HN", "cannot use the variable '%HN' here"),
        ("%{+Q", "misses the closing brace in '%{+Q'"),
        ("%{Q}ci", "knows the flags Q, X, E, M with + or - in front, not 'Q'"),
        ("%[path", "misses the closing bracket in '%[path'"),
        ("%[nothing]", "knows no fetch 'nothing'"),
        ("%[status]", "cannot ask for 'status' here: it needs an HTTP exchange"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_format(text, NAMES, http_scope())
    assert str(caught.value) == problem
