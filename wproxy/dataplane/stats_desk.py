"""What the statistics page answers to a request: no sockets, no clock, no connection; whoever has those asks here.

A `Desk` serves one page of the configuration. The caller gives it a `Query`, reads the body first where
`expects_form` says so, holds the answer back for `Answer.delay_s` without stopping anybody else, and sends it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from wproxy.config.model import StatsPage
from wproxy.policy.basic_auth import admits
from wproxy.policy.login_pace import PATIENCE_S, LoginPace
from wproxy.policy.same_origin import same_origin
from wproxy.records import dataclass

# A form that is longer is not processed; HAProxy's must fit into its buffer together with the head.
FORM_MAX = 15 * 1024
HEADERS = frozenset({"authorization", "expect", "host", "origin", "referer", "sec-fetch-site"})  # what is looked at


class Form(enum.Enum):
    """What a page can be asked for, by the word in its address; of several the first in this order counts."""

    SCHEMA = ";json-schema"
    JSON = ";json"
    TYPED = ";typed"
    CSV = ";csv"
    TABLES = ";tables"  # the part of the page that changes; only this proxy has it
    PAGE = ""


_TYPES = {
    Form.SCHEMA: "application/json",
    Form.JSON: "application/json",
    Form.TYPED: "text/plain; charset=utf-8",
    Form.CSV: "text/plain; charset=utf-8",
}
_HTML = "text/html; charset=utf-8"
_HTML_FORMS = (Form.PAGE, Form.TABLES)

_SCOPE_MAX = 20  # of the text that names are searched for; as in HAProxy
_SCOPE = re.compile(r"scope=([A-Za-z0-9._:-]{2,})(?:[&;]|$)")


@dataclass(frozen=True, slots=True)
class View:
    """How a page is to be shown: in which form, to an administrator, and after which outcome of his last form.

    `up` leaves out what is not up, `no_maint` what is in maintenance, `search` proxies whose names do not contain it.
    `refreshing` tells that browsers load it again by themselves.
    """

    form: Form = Form.PAGE
    admin: bool = False
    outcome: str = ""
    up: bool = False
    no_maint: bool = False
    search: str = ""
    refreshing: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """One request: method and target as they came, headers by names in lower case (`HEADERS` are enough).

    `client` is the address it came from, `now` the time on a steady clock, `admin` tells that one of the conditions of
    `stats admin` holds for it.
    """

    method: str
    target: str
    headers: Mapping[str, Sequence[str]]
    client: str
    now: float
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send, after `delay_s`; `headers` are without length and connection. To HEAD the body is not sent."""

    status: HTTPStatus
    headers: tuple[tuple[str, str], ...]
    body: bytes
    delay_s: float = 0.0


Text = Callable[[StatsPage, View], str]
Act = Callable[[StatsPage, str], str]


