"""What a health check found out: its status, HAProxy's code and number for it, and what is said about it.

Source: HAProxy management manual, section 9.1, `check_status`; the numbers are those of `show servers state`.
"""

from __future__ import annotations

import enum

from wproxy.policy.checks.words import AgentWords
from wproxy.records import dataclass


class Outcome(enum.IntEnum):
    """What a status says about the server; the numbers are `srv_check_result`'s."""

    UNKNOWN = 0
    NEUTRAL = 1
    FAILED = 2
    PASSED = 3
    CONDITIONALLY = 4  # passed, but the server wants no new sessions


class CheckStatus(enum.Enum):
    """The outcome of a check: its name in `check_status`, its number in `srv_check_status`, its description."""

    UNKNOWN = ("UNK", 0, Outcome.UNKNOWN, "Unknown")
    INI = ("INI", 1, Outcome.UNKNOWN, "Initializing")
    CHECKED = ("CHECKED", 3, Outcome.NEUTRAL, "No status change")
    SOCKERR = ("SOCKERR", 5, Outcome.FAILED, "Socket error")
    L4OK = ("L4OK", 6, Outcome.PASSED, "Layer4 check passed")
    L4TOUT = ("L4TOUT", 7, Outcome.FAILED, "Layer4 timeout")
    L4CON = ("L4CON", 8, Outcome.FAILED, "Layer4 connection problem")
    L6OK = ("L6OK", 9, Outcome.PASSED, "Layer6 check passed")
    L6TOUT = ("L6TOUT", 10, Outcome.FAILED, "Layer6 timeout")
    L6RSP = ("L6RSP", 11, Outcome.FAILED, "Layer6 invalid response")
    L7TOUT = ("L7TOUT", 12, Outcome.FAILED, "Layer7 timeout")
    L7RSP = ("L7RSP", 13, Outcome.FAILED, "Layer7 invalid response")
    L7OK = ("L7OK", 15, Outcome.PASSED, "Layer7 check passed")
    L7OKC = ("L7OKC", 16, Outcome.CONDITIONALLY, "Layer7 check conditionally passed")
    L7STS = ("L7STS", 17, Outcome.FAILED, "Layer7 wrong status")

    def __init__(self, label: str, number: int, outcome: Outcome, description: str) -> None:
        self.label = label
        self.number = number
        self.outcome = outcome
        self.description = description

    @property
    def passed(self) -> bool:
        """Whether the server answered as it should."""
        return self.outcome >= Outcome.PASSED

    @property
    def has_code(self) -> bool:
        """Whether layer 7 answered, so that there is a `check_code`."""
        return self.number >= CheckStatus.L7OK.number


STATUSES = {status.label: status for status in CheckStatus}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's outcome: status, what is said about it, milliseconds it took, the code of layer 7.

    `agent` are the words of an agent, where it was asked.
    """

    status: CheckStatus
    info: str = ""
    duration_ms: int = 0
    code: int = 0
    agent: AgentWords | None = None
