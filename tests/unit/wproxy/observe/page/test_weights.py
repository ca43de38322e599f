from __future__ import annotations

from tests.unit.wproxy.observe.page.site import proxy, registry
from tests.unit.wproxy.state.parties import config, line
from wproxy.observe.page.weights import form


def test_a_field_for_each_server() -> None:
    text = form(proxy(registry(config(line("a", 30), line("b", 70)))))
    assert '<input type="hidden" name="action" value="weight"><input type="hidden" name="b" value="#3">' in text
    assert text.count('name="w"') == text.count('name="s"') == text.count('type="range"') == 2
    assert '<input type="number" name="w" min="0" max="256" step="1" value="30" required>' in text
    assert "<output>70.0 %</output>" in text


def test_the_slider_is_as_long_as_the_weights_need() -> None:
    assert 'min="0" max="100"' in form(proxy(registry(config(line("a", 100)))))
    assert 'min="0" max="256" step="1" value="101" aria' in form(proxy(registry(config(line("a", 101)))))


def test_a_static_algorithm_has_two_weights() -> None:
    text = form(proxy(registry(config(line("a", 30), balance="source"))))
    assert 'min="0" max="30" step="30"' in text
    assert "takes 0 or the configured weight only" in text


def test_no_servers_no_form() -> None:
    assert form(proxy(registry(), "front")) == ""
    assert form(proxy(registry(config()))) == ""


def test_names_are_no_markup() -> None:
    assert "<i>" not in form(proxy(registry(config(line("<i>")))))
