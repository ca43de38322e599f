"""What rules do to requests and responses of mode http: the same on HAProxy and on wproxy."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.beside_http import Scene, lines_of, scene
from tests.support.programs import WPROXY, need

REQUESTS = [
    b"GET /p/a?q=1 HTTP/1.1\r\nHost: hst:80\r\nFoo: a, b,c\r\nfoo: d\r\nBar: x y\r\nX-One: 1\r\nx-two: 2\r\n",
    b"GET http://hst/p?q HTTP/1.1\r\nHost: hst\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: h\r\n",
    b"GET http://hst HTTP/1.1\r\nHost: hst\r\n",
    b"GET /p? HTTP/1.1\r\nHost: h\r\n",
]

CHANGES = r"""
set-header X v
set-header foo v
add-header foo v
del-header foo
del-header X- -m beg
del-header one -m end
del-header -TW -m sub
del-header ^x-.*$ -m reg
del-header ^X-.*$ -m reg
replace-header foo ^(.*)$ [\\1]
replace-header foo a z
replace-header foo A z
replace-value foo ^(.)$ [\\1]
replace-value foo [ab] z
replace-value foo a z
replace-value foo ^b z
replace-header Bar "(x) (y)" "\\2 \\1 \\0"
set-path /n
set-path n
set-pathq /n?z
set-pathq /n
set-query z
set-query %[str()]
set-query a%%20b?
set-uri /u
set-uri http://o/u?x
set-uri *
set-method POST
set-method post
replace-path /p(.*) /z\\1
replace-path a z
replace-path (.*) /x\\1
replace-path "^/(p)/(.*)" "/\\2/%[hdr(bar),field(1,\" \")]/\\1"
replace-pathq (.*)q(.*) \\1r\\2
replace-uri ^/(.*) /n/\\1
set-path %[path]%[query]x
set-header x "%[str(a\\nb)]"
set-header x "a b  c "
set-header x %%
set-header x "%ci %HM %HU %HP %HPO %HQ %HV %f %b %s %fi %{+X}ci %r %ft %H %{+Q}HM %{+Q}[hdr(bar)] %{+E}[str(a\\]b)]"
set-header x "%[src] %[hdr(none)]|%[always_true]|%[int(5)]|%[str(é)] é"
set-header x "%[req.hdr_names]"
del-header host
"""

ANSWERS = r"""
deny
deny deny_status 429
deny status 404
deny status 404 content-type text/plain string no
deny status 403 hdr X-A b
deny status 404 default-errorfiles hdr a b
deny content-type text/plain lf-string "%[path]"
return
return status 404
return status 299
return content-type text/plain string hello
return status 201 content-type text/plain lf-string "p %[path] %%"
return content-type "text/plain; charset=utf-8" file f.txt
return content-type text/plain lf-file f.txt
return status 400 default-errorfiles
return status 500 default-errorfiles
return status 200 hdr X-A "%[path]" hdr X-B b
return content-type text/plain string é
return file empty
return content-type x/y
auth
auth realm "My Realm"
redirect location /x
redirect location /x code 301
redirect prefix /x
redirect prefix http://y
redirect prefix /
redirect scheme https
redirect scheme https code 307
redirect prefix /x drop-query
redirect prefix /x append-slash
redirect prefix /x drop-query append-slash
redirect scheme https drop-query append-slash
redirect location /x set-cookie A=1
redirect location /x clear-cookie A=
redirect location %[path]x
redirect prefix %[path]
redirect scheme %[str(https)] drop-query
redirect location /x drop-query append-slash
redirect code 303 location /x
redirect location /x code 308 set-cookie SEEN
"""


def rules(text: str, keyword: str = "http-request") -> list[str]:
    """Return a line for each action, which acts on requests with its number."""
    actions = text.strip().splitlines()
    return [f"{keyword} {action} if {{ var(txn.case) -m str {number} }}" for number, action in enumerate(actions)]


CASE = "http-request set-var(txn.case) req.hdr(case)"
FORGET = "http-request del-header case"


def with_case(request: bytes, number: int) -> bytes:
    return request + b"Case: %d\r\n\r\n" % number


def both(folder: Path, lines: list[str], ask: Callable[[Scene], list[object]], **more: str) -> None:
    """Fail where what `ask` finds out differs."""
    found = {}
    for program in ("haproxy", "wproxy"):
        with scene(program, folder, lines, **more) as made:
            found[program] = ask(made)
    different = [pair for pair in zip(found["haproxy"], found["wproxy"], strict=True) if pair[0] != pair[1]]
    assert different == []


def test_changes_of_requests(tmp_path: Path) -> None:
    actions = CHANGES.strip().splitlines()

    def ask(made: Scene) -> list[object]:
        return [
            (actions[number], request, made.forwarded(with_case(request, number)))
            for number in range(len(actions))
            for request in REQUESTS
        ]

    both(tmp_path, [CASE, FORGET, *rules(CHANGES)], ask)


def heads(answer: bytes) -> tuple[list[bytes], bytes]:
    """Return the lines of an answer's head, in order of their names, and its body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return lines_of(head), body


