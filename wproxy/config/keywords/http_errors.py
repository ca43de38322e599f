"""Sections `http-errors`: error pages under a name, for any number of proxies (configuration manual, section 3.8)."""

from __future__ import annotations

from dataclasses import field

from wproxy.config.grammar import Report
from wproxy.config.model import Location
from wproxy.config.values import ArgumentError, integer
from wproxy.records import dataclass

_WORDS = 3


@dataclass(slots=True)
class HttpErrorsDraft:
    """One section: the file of each status."""

    name: str
    location: Location
    files: dict[int, str] = field(default_factory=dict)

    def read(self, words: tuple[str, ...], location: Location, report: Report) -> None:
        """Take a line `errorfile <status> <file>`."""
        if words[0] != "errorfile" or len(words) != _WORDS:
            report.problem(location, f"'http-errors {self.name}' expects 'errorfile <status> <file>'")
            return
        try:
            self.files[integer(words[1], 200, 599)] = words[2]
        except ArgumentError as error:
            report.problem(location, f"'errorfile' {error}")
