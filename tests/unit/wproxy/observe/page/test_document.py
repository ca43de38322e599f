from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from tests.unit.wproxy.observe.page.site import ALL, HEADING, page, reader, registry
from tests.unit.wproxy.state.parties import config, line
from wproxy.observe.page import Wanted, policy, tables
from wproxy.state.epochs import Progress


def test_each_proxy_has_a_section_and_each_line_a_row() -> None:
    text = page(registry())
    assert (text.count("<table>"), text.count('<tr id="')) == (2, 4)
    assert [name in text for name in ('id="front"', 'id="back"', 'id="back/a"', 'id="back/Backend"')] == [True] * 4
    assert "<dt>uptime</dt><dd>1d 1h01m01s</dd>" in text
    assert 'method="post"' not in text


def test_an_administrator_has_the_forms() -> None:
    text = page(registry(), admin=True)
    assert text.count('<form method="post">') == 1  # a frontend has nothing to tick
    assert text.count('<form class="weights" method="post"') == 1
    assert '<input type="hidden" name="b" value="#3">' in text
    assert '<option value="drain">Set state to DRAIN</option>' in text


@pytest.mark.parametrize(
    ("outcome", "told"),
    [("DONE", '<p class="up">Action processed successfully.</p>'), ("DENY", '<p class="down">Action denied.</p>')],
)
def test_what_became_of_the_last_form(outcome: str, told: str) -> None:
    assert told in page(registry(), replace(HEADING, outcome=outcome))


def test_an_outcome_that_is_none_is_not_repeated() -> None:
    assert "<b>xx" not in page(registry(), replace(HEADING, outcome="<b>xx"))


def test_what_is_hidden_unless_it_is_given() -> None:
    given = replace(HEADING, node="n<1>", version="2.6<", description="<i>ours</i>")
    text = page(registry(), given)
    assert "Statistics Report for wproxy on n&lt;1&gt;" in text
    assert "version 2.6&lt;" in text
    assert "<p>&lt;i&gt;ours&lt;/i&gt;</p>" in text
    assert re.search(r"<h1>Statistics Report for wproxy<small></small></h1>", page(registry()))


def test_what_the_configuration_says_of_a_proxy() -> None:
    made = config(line("a"))
    described = replace(made, backends=tuple(replace(each, description="<ours>") for each in made.backends))
    assert page(registry(described)).count('<span class="told">&lt;ours&gt;</span>') == 1


def test_links_keep_what_was_asked_for() -> None:
    text = page(registry(), replace(HEADING, refresh_s=5), Wanted(search="ba", up=True))
    assert '<a href="/stats?scope=ba">Show all servers</a>' in text
    assert '<a href="/stats;csv;norefresh?scope=ba">' in text
    assert '<a href="/stats;norefresh;up?scope=ba">Stop the refresh every 5 s</a>' in text
    assert 'value="ba"' in text
    assert "refresh every" not in page(registry())


def test_a_search_comes_back_to_the_page() -> None:
    text = page(registry(), replace(HEADING, uri="/haproxy?stats&a=b"))
    assert '<input type="hidden" name="stats" value=""><input type="hidden" name="a" value="b"><input type="se' in text


def test_the_tables_alone() -> None:
    live = registry()
    text = tables(live, 101.0, HEADING, ALL, reader(live))
    assert text.startswith("<main>")
    assert text.endswith("</main>\n")
    assert text in page(live)
    assert "No proxy of that name." in tables(live, 101.0, HEADING, Wanted(search="zz"), reader(live))


def test_keys_on_the_way_are_told() -> None:
    class Moving:
        def progress(self) -> Progress:
            return Progress(((1, 2.0, 3),), 3, 5, 1200, 1200, 1, ())

        def places(self) -> list[dict[str, int]]:
            return []

        def owes(self, name: str) -> int:
            return 0

    live = registry()
    live.backends["back"].epochs = Moving()
    assert "1\u202f200 moved, 5 slots left" in page(live)


def test_the_policy_admits_what_the_page_contains_and_nothing_else() -> None:
    text = page(registry(config(line('"><script>alert(1)</script>'))), admin=True)
    scripts, styles = (re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("script", "style"))
    assert len(scripts) == len(styles) == 1
    for kind, (content,) in (("script-src", scripts), ("style-src", styles)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}';" in policy()
    assert "default-src 'none'" in policy()
    assert "unsafe" not in policy()
    assert not re.search(r"<[^>]* on[a-z]+=|<[^>]* style=|javascript:|https?://", text.replace(scripts[0], ""))
