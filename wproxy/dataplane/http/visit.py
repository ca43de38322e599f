"""A request for a statistics page, among those that a proxy in mode http passes on."""

from __future__ import annotations

from wproxy.config.acl.facts import HttpFacts
from wproxy.config.acl.samples import text_of
from wproxy.config.http.model import Answer
from wproxy.config.model import StatsPage
from wproxy.dataplane.stats_desk import FORM_MAX, HEADERS, Desk, Query
from wproxy.protocols.http1.bodies import unchunked
from wproxy.protocols.http1.heads import CHUNKED, RequestHead

_NAMES = {name.encode(): name for name in HEADERS}


class Visit:
    """One request at a `Desk`: what it asks, and its form as far as it has come, at most a byte more than is read."""

    __slots__ = ("_chunked", "_desk", "_form", "_query")

    def __init__(self, desk: Desk, request: RequestHead, facts: HttpFacts, now: float) -> None:
        headers: dict[str, list[str]] = {}
        for field in request.fields:
            name = _NAMES.get(field.name)
            if name is not None:
                headers.setdefault(name, []).append(field.value.decode("latin-1"))
        page: StatsPage = desk.page
        self._desk = desk
        self._chunked = request.length == CHUNKED
        self._form = b""
        self._query = Query(
            request.method.decode("latin-1"),
            request.target.decode("latin-1"),
            headers,
            "unix" if facts.source is None else text_of(facts.source),
            now,
            admin=any(condition(facts) for condition in page.admin),
        )

    @property
    def expects_form(self) -> bool:
        """Whether the body is to be read before the answer."""
        return self._desk.expects_form(self._query)

    def take(self, data: bytes) -> None:
        """Take more of the body; of one that is too long no more than shows that it is."""
        if len(self._form) <= 2 * FORM_MAX:
            self._form += data

    def answer(self) -> tuple[Answer, float]:
        """Return what is answered, and after how many seconds."""
        form = unchunked(self._form) if self._chunked else self._form
        answer = self._desk.answer(self._query, form[: FORM_MAX + 1])
        fields = tuple((name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answer.headers)
        cause = "PR" if answer.status >= 400 else "LR"
        return Answer(answer.status.value, b"", fields, answer.body, cause=cause), answer.delay_s
