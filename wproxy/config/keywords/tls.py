"""The words of TLS: parameters of `bind` and `server` lines, and what the global section says for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from wproxy.config import values
from wproxy.config.drafts import GlobalDraft
from wproxy.config.grammar import Action, Keyword, Report, Section, Sets, Statement, done, ignored, refused, single
from wproxy.config.nearest import did_you_mean
from wproxy.config.tls_draft import VERSIONS, TlsDraft, TlsFiles
from wproxy.config.values import ArgumentError, Type
from wproxy.records import dataclass

_BIND = (Section.BIND,)
_STATS = (Section.STATS_SOCKET,)
_SERVERS = (Section.SERVER, Section.DEFAULT_SERVER)
_GLOBAL = (Section.GLOBAL,)
_ALPN_MAX = 255

# The words of `no-…` and `force-…`, and which version each is about.
_VERSION_WORDS = {f"{version.lower().replace('.', '')}": version for version in VERSIONS}


def _version(text: str) -> str:
    if text not in VERSIONS:
        raise ArgumentError(f"knows {', '.join(VERSIONS)}, not '{text}'")
    return text


def _protocols(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not all(0 < len(name.encode()) <= _ALPN_MAX for name in names):
        raise ArgumentError("expects names of protocols with commas between them, such as h2,http/1.1")
    return names


def _verification(*known: str) -> Type:
    def read(text: str) -> str:
        if text not in known:
            raise ArgumentError(f"knows {', '.join(repr(one) for one in known)}, not '{text}'")
        return text

    return Type("<how>", f"one of {', '.join(known)}", read)


_FILE = Type("<file>", "a path", str)
_FILES = Type("<path>", "a file or a folder", str)
_LIST = Type("<list>", "names with colons between them", str)
_NAME = Type("<name>", "the name of a host", str)
_EXPRESSION = Type("<expression>", "a fetch such as str(name)", str)
_PROTOCOLS = Type("<protocols>", "names of protocols with commas between them", _protocols)
_VERSION = Type("<version>", "a version such as TLSv1.2", _version)


@dataclass(frozen=True, slots=True)
class _Tls(Sets):
    """Stores the one argument in a field of the line's TlsDraft."""

    def __call__(self, draft: Any, statement: Statement, report: Report) -> None:  # noqa: ANN401 - see Action
        """Set the field."""
        words = statement.arguments
        if len(words) != 1 or not words[0]:
            raise ArgumentError(f"expects {self.type.expects}")
        draft.tls = replace(draft.tls, **{self.field: self.type.read(words[0])})


@dataclass(frozen=True, slots=True)
class _TlsTo:
    """Changes the line's TlsDraft, without argument."""

    change: Callable[[TlsDraft], TlsDraft]

    def __call__(self, draft: Any, statement: Statement, report: Report) -> None:  # noqa: ANN401 - see Action
        """Change it."""
        draft.tls = self.change(draft.tls)


def _to(**fields: object) -> _TlsTo:
    return _TlsTo(lambda tls: replace(tls, **fields))  # type: ignore[arg-type] # the fields of TlsDraft, see the rows


def _certificate(draft: Any, statement: Statement, report: Report) -> None:  # noqa: ANN401 - see Action
    """Add a certificate to those of a `bind` line."""
    path = _FILES.read(statement.arguments[0]) if statement.arguments else ""
    if not path:
        raise ArgumentError("expects a file or a folder")
    draft.tls = replace(draft.tls, certificates=(*draft.tls.certificates, path))


def _list(draft: Any, statement: Statement, report: Report) -> None:  # noqa: ANN401 - see Action
    """Add the certificates that a file lists."""
    _certificate(draft, statement, report)
    draft.tls = replace(draft.tls, lists=draft.tls.lists | {statement.arguments[0]})


def _own_certificate(draft: Any, statement: Statement, report: Report) -> None:  # noqa: ANN401 - see Action
    """Set the certificate that a server is shown."""
    draft.tls = replace(draft.tls, certificates=())
    _certificate(draft, statement, report)


def _without(version: str) -> _TlsTo:
    return _TlsTo(lambda tls: replace(tls, without=tls.without | {version}))


