"""What a configuration says about TLS, ready for use: part of the model, frozen, built once.

Certificates and keys are in the SSLContext only, where nothing can read them back.
"""

from __future__ import annotations

import ssl
from dataclasses import field

from wproxy.config.acl.facts import Fetcher
from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class TlsBind:
    """How the clients of one `bind … ssl` line are spoken to; the context chooses the certificate by their SNI."""

    context: ssl.SSLContext = field(repr=False)


@dataclass(frozen=True, slots=True)
class TlsServer:
    """How one server, or its check, is spoken to.

    `sni` is the name that the server is told, `sni_of` finds it for each connection; a certificate is `verified`
    against the name that was told, else against `verifyhost`, as far as there is one.
    """

    context: ssl.SSLContext = field(repr=False)
    sni: str | None = None
    sni_of: Fetcher | None = None
    verifyhost: str | None = None
    verified: bool = True
    resumes: bool = True  # sessions of earlier connections


class TlsObject(ssl.SSLObject):
    """The TLS of one connection; `sni` is the name by which a client has called."""

    sni: str | None = None
