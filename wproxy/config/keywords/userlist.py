"""The keywords of `userlist` sections (configuration manual, section 3.4); no error repeats a password."""

from __future__ import annotations

from dataclasses import field

from wproxy.config.acl.samples import latin
from wproxy.config.acl.users import User, UserList
from wproxy.config.grammar import Grammar, Report, Section, Statement, done
from wproxy.config.model import Location
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass

_USERLIST = (Section.USERLIST,)


@dataclass(slots=True)
class UserListDraft:
    """One `userlist` section; groups and users name each other."""

    name: str
    location: Location
    groups: dict[str, tuple[Location, list[str]]] = field(default_factory=dict)
    users: dict[str, tuple[Location, User]] = field(default_factory=dict)

    def built(self, report: Report) -> UserList:
        """Return the list; report what names something that is not there."""
        members: dict[str, set[str]] = {name: set(user.groups) for name, (_, user) in self.users.items()}
        for group, (location, names) in self.groups.items():
            for name in names:
                if name in members:
                    members[name].add(group)
                else:
                    hint = did_you_mean(name, members)
                    report.problem(location, f"'group {group}' names a user that is not there: '{name}'{hint}")
        for name, (location, user) in self.users.items():
            for group in sorted(user.groups - self.groups.keys()):
                hint = did_you_mean(group, self.groups)
                report.problem(location, f"'user {name}' names a group that is not there: '{group}'{hint}")
        return UserList(
            {
                latin(name): User(user.password, user.encrypted, frozenset(members[name]))
                for name, (_, user) in self.users.items()
            }
        )


def _group(draft: UserListDraft, statement: Statement, report: Report) -> None:
    if not statement.arguments:
        raise ArgumentError("expects a name")
    name, *words = statement.arguments
    if name in draft.groups:
        raise ArgumentError(f"declares '{name}' a second time")
    if words and (words[0] != "users" or len(words) != 2):
        raise ArgumentError("expects 'users <name>,<name>…' after its name")
    draft.groups[name] = (statement.location, words[1].split(",") if words else [])


def _user(draft: UserListDraft, statement: Statement, report: Report) -> None:
    if not statement.arguments:
        raise ArgumentError("expects a name")
    name, *words = statement.arguments
    if name in draft.users:
        raise ArgumentError(f"declares '{name}' a second time")
    password: str | None = None
    encrypted = False
    groups: list[str] = []
    rest = iter(words)
    for word in rest:
        value = next(rest, "")
        if not value:
            raise ArgumentError("expects pairs of 'password', 'insecure-password' or 'groups' and a value")
        if word in ("password", "insecure-password"):
            password, encrypted = latin(value), word == "password"
        elif word == "groups":
            groups = value.split(",")
        else:
            raise ArgumentError("expects 'password', 'insecure-password' or 'groups' after its name")
    if encrypted and password is not None and not password.startswith("$") and len(password) != _DES:
        raise ArgumentError("has a 'password' that crypt(3) never makes; plain text goes behind 'insecure-password'")
    draft.users[name] = (statement.location, User(password, encrypted, frozenset(groups)))


_DES = 13  # characters of the oldest kind of encrypted password

USERLIST: Grammar[UserListDraft] = Grammar(
    (
        done("group", _USERLIST, _group, "a group and, after `users`, who is in it", "3.4"),
        done("user", _USERLIST, _user, "a user: password (as crypt(3) has it) or insecure-password, groups", "3.4"),
    )
)
