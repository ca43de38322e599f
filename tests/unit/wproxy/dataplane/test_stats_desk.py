from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.model import StatsPage
from wproxy.dataplane.stats_desk import FORM_MAX, Answer, Desk, Form, Query, View, search_in
from wproxy.policy.login_pace import FREE, PATIENCE_S, LoginPace

PAGE = StatsPage("/stats", 'a "realm"', (("admin", "secret"),), 30)
OPEN = StatsPage("/stats", "realm")


def login(user: str = "admin:secret") -> dict[str, list[str]]:
    return {"authorization": ["Basic " + b64encode(user.encode()).decode()]}


@dataclass
class Site:
    """A desk whose functions note what they were asked."""

    page: StatsPage = PAGE
    views: list[View] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desk = Desk(self.page, self.text, self.act, "default-src 'none'", LoginPace())

    def text(self, page: StatsPage, view: View) -> str:
        self.views.append(view)
        return "text"

    def act(self, page: StatsPage, form: str) -> str:
        self.forms.append(form)
        return "DONE"

    def ask(self, target: str = "/stats", method: str = "GET", form: bytes = b"", **changes: object) -> Answer:
        query = Query(method, target, login(), "192.0.2.1", 100.0)
        return self.desk.answer(replace(query, **changes), form)  # type: ignore[arg-type] # fields of Query


def header(answer: Answer, name: str) -> list[str]:
    return [value for key, value in answer.headers if key == name]


@pytest.mark.parametrize(
    ("options", "form", "kind"),
    [
        ("", Form.PAGE, "text/html; charset=utf-8"),
        (";csv", Form.CSV, "text/plain; charset=utf-8"),
        (";typed;csv", Form.TYPED, "text/plain; charset=utf-8"),
        (";csv;json", Form.JSON, "application/json"),
        (";json-schema", Form.SCHEMA, "application/json"),
        (";tables", Form.TABLES, "text/html; charset=utf-8"),
        (";CSV", Form.PAGE, "text/html; charset=utf-8"),
    ],
)
def test_the_forms(options: str, form: Form, kind: str) -> None:
    site = Site()
    answer = site.ask(f"/stats{options}")
    assert (answer.status, answer.body, header(answer, "content-type")) == (HTTPStatus.OK, b"text", [kind])
    assert site.views[0].form is form


def test_the_words_of_an_address() -> None:
    site = Site()
    site.ask("/stats;up;no-maint;norefresh;st=DONEx?scope=we", admin=True)
    assert site.views == [View(Form.PAGE, True, "DONE", up=True, no_maint=True, search="we", refreshing=False)]
    assert header(site.ask("/stats;norefresh"), "refresh") == []
    assert header(site.ask("/stats;csv"), "refresh") == ["30"]


@pytest.mark.parametrize(
    ("options", "search"),
    [
        ("", ""), ("?scope=w", ""), ("?scope=we", "we"), (";scope=we;csv", "we"), ("&scope=we&x=1", "we"),
        ("?scope=%77b", ""), ("?scope=w+b", ""), ("?scope=<b>x", ""), ("?scope=" + "x" * 30, "x" * 20),
    ],
)  # fmt: skip
def test_the_search(options: str, search: str) -> None:
    assert search_in(options) == search


def test_what_a_browser_is_told_to_keep_to() -> None:
    answer = Site().ask()
    assert header(answer, "content-security-policy") == ["default-src 'none'"]
    assert header(answer, "x-frame-options") == ["sameorigin"]
    assert header(answer, "cache-control") == ["no-cache, no-store"]
    assert header(answer, "x-content-type-options") == ["nosniff"]
    assert header(Site().ask("/stats;csv"), "content-security-policy") == []


@pytest.mark.parametrize("user", ["admin:secre", "root:secret", "admin"])
def test_a_wrong_password_is_challenged(user: str) -> None:
    site = Site()
    answer = site.ask(headers=login(user))
    assert answer.status is HTTPStatus.UNAUTHORIZED
    assert header(answer, "www-authenticate") == ['Basic realm="a \\"realm\\""']
    assert site.views == []


