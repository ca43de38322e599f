from __future__ import annotations

from typing import cast

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.acl.facts import Facts
from wproxy.config.http.cookie import CookieMode, CookieSettings
from wproxy.config.http.model import HttpBack
from wproxy.config.loader import parse


def backend(*lines: str) -> HttpBack:
    http = parse("\n ".join(["backend b", "mode http", *lines]) + "\n", "a.cfg", {}).backends[0].http
    assert http is not None
    return http


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("SRV", CookieSettings("SRV")),
        ("SRV insert indirect nocache", CookieSettings("SRV", CookieMode.INSERT, indirect=True, nocache=True)),
        ("SRV insert postonly preserve", CookieSettings("SRV", CookieMode.INSERT, postonly=True, preserve=True)),
        ("JSESSIONID prefix", CookieSettings("JSESSIONID", CookieMode.PREFIX)),
        ("SRV rewrite rewrite", CookieSettings("SRV", CookieMode.REWRITE)),
        (
            "SRV insert maxidle 30m maxlife 8h",
            CookieSettings("SRV", CookieMode.INSERT, maxidle_s=1800, maxlife_s=28800),
        ),
        ("SRV insert maxidle 30", CookieSettings("SRV", CookieMode.INSERT, maxidle_s=30)),
        (
            "SRV insert attr SameSite=Lax secure domain .a.b httponly domain c.d attr x",
            CookieSettings(
                "SRV",
                CookieMode.INSERT,
                attributes="; domain=.a.b; domain=c.d; HttpOnly; Secure; SameSite=Lax; x",
            ),
        ),
    ],
)
def test_cookie(line: str, settings: CookieSettings) -> None:
    assert backend(f"cookie {line}").cookie == settings
    assert backend("cookie X prefix", f"cookie {line}").cookie == settings
    assert backend().cookie is None


def test_it_may_stand_in_defaults() -> None:
    config = parse("defaults\n mode http\n cookie S insert\nbackend b\n server a h:1 cookie x\n", "a.cfg", {})
    [made] = config.backends
    assert made.http is not None
    assert made.http.cookie == CookieSettings("S", CookieMode.INSERT)
    assert made.servers[0].cookie == "x"


def test_persist_rules() -> None:
    lines = "ignore-persist if FALSE\n acl all always_true\n force-persist unless !all\n"
    rules = parse(f"backend b\n {lines}", "a.cfg", {}).backends[0].persist_rules
    assert [(rule.forces, rule.condition(cast("Facts", None))) for rule in rules] == [(False, False), (True, True)]


def test_a_field_for_names() -> None:
    assert backend("http-send-name-header X-Server").name_field == b"x-server"
    assert backend().name_field is None


def test_a_domain_without_a_dot() -> None:
    config = parse("backend b\n mode http\n cookie S insert domain local domain .local domain a.b\n", "a.cfg", {})
    assert [warning.partition(" : ")[2] for warning in config.warnings] == [
        f"domain '{name}' contains no embedded dot, this configuration may not work properly (see RFC6265#5.2.3)."
        for name in ("local", ".local")
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("cookie", "'cookie' expects <cookie_name> as argument"),
        (
            "cookie S insrt",
            "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'preserve', 'domain', "
            "'maxidle', 'maxlife', 'httponly', 'secure', 'attr', 'dynamic', not 'insrt'; did you mean 'insert'?",
        ),
        ("cookie S insert prefix", "'cookie' 'rewrite', 'insert' and 'prefix' modes are incompatible"),
        ("cookie S rewrite indirect", "'cookie' 'rewrite' and 'indirect' modes are incompatible"),
        ("cookie S prefix preserve", "'cookie' 'preserve' requires at least 'insert' or 'indirect'"),
        (
            "cookie S maxidle",
            "'cookie' 'maxidle' expects <idletime>, in seconds or with a unit such as 30m, as argument",
        ),
        (
            "cookie S maxlife 3x",
            "'cookie' expects a time such as 500ms, 5s, 2m, 1h or 1d (without a unit: milliseconds), not '3x'",
        ),
        ("cookie S domain", "'cookie' 'domain' expects <domain> as argument"),
        ("cookie S attr", "'cookie' 'attr' expects <value> as argument"),
        ("cookie S attr 'a;b'", "'cookie' character '%x3B' is not permitted in attribute value"),
        (
            "cookie S insert dynamic",
            "'cookie' cannot be 'dynamic' with wproxy: write 'cookie <value>' on each 'server' line",
        ),
        ("server a h:1 cookie", "'server a' : 'cookie' expects a name"),
        ("ignore-persist", "'ignore-persist' requires either 'if' or 'unless' followed by a condition"),
        ("force-persist TRUE", "'force-persist' requires either 'if' or 'unless' followed by a condition"),
        ("ignore-persist if nosuch", "'ignore-persist' no such ACL: 'nosuch'"),
        ("http-send-name-header", "'http-send-name-header' requires a header string"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"backend b\n mode http\n {line}\n") == problem
