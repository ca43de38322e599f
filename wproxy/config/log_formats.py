"""The formats of log lines that have a name, and the variables that formats may use (manual, sections 8.2, 8.2.6)."""

from __future__ import annotations

from wproxy.config.acl.scope import Scope
from wproxy.config.formats import Piece, Text, parse_format

TCPLOG = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"
HTTPLOG = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
HTTPSLOG = (
    f"{HTTPLOG} %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc"
)
CLF = (
    '%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq '
    "%CC %CS %hrl %hsl"
)

# `observe.logs` has a row for each.
TCP_VARIABLES = frozenset(
    {
        *("B", "U", "Tw", "Tc", "Tt", "ac", "b", "bc", "bq", "ci", "cp", "f", "fc", "fi", "fp", "ft", "rc", "rt", "s"),
        *("sc", "sq", "t", "ts"),
    }
)
HTTP_VARIABLES = TCP_VARIABLES | {
    *(
        "CC",
        "CS",
        "H",
        "HM",
        "HP",
        "HPO",
        "HQ",
        "HU",
        "HV",
        "ID",
        "ST",
        "T",
        "TR",
        "Ta",
        "Td",
        "Th",
        "Ti",
        "Tl",
        "Tq",
        "Tr",
    ),
    *("Ts", "hr", "hrl", "hs", "hsl", "ms", "pid", "r", "si", "sp", "sslc", "sslv", "tr", "trg", "trl", "tsc"),
}


def parse_log_format(text: str, scope: Scope) -> tuple[Piece, ...]:
    """Return the pieces of a log format; spaces next to each other count as one, as in HAProxy. Raise ArgumentError."""
    pieces = parse_format(text, HTTP_VARIABLES if scope.speaks_http else TCP_VARIABLES, scope)
    return tuple(Text(_merged(piece.text)) if isinstance(piece, Text) else piece for piece in pieces)


def _merged(text: str) -> str:
    while "  " in text:
        text = text.replace("  ", " ")
    return text
