from __future__ import annotations

import pytest
from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorAMQPHandshakeError,
    AMQPConnectorSocketConnectError,
    AMQPConnectorStackTimeout,
)
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    StreamLostError,
)

from capture.broker import describe
from capture.topology import BrokerQueue

QUEUE = BrokerQueue("broker", 5672, "sensor", "secret", "lab")


def failed(error: Exception) -> AMQPConnectionWorkflowFailed:
    return AMQPConnectionWorkflowFailed([AMQPConnectorAMQPHandshakeError(error)])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            AMQPConnectionWorkflowFailed(
                [AMQPConnectorSocketConnectError(ConnectionRefusedError(111, "Connection refused"))]
            ),
            "Connection refused",
        ),
        (OSError(-2, "Name or service not known"), "Name or service not known"),
        (failed(ProbableAuthenticationError("x")), "login refused for user 'sensor': check user and password"),
        (failed(ProbableAccessDeniedError("x")), "no access to virtual host 'lab' for user 'sensor'"),
        (ConnectionClosedByBroker(320, "CONNECTION_FORCED - shutdown"), "CONNECTION_FORCED - shutdown"),
        (ChannelClosedByBroker(404, "NOT_FOUND - no queue"), "NOT_FOUND - no queue"),
        (StreamLostError("Stream connection lost:\n reset"), "Stream connection lost: reset"),
        (AMQPConnectionError(ConnectionResetError(104, "Connection reset by peer")), "Connection reset by peer"),
        (AMQPConnectorStackTimeout(), "AMQPConnectorStackTimeout"),
    ],
)
def test_a_failure_is_one_line_without_the_password(error: Exception, line: str) -> None:
    assert describe(error, QUEUE) == line
