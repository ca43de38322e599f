"""Walks through the lines of configuration files: opens sections, finds each line's row, lets it write to the draft."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import replace

from wproxy.config.drafts import GlobalDraft, ProxyDraft
from wproxy.config.grammar import D, Grammar, Report, Section, Statement, Status
from wproxy.config.keywords.http_errors import HttpErrorsDraft
from wproxy.config.keywords.process import GLOBAL
from wproxy.config.keywords.proxy import PROXY
from wproxy.config.keywords.sections import DIRECTIVES, NAMES, OTHER_SECTIONS, PROXY_SECTIONS
from wproxy.config.keywords.userlist import USERLIST, UserListDraft
from wproxy.config.lexer import LexError, split
from wproxy.config.model import Location
from wproxy.config.nearest import did_you_mean
from wproxy.config.parameters import apply_row
from wproxy.records import dataclass

_PREFIXES = ("no", "default")
_PROXY_NAME = re.compile(r"[A-Za-z0-9_.:-]+")
_NO_TEXT = re.compile("[\0\udc80-\udcff]")  # NUL, and the bytes that are not UTF-8


class _Place(enum.Enum):
    """Where a line may stand besides a section that is read."""

    OUTSIDE = "before the first section"
    SKIPPED = "in a section that wproxy does not read"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that belongs to a section: its words, the `no` or `default` before them, and where it stands."""

    prefix: str
    words: tuple[str, ...]
    section: Section
    location: Location


