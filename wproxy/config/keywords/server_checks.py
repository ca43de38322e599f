"""The parameters of `server` lines that say how the server and its agent are checked (manual, section 5.2)."""

from __future__ import annotations

from wproxy.config import values
from wproxy.config.address import host
from wproxy.config.grammar import Keyword, Section, Sets, SetsTo, done
from wproxy.config.values import ArgumentError, Type

_BOTH = (Section.SERVER, Section.DEFAULT_SERVER)
_PORT_MAX = 65535

_SECONDS = values.POSITIVE_SECONDS
_HOST = Type("<host>", "an address", host)
_PORT = Type("<port>", "a port", lambda text: values.integer(text, 1, _PORT_MAX))
_BYTES = Type("<text>", "a text", str.encode)


def _only(action: str) -> Type:
    """Return the type of an argument that can be `action` only, and then is True."""

    def read(text: str) -> bool:
        if text != action:
            raise ArgumentError(f"only knows '{action}', not '{text}'")
        return True

    return Type(action, f"'{action}'", read)


_SHUTDOWN, _SHUTDOWN_BACKUPS = _only("shutdown-sessions"), _only("shutdown-backup-sessions")

CHECK_PARAMETERS: tuple[Keyword, ...] = (
    done("fastinter", _BOTH, Sets("fastinter_s", _SECONDS), "time between probes while going up or down", "5.2"),
    done("downinter", _BOTH, Sets("downinter_s", _SECONDS), "time between probes of a server that is down", "5.2"),
    done("addr", _BOTH, Sets("check_host", _HOST), "where to probe, if not at the server's address", "5.2"),
    done("port", _BOTH, Sets("check_port", _PORT), "where to probe, if not at the server's port", "5.2"),
    done("agent-check", _BOTH, SetsTo("agent_check", True), "ask an agent for weight and state", "5.2"),
    done("no-agent-check", _BOTH, SetsTo("agent_check", False), "do not ask an agent", "5.2"),
    done("agent-addr", _BOTH, Sets("agent_host", _HOST), "where the agent is, if not at the server", "5.2"),
    done("agent-port", _BOTH, Sets("agent_port", _PORT), "where the agent listens", "5.2"),
    done("agent-inter", _BOTH, Sets("agent_inter_s", _SECONDS), "time between two questions; default 2s", "5.2"),
    done("agent-send", _BOTH, Sets("agent_send", _BYTES), "what to say to the agent first", "5.2"),
    done(
        "on-marked-down",
        _BOTH,
        Sets("shutdown_on_down", _SHUTDOWN),
        "end the sessions of a server that goes down (mode tcp)",
        "5.2",
    ),
    done(
        "on-marked-up",
        _BOTH,
        Sets("shutdown_backups_on_up", _SHUTDOWN_BACKUPS),
        "end the backup servers' sessions when this one is up (mode tcp)",
        "5.2",
    ),
)
