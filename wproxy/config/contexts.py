"""Makes the SSLContexts of `bind` and `server` lines, with all that their files say; errors name the line.

crt a.pem crt folder/ ─▶ certificates ─▶ one context for each set of certificates that share a name
                                         └─▶ the SNI of a client chooses, the first certificate is the default
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from datetime import UTC, datetime

from wproxy.config import openssl
from wproxy.config.certificates import (
    CertificateFile,
    certificates,
    listed,
    load_authorities,
    load_dh,
    load_pair,
    load_revoked,
)
from wproxy.config.checks import ConnectRule
from wproxy.config.drafts import BindDraft, GlobalDraft, ProxyDraft, ServerDraft
from wproxy.config.grammar import Report
from wproxy.config.model import Location, Mode
from wproxy.config.tls import TlsBind, TlsObject, TlsServer
from wproxy.config.tls_draft import TlsDraft, TlsFiles, VersionError
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass

_VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_OFF = {
    "SSLv3": ssl.OP_NO_SSLv3,
    "TLSv1.0": ssl.OP_NO_TLSv1,
    "TLSv1.1": ssl.OP_NO_TLSv1_1,
    "TLSv1.2": ssl.OP_NO_TLSv1_2,
    "TLSv1.3": ssl.OP_NO_TLSv1_3,
}
_PRIORITIZE_CHACHA = 1 << 21  # SSL_OP_PRIORITIZE_CHACHA of ssl.h: for clients that have it first, as in HAProxy
_HTTP2 = "h2"

Warn = Callable[[str], None]


def open_contexts(process: GlobalDraft, proxies: Sequence[ProxyDraft], report: Report) -> None:
    """Fill `tls_made` and `check_tls` of each line of each proxy that is not disabled; report every fault."""
    now = datetime.now(UTC)
    for proxy in proxies:
        if not proxy.disabled:
            _open_proxy(proxy, process.tls, now, report)


def _open_proxy(proxy: ProxyDraft, files: TlsFiles, now: datetime, report: Report) -> None:
    for bind in proxy.binds:
        addresses = ",".join(str(address) for address in bind.addresses)
        with _reported(bind.location, f"'bind {addresses}' in section '{proxy.section.value}'", report) as warn:
            _open_bind(bind, proxy.mode, files, now, warn)
    for server in proxy.servers:
        with _reported(server.location, f"'server {proxy.name}/{server.name}'", report) as warn:
            open_server(server, proxy, files, warn)


@contextmanager
def _reported(location: Location, what: str, report: Report) -> Iterator[Warn]:
    """Report the fault that ends what is done; yield what takes warnings."""
    try:
        yield lambda text: report.warn(location, f"{what} : {text}")
    except ArgumentError as error:
        report.problem(location, f"{what} : {error}")


# -- clients -----------------------------------------------------------------------------------------------------------


def _open_bind(bind: BindDraft, mode: Mode, files: TlsFiles, now: datetime, warn: Warn) -> None:
    tls = bind.tls.over(files.bind)
    pairs = [
        pair
        for name in tls.certificates
        for pair in (listed(name, files) if name in tls.lists else certificates(name, files))
    ]
    if not tls.on:
        if pairs:
            warn("'crt' has no effect without 'ssl': clients speak no TLS here")
        return
    if not pairs:
        raise ArgumentError("no SSL certificate specified: add 'crt' with a file, or a folder that has one")
    for pair in pairs:
        _look_at_dates(pair, now, warn)
    make = _Contexts(_Side(tls, files, _protocols(tls.alpn, mode, warn)), warn)
    by_name = _by_name(pairs)
    contexts: dict[str, ssl.SSLContext | None] = {name: None for pair in pairs for name in pair.excluded}
    contexts.update({name: make.context(group) for name, group in by_name.items()})
    first = next((group for group in by_name.values() if pairs[0] in group), (pairs[0],))
    default = make.context(first)
    chooser = Chooser(contexts, strict=tls.strict_sni)
    for context in {id(one): one for one in (default, *make.made.values())}.values():
        context.sni_callback = chooser  # type: ignore[assignment] # called with a TlsObject, `sslobject_class`
    bind.tls_made = TlsBind(default)


def _look_at_dates(pair: CertificateFile, now: datetime, warn: Warn) -> None:
    if pair.certificate.ends < now:
        warn(f"the certificate in '{pair.path}' has expired on {pair.certificate.ends:%Y-%m-%d %H:%M} UTC")
    elif pair.certificate.begins > now:
        warn(f"the certificate in '{pair.path}' is not valid before {pair.certificate.begins:%Y-%m-%d %H:%M} UTC")


def _by_name(pairs: Sequence[CertificateFile]) -> dict[str, tuple[CertificateFile, ...]]:
    """Return which certificates are for each name: the first of each kind of key, for clients that know one only."""
    names: dict[str, dict[str, CertificateFile]] = {}
    for pair in pairs:
        for name in pair.names:
            names.setdefault(name, {}).setdefault(pair.certificate.key, pair)
    return {name: tuple(kinds.values()) for name, kinds in names.items()}


class Chooser:
    """Gives each client the certificate for the name by which it calls: the whole name first, then a wildcard.

    A name whose context is None is nobody's, whatever wildcard there is.
    """

    __slots__ = ("_contexts", "_strict")

    def __init__(self, contexts: Mapping[str, ssl.SSLContext | None], *, strict: bool) -> None:
        self._contexts = contexts
        self._strict = strict

    def __call__(self, connection: TlsObject, name: str | None, context: ssl.SSLContext) -> int | None:
        """Choose; return the alert for a name that is nobody's, where `strict-sni` is set (called by OpenSSL)."""
        connection.sni = name
        host = (name or "").lower()
        known = host if host in self._contexts else "*." + host.partition(".")[2]
        chosen = self._contexts.get(known)
        if chosen is not None:
            if chosen is not context:
                connection.context = chosen
            return None
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME if self._strict else None


