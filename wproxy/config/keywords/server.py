"""The parameters of `server` and `default-server` lines (configuration manual, section 5.2), and both keywords."""

from __future__ import annotations

import re
from dataclasses import replace

from wproxy.config import values
from wproxy.config.address import connecting, source
from wproxy.config.drafts import ProxyDraft, ServerDraft
from wproxy.config.grammar import Grammar, Report, Section, Sets, SetsTo, Statement, done, ignored, refused, single
from wproxy.config.keywords.login import LOGIN_PARAMETERS
from wproxy.config.keywords.server_checks import CHECK_PARAMETERS
from wproxy.config.keywords.tls import SERVER_TLS
from wproxy.config.keywords.unserved import UNSERVED_PARAMETERS
from wproxy.config.parameters import apply_parameters
from wproxy.config.values import ArgumentError, Type

_BOTH = (Section.SERVER, Section.DEFAULT_SERVER)
_NAME = re.compile(r"[A-Za-z0-9_.:-]+")
_RANGE = re.compile(r"(?:([0-9]{1,9})-)?([0-9]{1,9})")
_SERVERS_MAX = 65_536  # of one template: more is a slip of the hand

_DEFAULT = "is the default"
_OBSERVE = "acts with `observe` only, which is refused"
_RESOLVERS = "acts with `resolvers` only, which is refused"

_SOURCE = Type("<addr>[:<port>]", "an IP address, and perhaps a port", source)

PARAMETERS: Grammar[ServerDraft] = Grammar(
    (
        done("weight", _BOTH, Sets("weight", values.WEIGHT), "share of the load, 0 to 256; default 1", "5.2"),
        done("check", _BOTH, SetsTo("check", True), "probe the server's health by connecting to it", "5.2"),
        done("no-check", _BOTH, SetsTo("check", False), "do not probe the server", "5.2"),
        done("inter", _BOTH, Sets("inter_s", values.POSITIVE_SECONDS), "time between two probes; default 2s", "5.2"),
        done("rise", _BOTH, Sets("rise", values.POSITIVE), "good probes before the server is up; default 2", "5.2"),
        done("fall", _BOTH, Sets("fall", values.POSITIVE), "bad probes before the server is down; default 3", "5.2"),
        done("maxconn", _BOTH, Sets("maxconn", values.LIMIT), "connections at a time; 0 is no limit", "5.2"),
        done(
            "minconn",
            _BOTH,
            Sets("minconn", values.COUNT),
            "what `maxconn` is while the backend has few sessions; it grows with them up to `fullconn`",
            "5.2",
        ),
        done("disabled", _BOTH, SetsTo("disabled", True), "start in maintenance", "5.2"),
        *CHECK_PARAMETERS,
        *LOGIN_PARAMETERS,
        *SERVER_TLS,
        done("enabled", _BOTH, SetsTo("disabled", False), "start in service, against a default-server line", "5.2"),
        done("backup", _BOTH, SetsTo("backup", True), "serves only while no other server can", "5.2"),
        done("no-backup", _BOTH, SetsTo("backup", False), "serves always, against a default-server line", "5.2"),
        done(
            "maxqueue", _BOTH, Sets("maxqueue", values.LIMIT), "how many may wait for this server; 0 is no limit", "5.2"
        ),
        done("slowstart", _BOTH, Sets("slowstart_s", values.SECONDS), "time to full weight and maxconn once up", "5.2"),
        done("non-stick", _BOTH, SetsTo("non_stick", True), "no client is remembered to be here", "5.2"),
        done("stick", _BOTH, SetsTo("non_stick", False), "clients are, against a default-server line", "5.2"),
        done("cookie", _BOTH, Sets("cookie", values.TEXT), "the value of the cookie that leads here", "5.2"),
        done("send-proxy", _BOTH, SetsTo("send_proxy", 1), "tell the client's addresses by a PROXY header", "5.2"),
        done("send-proxy-v2", _BOTH, SetsTo("send_proxy", 2), "the same, in the binary version 2", "5.2"),
        done("no-send-proxy", _BOTH, SetsTo("send_proxy", None), "no header, against a default-server line", "5.2"),
        done("no-send-proxy-v2", _BOTH, SetsTo("send_proxy", None), "the same", "5.2"),
        done(
            "check-send-proxy",
            _BOTH,
            SetsTo("check_send_proxy", True),
            "a health check that goes elsewhere begins with the header, too",
            "5.2",
        ),
        done("no-check-send-proxy", _BOTH, SetsTo("check_send_proxy", False), "the reverse", "5.2"),
        done(
            "max-reuse",
            _BOTH,
            Sets("reuse_max", values.POOL),
            "how often a connection may serve another request; -1, the default: any",
            "5.2",
        ),
        *ignored("ws +1", _BOTH, "wproxy does not speak HTTP/2", "5.2"),
        *UNSERVED_PARAMETERS,
        done(
            "pool-max-conn", _BOTH, Sets("pool_max", values.POOL), "idle connections kept; -1, the default: any", "5.2"
        ),
        *ignored(
            "pool-low-conn +1, pool-purge-delay +1",
            _BOTH,
            "as many idle connections are kept as were lately used at once, for five seconds",
            "5.2",
        ),
        *ignored("error-limit +1, on-error +1", _BOTH, _OBSERVE, "5.2"),
        *ignored("resolve-net +1, resolve-opts +1, resolve-prefer +1", _BOTH, _RESOLVERS, "5.2"),
        *ignored("no-send-proxy-v2-ssl, no-send-proxy-v2-ssl-cn", _BOTH, _DEFAULT, "5.2"),
        *ignored("no-tfo", _BOTH, _DEFAULT, "5.2"),
        *ignored("log-proto +1", _BOTH, "acts in HAProxy's log rings only", "5.2"),
        *ignored("tfo", _BOTH, "tunes HAProxy's sockets", "5.2"),
        *refused("check-proto +1, proxy-v2-options +1", _BOTH, "", "5.2"),
        *refused("check-via-socks4, socks4 +1, id +1, init-addr +1, namespace +1", _BOTH, "", "5.2"),
        *refused("observe +1, proto +1, resolvers +1", _BOTH, "", "5.2"),
        *refused("send-proxy-v2-ssl, send-proxy-v2-ssl-cn", _BOTH, "", "5.2"),
        done("source", _BOTH, Sets("source", _SOURCE), "the address that connections to the server come from", "5.2"),
        *refused("interface +1", _BOTH, "", "5.2"),
        *refused("set-proxy-v2-tlv-fmt +1, usesrc +64, shard +1, tcp-ut +1, track +1", _BOTH, "", "5.2"),
    )
)


