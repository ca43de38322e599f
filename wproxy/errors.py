"""The errors a user of the proxy can cause; each prints as one line that says what, where and what to do."""

from __future__ import annotations

from wproxy.records import dataclass


class WproxyError(Exception):
    """The root. Raised by nobody; caught by `wproxy.__main__`, which prints it and exits 1."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a configuration file: where it stands (line 0: the whole file), what it is, what to do about it."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"[{where}] : {self.message}"


class ConfigError(WproxyError):
    """A configuration that cannot be used. Raised by `config.loader` with every problem found, never just the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class BindError(WproxyError):
    """A listening address or stats socket that cannot be opened. Raised by the data plane and the stats socket."""


class UsageError(WproxyError):
    """A command line that makes no sense. Raised by `wproxy.command_line`; `__main__` exits 2 on it."""
