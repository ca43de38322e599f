"""The side of an exchange that answers in the place of a server: error pages, and what rules say."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from wproxy.config.http.model import Answer, Closing, Rule, Service
from wproxy.dataplane.http import outgoing
from wproxy.dataplane.http.server_side import ServerSide
from wproxy.dataplane.http.site import first_outcome
from wproxy.protocols.http1.heads import ResponseHead

_NOTHING = Answer(503, silent=True)


class Answering(ServerSide):
    """What an `Exchange` does to answer itself."""

    __slots__ = ("_pause",)

    _pause: asyncio.TimerHandle | None  # while an answer is held back

    def _settle(self) -> None:
        """Settle the books."""
        raise NotImplementedError

    def _inspected(self, rules: tuple[Rule, ...]) -> Answer | Service | None:
        """Return what `tcp-request content` rules answer: None when the request goes on, and counts as one."""
        known = self.client.known()
        known.inspect()
        outcome = first_outcome(rules, self.facts)
        if outcome is None:
            known.inspected()
        return outcome

    def _turned_away(self, rules: tuple[Rule, ...]) -> bool:
        """Tell whether the frontend's rules of that kind reject the request; then it never was one."""
        if self._inspected(rules) is None:
            return False
        self._over = True
        self.facts.ended()
        self.client.turn_away()
        return True

    def answer_later(self, answer: Answer, time_s: float) -> None:
        """Waste the time of a client before it is answered."""
        self.awaited = True
        self._pause = self.client.site.services.loop.call_later(time_s, self._answer_now, answer)

    def _answer_now(self, answer: Answer) -> None:
        self.assigned_at = self.client.clock()
        self.answer(answer)

    def answer(self, answer: Answer, known_as: int = 0) -> None:
        """Answer in the place of a server, and end the exchange; `known_as` is the status for log and statistics.

        That is the one of the error, whatever the page in its place says.
        """
        known_as = known_as or answer.status
        if answer.page:
            page = self._page(answer.status)
            answer = replace(page, fields=page.fields + answer.fields, cause=answer.cause)
        client = self.client
        self.keeps = (
            self.keeps and client.keeps and self.request_done and not answer.closes
            and answer.status not in outgoing.LAST and self.route.closing is not Closing.CLOSE
        )  # fmt: skip
        self.end(answer.cause)
        if answer.silent:
            self.keeps = False
            self._say(known_as, b"")
        else:
            data = outgoing.answer(answer, self.request, keeps=self.keeps)
            rules = self.route.after_rules if self.routed else client.site.after_rules
            self._say(known_as, self._amended(data, rules) if rules else data)

    def _amended(self, data: bytes, rules: tuple[Rule, ...]) -> bytes:
        """Return an answer as the rules about all responses change it."""
        head = self.client.site.parser.response(data)
        if not isinstance(head, ResponseHead):
            return data
        self._amend(head, rules)
        return (
            head.to_bytes(outgoing.response_end(head, self.request, keeps=self.keeps, tunnel=False)) + data[head.size :]
        )

    def unbound(self) -> None:
        """Forget which server its cookie or a table has named (`search.Seeker`)."""
        self.bound = None

    def unfound(self, cause: str) -> None:
        """Tell the client that there is no server (`search.Seeker`)."""
        self.end(cause)
        if cause == "sC" and self.client.served:
            self.answer(_NOTHING)  # as HAProxy: who has had an answer sees its connection end, and may try again
        else:
            self.fail(503)

    def fail(self, status: int) -> None:
        """Answer with an error page."""
        self.answer(self._page(status), status)

    def _page(self, status: int) -> Answer:
        """Return the page of an error, the configured one where there is one."""
        page = (self.route.pages if self.routed else self.client.site.pages).get(status)
        if page is None:
            return outgoing.error(status)
        return page if isinstance(page, Answer) else page(self.facts)

    def _say(self, status: int, data: bytes) -> None:
        self._server_keeps = False
        self._count_status(status)
        self._write(data)
        self._settle()
        self.client.finished(keep=self.keeps)
