from __future__ import annotations

import weakref
from typing import cast

import pytest

from wproxy.dataplane.relay import ClientEnd, End, ServerEnd
from wproxy.dataplane.tcp import TcpConnection


class Connection:
    """Stands for a `TcpConnection`; it has its end, as its end has it."""

    end: End

    def __init__(self) -> None:
        self.causes: list[str] = []

    def lost(self, end: End, error: Exception | None, cause: str) -> None:
        self.causes.append(cause)


@pytest.mark.parametrize(("kind", "cause"), [(ClientEnd, "CD"), (ServerEnd, "SD")])
def test_a_lost_end_leaves_its_connection_nothing_to_collect(kind: type[End], cause: str) -> None:
    connection = Connection()
    connection.end = kind(cast("TcpConnection", connection), lambda _data: None)
    connection.end.connection_lost(None)
    assert connection.causes == [cause]
    alive = weakref.ref(connection)
    del connection
    assert alive() is None
