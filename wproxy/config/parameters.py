"""Applies the parameters that follow on a `bind`, `stats socket`, `server` or `default-server` line."""

from __future__ import annotations

from dataclasses import replace

from wproxy.config.grammar import D, Grammar, Keyword, Report, Statement, Status
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError


def apply_parameters(grammar: Grammar[D], draft: D, line: Statement, words: tuple[str, ...], report: Report) -> None:
    """Write the parameters `words` of `line` to `draft`, each as its row in `grammar` says; report what is wrong."""
    while words:
        row = grammar.find(line.section, words[:1])
        if not words[0]:
            report.problem(line.location, f"'{line.keyword}' has an empty word (environment variable missing?)")
            return
        if row is None:
            names = [known.words for known in grammar.rows if line.section in known.sections]
            report.problem(
                line.location, f"'{line.keyword}' : unknown keyword '{words[0]}'{did_you_mean(words[0], names)}"
            )
            return  # what follows may be its arguments
        end = 1 + row.arity
        apply_row(row, draft, replace(line, keyword=row.words, arguments=words[1:end]), report, of=line.keyword)
        words = words[end:]


def apply_row(row: Keyword, draft: D, statement: Statement, report: Report, of: str = "") -> None:
    """Do what `row` says about `statement`; `of` is the line of which a parameter is part."""
    where = f"'{of}' : " if of else ""
    name = f"{of} {row.words}".lstrip()
    if row.status is Status.IGNORED:
        report.ignore(statement.location, name, row.doc)
    if row.action is None and row.status is not Status.IGNORED:
        hint = f": {row.doc}" if row.doc else ""
        report.problem(statement.location, f"{where}HAProxy's keyword '{row.words}' is not supported by wproxy{hint}")
    elif row.action is not None:
        try:
            row.action(draft, statement, report)
        except ArgumentError as error:
            report.problem(statement.location, f"{where}'{row.words}' {error}")
