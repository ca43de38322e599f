from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from wproxy.config.checks import (
    AgentSettings,
    CheckClient,
    ConnectRule,
    ExpectRule,
    HealthCheck,
    Kind,
    Match,
    RequestRule,
    SendRule,
)
from wproxy.policy.checks.content import Content
from wproxy.policy.checks.dialogue import ANSWER_MAX, Action, Dialogue, Wait
from wproxy.policy.checks.kinds import plan_of, plan_of_agent
from wproxy.policy.checks.steps import Connect, Expect, Plan, Send
from wproxy.policy.checks.verdict import CheckResult, CheckStatus

REDIS = plan_of(HealthCheck(Kind.REDIS))
HTTP = plan_of(HealthCheck(Kind.HTTP))
HTTP_STRING = plan_of(HealthCheck(Kind.HTTP, (ExpectRule(1, Match.STRING, "hello"),)))
AGENT = plan_of_agent(AgentSettings(1, send=b"hi\n"))
ROLE = plan_of(HealthCheck(Kind.TCP, (SendRule(1, b"info"), ExpectRule(2, Match.STRING, "role:master"))))


SMTP = plan_of(HealthCheck(Kind.SMTP))
POSTGRESQL = plan_of(HealthCheck(Kind.POSTGRESQL, client=CheckClient(user="u")))
MYSQL = plan_of(HealthCheck(Kind.MYSQL, client=CheckClient(user="u")))
LDAP = plan_of(HealthCheck(Kind.LDAP))


@dataclass
class Conversation:
    """Plays the shell: connects and sends whatever the dialogue wants, and keeps what was sent."""

    dialogue: Dialogue
    sent: bytes = b""
    connects: int = 0

    def follow(self, action: Action) -> Action:
        while isinstance(action, Connect | Send):
            self.connects += isinstance(action, Connect)
            self.sent += action.data if isinstance(action, Send) else b""
            action = self.dialogue.done()
        return action

    def start(self) -> Action:
        return self.follow(self.dialogue.start())

    def hear(self, data: bytes, *, ended: bool = False) -> Action:
        return self.follow(self.dialogue.receive_data(data, ended=ended))


def talk(plan: Plan) -> Conversation:
    conversation = Conversation(Dialogue(plan))
    conversation.start()
    return conversation


