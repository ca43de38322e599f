"""The text of a keepalived.conf for one node of a pair of proxies that share a virtual address.

Both nodes run a proxy all the time; the address is where the packets go. A node whose proxy fails the check is in
keepalived's state FAULT and gives the address up at once, whatever the priorities. The check therefore has no weight:
with one, the address would never move to a node with `nopreempt`.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from dataclasses import dataclass, replace
from enum import Enum

from admin.errors import MisusedError

PASSWORD_MAX = 8  # RFC 2338, section 5.3.6.1: keepalived cuts longer ones off, silently
_PASSWORD = re.compile(r"[A-Za-z0-9_.,:;+=/%^&*-]+")  # what needs no quoting in the file
_INTERFACE = re.compile(r"[^\s/\"'{}#!$]{1,15}")  # Linux: IFNAMSIZ
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Role(Enum):
    """Which node has the address while both are well."""

    MASTER = "master"
    BACKUP = "backup"

    @property
    def other(self) -> Role:
        """Return the other node's."""
        return Role.BACKUP if self is Role.MASTER else Role.MASTER


PRIORITIES = {Role.MASTER: 110, Role.BACKUP: 100}


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the pair. `check` and `on_backup` are command lines; times are whole seconds."""

    role: Role
    vips: tuple[str, ...]  # ADDRESS/PREFIX
    interface: str
    check: tuple[str, ...]
    name: str
    router_id: int = 51
    priority: int | None = None  # None: as the role has it
    address: str = ""  # this node's own, "" for whichever the interface has
    peer: str = ""  # "" for multicast
    password: str = ""  # "" for no authentication
    nopreempt: bool = False
    preempt_delay: int = 0
    interval: int = 1  # between two advertisements, and between two checks
    script_user: str = "root"
    notify: str = ""  # a script of the user's, for every change of state
    on_backup: tuple[str, ...] = ()  # what is run when the other node has the address

    def __post_init__(self) -> None:
        """Raise MisusedError for what keepalived would refuse, or would take for something else."""
        _check_addresses(self)
        if not _INTERFACE.fullmatch(self.interface):
            raise MisusedError(f"{self.interface!r} is no network interface")
        if not _NAME.fullmatch(self.name):
            raise MisusedError(f"{self.name!r} is no name of a node: letters, digits, '.', '_' and '-'")
        _check_range("router id", self.router_id, 1, 255)
        _check_range("priority", self.own_priority, 1, 254)  # 255 is the owner of the address, who never yields
        _check_range("interval", self.interval, 1, 60)
        _check_range("preempt delay", self.preempt_delay, 0, 1000)
        if self.password and (len(self.password) > PASSWORD_MAX or not _PASSWORD.fullmatch(self.password)):
            raise MisusedError(
                f"the VRRP password must have at most {PASSWORD_MAX} characters, letters, digits or _.,:;+=/%^&*-"
            )
        if self.password and self.version != 4:
            raise MisusedError("VRRP has no passwords for IPv6: leave it out, and let a firewall keep strangers away")
        if self.nopreempt and self.preempt_delay:
            raise MisusedError("a node that takes nothing back has nothing to wait for: nopreempt or preempt delay")

    @property
    def version(self) -> int:
        """Return 4 or 6, the protocol of the first address."""
        return ipaddress.ip_interface(self.vips[0]).version

    @property
    def instance(self) -> str:
        """Return the instance's name: several of them can stand in one file."""
        return f"wproxy_{self.router_id}"

    @property
    def own_priority(self) -> int:
        """Return the priority that was asked for, or that of the role."""
        return PRIORITIES[self.role] if self.priority is None else self.priority

    def other(self, name: str) -> Node:
        """Return the pair's other node; raise MisusedError when unicast cannot be turned round."""
        if self.peer and not self.address:
            raise MisusedError("the other node must be told this one's address: --address")
        priority = None if self.priority is None else _lower(self.priority, self.role)
        return replace(self, role=self.role.other, name=name, address=self.peer, peer=self.address, priority=priority)


def configuration(node: Node) -> str:
    """Return the whole file."""
    return "\n".join([*_globals(node), "", *_check(node), "", *_instance(node), ""])


