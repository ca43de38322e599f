"""Loads a configuration: the only part of this package that reads files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from wproxy.config.builder import build
from wproxy.config.contexts import open_contexts
from wproxy.config.grammar import Report
from wproxy.config.model import Config
from wproxy.config.reader import Reader
from wproxy.config.rules import Surroundings, compile_rules
from wproxy.config.validate import validate
from wproxy.errors import ConfigError, Problem


def load(paths: Sequence[str], environ: Mapping[str, str]) -> Config:
    """Return the configuration that the files `paths` make together; `environ` gives the values of variables.

    A folder stands for its *.cfg files in lexical order, as for HAProxy's `-f`. Raise ConfigError with every problem
    of every file, in the order of the files and of their lines; a file that cannot be read is a problem at line 0.
    """
    report = Report()
    sources = [source for path in paths for source in _read(Path(path), report)]
    files = [file for file, _ in sources]
    return _interpret(sources, {**environ, "HAPROXY_CFGFILES": ";".join(files)}, report)


def parse(text: str, file: str, environ: Mapping[str, str]) -> Config:
    """Return the configuration that `text` is; `file` is its name in errors. Raise ConfigError with every problem."""
    return _interpret([(file, text)], environ, Report())


def _read(path: Path, report: Report) -> Iterable[tuple[str, str]]:
    """Return name and text of the file, or of each file in the folder, `path`."""
    try:
        return [(str(file), _text(file)) for file in _files(path)]
    except OSError as error:
        report.problems.append(Problem(str(error.filename or path), 0, f"cannot be read: {error.strerror}"))
        return []


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if _is_configuration(file))


def _is_configuration(file: Path) -> bool:
    return file.suffix == ".cfg" and not file.name.startswith(".") and file.is_file()


def _text(file: Path) -> str:
    # Comments in Latin-1 are common in old files; the reader refuses such bytes where they would count.
    return file.read_bytes().decode("utf-8", "surrogateescape")


def _interpret(sources: Sequence[tuple[str, str]], environ: Mapping[str, str], report: Report) -> Config:
    reader = Reader(environ, report)
    for file, text in sources:
        reader.read(text, file)
    users = {name: draft.built(report) for name, draft in reader.userlists.items()}
    pages = {name: draft.files for name, draft in reader.http_errors.items()}
    around = Surroundings(environ, lambda path: _text(Path(path)), users, pages)
    compile_rules(reader.proxies, around, report)
    open_contexts(reader.globals, reader.proxies, report)
    validate(reader.proxies, report)
    if report.problems:
        order = {file: number for number, (file, _) in enumerate(sources)}
        # A file that could not be read is not among the sources: first.
        raise ConfigError(tuple(sorted(report.problems, key=lambda fault: (order.get(fault.file, -1), fault.line))))
    return build(reader.globals, reader.proxies, report)
