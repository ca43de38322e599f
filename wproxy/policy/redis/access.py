"""Who logs in, and whether a client may come in: the answers to AUTH and `HELLO … AUTH`, in redis-server 7.0's words.

Without a configured login everybody is in as Redis' user `default`, who then has no password: AUTH with a user and any
password is right for that user, and AUTH with a password alone is an error that says so.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from wproxy.config.login import DEFAULT_USER, Login
from wproxy.protocols.resp import pack

ANYBODY = DEFAULT_USER.encode()
WRONG = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
NOAUTH = b"-NOAUTH Authentication required.\r\n"
NOAUTH_HELLO = (
    b"-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> "
    b"option can be used to authenticate the client and select the RESP protocol version at the same time\r\n"
)
_SYNTAX = b"-ERR syntax error\r\n"
_NO_PASSWORD = (
    b"-ERR AUTH <password> called without any password configured for the default user. "
    b"Are you sure your configuration is correct?\r\n"
)
# What a client that is not in may call; everything else that is a command is answered with NOAUTH.
OPEN = frozenset({b"AUTH", b"HELLO", b"QUIT", b"RESET"})


def auth(login: Login) -> bytes:
    """Return the AUTH of `login`; the user `default` goes without saying, as servers before Redis 6 want it."""
    user = [] if login.user == DEFAULT_USER else [login.user_bytes]
    return pack([b"AUTH", *user, login.password_bytes])


def auth_error(login: Login | None, arguments: Sequence[bytes]) -> bytes | None:
    """Return the error for `AUTH [user] password`, None when it is right."""
    if len(arguments) > 3:
        return _SYNTAX
    if len(arguments) == 3:
        return None if admits(login, arguments[1], arguments[2]) else WRONG
    if login is None:
        return _NO_PASSWORD
    return None if admits(login, ANYBODY, arguments[1]) else WRONG


def admits(login: Login | None, user: bytes, password: bytes) -> bool:
    """Tell whether these are the user and the password; the time it takes does not tell how much of them is right."""
    if login is None:
        return user == ANYBODY
    right_user = hmac.compare_digest(user, login.user_bytes)
    right_password = hmac.compare_digest(password, login.password_bytes)
    return right_user & right_password