def _protocols(names: tuple[str, ...], mode: Mode, warn: Warn) -> tuple[str, ...]:
    """Return what to agree upon; HTTP/2 is not spoken here, so that in mode http nobody may be offered it."""
    if mode is not Mode.HTTP or _HTTP2 not in names:
        return names
    warn("'alpn' : h2 is not offered, since wproxy speaks HTTP/1.1 only; clients that know both are served by that")
    return tuple(name for name in names if name != _HTTP2)


# -- servers -----------------------------------------------------------------------------------------------------------


def open_server(server: ServerDraft, proxy: ProxyDraft, files: TlsFiles, warn: Warn) -> None:
    """Fill `tls_made`, `check_tls` and `rule_tls` of one `server` line of `proxy`; raise ArgumentError."""
    tls = server.tls.over(files.server)
    elsewhere = server.check_host is not None or server.check_port is not None
    checked = server.check and (tls.check or (tls.check is None and tls.on and not elsewhere))
    verified = tls.verify != "none"
    ruled = server.check and any(isinstance(rule, ConnectRule) and rule.ssl for rule in proxy.check.built().rules)
    if not (tls.on or checked or ruled):
        for name in (tls.ca_file,) if tls.ca_file else ():
            load_authorities(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), name, files)
        return
    if verified and tls.ca_file is None:
        raise ArgumentError(
            "verify is enabled by default but no CA file specified: add 'ca-file' with the authority of the server's "
            "certificate, or '@system-ca'; where you trust the network, 'verify none'"
        )
    tls = replace(tls, verify="required" if verified else "none")
    protocols = _protocols(tls.alpn, proxy.mode, warn)
    context = _client_context(tls, files, protocols, warn)
    if tls.on:
        server.tls_made = TlsServer(context, tls.sni_text, tls.sni_fetch, tls.verifyhost, verified, tls.reuse)
    if ruled:
        server.rule_tls = TlsServer(context, None, None, tls.verifyhost, verified)
    if checked:
        if tls.check_alpn and tls.check_alpn != protocols:
            context = _client_context(tls, files, tls.check_alpn, lambda text: None)
        server.check_tls = TlsServer(context, tls.check_sni, None, tls.verifyhost, verified)