def _version_rows(sections: tuple[Section, ...], manual: str) -> list[Keyword]:
    rows = [
        done("ssl-min-ver", sections, _Tls("min_version", _VERSION), "lowest version; default TLSv1.2", manual),
        done("ssl-max-ver", sections, _Tls("max_version", _VERSION), "highest version", manual),
    ]
    for word, version in _VERSION_WORDS.items():
        only = _to(min_version=version, max_version=version)
        rows += [
            done(f"no-{word}", sections, _without(version), f"no {version}", manual),
            done(f"force-{word}", sections, only, f"{version} only", manual),
        ]
    return rows


def _common(sections: tuple[Section, ...], manual: str) -> list[Keyword]:
    return [
        *_version_rows(sections, manual),
        done("ciphers", sections, _Tls("ciphers", _LIST), "ciphers up to TLSv1.2, as OpenSSL names them", manual),
        done("ciphersuites", sections, _Tls("ciphersuites", _LIST), "cipher suites of TLSv1.3", manual),
        done("ca-file", sections, _Tls("ca_file", _FILES), "the authorities that certificates may be from", manual),
        done("crl-file", sections, _Tls("crl_file", _FILE), "certificates that have been revoked", manual),
        done("alpn", sections, _Tls("alpn", _PROTOCOLS), "protocols to agree upon; mode http: http/1.1 only", manual),
        done("no-tls-tickets", sections, _to(tickets=False), "sessions are not resumed by tickets", manual),
    ]


def _with_argument(words: str, sections: tuple[Section, ...], action: Action, doc: str, manual: str) -> Keyword:
    return replace(done(words, sections, action, doc, manual), arity=1)


_NPN = "no client speaks it any more: `alpn` took its place"
_EARLY = "a client sends its early data again after the handshake"
_WITH_SSL = "TLS on a stats socket is refused"

BIND_TLS: tuple[Keyword, ...] = (
    done("ssl", _BIND, _to(on=True), "clients speak TLS", "5.1"),
    _with_argument("crt", _BIND, _certificate, "a certificate with its key, or a folder of them; several", "5.1"),
    _with_argument("crt-list", _BIND, _list, "a file with a certificate a line and the names it is for", "5.1"),
    done(
        "verify",
        _BIND,
        _Tls("verify", _verification("none", "optional", "required")),
        "whether clients show a certificate, too",
        "5.1",
    ),
    done("strict-sni", _BIND, _to(strict_sni=True), "no certificate for other names than those of `crt`", "5.1"),
    done("prefer-client-ciphers", _BIND, _to(clients_order=True), "the client's order of ciphers counts", "5.1"),
    done("curves", _BIND, _Tls("curves", _LIST), "groups of the key exchange", "5.1"),
    done("ecdhe", _BIND, _Tls("curves", _LIST), "the same, a single one", "5.1"),
    *_common(_BIND, "5.1"),
    *ignored("npn +1", _BIND, _NPN, "5.1"),
    *ignored("allow-0rtt", _BIND, _EARLY, "5.1"),
    *refused(
        "ca-ignore-err +1, crt-ignore-err +1, ca-verify-file +1, no-ca-names, tls-ticket-keys +1", _BIND, "", "5.1"
    ),
    *refused("generate-certificates, ca-sign-file +1, ca-sign-pass +1", _BIND, "", "5.1"),
    *refused("ssl", _STATS, "let clients come through a `listen` section in mode tcp with `bind … ssl`", "5.1"),
    *ignored(
        "allow-0rtt, alpn +1, ca-file +1, ca-ignore-err +1, ca-sign-file +1, ca-sign-pass +1, ca-verify-file +1,"
        "ciphers +1, ciphersuites +1, crl-file +1, crt +1, crt-ignore-err +1, crt-list +1, curves +1, ecdhe +1,"
        "force-sslv3, force-tlsv10, force-tlsv11, force-tlsv12, force-tlsv13, generate-certificates, no-ca-names,"
        "no-sslv3, no-tls-tickets, no-tlsv10, no-tlsv11, no-tlsv12, no-tlsv13, npn +1, prefer-client-ciphers,"
        "ssl-max-ver +1, ssl-min-ver +1, strict-sni, tls-ticket-keys +1, verify +1",
        _STATS,
        _WITH_SSL,
        "5.1",
    ),
)

