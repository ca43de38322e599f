"""What is tracked: counted where nothing hides it, given back once."""

from __future__ import annotations

from wproxy.config.acl.tracks import TRACKS, Tracks


class Entry:
    """An entry that notes what happens to it."""

    table_name = "t"
    key = "k"
    trackers = 1

    def __init__(self) -> None:
        self.counted: list[tuple[str, int]] = []
        self.released = 0

    def datum(self, name: str) -> int | None:
        return None

    def count(self, event: str, events: int = 1) -> None:
        self.counted.append((event, events))

    def set(self, name: str, number: int) -> None:
        raise AssertionError

    def release(self) -> None:
        self.released += 1


def test_nothing_is_tracked_at_first() -> None:
    tracks = Tracks()
    assert [tracks.of(number) for number in range(TRACKS)] == [None] * TRACKS
    tracks.count("conn")
    tracks.release()


def test_all_entries_are_counted() -> None:
    tracks, one, two = Tracks(), Entry(), Entry()
    tracks.set(0, one)
    tracks.set(2, two)
    tracks.count("bytes_in", 7)
    assert tracks.of(2) is two
    assert one.counted == two.counted == [("bytes_in", 7)]


def test_an_entry_in_whose_place_there_is_another_is_not_counted() -> None:
    below, above, hidden, seen, other = Tracks(), Tracks(), Entry(), Entry(), Entry()
    below.set(0, hidden)
    below.set(1, seen)
    above.set(0, other)
    below.count("http_req", hidden_by=above)
    assert (hidden.counted, seen.counted, other.counted) == ([], [("http_req", 1)], [])


def test_all_are_given_back_once() -> None:
    tracks, entry = Tracks(), Entry()
    tracks.set(1, entry)
    tracks.release()
    tracks.release()
    assert entry.released == 1
    assert tracks.of(1) is None


def test_all_that_is_tracked() -> None:
    tracks, entry = Tracks(), Entry()
    tracks.set(2, entry)
    assert tracks.all() == [entry]