def server(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Note one `server` line of `proxy`, which starts with what its `default-server` lines said."""
    if len(statement.arguments) < 2:
        raise ArgumentError("expects a name and address:port")
    name, address, *parameters = statement.arguments
    draft = proxy.default_server.child(statement.location)
    line = replace(statement, section=Section.SERVER, keyword=f"server {name}")
    apply_parameters(PARAMETERS, draft, line, tuple(parameters), report)
    draft.name = _server_name(name)
    draft.address = connecting(address)
    proxy.servers.append(draft)


def backend_source(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Note the address that connections to servers come from, where their lines name none."""
    words = statement.arguments
    if words[1:]:
        raise ArgumentError(f"has HAProxy's '{words[1]}', which is not supported by wproxy: it takes <addr>[:<port>]")
    proxy.source = _SOURCE.read(single(statement, _SOURCE.expects))


def server_template(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Note the servers that a `server-template` line of `proxy` stands for: alike but for their names."""
    if len(statement.arguments) < 3:
        raise ArgumentError("expects a prefix, a number or a range such as 1-3, and address:port")
    prefix, numbers, address, *parameters = statement.arguments
    suffixes = _suffixes(numbers)
    first = proxy.default_server.child(statement.location)
    line = replace(statement, section=Section.SERVER, keyword=f"server-template {prefix}")
    apply_parameters(PARAMETERS, first, line, tuple(parameters), report)
    _server_name(prefix)
    first.address = connecting(address)
    proxy.servers.extend(replace(first, name=f"{prefix}{number}") for number in suffixes)


def _suffixes(text: str) -> range:
    """Return the numbers of `3` (from 1) or of `2-4`."""
    match = _RANGE.fullmatch(text)
    low, high = (int(match[1] or 1), int(match[2])) if match is not None else (1, 0)
    if not low <= high:
        raise ArgumentError(f"expects a number above 0 or a range such as 1-3, not '{text}'")
    if high - low >= _SERVERS_MAX:
        raise ArgumentError(f"makes no more than {_SERVERS_MAX} servers, not {high - low + 1}")
    return range(low, high + 1)


def default_server(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Change what the `server` lines after this one start with."""
    line = replace(statement, section=Section.DEFAULT_SERVER)
    apply_parameters(PARAMETERS, proxy.default_server, line, statement.arguments, report)


def _server_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ArgumentError(f"has a name with a character other than letters, digits and '-_.:': '{text}'")
    return text