@pytest.mark.parametrize(
    ("plan", "answer", "status"),
    [
        (REDIS, b"+PONG\r\n", CheckStatus.L7OK),
        (REDIS, b"-NOAUTH Authentication required.\r\n", CheckStatus.L7STS),
        (HTTP, b"HTTP/1.0 200 OK\r\n\r\n", CheckStatus.L7OK),
        (HTTP_STRING, b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", CheckStatus.L7OK),
        (HTTP_STRING, b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhallo", CheckStatus.L7RSP),
        (AGENT, b"up 50%\r\n", CheckStatus.CHECKED),
        (ROLE, b"# Replication\r\nrole:master", CheckStatus.L7OK),
        (SMTP, b"554 go away\r\n", CheckStatus.L7STS),
        (POSTGRESQL, b"R\0\0\0\x08\0\0\0\0", CheckStatus.L7OK),
        (POSTGRESQL, b"E\0\0\0\x0dSFATAL\0\0", CheckStatus.L7RSP),
        (MYSQL, b"\2\0\0\0\x0a8" + b"\1\0\0\2\0", CheckStatus.L7OK),
        (MYSQL, b"\2\0\0\0\x0a8" + b"\5\0\0\2\xff\1\2no", CheckStatus.L7STS),
        (LDAP, bytes.fromhex("300c02010161070a010004000400"), CheckStatus.L7OK),
        (LDAP, bytes.fromhex("300c02010161070a013104000400"), CheckStatus.L7STS),
    ],
)
def test_every_split_of_an_answer_gives_the_same_result(plan: Plan, answer: bytes, status: CheckStatus) -> None:
    whole = talk(plan).hear(answer)
    assert isinstance(whole, CheckResult)
    assert whole.status is status
    for cut in range(1, len(answer)):
        conversation = talk(plan)
        first = conversation.hear(answer[:cut])
        assert (first if isinstance(first, CheckResult) else conversation.hear(answer[cut:])) == whole
    conversation = talk(plan)
    heard = (conversation.hear(answer[number : number + 1]) for number in range(len(answer)))
    assert next(each for each in heard if isinstance(each, CheckResult)) == whole


def test_a_mail_server_is_asked_in_turn_byte_by_byte_too() -> None:
    conversation = talk(SMTP)
    for answer in (b"220 hi\r\n", b"250-a\r\n250 b\r\n", b"221 bye\r\n"):
        heard = [conversation.hear(answer[number : number + 1]) for number in range(len(answer))]
        assert set(heard[:-1]) == {Wait.FOR_DATA}
    assert conversation.sent == b"HELO localhost\r\nQUIT\r\n"
    assert heard[-1] == CheckResult(CheckStatus.L7OK, "bye", code=221)


@pytest.mark.parametrize(("plan", "step"), [(SMTP, 2), (POSTGRESQL, 3), (MYSQL, 3), (LDAP, 2)])
def test_a_server_that_says_nothing(plan: Plan, step: int) -> None:
    said = f"TCPCHK got an empty response at step {step}"
    assert talk(plan).hear(b"", ended=True) == CheckResult(CheckStatus.L7RSP, said)


def test_what_came_before_a_reset_is_judged() -> None:
    conversation = talk(ROLE)
    assert conversation.dialogue.lost("Reset") == CheckResult(
        CheckStatus.SOCKERR, "Reset at step 2 of tcp-check (expect string 'role:master')"
    )
    conversation.hear(b"role:slave")
    assert conversation.dialogue.lost("Reset") == CheckResult(
        CheckStatus.L7RSP, "TCPCHK did not match content 'role:master' at step 2"
    )
    dialogue = Dialogue(ROLE)
    dialogue.start()
    dialogue.receive_data(b"too early")
    place = " at initial connection step of tcp-check"
    assert dialogue.lost("Reset") == CheckResult(CheckStatus.L4CON, "Reset" + place)


def test_only_a_connection() -> None:
    conversation = Conversation(Dialogue(plan_of(HealthCheck())))
    assert conversation.start() == CheckResult(CheckStatus.L4OK)
    assert conversation.connects == 1


def test_questions_and_answers_in_turn() -> None:
    rules = (
        ConnectRule(1),
        SendRule(2, b"a"),
        ExpectRule(3, Match.STRING, "A"),
        ExpectRule(4, Match.STRING, "Z"),
        ConnectRule(5, port=9),
        SendRule(6, b"b"),
        ExpectRule(7, Match.STRING, "B"),
    )
    conversation = talk(plan_of(HealthCheck(Kind.TCP, rules)))
    assert (conversation.sent, conversation.connects) == (b"a", 1)
    assert conversation.hear(b"A") is Wait.FOR_DATA  # two expectations in a row look at the same bytes
    assert conversation.hear(b"ZB") is Wait.FOR_DATA  # a question forgets what was said before it
    assert (conversation.sent, conversation.connects) == (b"ab", 2)
    assert conversation.hear(b"B") == CheckResult(CheckStatus.L7OK, "(tcp-check)")


def test_a_connection_that_ended_is_not_the_next_one() -> None:
    rules = (ConnectRule(1), ExpectRule(2, Match.STRING, "A"), ConnectRule(3), ExpectRule(4, Match.STRING, "B"))
    conversation = talk(plan_of(HealthCheck(Kind.TCP, rules)))
    assert conversation.hear(b"A", ended=True) is Wait.FOR_DATA
    assert conversation.hear(b"") is Wait.FOR_DATA
    ended = conversation.hear(b"", ended=True)
    assert ended == CheckResult(CheckStatus.L7RSP, "TCPCHK got an empty response at step 4")


def test_faults_tell_where() -> None:
    conversation = Conversation(Dialogue(ROLE))
    conversation.dialogue.start()
    place = " at initial connection step of tcp-check"
    assert conversation.dialogue.timed_out() == CheckResult(CheckStatus.L4TOUT, place)
    assert conversation.dialogue.broken("Refused") == CheckResult(CheckStatus.L4CON, "Refused" + place)
    assert isinstance(conversation.dialogue.done(), Send)
    place = " at step 1 of tcp-check (send)"
    assert conversation.dialogue.timed_out() == CheckResult(CheckStatus.L7TOUT, place)
    assert conversation.dialogue.done() is Wait.FOR_DATA
    place = " at step 2 of tcp-check (expect string 'role:master')"
    assert conversation.dialogue.timed_out() == CheckResult(CheckStatus.L7TOUT, place)
    assert conversation.dialogue.broken("Reset") == CheckResult(CheckStatus.SOCKERR, "Reset" + place)


def test_words_of_the_rule_come_first() -> None:
    step = Expect(Content(re.compile(b"y"), "N"), success="fine", failure="bad", comment=" comment: c")
    plan = Plan((Connect(), step), "(tcp-check)")
    assert talk(plan).hear(b"y") == CheckResult(CheckStatus.L7OK, "fine")
    assert talk(plan).hear(b"x", ended=True) == CheckResult(CheckStatus.L7RSP, "bad")


def test_a_stopped_server_passes_no_check_conditionally() -> None:
    plan = plan_of(HealthCheck(Kind.HTTP, disable_on_404=True, request=RequestRule()))
    missing = b"HTTP/1.0 404 Not Found\r\n\r\n"
    assert talk(plan).hear(missing) == CheckResult(CheckStatus.L7OKC, code=404)
    conversation = Conversation(Dialogue(plan, stopped=True))
    conversation.start()
    heard = conversation.hear(missing)
    assert isinstance(heard, CheckResult)
    assert (heard.status, heard.code) == (CheckStatus.L7STS, 404)


def test_an_answer_without_end_is_judged_by_its_beginning() -> None:
    conversation = talk(ROLE)
    assert conversation.hear(b"x" * (ANSWER_MAX - 1)) is Wait.FOR_DATA
    heard = conversation.hear(b"role:master")
    assert isinstance(heard, CheckResult)
    assert heard.status is CheckStatus.L7RSP


def test_after_an_answer_without_end_the_next_question_is_asked_and_waited_for() -> None:
    rules = (
        SendRule(1, b"info"),
        ExpectRule(2, Match.STRING, "role:master"),
        SendRule(3, b"quit"),
        ExpectRule(4, Match.STRING, "+OK"),
    )
    conversation = talk(plan_of(HealthCheck(Kind.TCP, rules)))
    assert conversation.hear(b"role:master".ljust(ANSWER_MAX, b"x")) is Wait.FOR_DATA
    assert conversation.sent == b"infoquit"
    heard = conversation.hear(b"+OK")
    assert isinstance(heard, CheckResult)
    assert heard.status is CheckStatus.L7OK


def test_a_handshake_is_layer_6() -> None:
    def shaking(plan: Plan) -> Dialogue:
        dialogue = Dialogue(plan)
        dialogue.start()
        dialogue.shaking_hands()
        return dialogue

    connecting = plan_of(HealthCheck())
    assert shaking(connecting).done() == CheckResult(CheckStatus.L6OK)
    assert shaking(connecting).timed_out() == CheckResult(CheckStatus.L6TOUT)
    assert shaking(connecting).broken("reset") == CheckResult(CheckStatus.L6RSP, "SSL handshake failure")
    assert shaking(connecting).refused("wrong name") == CheckResult(CheckStatus.L6RSP, "wrong name")
    dialogue = shaking(REDIS)
    assert isinstance(dialogue.done(), Send)
    assert dialogue.done() is Wait.FOR_DATA
    result = dialogue.receive_data(b"+PONG\r\n")
    assert isinstance(result, CheckResult)
    assert result.status is CheckStatus.L7OK
