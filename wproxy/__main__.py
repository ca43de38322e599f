"""The `wproxy` command: HAProxy's command line, or one of the subcommands, each loaded only when it is asked for."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from wproxy import command_line
from wproxy.errors import ConfigError, UsageError, WproxyError
from wproxy.version import HAPROXY_VERSION, RELEASE_DATE, VERSION

# subcommand -> "module:function"; by name, so that no program imports another (docs/architecture.md).
SUBCOMMANDS = {
    "capture": "capture.__main__:main",
    "consume": "consumer.__main__:main",
    "demo": "admin.demo.command:main",
    "server": "admin.__main__:main",
    "show": "admin.__main__:main",
    "weight": "admin.__main__:main",
}


def main() -> None:
    """Run the program that the first word names; without one, the proxy with HAProxy's options."""
    first = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if first in SUBCOMMANDS:
        module, function = SUBCOMMANDS[first].split(":")
        getattr(importlib.import_module(module), function)()
    elif first in ("--help", "-h"):
        print(command_line.usage(), f"commands: wproxy {{{'|'.join(SUBCOMMANDS)}}} --help", sep="\n")
    else:
        sys.exit(_proxy(sys.argv[1:]))


def _proxy(arguments: list[str]) -> int:
    """Run the proxy, return its exit code: 0 stopped as told, 1 unusable configuration or address, 2 usage."""
    try:
        options = command_line.parse(arguments)
        if options.version:
            print(f"wproxy {VERSION} {RELEASE_DATE}, reads the configuration of HAProxy {HAPROXY_VERSION}")
            return 0
        return _serve(options)
    except UsageError as error:
        print(f"wproxy: {error}", file=sys.stderr)
        return 2
    except ConfigError as error:
        for problem in error.problems:
            _log("ALERT", f"config : {problem}")
        _log("ALERT", "config : Fatal errors found in configuration.")
        return 1
    except WproxyError as error:
        for line in str(error).splitlines():
            _log("ALERT", line)
        return 1


def _serve(options: command_line.Options) -> int:
    """Check the configuration, and serve it if that was not all."""
    from wproxy.config.loader import load

    config = load(options.configurations, os.environ)
    for warning in config.warnings:
        _log("WARNING", f"config : {warning}")
    if options.verbose:
        for line in config.ignored:
            where = f"[{line.location.file}:{line.location.line}]"
            _log("NOTICE", f"config : {where} : '{line.keyword}' has no effect: {line.reason}")
    if not any(frontend.binds for frontend in config.frontends if not frontend.disabled):
        _log("ALERT", "config : Configuration file has no error but will not start (no listener): add a 'bind' line")
        return 2
    if options.check:
        if not options.quiet:
            print("Configuration file is valid")
        return 0
    # Imported here: `wproxy -c` needs none of it.
    import asyncio

    import uvloop

    from wproxy import app
    from wproxy.process_name import name_of, show_as

    show_as(name_of(sys.argv[0]), sys.argv[1:])
    sockets = app.open_sockets(config)
    maxconn = app.connection_limit(config, options.maxconn)
    pidfile = options.pidfile or config.globals.pidfile
    if (options.daemon or config.globals.daemon) and not options.foreground:
        _go_to_background(pidfile)
    elif pidfile is not None:
        _write_pid(pidfile, os.getpid())

    async def run() -> None:
        await app.Application(config, sockets, maxconn, _log).run(ready=lambda: None)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    return 0


def _go_to_background(pidfile: str | None) -> None:
    """Go on as a child of init, without terminal; the sockets are open by now, so clients need not wait."""
    child = os.fork()
    if child:
        if pidfile is not None:
            _write_pid(pidfile, child)
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def _write_pid(pidfile: str, pid: int) -> None:
    try:
        Path(pidfile).write_text(f"{pid}\n")
    except OSError as error:
        raise WproxyError(f"cannot write the process id to {pidfile}: {error.strerror}") from error


def _log(severity: str, text: str) -> None:
    """Print a line as HAProxy prints them."""
    label = f"[{severity}]"
    print(f"{label:<10} ({os.getpid()}) : {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
