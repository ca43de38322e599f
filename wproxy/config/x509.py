"""What the proxy has to know of a certificate: its names, its kind of key, when it holds (RFC 5280, in DER)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from wproxy.records import dataclass

_SEQUENCE, _SET, _OID, _VERSION, _EXTENSIONS = 0x30, 0x31, 0x06, 0xA0, 0xA3
_UTC_TIME, _OCTETS, _BOOLEAN, _DNS_NAME = 0x17, 0x04, 0x01, 0x82  # 0x82: [2] of a GeneralName
_UTF16, _UTF32 = 0x1E, 0x1C
_COMMON_NAME = bytes.fromhex("550403")
_ALTERNATIVE_NAMES = bytes.fromhex("551d11")
_KEYS = {
    bytes.fromhex("2a864886f70d010101"): "rsa",
    bytes.fromhex("2a864886f70d01010a"): "rsa",
    bytes.fromhex("2a8648ce3d0201"): "ecdsa",
    bytes.fromhex("2a8648ce380401"): "dsa",
}
_LONG = 0x80
_CENTURY_TURN = 50  # RFC 5280, 4.1.2.5.1: years from 50 on are those of the twentieth century


class CertificateError(ValueError):
    """Bytes that are no certificate. Raised by `read`, caught where certificates are loaded."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """`names` are those of hosts, in lower case: the subject's common name and the alternative ones.

    `alternative_names` are the latter alone; `key` is "rsa", "ecdsa", "dsa" or "other".
    """

    common_names: tuple[str, ...]
    alternative_names: tuple[str, ...]
    key: str
    begins: datetime
    ends: datetime

    @property
    def names(self) -> tuple[str, ...]:
        """All names, each once."""
        return tuple(dict.fromkeys((*self.common_names, *self.alternative_names)))


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    value: bytes


def read(der: bytes) -> Certificate:
    """Return what the certificate `der` says; raise CertificateError."""
    try:
        return _certificate(der)
    except (ValueError, IndexError, KeyError) as error:
        raise CertificateError("no X.509 certificate") from error


def matches(name: str, certificate: Certificate) -> bool:
    """Tell whether `certificate` is for the host `name`: a wildcard stands for one whole first label.

    As in HAProxy, the common name counts only where there are no alternative names.
    """
    host = name.lower()
    return any(_covers(pattern, host) for pattern in certificate.alternative_names or certificate.common_names)


def _covers(pattern: str, host: str) -> bool:
    if not pattern.startswith("*."):
        return pattern == host
    label, _, parent = host.partition(".")
    return bool(label) and parent == pattern[2:]


def _certificate(der: bytes) -> Certificate:
    fields = list(_elements(_only(_only(der, _SEQUENCE), _SEQUENCE, first=True)))
    if fields[0].tag == _VERSION:
        del fields[0]
    _, _, _, validity, subject, key = fields[:6]  # serial number, algorithm and issuer are not looked at
    begins, ends = (_time(element) for element in _elements(validity.value))
    algorithm = next(_elements(next(_elements(key.value)).value))
    extensions = next((field.value for field in fields[6:] if field.tag == _EXTENSIONS), b"")
    return Certificate(
        common_names=tuple(_common_names(subject.value)),
        alternative_names=tuple(_alternative_names(extensions)),
        key=_KEYS.get(algorithm.value, "other"),
        begins=begins,
        ends=ends,
    )


def _common_names(subject: bytes) -> Iterator[str]:
    for relative in _elements(subject):
        for attribute in _elements(relative.value):
            kind, value = _elements(attribute.value)
            if kind.value == _COMMON_NAME:
                encoding = {_UTF16: "utf-16-be", _UTF32: "utf-32-be"}.get(value.tag, "utf-8")
                yield value.value.decode(encoding, "replace").lower()


def _alternative_names(extensions: bytes) -> Iterator[str]:
    for extension in _elements(_only(extensions, _SEQUENCE)) if extensions else ():
        kind, *_, content = _elements(extension.value)
        if kind.value == _ALTERNATIVE_NAMES:
            for name in _elements(_only(content.value, _SEQUENCE)):
                if name.tag == _DNS_NAME:
                    yield name.value.decode("latin-1").lower()


def _time(element: _Element) -> datetime:
    text = element.value.decode("ascii")
    if element.tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= _CENTURY_TURN else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _only(data: bytes, tag: int, *, first: bool = False) -> bytes:
    """Return the content of the one element that `data` is, or of the `first` in it; it has to have `tag`."""
    elements = list(_elements(data))
    if elements[0].tag != tag or (len(elements) > 1 and not first):
        raise ValueError(tag)
    return elements[0].value


def _elements(data: bytes) -> Iterator[_Element]:
    """Yield the elements that stand one after the other in `data`."""
    position = 0
    while position < len(data):
        tag, length = data[position], data[position + 1]
        position += 2
        if length & _LONG:
            size = length & ~_LONG
            if not 1 <= size <= 4 or position + size > len(data):  # four bytes hold any length there is
                raise ValueError(length)
            length = int.from_bytes(data[position : position + size])
            position += size
        if position + length > len(data):
            raise ValueError(length)
        yield _Element(tag, data[position : position + length])
        position += length
