from __future__ import annotations

from wproxy.config.http.draft import HttpDraft
from wproxy.config.http.model import Closing, Rule


def test_settings_are_inherited_and_rules_are_not() -> None:
    draft = HttpDraft(closing=Closing.CLOSE, request_s=3.0, monitor_uri=b"/m")
    draft.request_rules.append(Rule(lambda facts: None))
    draft.slots.request.append(3)
    child = draft.child()
    assert (child.closing, child.request_s, child.monitor_uri) == (Closing.CLOSE, 3.0, b"/m")
    assert (child.request_rules, child.slots.request) == ([], [])


def test_redirects_come_behind_other_rules() -> None:
    first, second = Rule(lambda facts: None), Rule(lambda facts: None)
    draft = HttpDraft(redirects=[second], request_rules=[first])
    assert draft.front().request_rules == draft.back().request_rules == (first, second)
    assert draft.front().slots == (0, 0)
