"""Renders docs/compatibility.md from the rows of the keyword tables: `python -m wproxy.config.reference`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wproxy.config import reference_language
from wproxy.config.grammar import Keyword, Section, Status
from wproxy.config.keywords import bind, server
from wproxy.config.keywords.process import GLOBAL
from wproxy.config.keywords.proxy import PROXY
from wproxy.config.keywords.sections import DIRECTIVES, OTHER_SECTIONS

_INTRODUCTION = """\
# Compatibility with HAProxy 2.6, keyword by keyword

This page is written by `python -m wproxy.config.reference` from the tables in `wproxy/config/keywords/`.

- **done**: as HAProxy does it; the last column says what it is.
- **ignored**: accepted without effect, because it does not change what happens to traffic here; the last column says
  why, and `wproxy -V` lists the lines.
- **refused**: HAProxy's keyword is known, wproxy does not do it yet. A file that has it is not started: the error names
  file, line and keyword.

A keyword that HAProxy does not know either is an error that suggests the nearest one. The manual's section of each
keyword is that of HAProxy's configuration manual.
"""

_DIFFERENCES = """\
## Where wproxy reads a file differently

- `mode redis` and `balance key` are wproxy's own.
- `mode http` reads requests and responses as HAProxy 2.6.12 does, byte for byte in what goes out, and refuses by 400
  (requests) or 502 (responses) what HAProxy passes on and the next in line may read otherwise: a NUL in a value, chunks
  and trailers with bare line feeds, with wrong ends, folded or with other than names before the colon, `chunked,` with
  a comma, a length from 2^63 on, a CONNECT with chunks, a target that is neither path nor URI, HTTP/2 without TLS
  (`PRI *`), a status of less or more than three to five digits, `RTSP/1.0 200`. Chunks and trailers go on as they came;
  HAProxy cuts chunks anew, drops their extensions and writes names in lower case. A bad line is answered when the
  whole head is there. HTTP/0.9 becomes 1.0.
- Either side of a tunnel may end its side first, as in mode tcp; HAProxy closes both when it is the server's.
- How many idle connections to a server are kept goes by how many were in use at once lately; HAProxy's estimate differs
  in detail. With `http-reuse never` and `send-proxy` a connection serves one client; HAProxy shares it among clients
  with the same PROXY header. A soft stop gives idle clients one request more, for two seconds; HAProxy
  waits for their timeouts.
- `bin` and `bout` in mode http are bytes as sent; HAProxy counts its own form of a head, which is a little longer.
- An `errorfile` or `http-error` for 400 and 408 is for clients that speak no HTTP, too, as the manual says; HAProxy
  2.6.12 sends them its own page, unless the file is empty. `max-reuse` holds for HTTP/1.1; HAProxy's is for HTTP/2
  only. A response that begins with something else than `HTTP/` (`HTTQ/1.1 200 OK`) is answered by 502; HAProxy
  takes it.
- `tcp-request content` in mode http is asked once, with a request's head, and waits for no body: `WAIT_END` holds at
  once there. Fetches of raw bytes (`req.len`, `req.payload`, `req.ssl_…`) match nothing in mode http; HAProxy shows
  them its own form of a request. In mode tcp heads of HTTP are only told from other bytes (`HTTP`), not asked for
  fields. A ClientHello may be spread over several records of TLS, which HAProxy does not read; one of SSLv2 is none.
- The statistics page's 401 is logged as `401 … PR--`, HAProxy's as `400 … LR--`.
- `%ID` is there in `http-request` rules, too; HAProxy makes it when they are over. `%rt` and `unique-id` count requests
  from 0, and in each worker anew; HAProxy counts sessions of its stats socket with them. A `tarpit` answers with what a
  format makes of the request; in HAProxy 2.6.12 its fields are gone then.
- In rules `%Ta` is 0: the request is not over; HAProxy writes whatever its clocks differ by. `%Td`, `%B` and `%U` are
  errors there.
- `show servers conn`: all idle connections are told as unsafe, `need_est` is the most that were in use at once, and
  with several workers how many idle ones each has is not told.
- The columns of `show stat` about HTTP/1 and HTTP/2 connections (`h1_…`, `h2_…`) are empty.
- `stats http-request` is an error: `http-request` rules act before the statistics page does.
- Rules never change Content-Length and Transfer-Encoding, and a space in a target that they make is sent as `%20`.
- `http-response return` with a format sees the response; in HAProxy 2.6.12 its fields are empty there.
- A user without a password is nobody; asking for one ends HAProxy 2.6.12.
- `%B` counts the bytes on the wire; HAProxy counts them as it holds them.
- With `stats admin` a form that another site has sent to the statistics page (`Sec-Fetch-Site`, `Origin`, `Referer`) is
  denied; HAProxy takes it. A page with `stats scope` changes servers of the proxies it shows only. Its forms may also
  set weights (`action=weight`, a field `w` for each `s`).
- Ten wrong passwords from one address (or IPv6 /64) are answered at once by a statistics page, from then on one in two
  seconds; who would have to wait for more than ten is answered 429, and the right password waits like a wrong one.
- The statistics page shows no line of its own for each `bind` (`option socket-stats`); `stats show-modules` shows the
  commands of mode redis, and nothing of TLS and HTTP/2.
