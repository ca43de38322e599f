"""admin.keepalived: what stands in the file for each wish, and what is no wish."""

from __future__ import annotations

from dataclasses import replace

import pytest

from admin.errors import MisusedError
from admin.keepalived import Node, Role, configuration

NODE = Node(
    role=Role.MASTER,
    vips=("192.0.2.10/24",),
    interface="eth0",
    check=("/usr/bin/wproxy", "keepalived", "check", "--socket", "/run/wproxy/admin.sock"),
    name="a",
)


def lines(node: Node) -> list[str]:
    return [line.strip() for line in configuration(node).splitlines()]


def test_a_plain_node() -> None:
    text = lines(NODE)
    assert 'script "/usr/bin/wproxy keepalived check --socket /run/wproxy/admin.sock"' in text
    for line in ("state MASTER", "interface eth0", "priority 110", "virtual_router_id 51", "192.0.2.10/24 dev eth0"):
        assert line in text
    for word in ("authentication", "unicast", "preempt", "notify", "mcast", "weight"):
        assert not any(line.startswith(word) for line in text)


def test_every_brace_is_closed() -> None:
    text = configuration(replace(NODE, address="192.0.2.1", peer="192.0.2.2", password="x", notify="/n"))
    assert text.count("{") == text.count("}") > 5


def test_unicast_and_the_other_node() -> None:
    node = replace(NODE, address="192.0.2.1", peer="192.0.2.2", password="secret")
    other = node.other("b")
    assert (other.role, other.address, other.peer) == (Role.BACKUP, "192.0.2.2", "192.0.2.1")
    changed = [(ours, theirs) for ours, theirs in zip(lines(node), lines(other), strict=True) if ours != theirs]
    assert changed == [
        ("router_id a", "router_id b"),
        ("state MASTER", "state BACKUP"),
        ("priority 110", "priority 100"),
        ("unicast_src_ip 192.0.2.1", "unicast_src_ip 192.0.2.2"),
        ("192.0.2.2", "192.0.2.1"),
    ]
    assert other.other("a") == node
    assert "auth_pass secret" in lines(node)


def test_priorities_of_ones_own_stay_apart() -> None:
    assert replace(NODE, priority=200).other("b").own_priority == 190
    assert replace(NODE, priority=50, role=Role.BACKUP).other("b").own_priority == 60


def test_multicast_from_an_address() -> None:
    assert "mcast_src_ip 192.0.2.1" in lines(replace(NODE, address="192.0.2.1"))


@pytest.mark.parametrize("change", [{"nopreempt": True}, {"preempt_delay": 5}, {"on_backup": ("/bin/true",)}])
def test_who_waits_does_not_begin_as_master(change: dict[str, object]) -> None:
    assert "state BACKUP" in lines(replace(NODE, **change))  # type: ignore[arg-type]


def test_scripts() -> None:
    node = replace(NODE, notify="/etc/keepalived/my notify.sh", on_backup=("/usr/bin/wproxy", "weight", "sync"))
    assert "notify \"'/etc/keepalived/my notify.sh'\"" in lines(node)
    assert 'notify_backup "/usr/bin/wproxy weight sync"' in lines(node)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vips": ()}, "no address to share"),
        ({"vips": ("192.0.2.10",)}, "has no prefix"),
        ({"vips": ("192.0.2.300/24",)}, "is no address"),
        ({"vips": ("192.0.2.10/24", "2001:db8::1/64")}, "cannot share one instance"),
        ({"interface": "eth0 }"}, "no network interface"),
        ({"interface": ""}, "no network interface"),
        ({"name": "a b"}, "no name of a node"),
        ({"router_id": 0}, "router id is 0: 1 to 255"),
        ({"priority": 255}, "priority is 255: 1 to 254"),
        ({"interval": 0}, "interval is 0"),
        ({"password": "ninechars"}, "at most 8 characters"),
        ({"password": 'a"b'}, "at most 8 characters, letters"),
        ({"password": "x", "vips": ("2001:db8::1/64",)}, "no passwords for IPv6"),
        ({"peer": "router"}, "'router' is no address"),
        ({"peer": "2001:db8::2"}, "not of the protocol"),
        ({"peer": "192.0.2.10"}, "is the address that is shared"),
        ({"peer": "192.0.2.1", "address": "192.0.2.1"}, "this node's own address"),
        ({"nopreempt": True, "preempt_delay": 3}, "nothing to wait for"),
    ],
)
def test_what_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(MisusedError, match=says):
        replace(NODE, **change)  # type: ignore[arg-type]


def test_a_refused_password_is_not_repeated() -> None:
    with pytest.raises(MisusedError) as caught:
        replace(NODE, password="longer-than-eight")
    assert "longer" not in str(caught.value)


def test_a_script_that_cannot_be_written_down() -> None:
    with pytest.raises(MisusedError, match="cannot be given a command"):
        configuration(replace(NODE, notify='/a"b'))


def test_the_other_node_of_a_unicast_pair_needs_an_address() -> None:
    with pytest.raises(MisusedError, match="--address"):
        replace(NODE, peer="192.0.2.2").other("b")