def test_an_open_page_asks_nobody() -> None:
    assert Site(OPEN).ask(headers={}).status is HTTPStatus.OK


def test_guesses_are_slowed_and_then_refused_unseen() -> None:
    site = Site()
    waits = [site.ask(headers=login("admin:wrong")).delay_s for _ in range(FREE + 6)]
    assert waits == [0.0] * (FREE + 1) + [2.0, 4.0, 6.0, 8.0, 10.0]
    for password in ("admin:secret", "admin:wrong"):
        answer = site.ask(headers=login(password))
        assert (answer.status, answer.delay_s) == (HTTPStatus.TOO_MANY_REQUESTS, 0.0)
        assert header(answer, "retry-after") == [str(round(PATIENCE_S))]
    assert site.ask(headers={}).status is HTTPStatus.UNAUTHORIZED
    assert site.ask(client="192.0.2.2").delay_s == 0.0
    assert site.ask(now=200.0) == Site().ask()


def test_a_right_password_waits_as_long_as_a_wrong_one_would() -> None:
    site = Site()
    for _ in range(FREE + 2):
        site.ask(headers=login("admin:wrong"))
    assert (site.ask().delay_s, site.ask().status) == (4.0, HTTPStatus.OK)


def test_that_a_form_is_read_tells_nothing_of_a_password() -> None:
    site = Site()
    for _ in range(FREE + 1):
        site.ask(headers=login("admin:wrong"))
    for password in ("admin:secret", "admin:wrong"):
        query = Query("POST", "/stats", login(password), "192.0.2.1", 100.0, True)
        assert not site.desk.expects_form(query)
        assert site.desk.answer(query).status is HTTPStatus.TOO_MANY_REQUESTS
    assert site.forms == []


def test_whose_form_is_read() -> None:
    desk = Site().desk
    query = Query("POST", "/stats;up", login(), "192.0.2.1", 100.0)
    assert desk.expects_form(query)
    assert not desk.expects_form(replace(query, method="GET"))
    assert not desk.expects_form(replace(query, target="/other"))
    assert not desk.expects_form(replace(query, headers={}))


def test_a_form_is_done_and_the_client_sent_back() -> None:
    site = Site()
    answer = site.ask("/stats;up;norefresh;st=NONE?scope=we", "POST", b"s=a", admin=True)
    assert (answer.status, site.forms) == (HTTPStatus.SEE_OTHER, ["s=a"])
    assert header(answer, "location") == ["/stats;st=DONE;up;norefresh?scope=we"]


@pytest.mark.parametrize(
    ("changes", "form", "outcome"),
    [
        ({}, b"s=a", "DENY"),
        ({"admin": True, "headers": {**login(), "sec-fetch-site": ["cross-site"]}}, b"s=a", "DENY"),
        ({"admin": True, "headers": {**login(), "origin": ["http://evil"], "host": ["me"]}}, b"s=a", "DENY"),
        ({"admin": True}, b"x" * (FORM_MAX + 1), "EXCD"),
    ],
)
def test_forms_that_are_not_done(changes: dict[str, object], form: bytes, outcome: str) -> None:
    site = Site()
    answer = site.ask("/stats", "POST", form, **changes)
    assert (header(answer, "location"), site.forms) == ([f"/stats;st={outcome}"], [])


@given(st.sampled_from(["GET", "HEAD", "POST", "X"]), st.text(), st.lists(st.text()), st.binary(), st.text())
def test_nothing_that_is_sent_is_too_odd(method: str, rest: str, values: list[str], form: bytes, client: str) -> None:
    headers = dict.fromkeys(("authorization", "origin", "referer", "host", "sec-fetch-site"), values)
    for page in (PAGE, OPEN):
        query = Query(method, "/stats" + rest, headers, client, 1.0, True)
        desk = Site(page).desk
        desk.expects_form(query)
        answer = desk.answer(query, form)
        assert not any("\r" in value or "\n" in value for _, value in answer.headers)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods(method: str) -> None:
    answer = Site().ask(method=method)
    assert (answer.status, header(answer, "allow")) == (HTTPStatus.METHOD_NOT_ALLOWED, ["GET, HEAD, POST"])
