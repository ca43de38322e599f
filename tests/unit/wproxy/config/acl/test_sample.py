from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import facts, scope
from tests.unit.wproxy.config.http.exchange import holds, http_facts, http_scope, value
from wproxy.config.acl.facts import Kind, Stage
from wproxy.config.acl.sample import parse_sample, parse_sample_at
from wproxy.config.values import ArgumentError


def test_what_is_known_of_an_expression() -> None:
    sample = parse_sample("path,length", http_scope())
    assert (sample.text, sample.name, sample.kind, sample.stages, sample.match) == (
        "path,length", "path", Kind.INTEGER, Stage.REQUEST, None,
    )  # fmt: skip
    assert parse_sample_at("%[src] x", 2, scope())[1] == 5


def test_names_of_conditions() -> None:
    sample = parse_sample("hdr_beg(host)", http_scope(), condition=True)
    assert (sample.name, sample.match, sample.stages) == ("req.hdr", "beg", Stage.REQUEST)
    assert parse_sample("hdr(host)", http_scope()).stages == Stage.REQUEST | Stage.RESPONSE
    assert parse_sample("cookie(a)", http_scope(), condition=True).stages == Stage.REQUEST | Stage.RESPONSE


def test_a_step_without_result_ends_it() -> None:
    assert value("req.hdr(none),upper") is None
    assert value("req.hdr(none),upper,length") is None
    assert value("str(!),b64dec,length,add(1)") is None
    assert value("str(a),upper,lower,length") == 1
    assert not holds("{ hdr(foo),b64dec,hex -m found }")


def test_outside_of_mode_http() -> None:
    assert parse_sample("src,ipmask(8)", scope()).fetch(facts()) == b"\x0a\0\0\0"
    with pytest.raises(ArgumentError, match="cannot ask for 'path' here: it needs 'mode http'"):
        parse_sample("path", scope())
    assert not parse_sample("src,concat(x)", http_scope()).stages & Stage.CONNECTION


@pytest.mark.parametrize(
    ("text", "stage", "problem"),
    [
        ("path", Stage.RESPONSE, "cannot ask for 'path' here: it needs a request's head, which is only there before"),
        ("res.hdr(a)", Stage.REQUEST, "cannot ask for 'res.hdr' here: it needs a response"),
        ("hdr(a)", Stage.LOG, "cannot ask for 'hdr' here: it needs a request or a response"),
        ("method", Stage.CONNECTION, "cannot ask for 'method' here: it needs an HTTP exchange"),
    ],
)
def test_at_the_wrong_time(text: str, stage: Stage, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_sample(text, http_scope(stage)).demand(stage)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("src x", "has ' x' behind the expression 'src'"),
        ("path_beg", "knows no fetch 'path_beg'"),
        ("req.body", "cannot use HAProxy's fetch 'req.body', which is not supported by wproxy"),
        ("src,table_idle(x)", "cannot use HAProxy's converter 'table_idle', which is not supported by wproxy"),
        ("src,length,nothing", "knows no converter 'nothing'"),
        ("always_true,ipmask(8)", "'ipmask' cannot make a sample of type ip of one of type boolean"),
        ("src,lower(x)", "takes at most 0 arguments in parentheses, not 'lower(x)'"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_sample(text, http_scope())
    assert problem in str(caught.value)


def test_facts_of_one_request_after_the_other() -> None:
    made = http_facts()
    made.variables["sess.kept"] = 1
    made.variables["req.gone"] = 1
    made.answered(made.response)  # type: ignore[arg-type] # none is as good as any here
    assert "req.gone" not in made.variables
    made.begin(made.request, (0, 0))
    assert made.variables == {"sess.kept": 1}
