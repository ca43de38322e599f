"""A user and a password of Redis, as one `server` line or one frontend names them."""

from __future__ import annotations

from dataclasses import field

from wproxy.records import dataclass

DEFAULT_USER = "default"  # whom Redis means where only a password is given


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in. The password is a secret: it stands in no `repr`, and nothing but AUTH may take it from here."""

    user: str
    password: str = field(repr=False)

    @property
    def user_bytes(self) -> bytes:
        """The user's name as it is sent."""
        return self.user.encode("utf-8", "surrogateescape")

    @property
    def password_bytes(self) -> bytes:
        """The password as it is sent."""
        return self.password.encode("utf-8", "surrogateescape")


def login_of(user: str | None, password: str | None) -> Login | None:
    """Return the login that both words mean together; None without a password, which `validate` looks at."""
    return None if password is None else Login(user or DEFAULT_USER, password)
