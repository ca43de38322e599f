"""Keys, values and times of expiry."""

from __future__ import annotations

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.messages import Batch, Observation
from consumer.records import Record, alive, index_records, records

NS = 1_732_186_800_123_456_789
TTL_MS = 300_000


def words(record: Record) -> list[bytes]:
    reader = hiredis.Reader()
    reader.feed(record.command)
    parsed = reader.gets()
    assert isinstance(parsed, list)
    assert not reader.has_data()
    return parsed


def of(observation: Observation, sensor: str = "host-a", sequence: int = 4711) -> list[bytes]:
    (record,) = records(Batch(sensor, sequence, (observation,)), TTL_MS)
    return words(record)


def test_an_observation_becomes_one_set_with_its_expiry() -> None:
    assert of(Observation("10.0.0.1", "10.0.0.2", 51234, 9000, NS)) == [
        b"SET",
        b"obs|10.0.0.1|10.0.0.2|1732186800123456789|host-a|4711",
        b"51234|9000",
        b"PXAT",
        b"1732187100123",
    ]


def test_an_ipv6_address_stands_in_the_key_as_it_is() -> None:
    assert of(Observation("2001:db8::1", "::1", 1, 2, NS))[1] == b"obs|2001:db8::1|::1|1732186800123456789|host-a|4711"


def test_a_sensor_may_have_any_letters() -> None:
    assert of(Observation("10.0.0.1", "10.0.0.2", 1, 2, NS), sensor="fühler")[1].decode().endswith("|fühler|4711")


def test_sequence_numbers_count_up_from_the_batch() -> None:
    seen = Observation("10.0.0.1", "10.0.0.2", 1, 2, NS)
    made = records(Batch("host-a", 7, (seen, seen, seen)), TTL_MS)
    assert [words(record)[1].rpartition(b"|")[2] for record in made] == [b"7", b"8", b"9"]


@pytest.mark.parametrize(
    ("time_ns", "expires_ms"),
    [(0, TTL_MS), (999_999, TTL_MS), (1_000_000, TTL_MS + 1), (1_999_999, TTL_MS + 1)],
)
def test_the_capture_time_is_rounded_down_to_the_millisecond(time_ns: int, expires_ms: int) -> None:
    (record,) = records(Batch("host-a", 0, (Observation("10.0.0.1", "10.0.0.2", 1, 2, time_ns),)), TTL_MS)
    assert record.expires_ms == expires_ms
    assert words(record)[-1] == str(expires_ms).encode()


def test_a_record_lives_until_its_expiry_and_not_in_that_millisecond() -> None:
    record = Record(1000, b"")
    assert alive([record], 999) == [record]
    assert alive([record], 1000) == []


OBSERVATIONS = st.builds(
    Observation,
    st.ip_addresses().map(str),
    st.ip_addresses().map(str),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 4_102_444_800_000_000_000),
)


@given(observations=st.lists(OBSERVATIONS, max_size=5), sequence=st.integers(0, 2**62), ttl_ms=st.integers(1, 10**9))
def test_every_observation_has_a_key_of_its_own(observations: list[Observation], sequence: int, ttl_ms: int) -> None:
    made = records(Batch("host-a", sequence, tuple(observations)), ttl_ms)
    assert len({words(record)[1] for record in made}) == len(observations)
    for observation, record in zip(observations, made, strict=True):
        assert 0 <= observation.time_ns - (record.expires_ms - ttl_ms) * 1_000_000 < 1_000_000


def test_the_index_has_the_latest_packet_of_each_source_and_ends_with_its_youngest() -> None:
    seen = [("10.0.0.1", 5_000), ("10.0.0.2", 9_000), ("10.0.0.1", 7_000)]
    batch = Batch("a", 0, tuple(Observation(source, "::1", 1, 2, ms * 1_000_000) for source, ms in seen))
    made = index_records(batch, 1_000)
    assert [words(record) for record in made] == [
        [b"ZADD", b"peers|::1", b"GT", b"7000", b"10.0.0.1", b"9000", b"10.0.0.2"],
        [b"ZREMRANGEBYSCORE", b"peers|::1", b"-inf", b"8000"],
        [b"PEXPIREAT", b"peers|::1", b"10000", b"NX"],
        [b"PEXPIREAT", b"peers|::1", b"10000", b"GT"],
    ]
    assert not any(record.is_observation for record in made)
    assert {record.expires_ms for record in made} == {10_000}
