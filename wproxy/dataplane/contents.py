"""The first bytes of a client, as rules ask about them (`config.acl.content_facts`)."""

from __future__ import annotations

from wproxy.protocols import client_hello
from wproxy.protocols.client_hello import Hello, HelloError
from wproxy.protocols.http1.heads import Fault, HeadParser


class Contents:
    """What has come, as far as there is `room` for it; what was read of it is kept until more comes."""

    __slots__ = ("_hello", "_http", "_parser", "_room", "data", "final", "full", "unsure")

    def __init__(self, room: int, parser: HeadParser) -> None:
        self._room = room
        self._parser = parser
        self.data = b""
        self.final = False
        self.full = False
        self.unsure = False
        self._hello: Hello | bool | None = None  # False for none, True for not whole yet, None when not looked at
        self._http: bool | None = None

    def add(self, data: bytes) -> None:
        """Take more; when there is no more room nothing that comes later can change anything."""
        self.data = (self.data + data)[: self._room]
        self.full = len(self.data) >= self._room
        self.final = self.final or self.full
        self._hello = self._http = None

    def hello(self) -> Hello | None:
        """Return the message of TLS with which the bytes begin; None, `unsure` while it may yet become one."""
        if self._hello is None:
            try:
                found = client_hello.parse(self.data)
                self._hello = True if found is None else found
            except HelloError:
                self._hello = False
        if isinstance(self._hello, Hello):
            return self._hello
        self.unsure = self.unsure or self._hello
        return None

    def is_http(self) -> bool:
        """Tell whether the bytes begin with the head of an HTTP request, `unsure` while they may yet."""
        if self._http is None:
            head = self._parser.request(self.data) if self.data else None
            if head is None:
                self.unsure = True
                return False
            self._http = not isinstance(head, Fault)
        return self._http
