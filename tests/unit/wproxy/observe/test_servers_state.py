from __future__ import annotations

import pytest

from tests.unit.wproxy.state.parties import backend, line
from wproxy.config.model import Address, ServerLine
from wproxy.observe.servers_state import text
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.state.server import Admin


def fields(shown: str) -> list[dict[str, str]]:
    version, header, *lines = shown.splitlines()
    assert version == "1"
    names = header.removeprefix("# ").split()
    return [dict(zip(names, line.split(), strict=True)) for line in lines]


def test_a_line_per_server() -> None:
    back = backend(line("a", 30), line("b", 70, check=True))
    back.servers[0].weight = 15
    first, second = fields(text([back], 108.9))
    assert (first["be_id"], first["be_name"], first["srv_id"], first["srv_name"]) == ("3", "back", "1", "a")
    assert (first["srv_addr"], first["srv_port"]) == ("127.0.0.1", "1")
    assert (first["srv_uweight"], first["srv_iweight"], first["srv_time_since_last_change"]) == ("15", "30", "8")
    assert (second["srv_id"], second["srv_check_health"], second["srv_check_state"]) == ("2", "2", "6")
    assert fields(text([], 0.0)) == []


@pytest.mark.parametrize(
    ("check", "disabled", "admin", "op_state", "check_state"),
    [
        (False, False, Admin.READY, "2", "0"),
        (False, False, Admin.FORCED_MAINT, "0", "0"),
        (False, True, Admin.FORCED_MAINT | Admin.CONFIG_MAINT, "0", "8"),
        (False, True, Admin.CONFIG_MAINT, "2", "8"),
        (True, False, Admin.READY, "2", "6"),
        (True, False, Admin.FORCED_DRAIN, "2", "6"),
        (True, False, Admin.FORCED_MAINT, "0", "14"),
    ],
)
def test_states(check: bool, disabled: bool, admin: Admin, op_state: str, check_state: str) -> None:
    back = backend(line(check=check, disabled=disabled))
    back.servers[0].admin = admin
    (shown,) = fields(text([back], 100.0))
    assert shown["srv_op_state"] == op_state
    assert shown["srv_admin_state"] == str(int(admin))
    assert shown["srv_check_state"] == check_state


@pytest.mark.parametrize(
    ("status", "number", "result"),
    [
        (CheckStatus.UNKNOWN, "0", "0"),
        (CheckStatus.INI, "1", "0"),
        (CheckStatus.L4OK, "6", "3"),
        (CheckStatus.L4TOUT, "7", "2"),
        (CheckStatus.L4CON, "8", "2"),
    ],
)
def test_checks(status: CheckStatus, number: str, result: str) -> None:
    back = backend(line(check=True))
    back.servers[0].last_check = CheckResult(status)
    (shown,) = fields(text([back], 100.0))
    assert (shown["srv_check_status"], shown["srv_check_result"]) == (number, result)


@pytest.mark.parametrize(
    ("address", "shown"), [(Address(path="/run/redis.sock"), ("/run/redis.sock", "0")), (Address(fd=3), ("-", "0"))]
)
def test_addresses_without_host(address: Address, shown: tuple[str, str]) -> None:
    back = backend(ServerLine("a", address, line().location))
    (row,) = fields(text([back], 100.0))
    assert (row["srv_addr"], row["srv_port"]) == shown


def test_what_commands_change() -> None:
    back = backend(line("a", check=True))
    server = back.servers[0]
    server.stopping, server.checking = True, False
    server.address, server.check_port, server.check_host = Address("::1", 9), 7, "::2"
    (shown,) = fields(text([back], 100.0))
    assert (shown["srv_op_state"], shown["srv_check_state"]) == ("3", "2")
    assert (shown["srv_addr"], shown["srv_port"]) == ("::1", "9")
    assert (shown["srv_check_port"], shown["srv_check_addr"]) == ("7", "::2")
