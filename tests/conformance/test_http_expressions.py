"""Sample expressions and conditions of mode http: HAProxy and wproxy make the same of the same requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.beside_http import Scene, conditions, expressions, reporting, scene

REQUESTS = {
    "many fields": (
        b"GET /a/b?a=1&b=2;c=3&a=4&n=12x&e=&e2 HTTP/1.1\r\nHost: Hst:80\r\n"
        b'X: a, "b,c" ,d\r\nx: e,,f,\r\nxf: 1.2.3.4:80, ::1,[::2], 5.6.7.8x\r\nn: 12, 13x, x, -5\r\nempty:\r\n'
        b'Cookie: a=1; b=22 ;c="x;y"; a=3;d=4\r\nAuthorization: Basic Zm9vOmJhcg==\r\n'
        b"bytes: \xc3\xa9\xff\x01\r\nal: fr;q=0.2,en-US,en;q=0.5\r\n\r\n"
    ),
    "nothing": b"HEAD / HTTP/1.0\r\n\r\n",
    "absolute": b"GET http://ab.c:8080/x?y=1 HTTP/1.1\r\nHost: ab.c:8080\r\nAuthorization: Bearer abc\r\n\r\n",
    "address": b"GET http://1.2.3.4 HTTP/1.0\r\n\r\n",
    "star": b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "empty query": b"POST /? HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
    "slashes": b"GET //a?b?a=c HTTP/1.1\r\nHost: h\r\nAuthorization: Basic !\r\n\r\n",
    "parameters": b"GET /foo;JS=1;x=2?a=1;b=2&c;q=a?b&b=/z=&/J=5 HTTP/1.1\r\nHost: h\r\n\r\n",
}

FETCHES = """
path | pathq | url | query | base | baseq | base32 | url32 | base32+src,hex | url32+src,hex | url_ip | url_port
urlp(a) | url_param(a) | urlp(b) | urlp(b,x) | urlp() | urlp(e) | urlp_val(n) | urlp(JS,;) | urlp(x,;) | urlp(q,?)
urlp(z,/) | urlp(,;) | urlp(S,J) | hdr(x) | hdr(x,1) | hdr(x,2) | hdr(x,3) | hdr(x,-1) | hdr(x,-2) | hdr(x,0)
hdr(x,9) | hdr(x,-9) | req.fhdr(x) | req.fhdr(x,1) | req.hdr_cnt(x) | req.fhdr_cnt(x) | req.fhdr_cnt | req.hdr_cnt
req.hdr(,1) | req.hdr | req.hdr(,-1) | req.hdr_names | req.hdr_names(;) | hdr_ip(xf) | hdr_ip(xf,1) | hdr_ip(xf,2)
hdr_ip(xf,3) | hdr_val(n) | hdr_val(n,1) | hdr_val(n,2) | hdr_val(n,3) | req.cook(a) | req.cook | req.cook(b)
req.cook(c) | cook(d) | req.cook_cnt | req.cook_cnt(a) | req.cook_val(b) | cookie(a) | method | req.ver
req.proto_http | http_first_req | capture.req.ver | req.hdrs | http_auth_user | http_auth_pass | http_auth_type
http_auth_bearer | src | dst | dst_port,bool | nbsrv(back) | fe_name | hdr(empty) | hdr(empty),length | hdr(x),bool
hdr(bytes),hex | hdr(bytes),url_enc | hdr(bytes),json(utf8s) | hdr(bytes),json(ascii) | hdr(bytes),json
hdr(bytes),upper | hdr(bytes),lower | req.fhdr(al),language(fr;en) | req.fhdr(al),language(de,de) | ssl_fc
hostname | src,ipmask(8) | var(txn.nothing) | "var(txn.nothing,default)" | rand(1) | date,length
req.fhdr(x),regsub(\\"[a-c]\\",<\\\\0>,g) | hdr(host),field(1,:),lower
"""

CONVERTERS = r"""
str(aBc),lower | str(aBc),upper | str(abc),length | str(),length | str(é),length | str(é),upper | int(5),lower
src,lower | str(f1_f2_f3__f5),field(5,_) | str(f1_f2_f3__f5),field(2,_,0) | str(f1_f2_f3__f5),field(2,_,2)
str(f1_f2_f3__f5),field(-2,_,3) | str(f1_f2_f3__f5),field(-3,_,0) | str(f1_f2_f3__f5),field(9,_)
str(f1_f2_f3__f5),field(-9,_) | str(f1_f2_f3__f5),field(4,_,9) | str(_a_),field(1,_) | str(_a_),field(-1,_)
str(a.b-c),field(2,.-) | str(),field(1,_) | str(),word(1,_) | str(f1_f2_f3__f5),word(4,_)
str(f1_f2_f3__f5),word(2,_,0) | str(f1_f2_f3__f5),word(3,_,2) | str(f1_f2_f3__f5),word(-2,_,3)
str(f1_f2_f3__f5),word(-3,_,0) | str(__a__),word(2,_) | str(abcdef),bytes(1) | str(abcdef),bytes(1,2)
str(abcdef),bytes(9) | str(abcdef),bytes(2,99) | str(abc),bytes(-1) | str(aaa),regsub(a,b) | str(aAa),regsub(A,b,gi)
str(abcabc),regsub(\"(b)(c)\",\"<\\\\2\\\\1>\",g) | str(abc),regsub(x*,-,g) | str(),regsub(^,-,g)
str(a/b),'regsub("/+","-")' | str(/a//b),"regsub('/+','/',g)" | str(a.b),'regsub(\.,_)'
str(aXb),'regsub("(X)",<\0\\1>)' | str(aXb),'regsub(X,\9)' | str(aXb),'regsub(X,\x41)'
str(aXb),'regsub("(X)?",-,g)' | str(a1b),'regsub("[[:digit:]]+",_)' | str(a-b),'regsub("[\w-]+",_)'
str(abc),concat(x,txn.text,y) | str(abc),concat() | str(abc),concat(x,txn.none,y) | str(a),add_item(\",\",txn.text)
str(),add_item(\",\",txn.text) | str(12),add(txn.number) | str(a),add_item(\",\",txn.none,z)
str(abc),strcmp(txn.text) | str(ab),strcmp(txn.text) | str(b),strcmp(txn.none) | str(word),secure_memcmp(txn.text)
str(abc),secure_memcmp(txn.text) | int(5),add(3) | int(5),sub(8) | int(5),mul(-3) | int(-7),div(2) | int(7),div(0)
int(-7),mod(3) | int(7),mod(0) | int(7),neg | int(7),cpl | int(6),and(3) | int(6),or(1) | int(6),xor(3) | int(6),not
int(6),bool | int(6),even | int(-5),odd | int(9223372036854775807),add(1) | int(9223372036854775807),mul(2)
int(6),iif(a,b) | str(true),iif(a,b) | str(1),iif(a,b) | int(5),iif(,x) | bool(true) | str(abc),hex
int(5),hex | int(-2),hex | int(1),sha1,hex
str(616263),hex2i | str(-5),hex2i | str(abc),base64 | str(YWJj),b64dec | str(Y!),b64dec | str(YWJjZA),b64dec
str(YWJjZA),ub64dec | str(abcd),ub64enc | str(a%20b+c?d+e%zz),url_dec | str(a%20b+c?d+e%41),url_dec
str(a+b),url_dec(1) | str(a%4),url_dec | str(a\ b/c?d=e&f~-_.é),url_enc | str(abc),crc32 | str(abc),crc32(1)
str(abc),djb2 | str(abc),djb2(1) | str(abc),sdbm | str(abc),sdbm(1) | str(abc),sha1,hex | str(abc),sha2,hex
str(abc),sha2(512),hex | str(abc),digest(md5),hex | str(abc),hmac(sha256,YWJj),hex | str(abc\ \n),rtrim(\"\ \")
str(xxabc),ltrim(xy) | str(abcxx),rtrim(xc) | str(abc),cut_crlf | int(0),http_date | int(1500000000),http_date(10)
int(1500000000123),http_date(0,ms) | int(1500000000),ltime(%Y%m%d%H%M%S) | int(1500000000),utime(%Y-%m-%dT%H:%M:%SZ)
int(1500000000),utime(%d,3600) | str(1.2.3.4),ipmask(8) | src,ipmask(255.255.0.0) | str(::1:2),ipmask(8,16)
ipv6(2001:db8::1),ipmask(24) | ipv6(::ffff:1.2.3.4),ipmask(24) | ipv6(2001:db8:1:2::1),ipmask(24,ffff:ffff::)
str(Host.X:80),host_only | str([::1]:80),host_only | str(host:),host_only | str(Host.X:80),port_only
str([::1]:80),port_only | str(Host.X),port_only | str(0x10),add(1) | str(1x),add(1) | str(\ 12),add(1)
str(),add(1) | ipv4(1.2.3.4),add(1) | int(16909060),ipmask(32) | src,hex | 'str(a\"b/),json' | str("a b")
str(a\\\\b) | str(\ a\ ) | "str('a\nb')" | 'str("a\nb\qc\)")' | 'str("a"b"c,d")' | 'str(( a )'
str(www.b.c),map(hosts) | str(x),map(hosts) | str(x),map(hosts,none) | str(www.b.com),map_end(ends)
str(/a/b/c),map_beg(begins) | str(a.www.b),map_dom(hosts) | str(xwww.b.cy),map_sub(hosts) | str(ab12),map_reg(regs)
str(ab12),map_regm(regs) | ipv4(10.1.2.3),map_ip(nets) | ipv4(10.2.2.3),map_ip(nets) | ipv4(9.2.2.3),map_ip(nets,no)
ipv6(::ffff:10.1.2.3),map_ip(nets) | int(7),map_int(ints) | int(70),map_int(ints) | str(one),map_str_int(numbers)
str(one),map_str_int(none,7),add(1) | str(/a/b/c),map_dir(dirs) | int(3),set-var(txn.kept),add(1)
str(x),set-var(txn.kept,ifnotexists) | var(txn.kept)
"""

FILES = {
    "hosts": "# hosts\nwww.b.c one and two \n\n\tdup  1\ndup 2\nwww.b dom\n",
    "ends": ".com com\n.b.com bcom\n",
    "begins": "/a short\n/a/b long\n",
    "regs": "^x never\n^([a-z]+)([0-9]+)$ \\2-\\1\n",
    "nets": "10.0.0.0/8 wide\n10.1.0.0/16 narrow\n",
    "ints": "7 seven\n50:99 many\n",
    "numbers": "one 1\ntwo 2\n",
    "none": "",
    "dirs": "x no\nb yes\n",
}


def rows(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split(" | ")]


def compare(folder: Path, texts: list[str], requests: dict[str, bytes], before: tuple[str, ...] = ()) -> None:
    """Fail with the expressions of which the two programs do not make the same."""
    answers = {}
    lines = [*before, *(f"http-request set-var(txn.v{number}) {text}" for number, text in enumerate(texts))]
    for program in ("haproxy", "wproxy"):
        with scene(program, folder, [*lines, *reporting(len(texts))]) as made:
            answers[program] = {name: made.values(len(texts), request) for name, request in requests.items()}
    different = [
        (name, text, theirs, ours)
        for name in requests
        for text, theirs, ours in zip(texts, answers["haproxy"][name], answers["wproxy"][name], strict=True)
        if theirs != ours
    ]
    assert different == []


def test_fetches(tmp_path: Path) -> None:
    compare(tmp_path, rows(FETCHES), REQUESTS)


def test_converters(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    before = ("http-request set-var(txn.text) str(word)", "http-request set-var(txn.number) int(5)")
    compare(tmp_path, rows(CONVERTERS), {"one": REQUESTS["nothing"]}, before)


CONDITIONS = r"""
{ path /a/b } | { path -i /A/B } | { path_beg /a } | { path_end b } | { path_dir b } | { path_sub /b }
{ path_reg ^/[a-z]/b$ } | { path_len 4 } | { path_dom b } | { url_beg /a } | { url_reg -i B\\?A } | { url_dom ab.c }
{ base_beg hst } | { base_beg -i hst } | { urlp(a) 4 } | { urlp(a) 5 } | { urlp(a) -m found } | { urlp() 12x }
{ urlp_beg(n) 12 } | { url_param(n) -m int 12 } | { hdr(x) f } | { hdr(x) -m len 0 } | { hdr(x,1) f }
{ hdr(x,-2) f } | { hdr(X) "\"b,c\"" } | { req.fhdr(x) a } | { hdr_sub(x) b,c } | { hdr_cnt(x) 7 }
{ hdr_cnt(none) 0 } | { hdr(none) -m found } | { hdr(empty) -m found } | { hdr_ip(xf) 1.2.3.0/24 }
{ hdr_ip(xf) ::1 } | { hdr_ip(xf,-1) ::1 } | { hdr_val(n) gt 12 } | { hdr_val(n) lt 0 } | { hdr(n) -m int 13 }
{ hdr() d } | { hdr_beg(host) -i hst } | { hdr_dom(host) -i hst } | { hdr_reg(host) ^[Hh] } | { hdr_end(host) :80 }
{ hdr(host),lower hst:80 } | { hdr(x),upper F } | { hdr(x),length 1 } | { cook(a) 1 } | { cook(a) 3 }
{ cook_beg(c) "\"x" } | { cook() 22 } | { cook_cnt(a) 2 } | { cook_val(b) 22 } | { req.cook(a) 1 } | { method GET }
{ method get } | { method HEAD POST } | { req.ver 1.1 } | { req_ver 1.0 } | { req.proto_http } | { http_first_req }
{ src 127.0.0.0/8 } | { ssl_fc } | !{ ssl_fc } | { hdr(bytes) é } | { hdr(bytes) -m sub é } | METH_GET | METH_POST
METH_HEAD | METH_OPTIONS | HTTP | HTTP_1.0 | HTTP_1.1 | HTTP_2.0 | HTTP_CONTENT | HTTP_URL_ABS | HTTP_URL_SLASH
HTTP_URL_STAR | LOCALHOST | TRUE | FALSE | WAIT_END | { http_auth(users) } | { http_auth_group(users) g }
{ http_auth_group(users) h } | { http_auth(none) } | { path -f paths } | { path,map(map) -m found }
{ path -m str -i /A/B -- -x } | { hdr(none),length 0 } | { str(é) -m len 2 } | { always_true -m str 1 }
{ method -m beg G } | { req.hdrs -m sub xf } | { urlp(a),add(1) 5 } | { url32 gt 0 } | { path -m reg -i ^/A }
{ path -m bin 2f612f62 } | { http_auth_user foo } | { query a=1 } | { path_beg /a /x } { method GET }
{ path /z } || { path /a/b } | { hdr(host) -m dir hst } | { var(txn.none) -m found }
"""

USERS = """\
userlist users
    group g users foo
    group h
    user foo insecure-password bar
    user secret password $5$abcdefgh$vQRE1IwR8X8pz0sYSuJTbm3XDWQ4cWlCf2rIHw4vIqA
userlist none
    user x insecure-password y
"""


def test_conditions(tmp_path: Path) -> None:
    (tmp_path / "paths").write_text("/x\n/a/b\n")
    (tmp_path / "map").write_text("/x y\n")
    texts = rows(CONDITIONS)
    lines = [f"http-request set-var(txn.v{number}) bool(true) if {text}" for number, text in enumerate(texts)]
    answers = {}
    for program in ("haproxy", "wproxy"):
        with scene(program, tmp_path, [*lines, *reporting(len(texts))], top=USERS) as made:
            answers[program] = {name: made.values(len(texts), request) for name, request in REQUESTS.items()}
    for name in REQUESTS:
        found = zip(texts, answers["haproxy"][name], answers["wproxy"][name], strict=True)
        assert [(text, theirs, ours) for text, theirs, ours in found if theirs != ours] == [], name


RESPONSE = (
    b"HTTP/1.1 404 Not Here\r\nContent-Length: 2\r\nX: a, b\r\nx: 5\r\nSet-Cookie: a=1; path=/\r\n"
    b"Set-Cookie: b=2; HttpOnly\r\nset-cookie: a=3\r\n\r\nok"
)
OF_RESPONSE = """
status | res.ver | res.hdr(x) | res.hdr(x,1) | res.fhdr(x) | res.fhdr(x,1) | hdr(x) | shdr(x) | shdr_val(x)
res.hdr_cnt(x) | res.hdr_names | scook(a) | res.cook(b) | scook_cnt(a) | scook_val(a) | res.cook | cookie(b)
srv_name | be_name | method | capture.req.ver | capture.res.ver | http_first_req | src | status,div(100)
var(txn.kept) | var(sess.kept) | srv_id
"""


def test_of_responses(tmp_path: Path) -> None:
    texts = rows(OF_RESPONSE)
    lines = [
        "http-request set-var(txn.kept) path",
        "http-request set-var(sess.kept) method",
        *(f"http-response set-var(txn.v{number}) {text}" for number, text in enumerate(texts)),
    ]
    answers = {}
    for program in ("haproxy", "wproxy"):
        with scene(program, tmp_path, [*lines, *reporting(len(texts))]) as made:
            made.answer = RESPONSE
            answers[program] = dict(zip(texts, made.values(len(texts)), strict=True))
    assert answers["wproxy"] == answers["haproxy"]


FIELD = st.text('ab, ";=\t-_.:1%+/?&é', max_size=24)
COOKIE = st.text("ab, ;=\t-_.:1%é", max_size=24)
RANDOM = """
hdr(x) | hdr(x,1) | hdr(x,2) | hdr(x,-2) | req.hdr_cnt(x) | req.fhdr(x) | req.cook(a) | req.cook | req.cook_cnt
req.cook(b) | req.fhdr(x),lower | req.fhdr(x),upper | req.fhdr(x),length | req.fhdr(x),field(2,a)
req.fhdr(x),field(-2,;) | req.fhdr(x),word(1,;=,0) | req.fhdr(x),word(-2,;=,3) | req.fhdr(x),word(2,a)
req.fhdr(x),word(-1,a,0) | req.fhdr(x),regsub(a+,<\\\\0>,g) | req.fhdr(x),url_dec | req.fhdr(x),url_dec(1)
req.fhdr(x),url_enc | req.fhdr(x),json | req.fhdr(x),json(ascii) | req.fhdr(x),base64 | req.fhdr(x),b64dec,hex
req.fhdr(x),hex | req.fhdr(x),crc32 | req.fhdr(x),sdbm(1) | req.fhdr(x),djb2 | req.fhdr(x),add(1)
req.fhdr(x),bytes(2,3) | req.fhdr(x),ltrim(a) | req.fhdr(x),sha1,hex | req.fhdr(x),ub64enc | req.fhdr(x),host_only
req.fhdr(x),iif(a,b) | req.fhdr(x),regsub(^a,,i)
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, Scene]]:
    """Both programs with the expressions of RANDOM."""
    texts = rows(RANDOM)
    lines = [f"http-request set-var(txn.v{number}) {text}" for number, text in enumerate(texts)]
    lines += reporting(len(texts))
    folder = tmp_path_factory.mktemp("random")
    with scene("haproxy", folder, lines) as theirs, scene("wproxy", folder, lines) as ours:
        yield theirs, ours


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=FIELD, cookie=COOKIE)
def test_random_values(pair: tuple[Scene, Scene], value: str, cookie: str) -> None:
    request = f"GET / HTTP/1.1\r\nHost: h\r\nx: {value}\r\nCookie: {cookie}\r\n\r\n".encode()
    texts = rows(RANDOM)
    theirs, ours = (made.values(len(texts), request) for made in pair)
    found = zip(texts, theirs, ours, strict=True)
    assert [(text, theirs, ours) for text, theirs, ours in found if theirs != ours] == []


def test_the_helpers_ask_what_they_say(tmp_path: Path) -> None:
    assert expressions("wproxy", tmp_path, ["path", "query"]) == ["/", None]
    assert conditions("haproxy", tmp_path, ["TRUE", "FALSE"], [REQUESTS["nothing"]]) == [["1", None]]
