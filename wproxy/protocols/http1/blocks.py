"""Header blocks: all fields of a head, with what they say together about body and connection.

Who keeps a connection sends much the same fields with each request, and a server with each response. `Blocks` remembers
what it made of whole blocks, as `fields.Lines` does of lines, so nothing of a known block is looked at twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wproxy.protocols.http1.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    Field,
    Lines,
)  # fmt: skip

FIELDS_MAX = 101  # HAProxy's tune.http.maxhdr
CHUNKED = -1  # as a body's length
_REMEMBERED = 512  # blocks
_LONGEST = 2048  # bytes of a block that is remembered


@dataclass(frozen=True, slots=True)
class Fault:
    """Bytes that are no head; `status` is what the client is answered, `reason` says what is wrong with them."""

    status: int
    reason: str


@dataclass(slots=True)
class Block:
    """The fields that are passed on, and the same as bytes; what they say.

    `length` is that of the body: None where no field tells one, CHUNKED. `closes` is what a Connection field asks for,
    None where it says nothing. `twofold` tells that the body had two lengths, one of them meant to deceive, perhaps.
    """

    fields: list[Field]
    lines: bytes = b""
    length: int | None = None
    closes: bool | None = None
    upgrades: bool = False
    expects: bool = False
    host: bytes | None = None
    twofold: bool = False


class Blocks(dict[bytes, "Block | Fault | None"]):
    """What each block is: a Block, a Fault, or None when it has a line that is no field. Bounded as `Lines` is."""

    def __init__(self, *, of_requests: bool, fields_max: int = FIELDS_MAX) -> None:
        super().__init__()
        self._fields_max = fields_max
        self.known = Lines()
        self._of_requests = of_requests

    def __missing__(self, block: bytes) -> Block | Fault | None:
        read = self.read(block.split(b"\r\n")[:-1])
        if len(block) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[block] = read
        return read

    def read(self, lines: Sequence[bytes]) -> Block | Fault | None:
        """Return what `lines` are together."""
        known = self.known
        fields = []
        for line in lines:
            field = known[line]
            if field is None:
                return None
            fields.append(field)
        if len(fields) >= self._fields_max:
            return Fault(400, "too many header fields")
        block = Block(fields)
        special = [field for field in fields if field.mark]
        fault = None
        if special:
            fault = (_hosts(block, special) if self._of_requests else None) or _framing(block, special)
        if fault is not None:
            return fault
        block.lines = b"".join([field.line for field in block.fields])
        return block


def _hosts(block: Block, special: list[Field]) -> Fault | None:
    """Take note of Host; one that is told several times is told on once."""
    hosts = [field for field in special if field.mark == HOST]
    if not hosts:
        return None
    if len({field.value.lower() for field in hosts}) > 1:
        return Fault(400, "two Host fields that differ")
    block.host = hosts[0].value
    if len(hosts) > 1:
        _have_one(block, HOST, hosts[0])
    return None


def _have_one(block: Block, mark: int, field: Field) -> None:
    """Have `field` in the place of the first one with `mark`, and no other."""
    at = next(number for number, each in enumerate(block.fields) if each.mark == mark)
    block.fields = [each for each in block.fields if each.mark != mark]
    block.fields.insert(at, field)


def _framing(block: Block, special: list[Field]) -> Fault | None:
    """Find out what fields say about body and connection (RFC 9112, sections 6 and 9); take those of one hop out."""
    lengths: list[bytes] = []
    codings: list[bytes] = []
    tokens: list[bytes] = []
    for field in special:
        mark = field.mark
        if mark == CONTENT_LENGTH:
            lengths += [part.strip(b" \t") for part in field.value.split(b",")]
        elif mark == TRANSFER_ENCODING:
            codings += [part.strip(b" \t").lower() for part in field.value.split(b",")]
        elif mark == CONNECTION:
            tokens += [part.strip(b" \t") for part in field.value.split(b",")]
        elif mark == UPGRADE:
            block.upgrades = True
        elif mark == EXPECT:
            block.expects = field.value.lower() == b"100-continue"
        elif mark == TE and field.value != b"trailers":
            _keep_trailers(block)
    fault = _length(block, lengths, codings) if lengths or codings else None
    if fault is None:
        _connection(block, [token for token in tokens if token])
    return fault


def _length(block: Block, lengths: list[bytes], codings: list[bytes]) -> Fault | None:
    """Set the length that a message tells of its body."""
    numbers = {_number(length) for length in lengths}
    if len(numbers) > 1 or None in numbers:
        return Fault(400, "a Content-Length that is no length")
    if codings:
        if codings != [b"chunked"]:
            known = codings[-1] == b"chunked" and b"chunked" not in codings[:-1]
            return Fault(422 if known else 400, "a transfer coding that is not 'chunked'")
        block.length = CHUNKED
        if lengths:  # one of the two may be meant to deceive somebody: no next message is read here
            block.twofold = True
            block.fields = [field for field in block.fields if field.mark != CONTENT_LENGTH]
        return None
    block.length = numbers.pop()
    if len(lengths) > 1:
        _have_one(block, CONTENT_LENGTH, Field.of(b"content-length", lengths[0]))
    return None


def _number(length: bytes) -> int | None:
    """Return the value of a Content-Length, None when it is no number or none that a body can have."""
    if not length.isdigit() or len(length.lstrip(b"0")) > 19:
        return None
    number = int(length)
    return number if number < 1 << 63 else None


def _connection(block: Block, tokens: list[bytes]) -> None:
    """Take `close` and `keep-alive` for this hop; other tokens are passed on in one field each, as they came."""
    asked = {token.lower() for token in tokens}
    block.upgrades = block.upgrades and b"upgrade" in asked
    if b"close" in asked:
        block.closes = True
    elif b"keep-alive" in asked:
        block.closes = False
    kept = []
    for field in block.fields:
        if field.mark != CONNECTION:
            kept.append(field)
            continue
        parts = [part.strip(b" \t") for part in field.value.split(b",")]
        others = [part for part in parts if part.lower() not in (b"close", b"keep-alive")]
        rest = [part for part in others if part]
        if rest:
            kept.append(field if len(others) == len(parts) else Field.of(b"connection", b", ".join(rest)))
    block.fields = kept


def _keep_trailers(block: Block) -> None:
    """Of TE nothing is passed on but that trailers are welcome."""
    asked = b",".join([field.value for field in block.fields if field.mark == TE]).lower()
    if b"trailers" in [part.strip(b" \t") for part in asked.split(b",")]:
        _have_one(block, TE, Field.of(b"te", b"trailers"))
    else:
        block.fields = [field for field in block.fields if field.mark != TE]