class Desk:
    """Serves one page: `text` returns it in the form of a view, `act` does what a form says and names the outcome.

    `policy` is the Content-Security-Policy of the page: what it contains may run, and nothing else. `pace` is shared by
    all pages of the process.
    """

    __slots__ = ("_act", "_pace", "_policy", "_text", "page")

    def __init__(self, page: StatsPage, text: Text, act: Act, policy: str, pace: LoginPace) -> None:
        self.page = page
        self._text = text
        self._act = act
        self._policy = policy
        self._pace = pace

    def serves(self, target: str) -> bool:
        """Tell whether `target` is an address of this page."""
        return target.startswith(self.page.uri)

    def expects_form(self, query: Query) -> bool:
        """Tell whether the body is to be read before the answer, `FORM_MAX` bytes and one: a known user's only."""
        return query.method == "POST" and self.serves(query.target) and self._refusal(query) is None

    def answer(self, query: Query, form: bytes = b"") -> Answer:
        """Return what `query` gets; `form` is the body of a request for which `expects_form` said so."""
        delay_s = 0.0
        if self.page.users and query.headers.get("authorization"):
            delay_s = self._pace.wait_s(query.client, query.now)
        refusal = self._refusal(query)
        if refusal is HTTPStatus.TOO_MANY_REQUESTS:
            return problem(refusal, "Too many wrong passwords.", ("retry-after", str(round(PATIENCE_S))))
        if refusal is not None:
            if query.headers.get("authorization"):
                self._pace.failed(query.client, query.now)
            return self._challenge(delay_s)
        answer = self._admitted(query, form)
        return Answer(answer.status, answer.headers, answer.body, delay_s) if delay_s else answer

    def _refusal(self, query: Query) -> HTTPStatus | None:
        """Return why `query` is not let in; a password that came too soon after wrong ones is not even looked at."""
        if not self.page.users:
            return None
        given = query.headers.get("authorization", ())
        # That a form is read, or encouraged, would already tell that the password is right: no form waits.
        patience_s = 0.0 if query.method == "POST" else PATIENCE_S
        if given and self._pace.wait_s(query.client, query.now) > patience_s:
            return HTTPStatus.TOO_MANY_REQUESTS
        return None if admits(given, self.page.users) else HTTPStatus.UNAUTHORIZED

    def _challenge(self, delay_s: float) -> Answer:
        realm = self.page.realm.replace("\\", "\\\\").replace('"', '\\"')
        need = "You need a valid user and password to access this content."
        answer = problem(HTTPStatus.UNAUTHORIZED, need, ("www-authenticate", f'Basic realm="{realm}"'))
        return Answer(answer.status, answer.headers, answer.body, delay_s)

    def _admitted(self, query: Query, form: bytes) -> Answer:
        options = query.target[len(self.page.uri) :]
        if query.method == "POST":
            return self._process(query, options, form)
        if query.method not in ("GET", "HEAD"):
            return problem(
                HTTPStatus.METHOD_NOT_ALLOWED, "This page knows no such method.", ("allow", "GET, HEAD, POST")
            )
        return self._show(query, options)

    def _show(self, query: Query, options: str) -> Answer:
        """Return the page as the words after its address want it: `;csv`, `;up`, `;norefresh` and so on."""
        page = self.page
        form = next(each for each in Form if each.value in options)
        refreshing = bool(page.refresh_s) and ";norefresh" not in options
        view = View(
            form,
            query.admin,
            options.partition(";st=")[2][:4],
            up=";up" in options,
            no_maint=";no-maint" in options,
            search=search_in(options),
            refreshing=refreshing,
        )
        headers = [
            ("cache-control", "no-cache, no-store"),
            ("content-type", _TYPES.get(form, _HTML)),
            ("x-content-type-options", "nosniff"),
        ]
        if refreshing:
            headers.append(("refresh", str(page.refresh_s)))
        if form in _HTML_FORMS:
            headers.append(("content-security-policy", self._policy))
            headers.append(("x-frame-options", "sameorigin"))  # for browsers that do not know frame-ancestors
            headers.append(("referrer-policy", "same-origin"))
        text = self._text(page, view)
        return Answer(HTTPStatus.OK, tuple(headers), text.encode("utf-8", "replace"))

    def _process(self, query: Query, options: str, form: bytes) -> Answer:
        """Do what the form asks for, and send the client back to the page, as HAProxy does."""
        if not query.admin or not same_origin(query.headers):
            outcome = "DENY"
        elif len(form) > FORM_MAX:
            outcome = "EXCD"
        else:
            outcome = self._act(self.page, form.decode("latin-1"))
        words = (";up", ";norefresh") if self.page.refresh_s else (";up",)
        kept = "".join(word for word in words if word in options)
        search = search_in(options)
        location = f"{self.page.uri};st={outcome}{kept}" + (f"?scope={search}" if search else "")
        headers = (("cache-control", "no-cache"), ("content-type", "text/plain"), ("location", location))
        return Answer(HTTPStatus.SEE_OTHER, headers, b"")


def search_in(options: str) -> str:
    """Return the text of `scope=` in an address, which proxies' names must contain; "" when there is none.

    As in HAProxy a single letter and what is in no proxy's name count as none.
    """
    found = _SCOPE.search(options)
    return "" if found is None else found[1][:_SCOPE_MAX]


def problem(status: HTTPStatus, text: str, *headers: tuple[str, str]) -> Answer:
    """Return an answer that is no page, in HAProxy's words."""
    title = f"{status.value} {status.phrase}"
    body = f"<html><body><h1>{title}</h1>\n{text}\n</body></html>\n".encode()
    return Answer(status, (("cache-control", "no-cache"), ("content-type", "text/html"), *headers), body)
