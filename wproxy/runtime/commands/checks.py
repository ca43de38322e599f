"""Commands about health checks and agents: where and whether they are asked, and what they are made to have said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address

from wproxy.config.checks import AgentSettings
from wproxy.config.model import Level
from wproxy.runtime.command import PORTS, Command, CommandError, Context, Setting, whole_number, word
from wproxy.state.server import Server


def _set_agent(context: Context, server: Server, values: Sequence[str]) -> str:
    if not server.agent_asked:
        raise CommandError("agent checks are not enabled on this server.\n")
    if word(values, 0) not in ("up", "down"):
        raise CommandError("'set server <srv> agent' expects 'up' or 'down'.\n")
    context.control.set_agent_health(server, up=values[0] == "up")
    return ""


def _set_agent_send(context: Context, server: Server, values: Sequence[str]) -> str:
    if server.agent is None:
        raise CommandError("agent checks are not enabled on this server.\n")
    context.control.set_agent(server, replace(server.agent, send=word(values, 0).encode()))
    return ""


def _set_agent_address(context: Context, server: Server, values: Sequence[str]) -> str:
    if not word(values, 0):
        raise CommandError("set server <b>/<s> agent-addr requires an address and optionally a port.\n")
    agent = _agent(server)
    host = _host(values[0])
    port = _port(word(values, 2)) if word(values, 1) == "port" else agent.port
    context.control.set_agent(server, replace(agent, host=host, port=port))
    return ""


def _set_agent_port(context: Context, server: Server, values: Sequence[str]) -> str:
    if not word(values, 0):
        raise CommandError("set server <b>/<s> agent-port requires a port.\n")
    context.control.set_agent(server, replace(_agent(server), port=_port(values[0])))
    return ""


def _agent(server: Server) -> AgentSettings:
    if server.agent is None:
        raise CommandError("agent checks are not enabled on this server")
    return server.agent


def _set_check_address(context: Context, server: Server, values: Sequence[str]) -> str:
    if not word(values, 0):
        raise CommandError("set server <b>/<s> check-addr requires an address and optionally a port.\n")
    _need_checks(server)
    host = _host(values[0])
    port = _port(word(values, 2)) if word(values, 1) == "port" else None
    context.control.set_check_address(server, host, port)
    return ""


def _set_check_port(context: Context, server: Server, values: Sequence[str]) -> str:
    if not word(values, 0):
        raise CommandError("set server <b>/<s> check-port requires a port.\n")
    _need_checks(server)
    context.control.set_check_address(server, None, _port(values[0]))
    return ""


def _need_checks(server: Server) -> None:
    if server.check is None:
        raise CommandError("health checks are not enabled on this server")


def _host(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise CommandError(f"invalid addr '{text}'") from None


def _port(text: str) -> int:
    port = whole_number(text, "provided port is not an integer")
    if not 0 <= port < PORTS:
        raise CommandError("provided port is invalid")
    return port


SETTINGS: Mapping[str, Setting] = {
    "agent": _set_agent,
    "agent-addr": _set_agent_address,
    "agent-port": _set_agent_port,
    "agent-send": _set_agent_send,
    "check-addr": _set_check_address,
    "check-port": _set_check_port,
}


def enable_health(context: Context, arguments: Sequence[str]) -> str:
    server = context.server_to_change(word(arguments, 0))
    if server.check is None:
        raise CommandError("Health check was not configured on this server, cannot enable.\n")
    context.control.enable_checks(server)
    return ""


def disable_health(context: Context, arguments: Sequence[str]) -> str:
    context.control.disable_checks(context.server_to_change(word(arguments, 0)))
    return ""


def enable_agent(context: Context, arguments: Sequence[str]) -> str:
    server = context.server_to_change(word(arguments, 0))
    if server.agent is None:
        raise CommandError("Agent was not configured on this server, cannot enable.\n")
    context.control.enable_agent(server)
    return ""


def disable_agent(context: Context, arguments: Sequence[str]) -> str:
    context.control.disable_agent(context.server_to_change(word(arguments, 0)))
    return ""


COMMANDS = (
    Command(("enable", "health"), "enable health", "enable health checks", Level.ADMIN, enable_health),
    Command(("disable", "health"), "disable health", "disable health checks", Level.ADMIN, disable_health),
    Command(("enable", "agent"), "enable agent", "enable agent checks", Level.ADMIN, enable_agent),
    Command(("disable", "agent"), "disable agent", "disable agent checks", Level.ADMIN, disable_agent),
)
