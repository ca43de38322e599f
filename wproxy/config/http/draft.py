"""What the keywords of mode http write to while a configuration is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace

from wproxy.config.acl.facts import Condition, HttpFacts
from wproxy.config.http.action import Slots
from wproxy.config.http.captures import CaptureDraft
from wproxy.config.http.model import Closing, HttpBack, HttpFront, HttpTimeouts, Page, RetryOn, Reuse, Rule
from wproxy.records import dataclass


@dataclass(slots=True)
class HttpDraft:
    """Mode http's part of one section; what is made of lines with conditions is filled in by `config.rules`."""

    closing: Closing = Closing.KEEP_ALIVE
    reuse: Reuse = Reuse.SAFE
    retry_on: RetryOn = field(default_factory=RetryOn)
    request_s: float | None = None
    keep_alive_s: float | None = None
    tarpit_s: float | None = None
    unique_id: Callable[[HttpFacts], str] | None = None
    unique_field: bytes | None = None
    abort_on_close: bool = False
    ignore_probes: bool = False
    buffer_request: bool = False
    prefer_last: bool = False
    pretend_keep_alive: bool = False
    monitor_uri: bytes | None = None
    content_rules: list[Rule] = field(default_factory=list)  # those of `tcp-request content`
    request_rules: list[Rule] = field(default_factory=list)
    redirects: list[Rule] = field(default_factory=list)
    response_rules: list[Rule] = field(default_factory=list)
    after_rules: list[Rule] = field(default_factory=list)
    monitor_fail: list[Condition] = field(default_factory=list)
    pages: dict[int, Page] = field(default_factory=dict)
    slots: Slots = field(default_factory=Slots)
    captures: CaptureDraft = field(default_factory=CaptureDraft)

    def child(self) -> HttpDraft:
        """Return the draft of a section that inherits what is set here; lines are read anew for it."""
        return replace(
            self,
            content_rules=[],
            request_rules=[],
            redirects=[],
            response_rules=[],
            after_rules=[],
            monitor_fail=[],
            pages={},
            slots=Slots(),
            captures=CaptureDraft(),
        )

    def front(self) -> HttpFront:
        """Return what a frontend does."""
        return HttpFront(
            closing=self.closing,
            timeouts=HttpTimeouts(self.request_s, self.keep_alive_s),
            content_rules=tuple(self.content_rules),
            request_rules=(*self.request_rules, *self.redirects),
            response_rules=tuple(self.response_rules),
            after_rules=tuple(self.after_rules),
            pages=self.pages,
            slots=(len(self.slots.request), len(self.slots.response)),
            captures=self.captures.built(),
            monitor_uri=self.monitor_uri,
            monitor_fail=tuple(self.monitor_fail),
            ignore_probes=self.ignore_probes,
            unique_id=self.unique_id,
            unique_field=self.unique_field,
            buffer_request=self.buffer_request,
        )

    def back(self) -> HttpBack:
        """Return what a backend does."""
        return HttpBack(
            closing=self.closing,
            reuse=self.reuse,
            retry_on=self.retry_on,
            content_rules=tuple(self.content_rules),
            request_rules=(*self.request_rules, *self.redirects),
            response_rules=tuple(self.response_rules),
            after_rules=tuple(self.after_rules),
            pages=self.pages,
            abort_on_close=self.abort_on_close,
            request_s=self.request_s,
            buffer_request=self.buffer_request,
            prefer_last=self.prefer_last,
            pretend_keep_alive=self.pretend_keep_alive,
        )
