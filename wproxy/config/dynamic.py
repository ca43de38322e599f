"""The `server` line of the Runtime API's `add server`: the same parameters, as far as HAProxy takes them there."""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.config.acl.scope import Scope
from wproxy.config.builder import server_line
from wproxy.config.contexts import open_server
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Report, Section, Statement
from wproxy.config.keywords.server import PARAMETERS, server
from wproxy.config.model import Backend, Location, ServerLine
from wproxy.config.rules import compile_sni
from wproxy.config.tls_draft import TlsFiles
from wproxy.config.values import ArgumentError
from wproxy.errors import WproxyError

_PLACE = Location("the stats socket", 0)
_FIRST_WORDS = "'server' expects <name> and <addr>[:<port>] as arguments."
# Management manual, section 9.3, "add server".
_ALLOWED = frozenset(
    {
        "agent-addr", "agent-check", "agent-inter", "agent-port", "agent-send", "allow-0rtt", "alpn", "addr",
        "backup", "ca-file", "check", "check-alpn", "check-proto", "check-send-proxy", "check-sni", "check-ssl",
        "check-via-socks4", "ciphers", "ciphersuites", "crl-file", "crt", "disabled", "downinter", "enabled",
        "error-limit", "fall", "fastinter", "force-sslv3", "force-tlsv10", "force-tlsv11", "force-tlsv12",
        "force-tlsv13", "id", "inter", "maxconn", "maxqueue", "minconn", "no-ssl-reuse", "no-sslv3", "no-tlsv10",
        "no-tlsv11", "no-tlsv12", "no-tlsv13", "no-tls-tickets", "npn", "observe", "on-error", "on-marked-down",
        "on-marked-up", "pool-low-conn", "pool-max-conn", "pool-purge-delay", "port", "proto", "proxy-v2-options",
        "rise", "send-proxy", "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", "slowstart", "sni",
        "source", "ssl", "ssl-max-ver", "ssl-min-ver", "tfo", "tls-tickets", "track", "usesrc", "verify",
        "verifyhost", "weight", "ws",
        "redis-password", "redis-user",  # not HAProxy's
    }
)  # fmt: skip


class DynamicServerError(WproxyError):
    """A server that cannot be made. Raised by `dynamic_server`, answered by the stats socket."""


def dynamic_server(
    name: str, words: Sequence[str], files: TlsFiles | None = None, backend: Backend | None = None
) -> ServerLine:
    """Return the line of a server called `name`, whose address and parameters are `words`.

    `files` are what the global section says about TLS, `backend` is where the server will be.
    """
    if not words:
        raise DynamicServerError(_FIRST_WORDS)
    _check_name(name)
    _check_parameters(words[1:])
    proxy, report = ProxyDraft(Section.BACKEND, "", _PLACE), Report()
    if backend is not None:
        proxy.mode = backend.mode
        proxy.check.kind, proxy.check.rules = backend.check.kind, {backend.check.kind: backend.check.rules}
    statement = Statement("server", (name, *words), _PLACE, Section.BACKEND)
    try:
        server(proxy, statement, report)
    except ArgumentError as error:
        raise DynamicServerError(f"'server {name}' {error}") from error
    compile_sni(proxy.servers, Scope(proxy.name), report, shared=True)
    if report.problems:
        raise DynamicServerError(report.problems[0].message.partition(" : ")[2])
    try:
        open_server(proxy.servers[0], proxy, files or TlsFiles(), lambda text: None)
    except ArgumentError as error:
        raise DynamicServerError(str(error)) from error
    return server_line(proxy.servers[0], None if backend is None else backend.source)


def _check_name(name: str) -> None:
    for character in name:
        if not (character.isascii() and (character.isalnum() or character in "-_.:")):
            raise DynamicServerError(f"character '{character}' is not permitted in server name '{name}'.")


def _check_parameters(words: Sequence[str]) -> None:
    """Refuse what only a configuration may say, in HAProxy's words."""
    rest = list(words)
    while rest:
        row = PARAMETERS.find(Section.SERVER, (rest[0],))
        if row is None:
            raise DynamicServerError(f"unknown keyword '{rest[0]}'.")
        if rest[0] not in _ALLOWED:
            raise DynamicServerError(f"'{rest[0]}' option is not accepted for dynamic server")
        del rest[: 1 + row.arity]
