"""What the data plane has fits what fetches ask for."""

from __future__ import annotations

from wproxy.config.acl.content_facts import ContentFacts, HelloFacts
from wproxy.dataplane.contents import Contents
from wproxy.protocols.client_hello import Hello
from wproxy.protocols.http1.heads import HeadParser


def test_the_protocols_are_fitted() -> None:
    hello: HelloFacts = Hello(1, 0x30003)
    contents: ContentFacts = Contents(10, HeadParser(100))
    assert hello.kind == 1
    assert contents.hello() is None


def test_no_more_is_kept_than_there_is_room_for() -> None:
    contents = Contents(5, HeadParser(100))
    contents.add(b"abc")
    assert not contents.full
    contents.add(b"defg")
    assert (contents.data, contents.full, contents.final) == (b"abcde", True, True)
