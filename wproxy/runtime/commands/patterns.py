"""Commands about the patterns of ACLs and maps.

The conditions of a configuration are compiled when it is read, and there are no maps: no pattern can be looked at or
changed here. The commands answer as HAProxy's do where there is none of that name, so that programs understand it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wproxy.config.model import Level
from wproxy.runtime.command import Command, CommandError, Context

_ADD_MAP = (
    "'add map' expects three parameters (map identifier, key and value) "
    "or one parameter (map identifier) and a payload\n"
)
_NO_VERSION = "Missing version number.\n"
Answer = Callable[[Context, Sequence[str]], str]


def _list(kind: str) -> Answer:
    def run(context: Context, arguments: Sequence[str]) -> str:
        if arguments:
            raise CommandError(_unknown(kind))
        return "# id (file) description\n"

    return run


def _needing(count: int, otherwise: str, kind: str) -> Answer:
    """Return a command that takes `count` words behind an optional `@version`; whatever they name is unknown."""

    def run(context: Context, arguments: Sequence[str]) -> str:
        words = arguments[1:] if arguments and arguments[0].startswith("@") else arguments
        if len(words) < count:
            raise CommandError(otherwise)
        raise CommandError(_unknown(kind))

    return run


def _add_map(context: Context, arguments: Sequence[str]) -> str:
    needed = 1 if context.conversation.payload else 3
    return _needing(needed, _ADD_MAP, "map")(context, arguments)


def _commit(kind: str) -> Answer:
    def run(context: Context, arguments: Sequence[str]) -> str:
        if not arguments or not arguments[0].startswith("@"):
            raise CommandError(_NO_VERSION)
        raise CommandError(_unknown(kind) if arguments[1:] else f"Missing {kind} identifier.\n")

    return run


def _unknown(kind: str) -> str:
    return f"Unknown {kind} identifier. Please use #<id> or <file>.\n"


def _both(verb: str, usage: str, summary: str, acl: Answer, map_: Answer) -> tuple[Command, Command]:
    return (
        Command((verb, "acl"), f"{verb} acl {usage}", summary.format("ACL"), Level.USER, acl),
        Command((verb, "map"), f"{verb} map {usage}", summary.format("map"), Level.USER, map_),
    )


_PAIR = "This command expects two parameters: {} identifier and key.\n"
_MISSING = "Missing {} identifier and/or key.\n"

COMMANDS = (
    *_both("show", "[@<ver>] [<id>]", "report the {}s whose patterns can change: none", _list("ACL"), _list("map")),
    *_both(
        "get", "<id> <key>", "report the keys and values matching a sample for this {}",
        _needing(2, _MISSING.format("ACL"), "ACL"), _needing(2, _MISSING.format("map"), "map"),
    ),
    *_both(
        "add", "[@<ver>] <id> <key> ...", "add an entry to this {}",
        _needing(2, "'add acl' expects two parameters: ACL identifier and pattern.\n", "ACL"), _add_map,
    ),
    # HAProxy, too, calls it a map here when it does not know the ACL.
    *_both(
        "del", "<id> <key>", "delete an entry of this {}",
        _needing(2, _PAIR.format("ACL"), "map"), _needing(2, _PAIR.format("map"), "map"),
    ),
    *_both(
        "clear", "[@<ver>] <id>", "clear the contents of this {}",
        _needing(1, "Missing ACL identifier.\n", "ACL"), _needing(1, "Missing map identifier.\n", "map"),
    ),
    *_both(
        "prepare", "<id>", "prepare a new version for atomic {} replacement",
        _needing(0, "", "ACL"), _needing(0, "", "map"),
    ),
    *_both("commit", "@<ver> <id>", "commit the {} at this version", _commit("ACL"), _commit("map")),
    Command(
        ("set", "map"), "set map <id> <key> <value>", "modify a map entry", Level.USER,
        _needing(3, "'set map' expects three parameters: map identifier, key and value.\n", "map"),
    ),
)  # fmt: skip
