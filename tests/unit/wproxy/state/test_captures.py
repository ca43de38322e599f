from __future__ import annotations

from wproxy.state.captures import NOBODY, Capture, Captures, Excerpt, Named, Side


def capture(side: Side, frontend: int = -1, backend: int = -1, at: float = 1.0) -> Capture:
    front, back = (NOBODY if number < 0 else Named(f"p{number}", number) for number in (frontend, backend))
    return Capture(side, at, front, back, NOBODY, None, Excerpt(b"x", 0))


def test_the_last_of_each_proxy_and_side_is_kept() -> None:
    captures = Captures()
    first, second = (capture(Side.REQUEST, 3, 4, at) for at in (1.0, 2.0))
    response, other = capture(Side.RESPONSE, 2, 3), capture(Side.REQUEST, 2)
    for each in (first, response, second, other):
        captures.keep(each)
    assert captures.total == 4
    # The proxies in their order, the request of a `listen` section before the response.
    assert list(captures.select()) == [(3, other), (2, second), (1, response)]


def test_the_memory_is_bounded_by_the_proxies() -> None:
    captures = Captures()
    for _ in range(100):
        captures.keep(capture(Side.REQUEST, 2))
        captures.keep(capture(Side.RESPONSE, backend=2))
    assert (captures.total, len(list(captures.select()))) == (200, 2)


def test_filters() -> None:
    captures = Captures()
    request, response = capture(Side.REQUEST, 2, 5), capture(Side.RESPONSE, 4, 5)
    captures.keep(request)
    captures.keep(response)
    assert list(captures.select(side=Side.RESPONSE)) == [(1, response)]
    assert list(captures.select(5)) == [(0, request), (1, response)]
    assert list(captures.select(5, Side.REQUEST)) == [(0, request)]
    assert list(captures.select(4)) == [(1, response)]
    assert list(captures.select(9)) == []
