"""`redis-user` and `redis-password`: of a frontend for its clients, of a `server` line for the proxy itself.

Passwords are secrets: none of the errors here repeats a word that follows one.
"""

from __future__ import annotations

import re

from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Keyword, Report, Section, Sets, Statement, done
from wproxy.config.values import ArgumentError, Type

_FRONT = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN)
_SERVERS = (Section.SERVER, Section.DEFAULT_SERVER)


def _user(text: str) -> str:
    if not text or not text.isprintable() or " " in text:
        raise ArgumentError("expects a user's name, without spaces")
    return text


def _password(text: str) -> str:
    if not text:
        raise ArgumentError("expects a password, and got none (environment variable missing?)")
    if _UNREAD.fullmatch(text):
        raise ArgumentError('reads variables inside double quotes only: write "${NAME}"')
    return text


_UNREAD = re.compile(r"\$\{\w+\}|\$\w+")

_USER = Type("<name>", "a user's name", _user)
_PASSWORD = Type("<password>", "a password", _password)


def _client_password(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    words = statement.arguments
    if len(words) > 1:
        raise ArgumentError("expects one word: quote a password with spaces")
    proxy.redis_password = _password(words[0] if words else "")


LOGIN: tuple[Keyword, ...] = (
    done(
        "redis-user",
        _FRONT,
        Sets("redis_user", _USER),
        "the user that clients of mode redis log in as; default `default`",
        "wproxy's own",
        misplaced=True,
    ),
    done(
        "redis-password",
        _FRONT,
        _client_password,
        'what clients of mode redis must AUTH with; write it as "${VARIABLE}"',
        "wproxy's own",
        misplaced=True,
    ),
)

LOGIN_PARAMETERS: tuple[Keyword, ...] = (
    done(
        "redis-user",
        _SERVERS,
        Sets("redis_user", _USER),
        "the user that the proxy and its checks log in as; default `default`",
        "wproxy's own",
    ),
    done(
        "redis-password",
        _SERVERS,
        Sets("redis_password", _PASSWORD),
        'the password that goes with it; write it as "${VARIABLE}"',
        "wproxy's own",
    ),
)
