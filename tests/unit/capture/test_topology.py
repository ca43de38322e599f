from __future__ import annotations

from pathlib import Path

import pytest

from capture.topology import (
    BrokerQueue,
    QueueUrlError,
    SpoolQueue,
    connection_parameters,
    dead_letters,
    declaration_error,
    declarations,
    parse_queue_url,
    queue_arguments,
)


@pytest.mark.parametrize(
    ("url", "queue"),
    [
        ("amqp://broker", BrokerQueue("broker", 5672)),
        ("amqp://broker/", BrokerQueue("broker", 5672)),
        ("amqp://broker/%2F", BrokerQueue("broker", 5672)),
        ("amqps://broker", BrokerQueue("broker", 5671, tls=True)),
        ("amqp://u:p@broker:1/v?queue=q", BrokerQueue("broker", 1, "u", "p", "v", "q")),
        ("amqp://u%40x:p%2F%3A@[::1]:1/a%2Fb", BrokerQueue("::1", 1, "u@x", "p/:", "a/b")),
        ("amqp://u:@broker", BrokerQueue("broker", 5672, "u", "")),
        ("amqp://a,b:2,[::1]:3/v", BrokerQueue("a", 5672, vhost="v", others=(("b", 2), ("::1", 3)))),
        ("spool:///var/spool/wproxy", SpoolQueue(Path("/var/spool/wproxy"))),
        ("spool:///a%20b", SpoolQueue(Path("/a b"))),
    ],
)
def test_a_url_names_a_queue(url: str, queue: BrokerQueue | SpoolQueue) -> None:
    assert parse_queue_url(url) == queue


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "scheme none"),
        ("broker:5672", "scheme 'broker'"),
        ("http://broker", "scheme 'http'"),
        ("amqp:///vhost", "the broker's host is missing"),
        ("amqp://:secret@/", "the broker's host is missing"),
        ("amqp://broker:port", "queue URL: "),
        ("amqp://broker:70000", "queue URL: "),
        ("amqp://[::1", "queue URL: "),
        ("amqp://broker,:1", "the broker's host is missing"),
        ("amqp://broker,other:70000", "with a port from 1 to 65535"),
        ("amqp://broker?ttl=5", "unknown option 'ttl'"),
        ("amqp://broker?queue=", "'' is no queue name"),
        ("amqp://broker?queue=amq.x", "'amq.x' is no queue name"),
        ("amqp://broker?queue=" + "x" * 251, "1 to 250 bytes"),
        ("spool://folder", "spool:///folder"),
        ("spool:///", "spool:///folder"),
        ("spool:folder", "spool:///folder"),
        ("spool:///a?b=c", "spool:///folder"),
        ("spool:///a%00b", "spool:///folder"),
    ],
)
def test_a_url_that_names_none_is_refused(url: str, reason: str) -> None:
    with pytest.raises(QueueUrlError) as caught:
        parse_queue_url(url)
    assert reason in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["amqp://u:secret@broker:x", "amqp://u:secret@[::1", "amqp://u:secret@broker?x=1"])
def test_no_error_shows_the_password(url: str) -> None:
    with pytest.raises(QueueUrlError) as caught:
        parse_queue_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://u:secret@broker/", "amqp://u:***@broker:5672/?queue=wproxy.observations"),
        ("amqp://u:secret@a,b:2/", "amqp://u:***@a:5672,b:2/?queue=wproxy.observations"),
        ("amqps://u:secret@[::1]:1/a%2Fb?queue=q", "amqps://u:***@[::1]:1/a%2Fb?queue=q"),
        ("spool:///var/spool", "spool:///var/spool"),
    ],
)
def test_a_queue_is_shown_without_its_password(url: str, shown: str) -> None:
    queue = parse_queue_url(url)
    assert str(queue) == shown
    assert "secret" not in repr(queue)


def test_the_dead_letters_are_declared_before_the_queue_that_needs_them() -> None:
    assert [name for name, _ in declarations("q")] == ["q.dead", "q"]
    assert dead_letters("q") == "q.dead"


def test_the_queue_is_a_quorum_queue_with_a_delivery_limit_and_no_ttl() -> None:
    arguments = queue_arguments("q")
    assert arguments["x-queue-type"] == "quorum"
    assert arguments["x-delivery-limit"] > 1
    assert arguments["x-dead-letter-routing-key"] == "q.dead"
    assert "x-message-ttl" not in arguments
    assert "x-expires" not in arguments


def test_other_arguments_are_told_from_other_refusals() -> None:
    assert "exists with other arguments" in str(declaration_error("q", 406, "PRECONDITION_FAILED"))
    assert str(declaration_error("q", 403, "ACCESS_REFUSED")) == "queue 'q' was refused: ACCESS_REFUSED"


def test_the_connection_has_heartbeats_and_gives_a_blocked_broker_up() -> None:
    (parameters,) = connection_parameters(BrokerQueue("broker", 1, "u", "p", "v"))
    assert (parameters.host, parameters.port, parameters.virtual_host) == ("broker", 1, "v")
    assert parameters.heartbeat == 10
    assert parameters.blocked_connection_timeout == 10
    assert parameters.ssl_options is None


def test_amqps_is_encrypted_and_checked() -> None:
    options = connection_parameters(BrokerQueue("broker", 1, tls=True))[0].ssl_options
    assert options.server_hostname == "broker"
    assert options.context.check_hostname


def test_every_node_has_its_turn_to_be_first() -> None:
    queue = parse_queue_url("amqp://a,b,c")
    assert isinstance(queue, BrokerQueue)
    tried = ["".join(each.host for each in connection_parameters(queue, turn)) for turn in range(4)]
    assert tried == ["abc", "bca", "cab", "abc"]


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("amqp://broker", ("hugo", "geheim")),
        ("amqp://otto@broker", ("otto", "geheim")),
        ("amqp://otto:@broker", ("otto", "")),
        ("amqp://otto:pass@broker", ("otto", "pass")),
    ],
)
def test_the_environment_has_the_login_that_the_url_does_not_name(url: str, login: tuple[str, str]) -> None:
    queue = parse_queue_url(url, {"WPROXY_QUEUE_USER": "hugo", "WPROXY_QUEUE_PASSWORD": "geheim"})
    assert isinstance(queue, BrokerQueue)
    assert (queue.user, queue.password) == login
