from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from wproxy.observe.prometheus.metric import Metric, Sample


def test_the_format() -> None:
    metric = Metric(
        "m", "gauge", "What it is.", [Sample((), 1), Sample((("a", "b"), ("c", "d")), 0.25), Sample((), None)]
    )
    assert "".join(metric.lines()) == ('# HELP m What it is.\n# TYPE m gauge\nm 1\nm{a="b",c="d"} 0.250000\nm NaN\n')


def test_nothing_without_samples() -> None:
    assert list(Metric("m", "gauge", "", []).lines()) == []


def test_what_would_break_the_format_is_escaped() -> None:
    value = 'back\\slash "quotes"\nline'
    metric = Metric("m", "gauge", "two\nlines \\ slash", [Sample((("a", value),), 1)])
    (family,) = text_string_to_metric_families("".join(metric.lines()))
    assert family.documentation == "two\nlines \\ slash"
    assert family.samples[0].labels == {"a": value}


def test_parts_of_a_metric_have_suffixes() -> None:
    assert list(Metric("m", "summary", "x", [Sample((), 3, "_count")]).lines())[-1] == "m_count 3\n"
