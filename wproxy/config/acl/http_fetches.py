"""What can be asked about a request and a response besides target, fields and cookies (manual, section 7.3.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from wproxy.config.acl import arguments
from wproxy.config.acl.facts import Facts, HttpFacts, Kind, Stage, Value
from wproxy.config.acl.fetch import Fetch, Lister, plain
from wproxy.config.acl.samples import latin
from wproxy.config.acl.users import UserList, authorization, credentials

_HTTP = Stage.REQUEST | Stage.RESPONSE | Stage.LOG
_SERVED = Stage.RESPONSE | Stage.LOG


def _method(facts: HttpFacts) -> str:
    return facts.request.method.decode("latin-1")


def _status(facts: HttpFacts) -> int | None:
    return None if facts.response is None else facts.response.status


def _request_version(facts: HttpFacts) -> str:
    return f"1.{facts.request.minor}"


def _response_version(facts: HttpFacts) -> str | None:
    return None if facts.response is None else f"1.{facts.response.minor}"


def _captured_target(facts: HttpFacts) -> str | None:
    """Return the target as it came, from its first slash on, as far as it is logged."""
    target = facts.target[: max(facts.process.log_line_max - len(facts.method) - 1, 0)].decode("latin-1")
    if target.startswith("/"):
        return target
    scheme = target.find("://")
    slash = target.find("/", scheme + 3) if scheme >= 0 else -1
    return target[slash:] if slash >= 0 else None


def _captured_response_version(facts: HttpFacts) -> str | None:
    version = _response_version(facts)
    return None if version is None else f"HTTP/{version}"


def _captured(slot: int) -> Callable[[Facts], str | None]:
    return lambda facts: facts.captures[slot] if slot < len(facts.captures) else None


def _captured_response(slot: int) -> Callable[[HttpFacts], str | None]:
    return lambda facts: facts.response_captures[slot] if slot < len(facts.response_captures) else None


def _variable(name: str, default: str) -> Callable[[Facts], Value | None]:
    if default:
        return lambda facts: facts.variables.get(name, default)
    return lambda facts: facts.variables.get(name)


def _authenticated(users: UserList) -> Callable[[HttpFacts], bool]:
    return lambda facts: users.user_of(facts) is not None


def _authenticated_user(users: UserList) -> Callable[[HttpFacts], str | None]:
    def fetch(facts: HttpFacts) -> str | None:
        found = users.user_of(facts)
        return None if found is None else found[0]

    return fetch


def _groups(users: UserList) -> Lister:
    """Return what lists the groups of whoever sent a request."""

    def fetch(facts: HttpFacts) -> Iterator[Value]:
        found = users.user_of(facts)
        if found is not None:
            yield from map(latin, found[1].groups)

    return fetch


def _user(facts: HttpFacts) -> str | None:
    found = credentials(facts)
    return None if found is None else found[0]


def _password(facts: HttpFacts) -> str | None:
    found = credentials(facts)
    return None if found is None else found[1]


def _scheme(facts: HttpFacts) -> str | None:
    if credentials(facts) is not None:
        return "Basic"
    found = authorization(facts)
    return "Bearer" if found is not None and found[0].lower() == "bearer" else None


def _token(field: bytes) -> Callable[[HttpFacts], str | None]:
    """Return what finds the token of a Bearer authorization."""

    def fetch(facts: HttpFacts) -> str | None:
        if field:
            values = facts.request.values(field)
            scheme, _, rest = (values[-1] if values else b"").decode("latin-1").partition(" ")
        else:
            scheme, rest = authorization(facts) or ("", "")
        return rest.strip(" \t") if scheme.lower() == "bearer" else None

    return fetch


_REQUEST = partial(plain, stages=Stage.REQUEST)
_USERS = (arguments.user_list,)

HTTP_FETCHES = (
    plain("method", Kind.STRING, _method, _HTTP),
    plain("status", Kind.INTEGER, _status, _SERVED),
    _REQUEST("req.ver", Kind.STRING, _request_version),
    plain("res.ver", Kind.STRING, _response_version, Stage.RESPONSE),
    plain("http_first_req", Kind.BOOLEAN, lambda facts: facts.first, _HTTP),
    plain("capture.req.method", Kind.STRING, lambda facts: facts.method.decode("latin-1"), _HTTP),
    plain("capture.req.uri", Kind.STRING, _captured_target, _HTTP),
    plain("capture.req.ver", Kind.STRING, lambda facts: f"HTTP/{_request_version(facts)}", _HTTP),
    plain("capture.res.ver", Kind.STRING, _captured_response_version, _SERVED),
    Fetch("capture.req.hdr", Kind.STRING, _captured, (arguments.index,), Stage.CONTENT | _HTTP),
    Fetch("capture.res.hdr", Kind.STRING, _captured_response, (arguments.index,), _SERVED),
    Fetch("var", Kind.ANY, _variable, (arguments.variable, arguments.text)),
    Fetch("http_auth", Kind.BOOLEAN, _authenticated, _USERS, Stage.REQUEST),
    Fetch("http_auth_group", Kind.STRING, _authenticated_user, _USERS, Stage.REQUEST, _groups),
    Fetch("http_auth_bearer", Kind.STRING, _token, (arguments.field_name,), Stage.REQUEST),
    _REQUEST("http_auth_user", Kind.STRING, _user),
    _REQUEST("http_auth_pass", Kind.STRING, _password),
    _REQUEST("http_auth_type", Kind.STRING, _scheme),
    plain("unique-id", Kind.STRING, lambda facts: facts.unique_id or None, _HTTP),
    plain("srv_name", Kind.STRING, lambda facts: facts.server_name or None, _SERVED),
    plain("srv_id", Kind.INTEGER, lambda facts: facts.server_id or None, _SERVED),
)
