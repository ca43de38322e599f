"""The keywords of the `global` section (configuration manual, chapter 3)."""

from __future__ import annotations

import grp
import pwd

from wproxy.config import values
from wproxy.config.drafts import GlobalDraft
from wproxy.config.grammar import Grammar, Report, Section, Sets, SetsTo, Statement, done, ignored, refused
from wproxy.config.keywords.bind import stats_socket
from wproxy.config.keywords.logs import GLOBAL_LOGS
from wproxy.config.keywords.tls import GLOBAL_TLS
from wproxy.config.values import ArgumentError, Type

_HERE = (Section.GLOBAL,)
_SPREAD_MAX = 50

_LUA = "wproxy runs no Lua"
_MEMORY = "tunes HAProxy's memory"
_THREADS = "tunes HAProxy's threads and scheduler"
_KERNEL = "tunes how HAProxy calls the kernel"


def _description(process: GlobalDraft, statement: Statement, report: Report) -> None:
    if not statement.arguments:
        raise ArgumentError("expects a text")
    process.description = " ".join(statement.arguments)


def _master_worker(process: GlobalDraft, statement: Statement, report: Report) -> None:
    if statement.arguments not in ((), ("no-exit-on-failure",)):
        raise ArgumentError(f"supports 'no-exit-on-failure' only, not '{statement.arguments[0]}'")
    process.master_worker = True


def _percent(text: str) -> float:
    number = values.integer(text, 0)
    if number > _SPREAD_MAX:
        raise ArgumentError(f"needs a percentage from 0 to {_SPREAD_MAX}, not {number}")
    return number / 100


def _user(text: str) -> int:
    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        raise ArgumentError(f"names no user of this machine: '{text}'") from None


def _group(text: str) -> int:
    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        raise ArgumentError(f"names no group of this machine: '{text}'") from None


_USER = Type("<name>", "the name of a user", _user)
_GROUP = Type("<name>", "the name of a group", _group)
_ID = Type("<number>", "a number", values.count)
_FIELDS = Type("<number>", "a number from 1 to 32767", lambda text: values.integer(text, 1, 32767))