def _client_context(tls: TlsDraft, files: TlsFiles, protocols: tuple[str, ...], warn: Warn) -> ssl.SSLContext:
    pairs = [pair for name in tls.certificates for pair in certificates(name, files)]
    return _Contexts(_Side(tls, files, protocols, server=False), warn).context(tuple(pairs))


# -- both --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Side:
    """What all contexts of one line have in common."""

    tls: TlsDraft
    files: TlsFiles
    protocols: tuple[str, ...]
    server: bool = True


@dataclass(slots=True)
class _Contexts:
    """Makes the contexts of one line, each set of certificates once."""

    side: _Side
    warn: Warn
    made: dict[tuple[CertificateFile, ...], ssl.SSLContext] = field(default_factory=dict)

    def context(self, pairs: tuple[CertificateFile, ...]) -> ssl.SSLContext:
        """Return the context with the certificates `pairs`."""
        if pairs not in self.made:
            # What is said once for the line need not be said for each certificate.
            warn: Warn = (lambda text: None) if self.made else self.warn
            self.made[pairs] = _context(self.side, pairs, warn)
        return self.made[pairs]


def _context(side: _Side, pairs: tuple[CertificateFile, ...], warn: Warn) -> ssl.SSLContext:
    tls, files = side.tls, side.files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if side.server else ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class = TlsObject
    context.check_hostname = False  # `dataplane.tls` does it, with or without SNI
    context.verify_mode = ssl.CERT_NONE
    # A peer that leaves without a goodbye has ended, as in HAProxy; before OpenSSL 3 that needed no option.
    context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    _set_versions(context, tls, warn)
    _set_ciphers(context, tls)
    if side.server:
        _set_server_options(context, tls, files)
    if not tls.tickets:
        context.options |= ssl.OP_NO_TICKET
        if side.server:
            context.num_tickets = 0
    for pair in pairs:
        load_pair(context, pair)
        if side.server and pair.has_dh:
            load_dh(context, pair.path)
    if side.protocols:
        context.set_alpn_protocols(side.protocols)
    _set_verification(context, tls, files)
    return context


def _set_versions(context: ssl.SSLContext, tls: TlsDraft, warn: Warn) -> None:
    try:
        spoken, warning = tls.versions()
    except VersionError as error:
        raise ArgumentError(str(error)) from None
    if warning:
        warn(warning)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # who asks for an old version gets it
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
        for version, option in _OFF.items():
            if version in spoken:
                context.options &= ~option
            else:
                context.options |= option


def _set_ciphers(context: ssl.SSLContext, tls: TlsDraft) -> None:
    try:
        context.set_ciphers(tls.ciphers or "DEFAULT")
    except ssl.SSLError:
        raise ArgumentError(f"'ciphers' : OpenSSL knows no such list of ciphers: '{tls.ciphers}'") from None
    if tls.ciphersuites:
        openssl.set_ciphersuites(context, tls.ciphersuites)
    if tls.curves:
        openssl.set_groups(context, tls.curves)


def _set_server_options(context: ssl.SSLContext, tls: TlsDraft, files: TlsFiles) -> None:
    context.options |= ssl.OP_NO_RENEGOTIATION | _PRIORITIZE_CHACHA
    if tls.clients_order:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    if files.dh_file:
        load_dh(context, files.dh_file)
    elif files.dh:
        openssl.choose_dh(context)


def _set_verification(context: ssl.SSLContext, tls: TlsDraft, files: TlsFiles) -> None:
    if tls.ca_file is not None:
        load_authorities(context, tls.ca_file, files)
    if tls.verify in (None, "none"):
        return
    if tls.ca_file is None:
        raise ArgumentError("verify is enabled but no CA file specified: add 'ca-file'")
    context.verify_mode = _VERIFY[tls.verify]
    if tls.crl_file is not None:
        load_revoked(context, tls.crl_file, files)