def files(folder: Path) -> None:
    (folder / "f.txt").write_text("file é %[path]\n")
    (folder / "empty").write_text("")
    (folder / "e.http").write_text(
        "HTTP/1.1 503 Service Unavailable\r\nCache-Control: no-cache\r\nX-Y: Z\r\nContent-Length: 16\r\n\r\n"
        "<html>503</html>"
    )


def test_answers_to_requests(tmp_path: Path) -> None:
    files(tmp_path)
    actions = ANSWERS.strip().splitlines()

    def ask(made: Scene) -> list[object]:
        return [
            (actions[number], request, heads(made.ask(with_case(request, number))))
            for number in range(len(actions))
            for request in (*REQUESTS, b"HEAD /h/ HTTP/1.1\r\nHost: h\r\n")
        ]

    both(tmp_path, [CASE, FORGET, *rules(ANSWERS)], ask)


OF_RESPONSES = r"""
set-header X v
set-header server v
add-header x-a 5
del-header x-a
replace-header x-a ^(.*)$ [\\1]
replace-value x-a b z
set-status 503
set-status 418
set-status 299 reason "Quite so"
set-header x "%[status] %[res.hdr(server)] %[var(txn.path)] %[capture.req.method] %ST"
deny
deny status 404
return status 201 content-type text/plain string x
redirect location /%[status]
allow
"""


def test_responses(tmp_path: Path) -> None:
    actions = OF_RESPONSES.strip().splitlines()

    def ask(made: Scene) -> list[object]:
        made.answer = b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nServer: s\r\nX-A: a, b\r\nx-a: c\r\n\r\nok"
        return [(action, heads(made.ask(with_case(REQUESTS[0], number)))) for number, action in enumerate(actions)]

    lines = [CASE, "http-request set-var(txn.path) path", *rules(OF_RESPONSES, "http-response")]
    both(tmp_path, [*lines, "http-response set-header late yes if { status 200 }"], ask)


PAGES = {
    "errorfile": ["errorfile 403 e.http", "http-request deny"],
    "errorfile of a login": ["errorfile 401 e.http", "http-request auth"],
    "errorloc": ["errorloc 403 http://e/", "http-request deny"],
    "errorloc303": ["errorloc303 403 http://e/", "http-request deny"],
    "http-error": [
        'http-error status 403 content-type text/plain string "no way" hdr X-Q "%[path]"',
        "http-request deny",
    ],
    "http-error of a format": [
        'http-error status 403 content-type text/plain lf-string "no %[path]"',
        "http-request deny",
    ],
    "nothing": ["errorfile 403 /dev/null", "http-request deny"],
    "first rule that ends": ["http-request allow if { path /p/a }", "http-request deny"],
    "monitor": ["monitor-uri /p/a"],
    "monitor that fails": ["monitor-uri /p?", "monitor fail if { nbsrv(back) lt 2 }"],
    "redirect": ["redirect prefix http://a drop-query append-slash if { path_beg /p }"],
    "redirect without format": ["redirect location %[path]x code 301"],
    "variables": [
        "http-request set-var(txn.a) path,upper",
        'http-request set-var-fmt(req.b,ifnotexists) "%[var(txn.a)]-%[method]"',
        "http-request set-var(req.b,ifnotexists) str(no)",
        "http-request unset-var(txn.a) if { path /p? }",
        'http-request return hdr r "%[var(req.b)] %[var(txn.a)] %[var(txn.none)]"',
    ],
    "captures": [
        "declare capture request len 4",
        "capture request header Foo len 3",
        "http-request capture path id 0",
        "http-request capture method len 2",
        'http-request return hdr r "%[capture.req.hdr(0)]|%[capture.req.hdr(1)]|%[capture.req.hdr(2)]" hdr s '
        '"%[capture.req.hdr(3)]|"',
    ],
}