GLOBAL: Grammar[GlobalDraft] = Grammar(
    (
        done("maxconn", _HERE, Sets("maxconn", values.LIMIT, once=True), "connections at a time, in all", "3.2"),
        done("maxconnrate", _HERE, Sets("connection_rate", values.COUNT), "new connections a second; 0: any", "3.2"),
        done("maxsessrate", _HERE, Sets("session_rate", values.COUNT), "the same here", "3.2"),
        done("ulimit-n", _HERE, Sets("open_files", values.LIMIT), "open files that the process may have", "3.1"),
        done(
            "strict-limits",
            _HERE,
            SetsTo("strict_limits", True),
            "do not start when maxconn or ulimit-n needs more open files than are allowed; "
            "after 'no' fewer connections are accepted",
            "3.1",
            undo=SetsTo("strict_limits", False),
        ),
        done(
            "nbthread",
            _HERE,
            Sets("nbthread", values.THREADS),
            "number of worker processes, 1 to 64; what they share, and how exactly: docs/architecture.md, Workers",
            "3.1",
        ),
        done(
            "hard-stop-after",
            _HERE,
            Sets("hard_stop_s", values.TIMEOUT),
            "how long live sessions may take to finish after SIGUSR1 or a reload",
            "3.1",
        ),
        done("master-worker", _HERE, _master_worker, "run under a master process, as -W", "3.1"),
        done("daemon", _HERE, SetsTo("daemon", True), "go to the background, as -D", "3.1"),
        done("pidfile", _HERE, Sets("pidfile", values.PATH, once=True), "file that gets the process id", "3.1"),
        done("node", _HERE, Sets("node", values.NODE), "name of this node in the statistics", "3.1"),
        done(
            "state-file",
            _HERE,
            Sets("state_file", values.PATH, once=True),
            "where weights and states set at runtime are kept for the next process; 'none' nowhere",
            "wproxy's own",
        ),
        done("description", _HERE, _description, "text about this process in the statistics", "3.1"),
        done("stats socket", _HERE, stats_socket, "where the Runtime API listens: a path, fd@N or address:port", "3.1"),
        done(
            "stats timeout",
            _HERE,
            Sets("stats_timeout_s", values.POSITIVE_SECONDS),
            "idle time on a stats socket; default 10s",
            "3.1",
        ),
        *GLOBAL_LOGS,
        done(
            "spread-checks",
            _HERE,
            Sets("spread_checks", Type("<percent>", "a percentage from 0 to 50", _percent)),
            "vary the time between probes by so much",
            "3.2",
        ),
        done(
            "max-spread-checks",
            _HERE,
            Sets("max_spread_checks_s", values.TIMEOUT),
            "longest time from the first server's first probe to the last one's",
            "3.2",
        ),
        done("user", _HERE, Sets("user", _USER, once=True), "user to become when everything is open", "3.1"),
        done("uid", _HERE, Sets("user", _ID, once=True), "the same, by its number", "3.1"),
        done("group", _HERE, Sets("group", _GROUP, once=True), "group to become when everything is open", "3.1"),
        done("gid", _HERE, Sets("group", _ID, once=True), "the same, by its number", "3.1"),
        done(
            "chroot",
            _HERE,
            Sets("chroot", values.PATH, once=True),
            "folder that becomes the root; names of servers are looked up before, once; "
            "as in HAProxy the path of a log socket is one inside of it",
            "3.1",
        ),
        *GLOBAL_TLS,
        *ignored(
            "maxcompcpuusage, maxcomprate, maxzlibmem, tune.comp.maxlevel, tune.zlib.memlevel, tune.zlib.windowsize",
            _HERE,
            "wproxy compresses at level 1, HAProxy's default, and without a limit",
            "3.2",
        ),
        *ignored(
            "h1-case-adjust, h1-case-adjust-file",
            _HERE,
            "acts with `option h1-case-adjust-bogus-client` and `-server` only, which are refused in mode http",
            "3.2",
        ),
        *ignored(
            "h1-accept-payload-with-any-method", _HERE, "an HTTP/1.0 request with a body that is odd is refused", "3.2"
        ),
        *ignored(
            "h2-workaround-bogus-websocket-clients, tune.h2.header-table-size, tune.h2.initial-window-size,"
            "tune.h2.max-concurrent-streams, tune.h2.max-frame-size,"
            "tune.quic.frontend.conn-tx-buffers.limit, tune.quic.frontend.max-idle-timeout,"
            "tune.quic.frontend.max-streams-bidi, tune.quic.retry-threshold, tune.quic.conn-buf-limit",
            _HERE,
            "wproxy speaks neither HTTP/2 nor QUIC",
            "3.2",
        ),
        *ignored(
            "httpclient.resolvers.id, httpclient.resolvers.prefer, httpclient.ssl.ca-file, httpclient.ssl.verify",
            _HERE,
            "wproxy sends no requests of its own but checks",
            "3.2",
        ),
        *ignored("tune.http.cookielen", _HERE, "a cookie is captured as long as `capture cookie` says", "3.2"),
        *ignored(
            "tune.idle-pool.shared, tune.pool-high-fd-ratio, tune.pool-low-fd-ratio",
            _HERE,
            "each process has its own idle connections, as many as it has lately used at once",
            "3.2",
        ),
        *ignored("tune.chksize", _HERE, "HAProxy ignores it, too: checks use tune.bufsize", "3.2"),
        *ignored(
            "tune.lua.forced-yield, tune.lua.maxmem, tune.lua.service-timeout, tune.lua.session-timeout,"
            "tune.lua.task-timeout, lua-prepend-path",
            _HERE,
            _LUA,
            "3.2",
        ),
        *ignored(
            "tune.buffers.limit, tune.buffers.reserve, tune.fail-alloc, tune.pattern.cache-size,"
            "tune.pipesize, tune.rcvbuf.client, tune.rcvbuf.server, tune.sndbuf.client, tune.sndbuf.server,"
            "tune.vars.check-max-size, tune.vars.global-max-size, tune.vars.proc-max-size,"
            "tune.vars.reqres-max-size, tune.vars.sess-max-size, tune.vars.txn-max-size, no-memory-trimming, maxpipes",
            _HERE,
            _MEMORY,
            "3.2",
        ),
        *ignored(
            "tune.idletimer, tune.listener.multi-queue, tune.maxaccept, tune.maxpollevents,"
            "tune.peers.max-updates-at-once, tune.recv_enough, tune.runqueue-depth, tune.sched.low-latency, cpu-map,"
            "thread-group, thread-groups, profiling.memory, profiling.tasks",
            _HERE,
            _THREADS,
            "3.2",
        ),
        *ignored("busy-polling, numa-cpu-mapping", _HERE, _THREADS, "3.2", reversible=True),
        *ignored(
            "noepoll, noevports, nogetaddrinfo, nokqueue, nopoll, noreuseport, nosplice, tune.fd.edge-triggered,"
            "fd-hard-limit",
            _HERE,
            _KERNEL,
            "3.2",
        ),
        *ignored("set-dumpable, insecure-fork-wanted", _HERE, _KERNEL, "3.1", reversible=True),
        *ignored("insecure-setuid-wanted, external-check", _HERE, "wproxy starts no external check", "3.1"),
        done(
            "tune.bufsize",
            _HERE,
            Sets("bufsize", values.POSITIVE),
            "with tune.maxrewrite: how long heads of mode http may be; default 16384",
            "3.2",
        ),
        done(
            "tune.maxrewrite",
            _HERE,
            Sets("maxrewrite", values.POSITIVE),
            "what of tune.bufsize heads leave free; default 1024, at most the half",
            "3.2",
        ),
        done(
            "tune.http.maxhdr",
            _HERE,
            Sets("fields_max", _FIELDS),
            "how many lines a head may have, the first one included; default 101",
            "3.2",
        ),
        done(
            "tune.http.logurilen",
            _HERE,
            Sets("log_line_max", values.POSITIVE),
            "how many characters of a request line are logged; default 1023",
            "3.2",
        ),
        done(
            "stats maxconn",
            _HERE,
            Sets("stats_maxconn", values.POSITIVE),
            "clients that all stats sockets serve at a time; default 10",
            "3.1",
        ),
        *ignored("stats bind-process", _HERE, _THREADS, "3.1"),
        *ignored("quiet, zero-warning", _HERE, "acts on HAProxy's own messages", "3.3"),
        *ignored("localpeer, cluster-secret, pp2-never-send-local", _HERE, "acts with peers or QUIC only", "3.1"),
        *ignored("expose-experimental-directives", _HERE, "the directives it allows are refused by name", "3.1"),
        *ignored("mworker-max-reloads", _HERE, "wproxy has no master process", "3.1"),
        *ignored(
            "51degrees-cache-size, 51degrees-data-file, 51degrees-property-name-list, 51degrees-property-separator,"
            "deviceatlas-json-file, deviceatlas-log-level, deviceatlas-properties-cookie, deviceatlas-separator,"
            "wurfl-cache-size, wurfl-data-file, wurfl-information-list, wurfl-information-list-separator,"
            "wurfl-patch-file",
            _HERE,
            "acts in mode http only (device detection)",
            "3.1",
        ),
        *refused("grace, close-spread-time", _HERE, "", "3.1"),
        *refused("setenv, presetenv, resetenv, unsetenv", _HERE, "set the environment before the start", "3.1"),
        *refused("set-var, set-var-fmt", _HERE, "", "3.1"),
        *refused("server-state-base, server-state-file", _HERE, "", "3.2"),
        *refused("unix-bind", _HERE, "write mode, user and group on each stats socket", "3.1"),
        *refused("lua-load, lua-load-per-thread", _HERE, _LUA, "3.1"),
        *refused("nbproc", _HERE, "HAProxy dropped it in 2.5, use nbthread", "3.1"),
    )
)
