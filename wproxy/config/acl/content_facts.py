"""What rules may ask of the first bytes of a client; `dataplane.contents` fits these protocols."""

from __future__ import annotations

from typing import Protocol


class HelloFacts(Protocol):
    """The first message of TLS; `protocols.client_hello.Hello` is one."""

    @property
    def kind(self) -> int:
        """The type of the message."""

    @property
    def version(self) -> int | None:
        """The version that is offered: major and minor as one number, 0x30003 for 3.3."""

    @property
    def server_name(self) -> str | None:
        """The name of the host that is called."""

    @property
    def protocols(self) -> tuple[str, ...]:
        """The protocols that are offered by ALPN."""

    @property
    def names_groups(self) -> bool:
        """Whether elliptic curves are named."""

    @property
    def ticket(self) -> int:
        """0 without the extension of session tickets, 1 with an empty one, 2 with a ticket."""


class ContentFacts(Protocol):
    """What has come of a client. A fetch whose value may be another one when more has come sets `unsure`."""

    data: bytes
    final: bool  # whatever comes changes nothing any more, or is not waited for
    unsure: bool

    def hello(self) -> HelloFacts | None:
        """Return the message of TLS with which the bytes begin; None, `unsure` while it may yet become one."""

    def is_http(self) -> bool:
        """Tell whether the bytes begin with the head of an HTTP request, `unsure` while they may yet."""