@pytest.mark.parametrize("name", PAGES)
def test_pages(tmp_path: Path, name: str) -> None:
    files(tmp_path)

    def ask(made: Scene) -> list[object]:
        return [heads(made.ask(request + b"\r\n")) for request in REQUESTS]

    both(tmp_path, PAGES[name], ask)


USERS = """\
userlist users
    group g users plain
    user plain insecure-password é:word
    user sha password $5$abcdefgh$ZLdkj8mkc2XVSrPVjskDAgZPGjtj1VGVaa1aUkrMTU/ groups g
    user md5 password $1$abcdefgh$G//4keteveJp0qb8z2DxG/
"""


def test_logins(tmp_path: Path) -> None:
    lines = [
        "http-request return status 200 hdr u %[http_auth_group(users)] if { http_auth_group(users) g }",
        "http-request return status 201 if { http_auth(users) }",
        "http-request auth",
    ]
    logins = [
        b"cGxhaW46w6k6d29yZA==",
        b"c2hhOnBhc3N3b3Jk",
        b"c2hhOndyb25n",
        b"bWQ1OnBhc3N3b3Jk",
        b"bm9uZTo=",
        b"eDp5",
        b"!",
    ]

    def ask(made: Scene) -> list[object]:
        return [
            heads(made.ask(b"GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic %b\r\n\r\n" % login)) for login in logins
        ]

    both(tmp_path, lines, ask, top=USERS)


SWITCHING = ["use_backend %[hdr(host),lower] if { path_beg /p }", "use_backend other if { path_beg /q }"]


def test_backends_by_name(tmp_path: Path) -> None:
    other = "backend other\n    mode http\n    http-request return status 201"

    def ask(made: Scene) -> list[object]:
        targets = [(b"Other", b"/p"), (b"nobody", b"/p"), (b"x", b"/q"), (b"back", b"/p"), (b"other", b"/z")]
        return [heads(made.ask(b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (path, host)))[0][0] for host, path in targets]

    both(tmp_path, SWITCHING, ask, rest=other)


def test_rules_of_both_sides(tmp_path: Path) -> None:
    lines = ["http-request set-header a front", "http-response add-header order front"]
    back = ["http-request add-header a %[hdr(a)]-back", 'http-response add-header order "%[be_name]-%[srv_name]"']
    found = {}
    for program in ("haproxy", "wproxy"):
        with scene(program, tmp_path, lines, back_lines=back) as made:
            found[program] = (made.forwarded(), heads(made.ask()))
    assert found["wproxy"] == found["haproxy"]


MISTAKES = [
    "http-request nothing",
    "http-request deny when",
    "http-request set-header",
    "http-request set-header a",
    "http-request redirect",
    "http-request redirect location",
    "http-request redirect location / code 305",
    "http-request return string x",
    "http-request return status 600",
    "http-request deny deny_status 777",
    "http-request return content-type a/b file nowhere",
    "http-request set-var(x.y) path",
    "http-request set-var(txn.y) nothing",
    "http-request set-var(txn.y) status",
    "http-response set-var(txn.y) path",
    "http-request set-header x %[status]",
    "http-request set-header x %[path",
    "http-request set-header x %nothing",
    "http-request replace-header x ( y",
    "http-response set-path /",
    "http-request set-status 200",
    "http-request auth realm",
    "http-error status 403 string x",
    "http-error status 299",
    "errorfile 299 /dev/null",
    "errorfile 403 nowhere",
    "capture request header x",
    "capture cookie x",
    "declare capture both len 3",
    "monitor fail",
    "log-format %nothing",
    "log-format %[path]",
    "http-request set-log-level loud",
    "http-request set-header x %[str(a),nothing]",
    "http-request set-header x %[str(a),field(0,x)]",
    "http-request set-header x %[src,ipmask(99)]",
    "http-request deny if { http_auth(nobody) }",
    "http-request deny if { path,map(nowhere) -m found }",
]


@pytest.mark.parametrize("line", MISTAKES)
def test_mistakes_are_mistakes(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.cfg").write_text(f"frontend f\n mode http\n bind :7001\n {line}\n")
    for command in ([need("haproxy"), "-c", "-f", "a.cfg"], [*WPROXY, "-c", "-f", "a.cfg"]):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert result.returncode == 1, result.stderr
        assert re.search(r"a\.cfg:4", result.stderr + result.stdout)
