"""Reads addresses: what follows `bind`, `stats socket` and a server's name (configuration manual, sections 4.2 and 11).

The port is what stands after the last colon, so `::1:80` is port 80 of ::1, as in HAProxy.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from wproxy.config.model import Address
from wproxy.config.values import ArgumentError


class _Family(enum.Enum):
    """What the prefix of an address says it is."""

    ANY_IP = enum.auto()
    IPV4 = enum.auto()
    IPV6 = enum.auto()
    UNIX = enum.auto()
    FD = enum.auto()


_PREFIXES = {
    "fd": _Family.FD,
    "ipv4": _Family.IPV4,
    "ipv6": _Family.IPV6,
    "stream+ipv4": _Family.IPV4,
    "stream+ipv6": _Family.IPV6,
    "stream+unix": _Family.UNIX,
    "tcp": _Family.ANY_IP,
    "tcp4": _Family.IPV4,
    "tcp6": _Family.IPV6,
    "unix": _Family.UNIX,
}
_UNSUPPORTED = ("abns", "dgram+ipv4", "dgram+ipv6", "dgram+unix", "quic4", "quic6", "sockpair", "udp", "udp4", "udp6")
_STREAMS = {"stdout": 1, "stderr": 2}
_DATAGRAM = ("udp@", "udp4@", "udp6@")  # the default of a log server
_RINGS = ("ring@", "tcp@", "tcp4@", "tcp6@", "uxst@")
_SYSLOG_PORT = "514"
_EXCLUDED = {_Family.IPV4: IPv6Address, _Family.IPV6: IPv4Address}
_VERSIONS = {_Family.IPV4: 4, _Family.IPV6: 6}
_PATH_MAX = 97  # HAProxy's: 108 bytes of sun_path less the suffix under which it binds before it renames
_PORT_MAX = 65535
# RFC 1035, section 2.3.4: labels of 1 to 63 octets; what a resolver would refuse to look up is no name.
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+")
_PORTS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")


def listening(text: str) -> tuple[Address, ...]:
    """Return the addresses of a `bind` or `stats socket` line: several after commas, a port range is one for each."""
    parts = text.split(",")
    if len(parts) > 1 and not parts[-1]:
        parts.pop()  # HAProxy allows a comma at the end
    return tuple(address for part in parts for address in _listening(part))


def connecting(text: str) -> Address:
    """Return the address of a server: a host and one port, or a unix path."""
    family, rest = _family(text)
    if family is _Family.FD:
        raise ArgumentError(f"cannot use a file descriptor as server: '{text}'")
    if family is _Family.UNIX:
        return Address(path=_path(rest))
    host, ports = _host_and_ports(rest)
    if not ports or ports[0] in "+-":
        raise ArgumentError(f"needs a fixed port in wproxy: write address:port instead of '{text}'")
    if "-" in ports:
        raise ArgumentError(f"cannot use a port range: '{text}'")
    if host in ("", "*"):
        raise ArgumentError(f"needs a host in wproxy: write address:port instead of '{text}'")
    return _named(_host(host, family, text), family, _ports(ports, text)[0])


def logging(text: str) -> Address:
    """Return the address of a log server: a host and perhaps a UDP port, a unix path, stdout, stderr or fd@N."""
    if text in _STREAMS:
        return Address(fd=_STREAMS[text])
    for prefix in _DATAGRAM:
        text = text.removeprefix(prefix) if text.startswith(prefix) else text
    if text.startswith(_RINGS):
        raise ArgumentError(f"cannot log to a ring or over TCP in wproxy: '{text}'")
    family, rest = _family(text)
    if family is _Family.FD:
        return Address(fd=_descriptor(rest, text))
    if family is _Family.UNIX:
        return Address(path=_path(rest))
    literal = _literal(rest)  # an IPv6 address without port has colons, too
    host, ports = (rest, "") if literal is not None and literal.version == 6 else _host_and_ports(rest)
    return Address(host=_host(host, family, text) or "127.0.0.1", port=_ports(ports or _SYSLOG_PORT, text)[0])


def source(text: str) -> Address:
    """Return the address that connections come from: a literal, and a port if it is a fixed one, else 0."""
    family, rest = _family(text)
    if family in (_Family.FD, _Family.UNIX):
        raise ArgumentError(f"expects an IP address, not '{text}'")
    whole = _literal(rest)  # an IPv6 address without port has colons, too
    host, ports = (rest, "") if whole is not None and whole.version == 6 else _host_and_ports(rest)
    if "-" in ports:
        raise ArgumentError(f"cannot use a port range: '{text}'")
    host = _host(host, family, text) or "0.0.0.0"
    if _literal(host) is None:
        raise ArgumentError(f"expects an IP address, not a name: '{text}'")
    return Address(host, _ports(ports, text)[0] if ports.strip("0") else 0)


def host(text: str) -> str:
    """Return the host `text` of an address whose port stands elsewhere: a literal or a name."""
    if text in ("", "*"):
        raise ArgumentError(f"needs a host, not '{text}'")
    return _host(text, _Family.ANY_IP, text)


def _listening(text: str) -> Iterator[Address]:
    family, rest = _family(text)
    if family is _Family.FD:
        yield Address(fd=_descriptor(rest, text))
    elif family is _Family.UNIX:
        yield Address(path=_path(rest))
    else:
        host, ports = _host_and_ports(rest)
        if not ports:
            raise ArgumentError(f"misses the port in '{text}'")
        host = _host(host, family, text)
        for port in _ports(ports, text):
            yield _named(host, family, port)


def _named(host: str, family: _Family, port: int) -> Address:
    """Return the address of `host`, with the IP version that its prefix asks for where it is a name."""
    wanted = 0 if not host or _literal(host) is not None else _VERSIONS.get(family, 0)
    return Address(host=host, port=port, family=wanted)


def _family(text: str) -> tuple[_Family, str]:
    """Return the family of `text` and what follows the prefix that names it."""
    if not text:
        raise ArgumentError("has an empty address (environment variable missing?)")
    prefix, at, rest = text.partition("@")
    if at and prefix in _UNSUPPORTED:
        raise ArgumentError(f"has HAProxy's address type '{prefix}@', which is not supported by wproxy, in '{text}'")
    if at and prefix in _PREFIXES:
        return _PREFIXES[prefix], rest
    return (_Family.UNIX if text.startswith("/") else _Family.ANY_IP), text


def _host_and_ports(text: str) -> tuple[str, str]:
    """Split at the last colon outside of brackets; the second part is empty where there is none."""
    if text.endswith("]") or ":" not in text:
        return text, ""
    host, _, ports = text.rpartition(":")
    return host, ports


def _descriptor(text: str, whole: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ArgumentError(f"has an invalid file descriptor '{text}' in '{whole}'")
    return int(text)


def _path(text: str) -> str:
    if not text:
        raise ArgumentError("has a unix socket without a path (environment variable missing?)")
    if len(text.encode("utf-8", "surrogateescape")) > _PATH_MAX:
        raise ArgumentError(f"has a socket path that is too long (max {_PATH_MAX}): '{text}'")
    return text


def _ports(text: str, whole: str) -> range:
    match = _PORTS.fullmatch(text)
    if match is None:
        raise ArgumentError(f"has an invalid port '{text}' in '{whole}'")
    first, last = int(match[1]), int(match[2] or match[1])
    for port in (first, last):
        if not 1 <= port <= _PORT_MAX:
            raise ArgumentError(f"has an invalid port '{port}' in '{whole}'")
    if last < first:
        raise ArgumentError(f"has an invalid port range '{text}' in '{whole}'")
    return range(first, last + 1)


def _host(text: str, family: _Family, whole: str) -> str:
    if text in ("", "*"):
        return "::" if family is _Family.IPV6 else ""
    bracketed = text.startswith("[") and text.endswith("]")
    literal = _literal(text[1:-1] if bracketed else text)
    if literal is None and not bracketed and _is_name(text):
        return text
    if literal is None or type(literal) is _EXCLUDED.get(family):
        raise ArgumentError(f"has an invalid address '{text}' in '{whole}'")
    return str(literal)


def _literal(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_name(text: str) -> bool:
    """Tell whether `text` can be a host name; something like 300.1.1.1 is a mistyped address, not a name."""
    return _HOST_NAME.fullmatch(text) is not None and not _DIGITS_AND_DOTS.fullmatch(text)
