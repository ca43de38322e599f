from __future__ import annotations

import contextlib
from ipaddress import ip_address
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.messages import VERSION, Batch, Extent, MessageError, Observation, decode, encode, extent

addresses = st.ip_addresses().map(str)
ports = st.integers(0, 65535)
observations = st.builds(Observation, addresses, addresses, ports, ports, st.integers(0, 4_102_444_800_000_000_000))
sensors = st.text(st.characters(exclude_characters="|", exclude_categories=["Cs"]), min_size=1, max_size=20)
batches = st.builds(Batch, sensors, st.integers(0, 2**63 - 1), st.lists(observations, max_size=20).map(tuple))

ROW = ["10.0.0.1", "10.0.0.2", 51234, 9000, 1732186800000000000]
DOCUMENT = {"v": VERSION, "sensor": "host-a", "seq": 4711, "obs": [ROW]}


def document(**changes: Any) -> bytes:
    return orjson.dumps({**DOCUMENT, **changes})


def row(index: int, value: Any) -> bytes:
    return document(obs=[ROW, [*ROW[:index], value, *ROW[index + 1 :]]])


@given(batches)
def test_a_batch_comes_back_as_it_went(batch: Batch) -> None:
    assert decode(encode(batch)) == batch


@given(batches)
def test_the_extent_is_that_of_the_decoded_batch(batch: Batch) -> None:
    times = [observation.time_ns for observation in batch.observations]
    assert extent(encode(batch)) == Extent(len(times), max(times, default=0))


def test_the_shape_is_the_documented_one() -> None:
    assert encode(Batch("host-a", 4711, (Observation("10.0.0.1", "10.0.0.2", 51234, 9000, 1732186800000000000),))) == (
        b'{"v":1,"sensor":"host-a","seq":4711,"obs":[["10.0.0.1","10.0.0.2",51234,9000,1732186800000000000]]}'
    )


def test_unknown_members_are_left_for_later_versions() -> None:
    assert decode(document(note="x")) == decode(document())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no JSON: "),
        (document()[:-1], "no JSON: "),
        (b"\xff", "no JSON: "),
        (b"[]", "no JSON object"),
        (b"1", "no JSON object"),
        (document(v=2), "version 2, this consumer reads 1"),
        (document(v="1"), "version '1'"),
        (document(v=True), "version True"),
        (b"{}", "version None"),
        (document(v="1" * 1000), f"version '{'1' * 59}…, this consumer reads 1"),
        (document(sensor=""), "'sensor' is no name"),
        (document(sensor=7), "'sensor' is no name"),
        (document(sensor="a|b"), "'sensor' is no name"),
        (document(sensor=None), "'sensor' is no name"),
        (document(seq=-1), "'seq' is no sequence number"),
        (document(seq=2**63), "'seq' is no sequence number"),
        (document(seq=1.0), "'seq' is no sequence number"),
        (document(seq=True), "'seq' is no sequence number"),
        (document(seq=None), "'seq' is no sequence number"),
        (document(obs={}), "'obs' is no list"),
        (document(obs=None), "'obs' is no list"),
        (document(obs=[ROW, ROW[:4]]), "observation 1 does not have 5 fields"),
        (document(obs=[[*ROW, 1]]), "observation 0 does not have 5 fields"),
        (document(obs=["10.0.0.1"]), "observation 0 does not have 5 fields"),
        (row(0, "10.0.0.256"), "observation 1: '10.0.0.256' is no IP address"),
        (row(0, "fe80::1%eth0"), "observation 1: 'fe80::1%eth0' is no IP address"),
        (row(1, 167772161), "observation 1: 167772161 is no IP address"),
        (row(1, "host|x"), "observation 1: 'host|x' is no IP address"),
        (row(2, 65536), "observation 1: 65536 is no port"),
        (row(2, "80"), "observation 1: '80' is no port"),
        (row(3, -1), "observation 1: -1 is no port"),
        (row(3, True), "observation 1: True is no port"),
        (row(4, 1.5), "observation 1: 1.5 is no capture time in nanoseconds"),
        (row(4, -1), "observation 1: -1 is no capture time in nanoseconds"),
        (row(4, 4_102_444_800_000_000_001), "observation 1: 4102444800000000001 is no capture time in nanoseconds"),
    ],
)
def test_what_is_no_batch_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(MessageError) as caught:
        decode(body)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"obs":1}', b'{"obs":[[]]}', b'{"obs":[["x"],[1]]}'])
def test_the_extent_of_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(MessageError, match="no batch"):
        extent(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_a_message_error(body: bytes) -> None:
    with contextlib.suppress(MessageError):
        decode(body)


@given(st.one_of(st.ip_addresses().map(str), st.text(alphabet="0123456789abcdefABCDEF:.%/ \0x", max_size=20)))
def test_an_address_is_what_the_standard_library_takes_for_one(text: str) -> None:
    def takes(body: bytes) -> bool:
        try:
            decode(body)
        except MessageError:
            return False
        return True

    def is_address() -> bool:
        try:
            ip_address(text)
        except ValueError:
            return False
        return "%" not in text

    assert takes(orjson.dumps({"v": 1, "sensor": "a", "seq": 0, "obs": [[text, "::1", 1, 2, 3]]})) == is_address()