SERVER_TLS: tuple[Keyword, ...] = (
    done("ssl", _SERVERS, _to(on=True), "the server speaks TLS; so do its checks, unless they go elsewhere", "5.2"),
    done("no-ssl", _SERVERS, _to(on=False), "it does not, against a default-server line", "5.2"),
    done("check-ssl", _SERVERS, _to(check=True), "checks speak TLS wherever they go", "5.2"),
    done("no-check-ssl", _SERVERS, _to(check=False), "checks speak no TLS", "5.2"),
    _with_argument("crt", _SERVERS, _own_certificate, "the certificate to show with its key", "5.2"),
    done(
        "verify",
        _SERVERS,
        _Tls("verify", _verification("none", "required")),
        "whether the server's certificate has to be from `ca-file`; default required",
        "5.2",
    ),
    done("verifyhost", _SERVERS, _Tls("verifyhost", _NAME), "the name it has to be for, where no SNI was sent", "5.2"),
    done("no-verifyhost", _SERVERS, _to(verifyhost=None), "any name, against a default-server line", "5.2"),
    done("sni", _SERVERS, _Tls("sni", _EXPRESSION), "the name that the server is told", "5.2"),
    done("check-sni", _SERVERS, _Tls("check_sni", _NAME), "the name that it is told by checks", "5.2"),
    done("check-alpn", _SERVERS, _Tls("check_alpn", _PROTOCOLS), "protocols that checks offer", "5.2"),
    done("no-ssl-reuse", _SERVERS, _to(reuse=False), "each connection makes a new TLS session", "5.2"),
    done("ssl-reuse", _SERVERS, _to(reuse=True), "an earlier one is resumed, the default", "5.2"),
    done("tls-tickets", _SERVERS, _to(tickets=True), "against a default-server line", "5.2"),
    *_common(_SERVERS, "5.2"),
    *ignored("npn +1", _SERVERS, _NPN, "5.2"),
    *ignored("allow-0rtt", _SERVERS, "nothing is sent before the handshake", "5.2"),
)


# -- the global section ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Default(Sets):
    """Stores the one argument in a field of the draft for all `side` lines."""

    side: str = "bind"

    def __call__(self, draft: GlobalDraft, statement: Statement, report: Report) -> None:
        """Set the field."""
        words = statement.arguments
        if len(words) != 1 or not words[0]:
            raise ArgumentError(f"expects {self.type.expects}")
        tls = replace(getattr(draft.tls, self.side), **{self.field: self.type.read(words[0])})
        draft.tls = _on_side(draft.tls, self.side, tls)


@dataclass(slots=True)
class _Line:
    """What the words of `ssl-default-…-options` are written to."""

    tls: TlsDraft


def _on_side(files: TlsFiles, side: str, tls: TlsDraft) -> TlsFiles:
    return replace(files, bind=tls) if side == "bind" else replace(files, server=tls)


def _options(side: str) -> Action:
    """Return the action of `ssl-default-<side>-options`: words that a line could have, too."""
    section, rows = (Section.BIND, BIND_TLS) if side == "bind" else (Section.SERVER, SERVER_TLS)
    general = ("ssl-min-ver", "ssl-max-ver", "no-", "force-", "prefer-client-ciphers", "strict-sni")
    known = {
        row.words: row
        for row in rows
        if row.words.startswith(general) and section in row.sections and row.action and row.words not in _NO_OPTIONS
    }

    def apply(process: GlobalDraft, statement: Statement, report: Report) -> None:
        rest = list(statement.arguments)
        if not rest:
            raise ArgumentError("expects options such as ssl-min-ver TLSv1.2")
        line = _Line(getattr(process.tls, side))
        while rest:
            row = known.get(rest[0])
            if row is None or row.action is None:
                raise ArgumentError(f"knows no option '{rest[0]}'{did_you_mean(rest[0], known)}")
            row.action(line, replace(statement, arguments=tuple(rest[1 : 1 + row.arity])), report)
            del rest[: 1 + row.arity]
        process.tls = _on_side(process.tls, side, line.tls)

    return apply


_NO_OPTIONS = frozenset({"no-ssl", "no-check-ssl", "no-verifyhost", "no-ssl-reuse"})
_EXTRAS = {"none", "all", "bundle", "sctl", "ocsp", "issuer", "key"}


def _extra_files(process: GlobalDraft, statement: Statement, report: Report) -> None:
    words = set(statement.arguments)
    unknown = sorted(words - _EXTRAS)
    if unknown or not words:
        raise ArgumentError(f"knows {', '.join(sorted(_EXTRAS))}" + (f", not '{unknown[0]}'" if unknown else ""))
    loads_key, loads_bundle = bool(words & {"key", "all"}), bool(words & {"bundle", "all"})
    process.tls = replace(process.tls, loads_key=loads_key, loads_bundle=loads_bundle)