- A missing last newline is accepted; HAProxy refuses it.
- Numbers are whole: HAProxy reads `weight 10x` as 10 and `maxconn abc` as 0, here both are errors. So are negative
  numbers, a parameter without its value, and words after an argument that takes none.
- A frontend and its backend must have the same mode; HAProxy lets a tcp frontend use an http backend.
- Conditions are strict: an `if` without condition, an `or` or `!` with nothing behind it and an operator such as `gt`
  before a range are errors. Patterns of addresses are never resolved as names, regular expressions are Python's with
  PCRE's classes and escapes. Patterns cannot be changed at runtime: `show acl` and `show map` list none.
- `option httpslog`: a line about what is no request has "-" for all that is said of the connection's TLS.
- `table_trackers` does not count its own look at the entry, as HAProxy 2.6.12 does. Bytes that stick tables count in
  `mode http` are those on the wire. A table on the socket: `set table` is not known.
- `retry-on`: a request whose server has sent an interim response (103) is not sent again; HAProxy 2.6.12 sends nothing
  then, and waits. Nothing is sent as early data, so `0rtt-rejected` never comes true. The whole request has to fit into
  `tune.bufsize` less `tune.maxrewrite` as the client has written it: HAProxy counts some bytes more for each field.
- A PROXY header may come in several segments, and what follows `PROXY UNKNOWN` is skipped, as the protocol's text has
  it; HAProxy refuses both. Addresses in it are read strictly: HAProxy takes 10.0.0.777 for 10.0.3.9.
- A server needs a host and a fixed port: HAProxy takes the client's destination where they are missing.
- `balance random`: whoever draws a full server gets another one that has room, where HAProxy lets it wait.
- `balance static-rr` without `option allbackups`: the first backup server takes over alone, as the manual says; HAProxy
  2.6.12 spreads over several.
- `balance key` takes neither `backup` nor `slowstart`: its keys do not move when a server fails.
- `option redis-check` fails at the first whole line that is not +PONG, in the server's words (`needs a password: …`);
  HAProxy waits for the end of the time and says "Layer7 timeout". An agent may speak first; HAProxy 2.6.12 reads it
  only when `agent-send` is set. A `timeout check` shorter than `inter` is kept; HAProxy notices it late.
  The log formats of `tcp-check` and `http-check`, and `http-check expect hdr`, are errors.
- TLS: HTTP/2 is not spoken, so in `mode http` `alpn h2` is not offered: a warning says so, and clients that offer both
  are served by HTTP/1.1. In mode tcp the protocols of `alpn` are agreed upon as written. No OCSP answers are stapled,
  and `.ocsp` and `.sctl` files beside a certificate are not loaded; early data (`allow-0rtt`) is not taken. A key with
  a password is an error; HAProxy asks for it at the terminal. Certificates are replaced by a reload only.
  A server's name is compared when the handshake is over, so that a server with a wrong one sees it complete.
  On `add server`, and in mode redis where clients share connections, `sni` has to be `str(<name>)`.
- Users, groups and names of hosts are looked up when they are used, not while the file is read.
- A NUL character, a word that is not UTF-8 and an address or parameter that is an empty word are errors: HAProxy cuts
  the line there. An empty first word switches the line off and an empty last one is no word, as in HAProxy.
"""


def page() -> str:
    """Return the whole of docs/compatibility.md."""
    parts = [
        _INTRODUCTION,
        "## Sections and directives\n\n" + _sections(),
        "## global\n\n" + table(GLOBAL.rows),
        "## defaults, frontend, listen, backend\n\n" + table(PROXY.rows),
        "## Parameters of bind and stats socket\n\n" + table(bind.PARAMETERS.rows),
        "## Parameters of server and default-server\n\n" + table(server.PARAMETERS.rows),
        "## Actions of http-request and http-response\n\n" + reference_language.actions(),
        "## Fetches\n\n" + reference_language.fetches(),
        "## Converters\n\n" + reference_language.converters(),
        "## Conditions and log formats\n\n" + reference_language.words(),
        _DIFFERENCES,
    ]
    return "\n".join(parts)


def table(rows: Iterable[Keyword]) -> str:
    """Return the Markdown table of `rows`, by name."""
    lines = [
        f"| `{row.label}` | {_places(row)} | {row.status.value} | {row.manual} | {row.doc} |"
        for row in sorted(rows, key=lambda row: (row.words, row.status.value))
    ]
    return "\n".join(["| keyword | where | status | manual | |", "|---|---|---|---|---|", *lines, ""])


def _places(row: Keyword) -> str:
    return ", ".join(section.value for section in Section if section in row.sections)


def _sections() -> str:
    return "\n".join(["| section | status | |", "|---|---|---|", *_section_lines(), ""])


def _section_lines() -> Iterator[str]:
    yield f"| `global`, `defaults`, `frontend`, `listen`, `backend` | {Status.DONE.value} | see below |"
    yield f"| `userlist`, `http-errors` | {Status.DONE.value} | users and groups; error pages for `errorfiles` |"
    for name, (status, reason) in OTHER_SECTIONS.items():
        yield f"| `{name}` | {status.value} | {reason} |"
    directives = ", ".join(f"`{word}`" for word in DIRECTIVES)
    yield f"| {directives}, `[scope]` | {Status.REFUSED.value} | |"


if __name__ == "__main__":
    print(page(), end="")