def _globals(node: Node) -> list[str]:
    return [
        "# Written by `wproxy keepalived`. keepalived -t -f FILE checks it; systemctl reload keepalived applies it.",
        "global_defs {",
        f"    router_id {node.name}",
        f"    script_user {node.script_user}",
        "    enable_script_security",
        "}",
    ]


def _check(node: Node) -> list[str]:
    return [
        "# Fails when the proxy does not answer on its stats socket; two failures in a row take the address away.",
        f"vrrp_script {node.instance} {{",
        f"    script {_quoted(node.check)}",
        f"    interval {node.interval}",
        "    timeout 3",  # the check itself gives the proxy one second; the rest is for a busy machine
        "    fall 2",
        "    rise 2",
        "    init_fail",
        "}",
    ]


def _instance(node: Node) -> list[str]:
    waits = node.nopreempt or node.preempt_delay or node.on_backup
    lines = [
        f"vrrp_instance {node.instance} {{",
        # keepalived takes nopreempt and preempt_delay from a node only that does not begin as master.
        f"    state {'MASTER' if node.role is Role.MASTER and not waits else 'BACKUP'}",
        f"    interface {node.interface}",
        f"    virtual_router_id {node.router_id}",
        f"    priority {node.own_priority}",
        f"    advert_int {node.interval}",
    ]
    if node.nopreempt:
        lines.append("    nopreempt")
    elif node.preempt_delay:
        lines.append(f"    preempt_delay {node.preempt_delay}")
    if node.address:
        lines.append(f"    {'unicast' if node.peer else 'mcast'}_src_ip {node.address}")
    if node.peer:
        lines += ["    unicast_peer {", f"        {node.peer}", "    }"]
    if node.password:
        lines += ["    authentication {", "        auth_type PASS", f"        auth_pass {node.password}", "    }"]
    lines += ["    virtual_ipaddress {", *(f"        {vip} dev {node.interface}" for vip in node.vips), "    }"]
    lines += ["    track_script {", f"        {node.instance}", "    }"]
    if node.notify:
        lines.append(f"    notify {_quoted((node.notify,))}")
    if node.on_backup:
        lines.append(f"    notify_backup {_quoted(node.on_backup)}")
    return [*lines, "}"]


def _quoted(command: tuple[str, ...]) -> str:
    """Return a command line as one word of the file; keepalived has no way to write a double quote inside of it."""
    line = shlex.join(command)
    if '"' in line or "\n" in line or "$" in line:
        raise MisusedError(f"keepalived cannot be given a command with '\"', '$' or a line end in it: {line!r}")
    return f'"{line}"'


def _check_addresses(node: Node) -> None:
    if not node.vips:
        raise MisusedError("no address to share: --vip ADDRESS/PREFIX")
    for vip in node.vips:
        if "/" not in vip:
            raise MisusedError(f"{vip!r} has no prefix: --vip ADDRESS/PREFIX, such as 192.0.2.10/24")
        try:
            if ipaddress.ip_interface(vip).version != ipaddress.ip_interface(node.vips[0]).version:
                raise MisusedError("addresses of IPv4 and of IPv6 cannot share one instance: write two files")
        except ValueError as error:
            raise MisusedError(f"{vip!r} is no address: {error}") from error
    for address in filter(None, (node.address, node.peer)):
        try:
            if ipaddress.ip_address(address).version != node.version:
                raise MisusedError(f"{address} is not of the protocol of {node.vips[0]}")
        except ValueError as error:
            raise MisusedError(f"{address!r} is no address: {error}") from error
        if address in (vip.partition("/")[0] for vip in node.vips):
            raise MisusedError(f"{address} is the address that is shared: name the node's own")
    if node.peer and node.peer == node.address:
        raise MisusedError(f"the peer has this node's own address, {node.peer}")


def _check_range(what: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise MisusedError(f"the {what} is {value}: {least} to {most}")


def _lower(priority: int, role: Role) -> int:
    """Return the other node's priority: as far below, or above, as the roles' own are apart."""
    apart = PRIORITIES[Role.MASTER] - PRIORITIES[Role.BACKUP]
    return priority - apart if role is Role.MASTER else priority + apart
