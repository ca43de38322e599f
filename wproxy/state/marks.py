"""`on-marked-down` and `on-marked-up`: the sessions that end because a server went away or came back."""

from __future__ import annotations

from wproxy.state.server import Server
from wproxy.state.session import Sessions

_SERVER_DOWN, _SERVER_UP = "D-", "U-"  # configuration manual, section 8.5


def follow(server: Server, sessions: Sessions) -> None:
    """End what has to end now that `server` has changed."""
    if server.line.shutdown_on_down and not server.running:
        _end(sessions, {server}, _SERVER_DOWN)
    elif server.line.shutdown_backups_on_up and server.usable and not server.line.backup:
        backups = {
            session.server
            for session in sessions.live
            if session.server is not None
            and session.server.line.backup
            and session.server.backend_name == server.backend_name
        }
        _end(sessions, backups, _SERVER_UP)


def _end(sessions: Sessions, servers: set[Server], cause: str) -> None:
    for session in [each for each in sessions.live if each.server in servers]:
        if session.carrier is not None:
            session.carrier.close(cause)
