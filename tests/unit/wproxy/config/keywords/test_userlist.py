from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.acl.users import User
from wproxy.config.grammar import Report
from wproxy.config.keywords.userlist import USERLIST
from wproxy.config.reader import Reader

HASH = "$5$abcdefgh$ZLdkj8mkc2XVSrPVjskDAgPZPGjtj1VGVaa1aUkrMTU/"


def test_rows() -> None:
    assert all(row.action is not None and row.doc for row in USERLIST.rows)


def test_a_list() -> None:
    report = Report()
    reader = Reader({}, report)
    reader.read(
        "userlist l\n group g users a,b\n group h\n user a insecure-password é groups h\n"
        f" user b password {HASH}\n user c\n",
        "a.cfg",
    )
    made = reader.userlists["l"].built(report)
    assert report.problems == []
    assert made.users == {
        "a": User("\xc3\xa9", groups=frozenset({"g", "h"})),
        "b": User(HASH, encrypted=True, groups=frozenset({"g"})),
        "c": User(),
    }


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("group", "'group' expects a name"),
        ("group g\n group g", "'group' declares 'g' a second time"),
        ("group g user a", "'group' expects 'users <name>,<name>…' after its name"),
        ("group g users a", "'group g' names a user that is not there: 'a'"),
        ("user", "'user' expects a name"),
        ("user a\n user a", "'user' declares 'a' a second time"),
        ("user a password", "'user' expects pairs of 'password', 'insecure-password' or 'groups' and a value"),
        ("user a secret x", "'user' expects 'password', 'insecure-password' or 'groups' after its name"),
        ("user a groups g", "'user a' names a group that is not there: 'g'"),
        (
            "user a password hunter2",
            "'user' has a 'password' that crypt(3) never makes; plain text goes behind 'insecure-password'",
        ),
    ],
)
def test_problems(lines: str, message: str) -> None:
    assert problem_of(f"userlist l\n {lines}\n") == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("userlist", "'userlist' expects a name and nothing else"),
        ("userlist a b", "'userlist' expects a name and nothing else"),
        ("userlist a\nuserlist a", "'userlist' declares 'a' a second time"),
        ("userlist a/b", "'userlist' has a name with other characters than letters, digits and '-_.:': 'a/b'"),
        ("userlist a\n usr x", "unknown keyword 'usr' in 'userlist' section; did you mean 'user'?"),
        (
            "listen l\n mode http\n http-request deny if { http_auth(u) }",
            "'http-request deny' 'http_auth' names a userlist that is not there: 'u'",
        ),
    ],
)
def test_sections(text: str, message: str) -> None:
    assert problem_of(text) == message
