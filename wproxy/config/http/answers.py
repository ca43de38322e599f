"""Actions that answer in the place of a server: deny, return, auth, allow, use-service (manual, section 4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace

from wproxy.config.acl.facts import HttpFacts, Stage
from wproxy.config.acl.samples import latin
from wproxy.config.acl.scope import Scope
from wproxy.config.acl.users import is_to_proxy
from wproxy.config.http.action import Action, Context, Words
from wproxy.config.http.fields import field_name, to_bytes
from wproxy.config.http.format import Format, compile_format, constant
from wproxy.config.http.model import Act, Answer, Outcome, Service, Verdict
from wproxy.config.http.reasons import reason_of
from wproxy.config.nearest import did_you_mean
from wproxy.config.table_data import ERROR
from wproxy.config.values import ArgumentError, integer
from wproxy.records import dataclass

# The statuses for which there are error pages (manual, "errorfile").
PAGES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 421, 422, 425, 429, 500, 501, 502, 503, 504)
DENIED = "PR"  # of a request; of a response the data plane says PH
TARPITTED = "PT"
MEANT = "LR"
_BODY_MAX = 16384  # tune.bufsize

Make = Callable[[HttpFacts], Answer]


@dataclass(slots=True)
class Wanted:
    """What the words of `return`, `deny` and `http-error` say of an answer."""

    status: int
    content_type: bytes = b""
    fields: list[tuple[bytes, Format]] = field(default_factory=list)
    body: Format | bytes | None = None
    file: Answer | None = None  # a whole answer, of an errorfile
    files: Mapping[int, str] | None = None  # of which the one of the status is meant
    page: bool = False
    plain: bool = True  # nothing was said of how it should look


def read_answer(words: Words, context: Context, wanted: Wanted) -> Wanted:
    """Read the words that describe an answer, up to the condition; raise ArgumentError."""
    while not words.over:
        word = words.next("an argument")
        reader = _WORDS.get(word)
        if reader is None:
            raise ArgumentError(f"knows no argument '{word}'{did_you_mean(word, _WORDS)}")
        reader(words, context, wanted)
    if wanted.body and not wanted.content_type:
        raise ArgumentError("has a body without a type: add 'content-type', such as text/plain")
    if wanted.files is not None:
        if wanted.status not in wanted.files:
            raise ArgumentError(f"has no file for the status {wanted.status} in that section http-errors")
        wanted.file = parse_errorfile(wanted.files[wanted.status], context)
    if wanted.page and wanted.status not in PAGES:
        raise ArgumentError(f"has no error page for the status {wanted.status}")
    return wanted


def make_answer(wanted: Wanted, cause: str) -> Make | Answer:
    """Return the answer, or what makes it where it depends on the request."""
    status = wanted.status
    if wanted.file is not None:
        return replace(wanted.file, cause=cause)
    if wanted.page:
        return Answer(status, page=True, cause=cause)
    reason = reason_of(status)
    types = ((b"content-type", wanted.content_type),) if wanted.body and wanted.content_type else ()
    body, fields = wanted.body, tuple(wanted.fields)
    if not callable(body) and not fields:
        return Answer(status, reason, types, body or b"", cause=cause)

    def make(facts: HttpFacts) -> Answer:
        made = tuple([(name, value) for name, form in fields if (value := to_bytes(form(facts)))])
        text = body(facts).encode("latin-1") if callable(body) else body or b""
        return Answer(status, reason, made + types if text else made, text, cause=cause)

    return make


def _status(words: Words, context: Context, wanted: Wanted) -> None:
    wanted.status = integer(words.next("a status"), 200, 599)
    wanted.plain = False


def _deny_status(words: Words, context: Context, wanted: Wanted) -> None:
    wanted.status = integer(words.next("a status"), 200, 599)


def _content_type(words: Words, context: Context, wanted: Wanted) -> None:
    wanted.content_type = to_bytes(latin(words.next("a type such as text/plain")))


def _string(words: Words, context: Context, wanted: Wanted) -> None:
    wanted.body = latin(words.next("a text")).encode("latin-1")
    wanted.plain = False


def _format(words: Words, context: Context, wanted: Wanted) -> None:
    wanted.body = _compiled(words.next("a log-format string"), context)
    wanted.plain = False


def _compiled(text: str, context: Context) -> Format | bytes:
    fixed = constant(text, context.scope)
    return compile_format(text, context.scope) if fixed is None else fixed.encode("latin-1")


def read_file(path: str, context: Context) -> str:
    """Return the text of a file; raise ArgumentError."""
    try:
        return context.scope.read(path)
    except OSError as error:
        raise ArgumentError(f"cannot read '{path}': {error.strerror}") from None


def _file(words: Words, context: Context, wanted: Wanted) -> None:
    path = words.next("the name of a file")
    wanted.body = read_file(path, context).encode("utf-8", "surrogateescape")
    if len(wanted.body) > _BODY_MAX:
        raise ArgumentError(f"has a file of more than {_BODY_MAX} bytes: '{path}'")
    wanted.plain = False


def _format_file(words: Words, context: Context, wanted: Wanted) -> None:
    wanted.body = _compiled(read_file(words.next("the name of a file"), context), context)
    wanted.plain = False


def _errorfile(words: Words, context: Context, wanted: Wanted) -> None:
    wanted.file = parse_errorfile(words.next("the name of a file"), context)
    wanted.plain = False


def _default_page(words: Words, context: Context, wanted: Wanted) -> None:
    wanted.page = True
    wanted.plain = False


def http_errors(name: str, scope: Scope) -> Mapping[int, str]:
    """Return the files of the section `http-errors` called `name`, by status; raise ArgumentError."""
    if name not in scope.http_errors:
        raise ArgumentError(f"names no section http-errors: '{name}'{did_you_mean(name, scope.http_errors)}")
    return scope.http_errors[name]


def _errorfiles(words: Words, context: Context, wanted: Wanted) -> None:
    wanted.files = http_errors(words.next("the name of a section http-errors"), context.scope)
    wanted.plain = False


def _field(words: Words, context: Context, wanted: Wanted) -> None:
    name = field_name(words.next("a header field's name"))
    wanted.fields.append((name, compile_format(words.next("a header field's value"), context.scope)))
    wanted.plain = False


_WORDS: dict[str, Callable[[Words, Context, Wanted], None]] = {
    "status": _status,
    "deny_status": _deny_status,
    "content-type": _content_type,
    "string": _string,
    "lf-string": _format,
    "file": _file,
    "lf-file": _format_file,
    "errorfile": _errorfile,
    "errorfiles": _errorfiles,
    "default-errorfiles": _default_page,
    "hdr": _field,
}

_HEAD = re.compile(
    rb"HTTP/(?P<version>[0-9.]+) (?P<status>[0-9]{3})(?: (?P<reason>[^\r\n]*))?\r?\n"
    rb"(?P<fields>(?:[^\r\n]+\r?\n)*)\r?\n"
)
_FOLD = re.compile(rb"\r?\n[ \t]+")
_OF_ONE_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding"})


def parse_errorfile(path: str, context: Context) -> Answer:
    """Return the whole HTTP answer that a file has; an empty file is no answer at all. Raise ArgumentError."""
    data = read_file(path, context).encode("utf-8", "surrogateescape")
    if not data:
        return Answer(0, silent=True, closes=True)
    head = _HEAD.match(data)
    if head is None:
        raise ArgumentError(f"needs a whole HTTP response, status line, header fields and body, in '{path}'")
    if len(data) > _BODY_MAX:
        raise ArgumentError(f"has a file of more than {_BODY_MAX} bytes: '{path}'")
    status, body = int(head["status"]), data[head.end() :]
    fields = []
    length = b""
    closes = False
    for line in _FOLD.sub(b" ", head["fields"]).splitlines():
        name, colon, value = line.partition(b":")
        if not colon:
            raise ArgumentError(f"has a line that is no header field in '{path}': '{line.decode('latin-1')}'")
        name, value = name.strip().lower(), value.strip()
        if name == b"transfer-encoding" and value.lower().endswith(b"chunked"):
            raise ArgumentError(f"has a body in chunks in '{path}': write it as it is, with its Content-Length")
        if name == b"content-length":
            length = value
        closes = closes or (name == b"connection" and b"close" in map(bytes.strip, value.lower().split(b",")))
        if name not in _OF_ONE_HOP:
            fields.append((name, value))
    bodiless = status in (204, 304)
    if (100 <= status < 200 and status != 101) or (body and bodiless):
        raise ArgumentError(f"has a status that no page can have in '{path}': {status}{' with a body' if body else ''}")
    if length and not bodiless and not (length.isdigit() and int(length) == len(body)):
        raise ArgumentError(f"has a body of {len(body)} bytes and not of {length.decode('latin-1')}, as '{path}' says")
    return Answer(
        status,
        head["reason"] or reason_of(status),
        tuple(fields),
        body,
        closes=closes or not (length or bodiless),
        minor=int(head["version"] != b"1.0"),
        delimited=True,
    )


def _act_against(made: Make | Answer) -> Act:
    """Return what denies a request, which counts as an error of its client."""
    make = _act(made)

    def act(facts: HttpFacts) -> Outcome | None:
        facts.count(ERROR)
        return make(facts)

    return act


def _act(made: Make | Answer) -> Act:
    if isinstance(made, Answer):
        return lambda facts: made
    return made


def _return(words: Words, context: Context) -> Act:
    return _act(make_answer(read_answer(words, context, Wanted(200)), MEANT))


def _deny(words: Words, context: Context) -> Act:
    status = 403 if context.scope.stage is Stage.REQUEST else 502
    wanted = read_answer(words, context, Wanted(status))
    if wanted.plain:
        wanted.page = True
        if wanted.status not in PAGES:
            raise ArgumentError(f"has no error page for the status {wanted.status}")
    made = make_answer(wanted, DENIED)
    return _act_against(made) if context.scope.stage is Stage.REQUEST else _act(made)


def _tarpit(words: Words, context: Context) -> Act:
    wanted = read_answer(words, context, Wanted(500))
    if wanted.plain:
        wanted.page = True
        if wanted.status not in PAGES:
            raise ArgumentError(f"has no error page for the status {wanted.status}")
    made = make_answer(wanted, TARPITTED)
    if isinstance(made, Answer):
        return _act_against(replace(made, late=True))
    return _act_against(lambda facts: replace(made(facts), late=True))


def _auth(words: Words, context: Context) -> Act:
    realm = words.next("a text after 'realm'") if words.take("realm") else context.scope.proxy
    challenge = b'Basic realm="%b"' % to_bytes(latin(realm))
    login = Answer(401, fields=((b"www-authenticate", challenge),), cause=MEANT, page=True)
    proxy_login = replace(login, status=407, fields=((b"proxy-authenticate", challenge),))
    return _act_against(lambda facts: proxy_login if is_to_proxy(facts) else login)


def _allow(words: Words, context: Context) -> Act:
    return lambda facts: Verdict.ALLOW


def _service(words: Words, context: Context) -> Act:
    name = words.next("a service's name")
    if name != Service.PROMETHEUS.value:
        raise ArgumentError(f"knows the service '{Service.PROMETHEUS.value}', not '{name}'")
    return lambda facts: Service.PROMETHEUS


ANSWER_ACTIONS = (
    Action("allow", _allow),
    Action("auth", _auth, response=False),
    Action("deny", _deny),
    Action("return", _return),
    Action("tarpit", _tarpit, response=False),
    Action("use-service", _service, response=False),
)
