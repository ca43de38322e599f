"""The `wproxy` command: HAProxy's command line, or one of the subcommands, each loaded only when it is asked for."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

from wproxy import command_line
from wproxy.errors import ConfigError, UsageError, WproxyError
from wproxy.version import FEATURES, HAPROXY_VERSION, RELEASE_DATE, VERSION

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from wproxy.config.model import Config
    from wproxy.crew.role import Role
    from wproxy.sockets import Sockets

# subcommand -> "module:function"; by name, so that no program imports another (docs/architecture.md).
SUBCOMMANDS = {
    "capture": "capture.__main__:main",
    "consume": "consumer.__main__:main",
    "demo": "admin.demo.command:main",
    "keepalived": "admin.commands.keepalived:main",
    "rebalance": "admin.__main__:main",
    "redis": "admin.__main__:main",
    "reload": "admin.__main__:main",
    "seen": "admin.__main__:main",
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
    # Whoever replaces this process may say so before it serves. It must not die of that: it has to end its own
    # predecessor first. `App.run` lets the signal in.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    # Modules and the configuration stay: meanwhile a collector would look at them again and again for nothing.
    gc.disable()
    try:
        options = command_line.parse(arguments)
        if options.version or options.details:
            print(f"wproxy {VERSION} {RELEASE_DATE}, reads the configuration of HAProxy {HAPROXY_VERSION}")
            if options.details:
                print(command_line.details())
            return 0
        if options.condition is not None:
            return _evaluate(options.condition)
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


def _evaluate(condition: str) -> int:
    """Return the exit code of `-cc`: 0 true, 1 false, 2 no condition at all."""
    from wproxy.config.conditions import ConditionError, holds

    try:
        is_true = holds(condition, version=HAPROXY_VERSION, features=frozenset(FEATURES), environ=os.environ)
    except ConditionError as error:
        _log("ALERT", f"config : Failed to evaluate condition: {error}")
        return 2
    return 0 if is_true else 1


def _serve(options: command_line.Options) -> int:
    """Check the configuration, and serve it if that was not all."""
    config = _load(options)
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
    return _run(options, config)


def _run(options: command_line.Options, config: Config) -> int:
    """Serve `config` until told to stop, in the background and under a master where that is asked for."""
    # Imported here: `wproxy -c` needs none of it.
    from wproxy.limits import connection_limit
    from wproxy.pidfile import PidFile
    from wproxy.privileges import check, drop
    from wproxy.process_name import name_of, show_as
    from wproxy.sockets import Inherited, open_sockets

    check(config.globals)
    connection_limit(config, options.maxconn, _hush)  # each process that serves says what it has to say about it
    show_as(name_of(sys.argv[0]), sys.argv[1:])
    inherited, orphans = _inherit(options, config)
    sockets = open_sockets(config, Inherited(inherited))
    try:
        name = options.pidfile or config.globals.pidfile
        pidfile = None if name is None else PidFile(name)
    except WproxyError:
        sockets.abandon()
        raise
    is_daemon = (options.daemon or config.globals.daemon) and not options.foreground
    parent = _go_to_background() if is_daemon else None

    def ready(change: Callable[[], None]) -> None:
        """Tell whoever waits for the pid file, and the processes that this one replaces; then `change` into a user."""
        finish = [*options.finish, *orphans]
        rival = None if pidfile is None else pidfile.take([*finish, *options.terminate])
        _end_predecessors(finish if rival is None else [*finish, rival], options.terminate)
        if options.notify:
            _tell_systemd()
        if parent is not None:
            _leave_terminal()
        change()
        if parent is not None:
            os.write(parent, b"+")
            os.close(parent)

    asked = options.master or config.globals.master_worker
    if asked or config.globals.nbthread > 1:
        # What a process serves with is loaded before any is made: the next one begins at once, and shares the memory.
        from wproxy import app  # noqa: F401
        from wproxy.master import Master

        _collect_again()

        def serve(config: Config, sockets: Sockets, role: Role, worker_ready: Callable[[], None]) -> None:
            """Be a worker: it leaves the terminal and root on its own, when it has nothing more to tell."""

            def serving() -> None:
                if is_daemon:
                    _leave_terminal()
                drop(config.globals)
                worker_ready()

            _serve_here(options, config, sockets, serving, role)

        master = Master(lambda: _load(options), serve, _log, is_asked_for=asked)
        return master.run(config, sockets, lambda: ready(_stay))
    _serve_here(options, config, sockets, lambda: ready(partial(drop, config.globals)))
    return 0


def _stay() -> None:
    """Remain who it is, as a master does that binds new addresses at each reload."""


def _load(options: command_line.Options) -> Config:
    """Read the configuration; raise ConfigError."""
    from wproxy.config.loader import load
    from wproxy.privileges import without_names

    config = without_names(load(options.configurations, os.environ))
    for warning in config.warnings:
        _log("WARNING", f"config : {warning}")
    return config


def _serve_here(
    options: command_line.Options,
    config: Config,
    sockets: Sockets,
    ready: Callable[[], None],
    role: Role | None = None,
) -> None:
    """Serve in this process until it is told to stop; without a `role` it does everything."""
    from wproxy import app
    from wproxy.crew.role import ALONE
    from wproxy.limits import connection_limit
    from wproxy.state_file import StateFile, path_for

    _collect_again()
    user = config.globals.user
    role = role or ALONE
    path = path_for(config.globals.state_file, options.configurations, os.environ, user) if role.owns else None
    saved = StateFile(path, lambda text: _log("WARNING", text))
    saved.open(user)
    maxconn = connection_limit(config, options.maxconn, _log if role.owns else _hush)
    app.serve(config, sockets, maxconn, _log, saved, ready, role)


def _collect_again() -> None:
    """Let the garbage collector work on what comes from now on."""
    gc.freeze()
    gc.enable()


def _hush(severity: str, text: str) -> None:
    """Say nothing: another process says it."""


def _tell_systemd() -> None:
    from wproxy.systemd import READY, notify

    fault = notify(READY, os.environ)
    if fault:
        _log("WARNING", fault)


def _inherit(options: command_line.Options, config: Config) -> tuple[list[tuple[str, socket.socket]], list[int]]:
    """Return the listening sockets of the process that is to be replaced; [] when there is none, or it gives none.

    Processes that have lost their master are replaced even if nobody says so: the second value are their ids.
    """
    from wproxy.runtime.handover import receive, receive_from_orphans

    if options.inherit is not None:
        return receive(options.inherit), []
    paths = [line.address.path for line in config.globals.stats_sockets if line.address.path]
    if not options.finish and not options.terminate:
        return next((found for path in paths if (found := receive_from_orphans(path))[0]), ([], []))
    return next((received for path in paths if (received := receive(path))), []), []


def _end_predecessors(finish: Sequence[int], terminate: Sequence[int]) -> None:
    """Let processes finish, as -sf does, end those of -st; one that is gone already is what was wanted."""
    for pids, number in ((finish, signal.SIGUSR1), (terminate, signal.SIGTERM)):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
            except OSError as error:
                _log("WARNING", f"cannot end process {pid}: {error.strerror}")


def _go_to_background() -> int:
    """Go on as a child of init; return the descriptor by which it tells the parent that it serves.

    The parent ends with 0 when it has been told, with 1 when the child ends before: what is wrong has been said then.
    """
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        os._exit(0 if os.read(reader, 1) == b"+" else 1)
    os.close(reader)
    os.setsid()
    return writer


def _leave_terminal() -> None:
    """Give up standard input and output: from now on nobody looks."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def _log(severity: str, text: str) -> None:
    """Print a line as HAProxy prints them."""
    label = f"[{severity}]"
    print(f"{label:<10} ({os.getpid()}) : {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
