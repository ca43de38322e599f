"""Makes rules of mode http's lines (manual, section 4.2); `config.rules` calls what stands in `HTTP_RULES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from wproxy.config.acl.condition import Acls, parse_condition
from wproxy.config.acl.facts import Condition, Stage
from wproxy.config.acl.samples import latin
from wproxy.config.http.action import Context, Words
from wproxy.config.http.actions import read_action
from wproxy.config.http.answers import PAGES, Wanted, http_errors, make_answer, parse_errorfile, read_answer
from wproxy.config.http.captures import capture_cookie, capture_header, declare
from wproxy.config.http.draft import HttpDraft
from wproxy.config.http.fields import field_name, to_bytes
from wproxy.config.http.format import compile_format
from wproxy.config.http.model import Act, Answer, Rule
from wproxy.config.http.redirects import plain_redirect
from wproxy.config.values import ArgumentError, integer

_LATE = (
    "add-header", "allow", "del-header", "replace-header", "replace-value", "set-header", "set-status", "set-var-fmt(",
    "set-var(", "strict-mode", "unset-var(",
)  # fmt: skip
_REDIRECTS = {"errorloc": (302, b"Found"), "errorloc302": (302, b"Found"), "errorloc303": (303, b"See Other")}


class Line(Protocol):
    """A line of the configuration; `config.drafts.RuleLine` is one."""

    @property
    def keyword(self) -> str:
        """The words that are its keyword."""

    @property
    def target(self) -> str:
        """The word behind the keyword."""

    @property
    def words(self) -> tuple[str, ...]:
        """All that follow."""


def _context(draft: HttpDraft, acls: Acls) -> Context:
    return Context(acls.scope, draft.slots, acls.scope.has_frontend)


def _finish(act: Act, words: Words, acls: Acls) -> Rule:
    """Return the rule of an action and the condition that follows it."""
    rest = words.rest()
    if not rest:
        return Rule(act)
    if not words.over:
        raise ArgumentError(f"expects 'if' or 'unless' and a condition, not '{rest[0]}'")
    return Rule(act, parse_condition(rest, acls))


def _action(draft: HttpDraft, line: Line, acls: Acls) -> None:
    words = Words(line.words)
    act = read_action(line.target, words, _context(draft, acls))
    if act is None:
        acls.scope.warn(f"{line.target} has no effect in wproxy")
        return
    rules = draft.request_rules if acls.scope.stage is Stage.REQUEST else draft.response_rules
    rules.append(_finish(act, words, acls))


def _late_action(draft: HttpDraft, line: Line, acls: Acls) -> None:
    """Take an action that changes responses when everything else has been done with them."""
    if not line.target.startswith(_LATE):
        raise ArgumentError(f"knows {', '.join(name.rstrip('(') for name in _LATE)}, not '{line.target}'")
    words = Words(line.words)
    act = read_action(line.target, words, _context(draft, acls))
    if act is None:
        acls.scope.warn(f"{line.target} has no effect in wproxy")
        return
    draft.after_rules.append(_finish(act, words, acls))


def _redirect(draft: HttpDraft, line: Line, acls: Acls) -> None:
    words = Words((line.target, *line.words))
    draft.redirects.append(_finish(plain_redirect(words), words, acls))


def _monitor_fail(draft: HttpDraft, line: Line, acls: Acls) -> None:
    condition: Condition = parse_condition((line.target, *line.words), acls)
    draft.monitor_fail.append(condition)


def _declare(draft: HttpDraft, line: Line, acls: Acls) -> None:
    declare(Words((line.target, *line.words)), draft.slots)


def _capture_request(draft: HttpDraft, line: Line, acls: Acls) -> None:
    capture_header("request", Words((line.target, *line.words)), draft.slots, draft.captures)


def _capture_response(draft: HttpDraft, line: Line, acls: Acls) -> None:
    capture_header("response", Words((line.target, *line.words)), draft.slots, draft.captures)


def _capture_cookie(draft: HttpDraft, line: Line, acls: Acls) -> None:
    capture_cookie(line.target, Words(line.words), draft.captures)


def _status(text: str) -> int:
    status = integer(text, 0)
    if status not in PAGES:
        raise ArgumentError(f"knows the statuses {', '.join(map(str, PAGES))}, not {status}")
    return status


def _unique_format(draft: HttpDraft, line: Line, acls: Acls) -> None:
    if acls.scope.has_frontend:
        draft.unique_id = compile_format(line.target, acls.scope)


def _unique_field(draft: HttpDraft, line: Line, acls: Acls) -> None:
    draft.unique_field = field_name(line.target)


def _errorfile(draft: HttpDraft, line: Line, acls: Acls) -> None:
    words = Words(line.words)
    answer = parse_errorfile(words.next("the name of a file"), _context(draft, acls))
    draft.pages[_status(line.target)] = answer
    _end(words)


def _errorfiles(draft: HttpDraft, line: Line, acls: Acls) -> None:
    """Take the pages of a section `http-errors`, all of them or those of some statuses."""
    files = http_errors(line.target, acls.scope)
    context = _context(draft, acls)
    for status in map(_status, line.words) if line.words else files:
        if status not in files:
            raise ArgumentError(f"names a status without a page in 'http-errors {line.target}': {status}")
        draft.pages[status] = parse_errorfile(files[status], context)


def _error_location(draft: HttpDraft, line: Line, acls: Acls) -> None:
    words = Words(line.words)
    status, reason = _REDIRECTS[line.keyword]
    location = to_bytes(latin(words.next("an address")))
    fields = ((b"cache-control", b"no-cache"), (b"location", location))
    draft.pages[_status(line.target)] = Answer(status, reason, fields)
    _end(words)


def _error(draft: HttpDraft, line: Line, acls: Acls) -> None:
    words = Words((line.target, *line.words))
    wanted = read_answer(words, _context(draft, acls), Wanted(0))
    _end(words)
    if not wanted.status:
        raise ArgumentError("expects 'status <status>'")
    status = _status(str(wanted.status))
    draft.pages[status] = make_answer(wanted, "")


def _end(words: Words) -> None:
    if words.rest():
        raise ArgumentError(f"cannot handle unexpected argument '{words.rest()[0]}'")


HTTP_RULES: Mapping[str, Callable[[HttpDraft, Line, Acls], None]] = {
    "http-request": _action,
    "http-response": _action,
    "http-after-response": _late_action,
    "unique-id-format": _unique_format,
    "unique-id-header": _unique_field,
    "redirect": _redirect,
    "monitor fail": _monitor_fail,
    "declare capture": _declare,
    "capture request": _capture_request,
    "capture response": _capture_response,
    "capture cookie": _capture_cookie,
    "errorfile": _errorfile,
    "errorfiles": _errorfiles,
    "errorloc": _error_location,
    "errorloc302": _error_location,
    "errorloc303": _error_location,
    "http-error": _error,
}