def _dh_bits(process: GlobalDraft, statement: Statement, report: Report) -> None:
    if values.integer(single(statement, "a number of bits"), 0) < _DH_BITS_MIN:
        raise ArgumentError(f"cannot be lower than {_DH_BITS_MIN}")
    process.tls = replace(process.tls, dh=True)


_DH_BITS_MIN = 1024


def _drops_extension(process: GlobalDraft, statement: Statement, report: Report) -> None:
    process.tls = replace(process.tls, drops_extension=True)


@dataclass(frozen=True, slots=True)
class _Base(Sets):
    """Stores the one argument in a field of the global section's TlsFiles."""

    def __call__(self, draft: GlobalDraft, statement: Statement, report: Report) -> None:
        """Set the field."""
        words = statement.arguments
        if len(words) != 1 or not words[0]:
            raise ArgumentError(f"expects {self.type.expects}")
        draft.tls = replace(draft.tls, **{self.field: self.type.read(words[0])})


_FOLDER = Type("<folder>", "a folder", str)

GLOBAL_TLS: tuple[Keyword, ...] = (
    done("ca-base", _GLOBAL, _Base("ca_base", _FOLDER), "where `ca-file` and `crl-file` are, if not absolute", "3.1"),
    done("crt-base", _GLOBAL, _Base("crt_base", _FOLDER), "where `crt` is, if not absolute", "3.1"),
    done("ssl-default-bind-options", _GLOBAL, _options("bind"), "versions and more for all `bind` lines", "3.1"),
    done("ssl-default-bind-ciphers", _GLOBAL, _Default("ciphers", _LIST), "ciphers up to TLSv1.2 for them", "3.1"),
    done("ssl-default-bind-ciphersuites", _GLOBAL, _Default("ciphersuites", _LIST), "of TLSv1.3 for them", "3.1"),
    done("ssl-default-bind-curves", _GLOBAL, _Default("curves", _LIST), "groups of the key exchange for them", "3.1"),
    done("ssl-default-server-options", _GLOBAL, _options("server"), "the same for `server` lines", "3.1"),
    done("ssl-default-server-ciphers", _GLOBAL, _Default("ciphers", _LIST, side="server"), "the same", "3.1"),
    done("ssl-default-server-ciphersuites", _GLOBAL, _Default("ciphersuites", _LIST, side="server"), "the same", "3.1"),
    done(
        "ssl-server-verify",
        _GLOBAL,
        _Default("verify", _verification("none", "required"), side="server"),
        "default of `verify` on servers",
        "3.1",
    ),
    done("ssl-load-extra-files", _GLOBAL, _extra_files, "which files beside `crt` are loaded: key and bundle", "3.1"),
    done("ssl-load-extra-del-ext", _GLOBAL, _drops_extension, "the key of NAME.crt is NAME.key", "3.1"),
    *ignored("default-path, issuers-chain-path", _GLOBAL, "where HAProxy looks for files", "3.1"),
    done(
        "tune.ssl.default-dh-param",
        _GLOBAL,
        _dh_bits,
        "offer ephemeral Diffie-Hellman; OpenSSL chooses parameters that fit the key",
        "3.2",
    ),
    done("ssl-dh-param-file", _GLOBAL, _Base("dh_file", _FILE), "its parameters, for certificates without", "3.1"),
    *ignored(
        "tune.ssl.cachesize, tune.ssl.force-private-cache, tune.ssl.lifetime, tune.ssl.ssl-ctx-cache-size",
        _GLOBAL,
        "sessions are resumed by tickets, or kept as OpenSSL keeps them",
        "3.2",
    ),
    *ignored(
        "tune.ssl.capture-buffer-size, tune.ssl.capture-cipherlist-size, tune.ssl.hard-maxrecord,"
        "tune.ssl.keylog, tune.ssl.maxrecord",
        _GLOBAL,
        "tunes HAProxy's TLS",
        "3.2",
    ),
    *ignored(
        "ssl-engine, ssl-mode-async, ssl-propquery, ssl-provider, ssl-provider-path, ssl-skip-self-issued-ca",
        _GLOBAL,
        "tunes HAProxy's OpenSSL",
        "3.1",
    ),
    *refused("maxsslconn, maxsslrate", _GLOBAL, "write `maxconn`", "3.2"),
)
