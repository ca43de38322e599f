"""Commands about live sessions and about what was counted: `show sess`, `shutdown session`, `clear counters`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from wproxy.config.model import Level
from wproxy.runtime.command import Command, CommandError, Context, word
from wproxy.state.session import Carriage, Session

_ADDRESS = re.compile(r"0x([0-9a-fA-F]{1,16})|0*([1-9][0-9]{0,18})")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def show_sess(context: Context, arguments: Sequence[str]) -> str:
    """List the sessions, their facts with `all`, those older than some seconds with `older`, or one by its id."""
    live = sorted(context.registry.sessions.live, key=lambda session: session.session_id)
    wanted = word(arguments, 0)
    if wanted == "all":
        return "".join(_whole(context, session) for session in live)
    if wanted == "older" and word(arguments, 1).isdecimal():
        now = context.control.clock()
        live = [session for session in live if now - session.accepted_at > int(arguments[1])]
    elif match := _ADDRESS.fullmatch(wanted):
        session = _find(context, match)
        return "Session not found.\n" if session is None else _whole(context, session)
    return "".join(_line(context, session) for session in live)


def _find(context: Context, match: re.Match[str]) -> Session | None:
    """Return the session of the number that `show sess` shows, 0x… or decimal."""
    number = int(match[1], 16) if match[1] else int(match[2])
    return next((each for each in context.registry.sessions.live if each.session_id == number), None)


def _line(context: Context, session: Session) -> str:
    """Return one line in HAProxy's form; what only tells of its own buffers and tasks is left out."""
    carriage = _carriage(session)
    server = session.server.name if session.server is not None else "<none>"
    age = _delay(context.control.clock() - session.accepted_at)
    first, second = carriage.descriptors
    return (
        f"{_number(session)}: proto={carriage.protocol} src={carriage.source} fe={session.frontend.name} "
        f"be={session.backend.name} srv={server} ts=00 age={age} calls=1 rate=0 cpu=0 lat=0 "
        f"rq[i={carriage.buffered_in},wx=,ax=] rp[i={carriage.buffered_out},wx=,ax=] "
        f"scf=[{carriage.phase},fd={first}] scb=[{carriage.phase},fd={second}] "
        f"exp={_delay(carriage.expires_s)} rc=0 c_exp=\n"
    )


def _whole(context: Context, session: Session) -> str:
    """Return a paragraph in HAProxy's form, with the same facts at the same places."""
    carriage, server = _carriage(session), session.server
    age_s = context.control.clock() - session.accepted_at
    accepted = datetime.now().astimezone() - timedelta(seconds=age_s)
    front, back = session.frontend, session.backend
    served = f"{server.name} (id={server.server_id}) addr={server.address}" if server else "<NONE> (id=-1)"
    outgoing = f" addr={carriage.outgoing}" if carriage.outgoing else ""
    first, second = carriage.descriptors
    return (
        f"{_number(session)}: [{accepted:%d/%b/%Y:%H:%M:%S.%f}] id={session.session_id} "
        f"proto={carriage.protocol} source={carriage.source}\n"
        f"  frontend={front.name} (id={front.proxy_id} mode={front.config.mode.value}), "
        f"listener=? (id=1) addr={carriage.listener}\n"
        f"  backend={back.name} (id={back.proxy_id} mode={back.config.mode.value}){outgoing}\n"
        f"  server={served}\n"
        f"  task={_number(session)} (exp={_delay(carriage.expires_s)} age={_delay(age_s)})\n"
        f"  scf state={carriage.phase} fd={first}\n"
        f"  scb state={carriage.phase} fd={second}\n"
        f"  req (i={carriage.buffered_in} total={session.bytes_in})\n"
        f"  res (i={carriage.buffered_out} total={session.bytes_out})\n"
    )


def _carriage(session: Session) -> Carriage:
    if session.carrier is None:
        return Carriage("unknown", "", "", "", "INI", None, 0, 0, (-1, -1))
    return session.carrier.carriage()


def _number(session: Session) -> str:
    return f"{session.session_id:#x}"


def _delay(seconds: float | None) -> str:
    """Return a time in HAProxy's two largest units, `1m58s`; "" when there is none."""
    if seconds is None:
        return ""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR}h"


def shutdown_session(context: Context, arguments: Sequence[str]) -> str:
    match = _ADDRESS.fullmatch(word(arguments, 0))
    if match is None:
        raise CommandError("Session pointer expected (use 'show sess').\n")
    session = _find(context, match)
    if session is None:
        raise CommandError("No such session (use 'show sess').\n")
    context.control.kill(session)
    return ""


def shutdown_sessions_server(context: Context, arguments: Sequence[str]) -> str:
    context.control.kill_sessions(context.server_to_change(word(arguments, 0)))
    return ""


def clear_counters(context: Context, arguments: Sequence[str]) -> str:
    if word(arguments, 0) != "all":
        context.control.clear_maxima()
        return ""
    if context.conversation.level < Level.ADMIN:
        raise CommandError("Permission denied\n")
    context.control.clear_counters()
    return ""


COMMANDS = (
    Command(
        ("show", "sess"), "show sess [id]",
        "report the list of current sessions or dump this exact session", Level.OPERATOR, show_sess,
    ),
    Command(
        ("shutdown", "session"), "shutdown session [id]", "kill a specific session", Level.ADMIN, shutdown_session
    ),
    Command(
        ("shutdown", "sessions", "server"), "shutdown sessions server <bk>/<srv>",
        "kill sessions on a server", Level.ADMIN, shutdown_sessions_server,
    ),
    Command(
        ("clear", "counters"), "clear counters [all]",
        "clear max statistics counters (or all counters)", Level.OPERATOR, clear_counters,
    ),
)  # fmt: skip
