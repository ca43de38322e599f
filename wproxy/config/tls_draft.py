"""What the keywords of TLS write to while a line is read: immutable, each word makes another."""

from __future__ import annotations

from dataclasses import field, replace

from wproxy.config.acl.facts import Fetcher
from wproxy.records import dataclass

VERSIONS = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
LEAST = "TLSv1.2"  # where a line and the `ssl-default-…` say nothing (manual, section 5.1, "ssl-min-ver")


class VersionError(ValueError):
    """A line that leaves no version of TLS. Raised by `versions`, reported with the line."""


@dataclass(frozen=True, slots=True)
class TlsDraft:
    """The words about TLS of one `bind`, `server` or `default-server` line, or of all `ssl-default-…` lines."""

    on: bool = False
    certificates: tuple[str, ...] = ()
    lists: frozenset[str] = frozenset()  # which of them are files of `crt-list`
    ca_file: str | None = None
    crl_file: str | None = None
    ciphers: str | None = None
    ciphersuites: str | None = None
    curves: str | None = None
    alpn: tuple[str, ...] = ()
    verify: str | None = None
    min_version: str | None = None
    max_version: str | None = None
    without: frozenset[str] = frozenset()
    strict_sni: bool = False
    tickets: bool = True
    clients_order: bool = False
    sni: str | None = None
    verifyhost: str | None = None
    check: bool | None = None
    check_sni: str | None = None
    check_alpn: tuple[str, ...] = ()
    reuse: bool = True
    sni_text: str | None = None  # what `sni` comes to where it is a constant; else `sni_fetch` finds it
    sni_fetch: Fetcher | None = None

    def over(self, defaults: TlsDraft) -> TlsDraft:
        """Return this line's words with those of the global section where it has none of its own."""
        return replace(
            self,
            ciphers=self.ciphers or defaults.ciphers,
            ciphersuites=self.ciphersuites or defaults.ciphersuites,
            curves=self.curves or defaults.curves,
            verify=self.verify or defaults.verify,
            min_version=self.min_version or defaults.min_version,
            max_version=self.max_version or defaults.max_version,
            without=self.without | defaults.without,
            strict_sni=self.strict_sni or defaults.strict_sni,
            tickets=self.tickets and defaults.tickets,
            clients_order=self.clients_order or defaults.clients_order,
        )

    def versions(self) -> tuple[tuple[str, ...], str]:
        """Return the versions that are spoken, and a warning about words that have no effect; raise VersionError."""
        warning = ""
        without = self.without
        low, high = self.min_version, self.max_version
        if without and (low or high):
            warning = "no-sslv3/no-tlsv1x are ignored beside 'ssl-min-ver' and 'ssl-max-ver': use only these"
            without = frozenset()
        if low is None:
            low = LEAST if high is None or VERSIONS.index(high) >= VERSIONS.index(LEAST) else high
            if low is high:
                warning = f"'ssl-max-ver' is lower than the default 'ssl-min-ver' {LEAST}, which is set to {low}"
        first, last = VERSIONS.index(low), VERSIONS.index(high or VERSIONS[-1])
        spoken = tuple(version for version in VERSIONS[first : last + 1] if version not in without)
        if not spoken:
            raise VersionError("all SSL/TLS versions are disabled")
        return spoken, warning


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The global section's words about where files are, and what else is loaded with a certificate."""

    ca_base: str = ""
    crt_base: str = ""
    loads_key: bool = True  # FILE.key beside FILE
    loads_bundle: bool = True  # FILE.rsa, FILE.ecdsa where there is no FILE
    drops_extension: bool = False  # the key of FILE.crt is FILE.key
    dh: bool = False  # OpenSSL chooses parameters of ephemeral Diffie-Hellman
    dh_file: str = ""  # where they are
    bind: TlsDraft = field(default_factory=TlsDraft)  # ssl-default-bind-…
    server: TlsDraft = field(default_factory=TlsDraft)  # ssl-default-server-…, ssl-server-verify
