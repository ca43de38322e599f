"""admin.statistics: HAProxy's CSV and key-value answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.errors import RefusedError
from admin.statistics import parse_info, parse_initial_weights, parse_stat

STAT = '# pxname,svname,weight,last_chk,-,status,\nredis,7,30,"Layer4, timeout",,UP,\n\n'
INFO = "Name: HAProxy\nVersion: 2.6.12\nUptime_sec: 12\nnode: 7\nBuild info: a: b\n\n"
STATE = "1\n# be_id be_name srv_id srv_name srv_uweight srv_iweight\n2 redis 1 redisA 5 30\n2 redis 2 short\n\n"


def test_columns_are_found_by_name_and_numbers_are_numbers() -> None:
    assert parse_stat(STAT) == [
        {"pxname": "redis", "svname": "7", "weight": 30, "last_chk": "Layer4, timeout", "status": "UP"}
    ]


def test_an_empty_number_is_none_and_an_empty_text_is_empty() -> None:
    assert parse_stat("# pxname,weight,addr\na,,\n") == [{"pxname": "a", "weight": None, "addr": ""}]


def test_a_proxy_without_rows_has_none() -> None:
    assert parse_stat("# pxname,svname\n\n") == []


@pytest.mark.parametrize("parse", [parse_stat, parse_info, parse_initial_weights])
def test_words_instead_of_data_are_a_refusal(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(RefusedError, match="Permission denied"):
        parse("Permission denied\n\n")


def test_info_splits_at_the_first_colon() -> None:
    info = parse_info(INFO)
    assert info == {"Name": "HAProxy", "Version": "2.6.12", "Uptime_sec": 12, "node": "7", "Build info": "a: b"}


def test_initial_weights_come_by_backend_and_server() -> None:
    assert parse_initial_weights(STATE) == {("redis", "redisA"): 30}


@given(st.text())
def test_no_answer_whatever_it_is_makes_the_parsers_fail_otherwise(answer: str) -> None:
    for parse in (parse_stat, parse_info, parse_initial_weights):
        try:
            parse("# a b\n" + answer if parse is not parse_info else answer)
        except RefusedError:
            continue
