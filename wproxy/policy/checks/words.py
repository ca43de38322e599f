"""What an agent may say about its server, taken out of its line (configuration manual, section 5.2, "agent-check")."""

from __future__ import annotations

import re

from wproxy.records import dataclass

_SEPARATORS = re.compile(r"[ \t,]+")
_ADMINISTRATION = frozenset({"ready", "drain", "maint"})
_UP = "up"
_DOWN = frozenset({"down", "fail", "stopped"})
_MAXCONN = "maxconn:"


@dataclass(frozen=True, slots=True)
class AgentWords:
    """The words by what they are about; of each kind the last one counts, of unknown ones the first.

    `health` and `error` are as the agent wrote them; what follows `#` is the `description`.
    """

    health: str = ""
    administration: str = ""
    weight: str = ""
    maxconn: str | None = None
    error: str = ""
    description: str = ""

    @property
    def down(self) -> bool:
        """Whether the agent wants the server taken out."""
        return self.health.lower() in _DOWN


def parse(line: str) -> AgentWords:
    """Return the words of `line`, which has no line end."""
    text, _, description = line.partition("#")
    kinds: dict[str, str] = {}
    for word in _SEPARATORS.split(text.strip(" \t,")):
        kind, value = _classify(word)
        if kind != "error" or kind not in kinds:
            kinds[kind] = value
    kinds.pop("", None)
    return AgentWords(**kinds, description=description.strip())


def _classify(word: str) -> tuple[str, str]:
    """Return the field of AgentWords that `word` sets, and its value."""
    lower = word.lower()
    if not word:
        return "", ""
    if word[0] in "0123456789" and word.endswith("%"):
        return "weight", word
    if lower.startswith(_MAXCONN):
        return "maxconn", word[len(_MAXCONN) :]
    if lower in _ADMINISTRATION:
        return "administration", lower
    if lower == _UP or lower in _DOWN:
        return "health", word
    return "error", word
