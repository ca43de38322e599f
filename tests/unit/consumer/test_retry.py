"""The ack/nack rule, reply by reply."""

from __future__ import annotations

import pytest
from hiredis import ReplyError
from hypothesis import given
from hypothesis import strategies as st

from consumer.retry import OK, Fate, backoff_s, judge, judge_reply

PASSING = [
    "SERVERDOWN server redisA is down",
    "LOADING Redis is loading the dataset in memory",
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "BUSY Redis is busy running a script.",
    "NOREPLICAS Not enough good replicas to write.",
    "CLUSTERDOWN Hash slot not served",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "NOAUTH Authentication required.",
    "WRONGPASS invalid username-password pair or user is disabled.",
    "NOPERM this user has no permissions to run the 'set' command",
    "DENIED Redis is running in protected mode",
    "ERR max number of clients reached",
    "ERR operation not permitted",
    "SOMETHINGNEW that no list knows",
]
WRONG = [
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "ERR unknown command 'SET', with args beginning with: ",
    "ERR syntax error",
    "ERR invalid expire time in 'set' command",
    "ERR 'SET' is refused under balance roundrobin, use balance key",
    "CROSSSLOT Keys in request don't hash to the same slot",
    "MOVED 3999 127.0.0.1:6381",
]


@pytest.mark.parametrize("message", PASSING)
def test_an_error_that_passes_or_is_mended_holds_the_batch(message: str) -> None:
    verdict = judge_reply(ReplyError(message))
    assert (verdict.fate, verdict.reason) == (Fate.HOLD, message)


@pytest.mark.parametrize("message", WRONG)
def test_an_error_that_no_retry_mends_sends_the_batch_to_the_dead_letters(message: str) -> None:
    verdict = judge_reply(ReplyError(message))
    assert (verdict.fate, verdict.reason) == (Fate.DEAD_LETTER, message)


@pytest.mark.parametrize("reply", [None, b"QUEUED", 1, [b"OK"]])
def test_an_answer_that_is_none_of_set_holds_the_batch(reply: object) -> None:
    assert judge_reply(reply).fate is Fate.HOLD


def test_a_batch_is_acknowledged_when_every_command_was_answered() -> None:
    assert judge([OK, OK, OK], 3).fate is Fate.ACKNOWLEDGE
    assert judge([], 0).fate is Fate.ACKNOWLEDGE


def test_a_lost_connection_holds_the_batch_and_says_why() -> None:
    verdict = judge([OK], 2, "connection refused")
    assert (verdict.fate, verdict.reason) == (Fate.HOLD, "connection refused")


def test_one_wrong_command_decides_over_one_that_may_be_tried_again() -> None:
    replies = [OK, ReplyError("LOADING wait"), ReplyError("ERR syntax error")]
    assert judge(replies, 4, "connection lost").fate is Fate.DEAD_LETTER


def test_an_error_explains_more_than_the_lost_connection_after_it() -> None:
    assert judge([ReplyError("LOADING wait")], 2, "closed the connection").reason == "LOADING wait"


ANSWERS = st.sampled_from([OK, None, ReplyError("LOADING wait"), ReplyError("ERR syntax error")])


@given(replies=st.lists(ANSWERS), unanswered=st.integers(0, 3))
def test_only_a_batch_answered_whole_is_acknowledged(replies: list[object], unanswered: int) -> None:
    whole = unanswered == 0 and all(reply == OK for reply in replies)
    verdict = judge(replies, len(replies) + unanswered, "lost" if unanswered else None)
    assert (verdict.fate is Fate.ACKNOWLEDGE) == whole
    assert bool(verdict.reason) != whole


@given(failures=st.integers(1, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_the_wait_is_never_nothing_and_never_above_its_cap(failures: int, jitter: float) -> None:
    assert 0.05 <= backoff_s(failures, jitter) <= 2.0


def test_the_wait_doubles_up_to_its_cap() -> None:
    assert [backoff_s(failures, 0.0) for failures in (1, 2, 3, 6, 7)] == [0.05, 0.1, 0.2, 1.0, 1.0]


def test_a_command_of_the_index_is_done_with_a_number() -> None:
    assert judge([OK, 3, 0], 3).fate is Fate.ACKNOWLEDGE
    assert judge([OK, 3], 3).fate is Fate.HOLD
    assert judge([OK, None], 2).fate is Fate.HOLD
