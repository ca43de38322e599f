"""What an agent's words do to its server, and what is to be shown of them (configuration manual, "agent-check").

Administration comes first, then weight and maxconn, then health. A word that cannot be obeyed changes nothing; it is
told in `last_agt`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.policy.checks.words import AgentWords
from wproxy.policy.weight import WeightError
from wproxy.state.server import Server

_MAXCONN_DIGITS_MAX = 9


class Administrator(Protocol):
    """The part of `state.control.Control` that an agent works with."""

    def set_ready(self, server: Server) -> None:
        """End maintenance and drain."""

    def set_drain(self, server: Server) -> None:
        """Give it no new sessions."""

    def set_maint(self, server: Server) -> None:
        """Take it out of service."""

    def set_weight(self, server: Server, text: str) -> None:
        """Set the weight; raise WeightError."""

    def set_server_maxconn(self, server: Server, maxconn: int) -> None:
        """Limit its sessions, 0 for any number."""


def obey(administrator: Administrator, server: Server, result: CheckResult) -> CheckResult:
    """Do what the words in `result` say, but for the health; return the result that tells of it."""
    words = result.agent
    if words is None:
        return result
    _administer(administrator, server, words.administration)
    warning = _set_weight(administrator, server, words.weight) or _set_maxconn(administrator, server, words.maxconn)
    status, info = _told(words, warning)
    return replace(result, status=status, info=info)


def _administer(administrator: Administrator, server: Server, wanted: str) -> None:
    match wanted:
        case "ready":
            administrator.set_ready(server)
        case "drain":
            administrator.set_drain(server)
        case "maint":
            administrator.set_maint(server)


def _set_weight(administrator: Administrator, server: Server, text: str) -> str:
    """Set the weight where there is one; return what is wrong with it."""
    try:
        if text:
            administrator.set_weight(server, text)
    except WeightError as error:
        return str(error).strip()
    return ""


def _set_maxconn(administrator: Administrator, server: Server, text: str | None) -> str:
    """Set the limit of connections where there is one; return what is wrong with it."""
    if text is None:
        return ""
    if not text:
        return "Require <maxconn>."
    if not (text.isascii() and text.isdigit() and len(text) <= _MAXCONN_DIGITS_MAX):
        return "maxconn string empty or preceded by garbage"
    administrator.set_server_maxconn(server, int(text))
    return ""


def _told(words: AgentWords, warning: str) -> tuple[CheckStatus, str]:
    """Return the status and the text for the words, with what was wrong with them."""
    if words.health:
        # Faults may hide behind good news only.
        reasons = (words.description, words.error) if words.down else (words.error, warning, words.description)
        remark = next(filter(None, reasons), "")
        text = f"via agent : {words.health}" + (f" ({remark})" if remark else "")
        return (CheckStatus.L7STS if words.down else CheckStatus.L7OK), text
    if words.error:
        return CheckStatus.CHECKED, f"agent reports an error : {words.error}"
    return CheckStatus.CHECKED, f"agent warns : {warning}" if warning else ""