class Reader:
    """Reads any number of files into the `globals` draft and one draft for each proxy, in the order of the files."""

    def __init__(self, environ: Mapping[str, str], report: Report) -> None:
        self.globals = GlobalDraft()
        self.proxies: list[ProxyDraft] = []
        self._environ = environ
        self._report = report
        self._defaults = ProxyDraft(Section.DEFAULTS, "", Location("", 0))
        self._named_defaults: dict[str, ProxyDraft] = {}
        self.userlists: dict[str, UserListDraft] = {}
        self.http_errors: dict[str, HttpErrorsDraft] = {}
        self._current: GlobalDraft | ProxyDraft | UserListDraft | HttpErrorsDraft | _Place = _Place.OUTSIDE
        self._section_name = ""

    def read(self, text: str, file: str) -> None:
        """Read the file named `file`, whose text is `text`; a section does not go on in the next file."""
        self._current, self._section_name = _Place.OUTSIDE, ""
        for number, line in enumerate(text.split("\n"), start=1):
            self._read_line(line, Location(file, number))

    def _read_line(self, text: str, location: Location) -> None:
        try:
            words = split(text, lambda name: self._variable(name, location))
        except LexError as error:
            self._report.problem(location, str(error))
            return
        if any(_NO_TEXT.search(word) for word in words):
            self._report.problem(location, "a word has a NUL character or bytes that are not UTF-8")
        elif words and words[0]:  # as in HAProxy, an empty first word ("${UNSET}") switches the line off
            self._dispatch(words, location)

    def _variable(self, name: str, location: Location) -> str | None:
        if name.startswith("."):
            return {".FILE": location.file, ".LINE": str(location.line), ".SECTION": self._section_name}.get(name)
        return self._environ.get(name)

    def _dispatch(self, words: tuple[str, ...], location: Location) -> None:
        if words[0] == "global":
            self._open_global(words, location)
        elif words[0] in PROXY_SECTIONS:
            self._open_proxy(words, location)
        elif words[0] == "userlist":
            self._open_userlist(words, location)
        elif words[0] == "http-errors":
            self._open_http_errors(words, location)
        elif words[0] in OTHER_SECTIONS:
            self._open_other(words[0], location)
        elif words[0].startswith((".", "[")):
            self._directive(words[0], location)
        else:
            self._statement(words, location)

    def _open_global(self, words: tuple[str, ...], location: Location) -> None:
        self._current, self._section_name = self.globals, "global"
        if len(words) > 1:
            self._report.problem(location, f"'global' cannot handle unexpected argument '{words[1]}'")

    def _open_userlist(self, words: tuple[str, ...], location: Location) -> None:
        name = words[1] if len(words) > 1 else ""
        self._current = draft = UserListDraft(name, location)
        self._section_name = name
        if len(words) != 2:
            self._report.problem(location, "'userlist' expects a name and nothing else")
        elif name in self.userlists:
            self._report.problem(location, f"'userlist' declares '{name}' a second time")
        else:
            self._check_name(Section.USERLIST, name, location)
            self.userlists[name] = draft

    def _open_http_errors(self, words: tuple[str, ...], location: Location) -> None:
        name = words[1] if len(words) > 1 else ""
        self._current = draft = HttpErrorsDraft(name, location)
        self._section_name = name
        if len(words) != 2:
            self._report.problem(location, "'http-errors' expects a name and nothing else")
        elif name in self.http_errors:
            self._report.problem(location, f"'http-errors' declares '{name}' a second time")
        else:
            self.http_errors[name] = draft

    def _open_other(self, name: str, location: Location) -> None:
        self._current, self._section_name = _Place.SKIPPED, name
        status, reason = OTHER_SECTIONS[name]
        if status is Status.IGNORED:
            self._report.ignore(location, name, reason)
        else:
            self._report.problem(location, f"HAProxy's section '{name}' is not supported by wproxy")

    def _open_proxy(self, words: tuple[str, ...], location: Location) -> None:
        """Open a `defaults`, `frontend`, `listen` or `backend` section: `kind [name] [from name]`."""
        section = PROXY_SECTIONS[words[0]]
        name, parent = self._heading(section, words[1:], location)
        draft = parent.child(section, name, location)
        self._current, self._section_name = draft, name or section.value
        if section is Section.DEFAULTS:
            self._defaults = draft
            if name:
                self._named_defaults[name] = draft
        else:
            self.proxies.append(draft)

    def _heading(self, section: Section, words: tuple[str, ...], location: Location) -> tuple[str, ProxyDraft]:
        """Return the name that `words` give to a section and the draft of the defaults it starts with."""
        name = words[0] if words and words[0] != "from" else ""
        rest = words[1:] if name else words
        # A defaults section starts afresh unless it says "from".
        parent = ProxyDraft(section, "", location) if section is Section.DEFAULTS else self._defaults
        if rest[:1] == ("from",):
            parent = self._from(rest[1:2], section, parent, location)
            rest = rest[2:]
        if rest:
            self._report.problem(location, f"'{section.value}' cannot handle unexpected argument '{rest[0]}'")
        self._check_name(section, name, location)
        return name, parent

    def _from(self, wanted: tuple[str, ...], section: Section, otherwise: ProxyDraft, location: Location) -> ProxyDraft:
        name = wanted[0] if wanted else ""
        if name in self._named_defaults:
            return self._named_defaults[name]
        hint = did_you_mean(name, self._named_defaults)
        self._report.problem(location, f"'{section.value}' names a defaults section that is not there: '{name}'{hint}")
        return otherwise

    def _check_name(self, section: Section, name: str, location: Location) -> None:
        if not name and section is not Section.DEFAULTS:
            self._report.problem(location, f"'{section.value}' expects a name")
        elif name and not _PROXY_NAME.fullmatch(name):
            allowed = "letters, digits and '-_.:'"
            self._report.problem(
                location, f"'{section.value}' has a name with other characters than {allowed}: '{name}'"
            )

    def _directive(self, word: str, location: Location) -> None:
        if word.startswith("["):
            self._report.problem(location, f"HAProxy's scope '{word}' is not supported by wproxy")
        elif word in DIRECTIVES:
            self._report.problem(location, f"HAProxy's directive '{word}' is not supported by wproxy")
        else:
            self._report.problem(location, f"unknown directive '{word}'{did_you_mean(word, DIRECTIVES)}")

    def _statement(self, words: tuple[str, ...], location: Location) -> None:
        prefix = words[0] if words[0] in _PREFIXES else ""
        words = words[1:] if prefix else words
        if not words:
            self._report.problem(location, f"'{prefix}' expects a keyword")
        elif isinstance(self._current, GlobalDraft):
            self._apply(GLOBAL, self._current, _Line(prefix, words, Section.GLOBAL, location))
        elif isinstance(self._current, ProxyDraft):
            self._apply(PROXY, self._current, _Line(prefix, words, self._current.section, location))
        elif isinstance(self._current, UserListDraft):
            self._apply(USERLIST, self._current, _Line(prefix, words, Section.USERLIST, location))
        elif isinstance(self._current, HttpErrorsDraft):
            self._current.read(words, location, self._report)
        elif self._current is _Place.OUTSIDE:
            hint = did_you_mean(words[0], NAMES)
            self._report.problem(location, f"unknown keyword '{words[0]}' out of section{hint}")

    def _apply(self, grammar: Grammar[D], draft: D, line: _Line) -> None:
        row = grammar.find(line.section, line.words)
        if row is None:
            self._not_here(grammar, line)
            return
        arguments = line.words[len(row.words.split()) :]
        statement = Statement(row.words, arguments, line.location, line.section)
        if not line.prefix:
            apply_row(row, draft, statement, self._report)
        elif row.undo is not None:
            apply_row(replace(row, action=row.undo), draft, statement, self._report)
        elif row.reversible:
            self._report.ignore(line.location, f"{line.prefix} {row.words}", row.doc or "is the default")
        else:
            self._report.problem(line.location, f"'{line.prefix}' cannot stand before '{row.words}'")

    def _not_here(self, grammar: Grammar[D], line: _Line) -> None:
        """Report a line whose keyword does not stand in this section; HAProxy, too, only warns about most of them."""
        section = line.section.value
        row = grammar.elsewhere(line.words)
        if row is None:
            hint = _belongs(line.words)
            self._report.problem(line.location, hint or grammar.unknown(line.section, line.words, NAMES))
        elif row.misplaced or line.section is Section.DEFAULTS:
            self._report.problem(line.location, f"'{row.words}' not allowed in a '{section}' section")
        else:
            self._report.warn(line.location, f"'{row.words}' ignored: it has no effect in a '{section}' section.")


def _belongs(words: tuple[str, ...]) -> str:
    """Return the error about a keyword of the global section in a proxy or the reverse; nothing if it is neither's."""
    row = GLOBAL.elsewhere(words) or PROXY.elsewhere(words)
    if row is None:
        return ""
    places = ", ".join(f"'{section.value}'" for section in Section if section in row.sections)
    return f"'{row.words}' cannot stand here, it belongs to a section of {places}"
