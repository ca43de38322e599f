"""The same files through `haproxy -c` and through the loader: same verdict, and the error on the same line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import WPROXY, lack, need
from wproxy.config.loader import load
from wproxy.errors import ConfigError

TIMEOUTS = " mode tcp\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n"
LISTEN = "listen l\n bind 127.0.0.1:7000\n" + TIMEOUTS
ENVIRON = {"NAME": "web", "SEVERAL": "check weight 3", "EMPTY": "", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

VALID = {
    "empty listen": LISTEN,
    "every unit of time": LISTEN + " timeout queue 1us\n timeout queue 1ms\n timeout queue 1m\n timeout queue 2h\n",
    "longest time": LISTEN + " timeout queue 24d\n timeout check 2147483647\n",
    "time zero": LISTEN + " timeout queue 0\n",
    "bind several": LISTEN + " bind :7001,*:7002,[::1]:7003,::1:7004,:::7005,ipv4@:7006,ipv6@:::7007\n",
    "bind prefixes": LISTEN + " bind tcp4@:7001,tcp6@[::1]:7002,tcp@:7003,stream+ipv4@:7004\n",
    "bind brackets": LISTEN + " bind [127.0.0.1]:7001,[::]:7002\n",
    "bind name of a version": LISTEN + " bind ipv4@localhost:7001\n",
    "bind port with zeros": LISTEN + " bind 127.0.0.1:07001\n",
    "bind mapped address": LISTEN + " bind ::ffff:1.2.3.4:7001\n",
    "bind every IPv6 address": LISTEN + " bind ipv6@*:7001,[::]:7002\n",
    "bind relative path": LISTEN + " bind unix@wproxy.sock\n",
    "bind paths": LISTEN + " bind /tmp/wproxy-a.sock,unix@/tmp/wproxy-b.sock,\n",
    "retry-on": LISTEN + " retry-on all-retryable-errors 404\n retry-on none\n retry-on 0rtt-rejected 500 500\n",
    "bind id": LISTEN + " bind :7001 id 3\n bind :7002\n bind :7003 id 1\n",
    "bind range": LISTEN + " bind 127.0.0.1:7001-7003\n",
    "bind name": LISTEN + " bind localhost:7001 name second\n",
    "server parameters": LISTEN + " server a 127.0.0.1:1 check inter 2s rise 1 fall 1 weight 256 maxconn 9 disabled\n",
    "server weight 0": LISTEN + " server a 127.0.0.1:1 weight 0\n",
    "server address": LISTEN + " server a [::1]:1\n server b ::1:2\n server c localhost:3\n server d /tmp/x.sock\n",
    "server name of a version": LISTEN
    + " server a ipv4@localhost:1\n server b ipv4@127.0.0.1:1\n server c ipv6@::1:1\n",
    "server names": LISTEN + " server a.b-c_d:e 127.0.0.1:1\n",
    "default-server": LISTEN + " default-server inter 3 check disabled\n server a 127.0.0.1:1 no-check enabled\n",
    "quotes": LISTEN + " server \"a\"'b'\\x63 '127.0.0.1':\"1\" # comment\n",
    "variables": LISTEN + ' server "${NAME}" "${HOST-127.0.0.1}:1" "${SEVERAL[*]}"\n',
    "unset variable at the end": LISTEN + ' server a 127.0.0.1:1 "$UNSET"\n',
    "unset variable in front": LISTEN + ' "$UNSET" nonsense\n',
    "comment with an open quote": LISTEN + ' server a 127.0.0.1:1 # "open\n',
    "quoted keyword": LISTEN + ' "server" a\\x62 127.0.0.1:1\n ser\'ver\' c "127.0.0.1":1\n',
    "default of a variable that is empty": LISTEN + ' server "${EMPTY-d}e" 127.0.0.1:1\n',
    "crlf": LISTEN.replace("\n", "\r\n"),
    "tabs and blank lines": "\n\t\n" + LISTEN.replace(" ", "\t"),
    "balance without algorithm": LISTEN + " balance\n",
    "redispatch": LISTEN + " option redispatch 3\n option redispatch -1\n option redispatch\n no option redispatch\n",
    "default option": LISTEN + " default option redispatch\n",
    "keyword of the other side": "backend b\n bind :7001\n default_backend l\n maxconn 3\n timeout client 1s\n"
    + LISTEN,
    "frontend keyword of backends": "frontend f\n bind :7001\n balance roundrobin\n retries 3\n" + LISTEN,
    "global": "global\n maxconn 10\n maxconn 20\n nbthread 2\n node a-b.c_d\n description a b\n" + LISTEN,
    "global twice": "global\n daemon\nglobal\n pidfile /tmp/p\n pidfile /tmp/q\n" + LISTEN,
    "stats socket": "global\n stats socket /tmp/s mode 660 level admin\n stats timeout 1m\n" + LISTEN,
    "stats socket on an address": "global\n stats socket ipv4@127.0.0.1:7009 level user\n" + LISTEN,
    "frontend without bind": "frontend f\n mode tcp\n" + LISTEN,
    "frontend and backend of one name": "frontend b\n bind :7001\n default_backend b\nbackend b\n" + LISTEN,
    "default_backend is a listen": "frontend f\n bind :7001\n mode tcp\n default_backend l\n" + LISTEN,
    "default_backend is disabled": "frontend f\n bind :7001\n default_backend b\nbackend b\n disabled\n" + LISTEN,
    "disabled frontend unchecked": "frontend f\n disabled\n bind :7001\n default_backend nope\n" + LISTEN,
    "defaults with default_backend": "defaults\n default_backend b\n" + LISTEN + "backend b\n mode tcp\n",
    "named defaults": "defaults d\n mode tcp\n" + LISTEN.replace("listen l", "listen l from d"),
    "sections that are skipped": "userlist u\n user a insecure-password b\n" + LISTEN,
    "lines of other modes": LISTEN + " option forwardfor\n option http-server-close\n cookie a\n stats enable\n",
    "guide": """\
global
    log /dev/log local0
    maxconn 4096
    tune.bufsize 32768
defaults
    log global
    mode tcp
    option tcplog
    option dontlognull
    retries 3
    option redispatch
    timeout connect 5s
    timeout client 50s
    timeout server 50s
frontend redis
    bind *:7000
    default_backend redis
backend redis
    balance roundrobin
    server one 10.0.0.1:6379 check inter 1s weight 30
    server two 10.0.0.2:6379 check inter 1s weight 70
""",
}

# Each has one fault, on the line that holds "<<" (which the file that is checked does not hold).
INVALID = {
    "out of section": "maxconn 3<<\n" + LISTEN,
    "unknown keyword": LISTEN + " balanse roundrobin<<\n",
    "unknown option": LISTEN + " option redispach<<\n",
    "option without name": LISTEN + " option<<\n",
    "unknown timeout": LISTEN + " timeout clent 5<<\n",
    "timeout without time": LISTEN + " timeout client<<\n",
    "timeout unit": LISTEN + " timeout client 5x<<\n",
    "timeout with a fraction": LISTEN + " timeout client 1.5s<<\n",
    "negative timeout": LISTEN + " timeout client -5<<\n",
    "timeout with a space": LISTEN + " timeout client 5 s<<\n",
    "timeout overflow": LISTEN + " timeout client 25d<<\n",
    "mode": LISTEN + " mode foo<<\n",
    "mode with two": LISTEN + " mode tcp http<<\n",
    "mode without": LISTEN + " mode<<\n",
    "balance": LISTEN + " balance foo<<\n",
    "proxy maxconn": LISTEN + " maxconn<<\n",
    "proxy maxconn with two": LISTEN + " maxconn 1 2<<\n",
    "retries": LISTEN + " retries<<\n",
    "default_backend without": LISTEN + " default_backend<<\n",
    "default_backend with two": LISTEN + " default_backend a b<<\n",
    "disabled with argument": LISTEN + " disabled foo<<\n",
    "no before another keyword": LISTEN + " no mode tcp<<\n",
    "no option forwardfor": LISTEN + " no option forwardfor<<\n",
    "bind without address": LISTEN + " bind<<\n",
    "bind without port": LISTEN + " bind 127.0.0.1<<\n",
    "bind number": LISTEN + " bind 7001<<\n",
    "bind port 0": LISTEN + " bind :0<<\n",
    "bind port 65536": LISTEN + " bind :65536<<\n",
    "bind port name": LISTEN + " bind :http<<\n",
    "bind port offset": LISTEN + " bind :+1<<\n",
    "bind address": LISTEN + " bind 300.1.1.1:7001<<\n",
    "bind bracket": LISTEN + " bind [::1:7001<<\n",
    "bind IPv6 without port": LISTEN + " bind ::1<<\n",
    "bind family 4": LISTEN + " bind ipv4@[::1]:7001<<\n",
    "bind family 6": LISTEN + " bind ipv6@127.0.0.1:7001<<\n",
    "bind at": LISTEN + " bind foo@127.0.0.1:7001<<\n",
    "bind empty first": LISTEN + " bind ,:7001<<\n",
    "bind space": LISTEN + ' bind ":7001, :7002"<<\n',
    "bind fd": LISTEN + " bind fd@abc<<\n",
    "bind path": LISTEN + f" bind /{'a' * 120}<<\n",
    "bind parameter": LISTEN + " bind :7001 foo<<\n",
    "bind in defaults": "defaults\n bind :7001<<\n" + LISTEN,
    "server in defaults": "defaults\n server a 127.0.0.1:1<<\n" + LISTEN,
    "server in frontend": "frontend f\n bind :7001\n server a 127.0.0.1:1<<\n" + LISTEN,
    "default-server in frontend": "frontend f\n bind :7001\n default-server weight 2<<\n" + LISTEN,
    "server without address": LISTEN + " server a<<\n",
    "server without anything": LISTEN + " server<<\n",
    "server name": LISTEN + " server a/b 127.0.0.1:1<<\n",
    "server port": LISTEN + " server a 127.0.0.1:70000<<\n",
    "server port name": LISTEN + " server a 127.0.0.1:http<<\n",
    "server port range": LISTEN + " server a 127.0.0.1:1-2<<\n",
    "server fd": LISTEN + " server a fd@3<<\n",
    "server twice": LISTEN + " server a 127.0.0.1:1\n server a 127.0.0.1:2<<\n",
    "server parameter": LISTEN + " server a 127.0.0.1:1 wieght 3<<\n",
    "weight 257": LISTEN + " server a 127.0.0.1:1 weight 257<<\n",
    "weight -1": LISTEN + " server a 127.0.0.1:1 weight -1<<\n",
    "rise 0": LISTEN + " server a 127.0.0.1:1 rise 0<<\n",
    "rise abc": LISTEN + " server a 127.0.0.1:1 rise abc<<\n",
    "fall 0": LISTEN + " server a 127.0.0.1:1 fall 0<<\n",
    "retry-on without": LISTEN + " retry-on<<\n",
    "retry-on unknown": LISTEN + " retry-on 500 empty<<\n",
    "retry-on another status": LISTEN + " retry-on 429<<\n",
    "retry-on none and more": LISTEN + " retry-on 500 none<<\n",
    "retry-on none twice": LISTEN + " retry-on none none<<\n",
    "retry-on of a frontend": LISTEN + "frontend f\n bind :7001\n retry-on 500<<\n",
    "bind id 0": LISTEN + " bind :7001 id 0<<\n",
    "bind id abc": LISTEN + " bind :7001 id abc<<\n",
    "bind id without": LISTEN + " bind :7001 id<<\n",
    "bind id of two": LISTEN + " bind :7001,:7002 id 3<<\n",
    "bind id of a range": LISTEN + " bind :7001-7002 id 3<<\n",
    "bind id twice": LISTEN + " bind :7001 id 3\n bind :7002 id 3<<\n",
    "inter 0": LISTEN + " server a 127.0.0.1:1 inter 0<<\n",
    "inter unit": LISTEN + " server a 127.0.0.1:1 inter 3x<<\n",
    "inter overflow": LISTEN + " server a 127.0.0.1:1 inter 30d<<\n",
    "inter without": LISTEN + " server a 127.0.0.1:1 inter<<\n",
    "default-server parameter": LISTEN + " default-server wieght 3<<\n",
    "unmatched double quote": LISTEN + ' server "a 127.0.0.1:1<<\n',
    "unmatched single quote": LISTEN + " server 'a 127.0.0.1:1<<\n",
    "hexadecimal": LISTEN + " server \\xz 127.0.0.1:1<<\n",
    "variable name": LISTEN + ' server "$1" 127.0.0.1:1<<\n',
    "variable brace": LISTEN + ' server "${NAME" 127.0.0.1:1<<\n',
    "variable default": LISTEN + ' server "${NAME-x" 127.0.0.1:1<<\n',
    "variable expansion": LISTEN + ' server "${NAME[*}" 127.0.0.1:1<<\n',
    "crlf and a fault": LISTEN.replace("\n", "\r\n") + " foo<<\r\n",
    "server of no name": LISTEN + ' server "" 127.0.0.1:1<<\n',
    "variable outside of quotes": LISTEN + " server $NAME 127.0.0.1:1<<\n",
    "words of a variable in quotes": LISTEN + ' server a 127.0.0.1:1 "${SEVERAL}"<<\n',
    "space in a name": LISTEN + " server 'a b' 127.0.0.1:1<<\n",
    "backslash at the end of a line": LISTEN + " server a 127.0.0.1:1 \\<<\n check\n".replace("\n check", ""),
    "bind two at": LISTEN + " bind @x:80<<\n",
    "bind star": LISTEN + " bind *<<\n",
    "bind empty port": LISTEN + " bind [::1]:<<\n",
    "bind too many numbers": LISTEN + " bind 1.2.3.4.5:80<<\n",
    "bind capitals": LISTEN + " bind TCP@:80<<\n",
    "bind space after the port": LISTEN + " bind 127.0.0.1: 80<<\n",
    "timeout sign": LISTEN + " timeout queue 1S<<\n",
    "timeout empty": LISTEN + ' timeout queue ""<<\n',
    "too many words": "global\n description" + " w" * 64 + "<<\n" + LISTEN,
    "nul": LISTEN + " option\0 x<<\n",
    "global maxconn": "global\n maxconn<<\n" + LISTEN,
    "nbthread 0": "global\n nbthread 0<<\n" + LISTEN,
    "nbthread 65": "global\n nbthread 65<<\n" + LISTEN,
    "nbthread abc": "global\n nbthread abc<<\n" + LISTEN,
    "nbproc": "global\n nbproc 2<<\n" + LISTEN,
    "daemon": "global\n daemon x<<\n" + LISTEN,
    "node": "global\n node 'a b'<<\n" + LISTEN,
    "node with two": "global\n node a b<<\n" + LISTEN,
    "description": "global\n description<<\n" + LISTEN,
    "pidfile": "global\n pidfile<<\n" + LISTEN,
    "global keyword": "global\n maxxcon 3<<\n" + LISTEN,
    "keyword of another section": "global\n balance roundrobin<<\n" + LISTEN,
    "global keyword in listen": LISTEN + " nbthread 2<<\n",
    "stats": "global\n stats<<\n" + LISTEN,
    "stats foo": "global\n stats foo<<\n" + LISTEN,
    "stats socket": "global\n stats socket<<\n" + LISTEN,
    "stats socket level": "global\n stats socket /tmp/s level foo<<\n" + LISTEN,
    "stats socket no level": "global\n stats socket /tmp/s level<<\n" + LISTEN,
    "stats socket mode": "global\n stats socket /tmp/s mode 999<<\n" + LISTEN,
    "stats socket parameter": "global\n stats socket /tmp/s foo<<\n" + LISTEN,
    "stats timeout": "global\n stats timeout<<\n" + LISTEN,
    "stats timeout 0": "global\n stats timeout 0<<\n" + LISTEN,
    "stats timeout unit": "global\n stats timeout 5x<<\n" + LISTEN,
    "global with a name": "global x<<\n" + LISTEN,
    "section without name": "backend<<\n",
    "section name": 'backend "a b"<<\n',
    "two backends": "backend b\nbackend b<<\n",
    "listen and backend": LISTEN + "backend l<<\n",
    "frontend and listen": "frontend l\n bind :7001\nlisten l<<\n bind :7002\n",
    "unknown defaults": "backend b from nope<<\n",
    "misspelt section": "global\nfrontned f<<\n",
    "empty scope": "[]<<\n",
    "directive": ".foo<<\n",
}

# HAProxy names the proxy but not the line, or another line of it; the verdict must be the same.
INVALID_ELSEWHERE = {
    "default_backend unknown": "frontend f\n bind :7001\n default_backend nope<<\n",
    "default_backend is itself": LISTEN + " default_backend l<<\n",
    "default_backend is a frontend": "frontend f\n bind :7001\n default_backend g<<\nfrontend g\n bind :7002\n",
}


def verdict_of_haproxy(file: Path) -> tuple[bool, list[int]]:
    """Return whether haproxy finds `file` valid, and the lines its alerts name, each once, in order."""
    answer = subprocess.run([need("haproxy"), "-c", "-f", str(file)], capture_output=True, env=ENVIRON, timeout=30)
    alerts = [line for line in answer.stderr.decode(errors="replace").splitlines() if "ALERT" in line]
    lines = [int(number) for number in re.findall(re.escape(file.name) + r":(\d+)\]", "\n".join(alerts))]
    return answer.returncode == 0, list(dict.fromkeys(lines))


def verdict_of_wproxy(file: Path) -> tuple[bool, list[int]]:
    """Return the same of wproxy."""
    try:
        load([str(file)], ENVIRON)
    except ConfigError as error:
        return False, list(dict.fromkeys(problem.line for problem in error.problems))
    return True, []


def written(folder: Path, text: str) -> tuple[Path, int]:
    """Write `text` without its mark; return the file and the line of the mark."""
    file = folder / "case.cfg"
    file.write_bytes(text.replace("<<", "").encode())
    return file, text.partition("<<")[0].count("\n") + 1


@pytest.mark.parametrize("case", VALID)
def test_valid_for_both(case: str, tmp_path: Path) -> None:
    file, _ = written(tmp_path, VALID[case])
    valid, _ = verdict_of_haproxy(file)
    assert valid
    assert verdict_of_wproxy(file) == (True, [])


@pytest.mark.parametrize("case", INVALID)
def test_invalid_for_both_on_the_same_line(case: str, tmp_path: Path) -> None:
    file, line = written(tmp_path, INVALID[case])
    assert verdict_of_haproxy(file) == (False, [line])
    assert verdict_of_wproxy(file) == (False, [line])


@pytest.mark.parametrize("case", INVALID_ELSEWHERE)
def test_invalid_for_both(case: str, tmp_path: Path) -> None:
    file, line = written(tmp_path, INVALID_ELSEWHERE[case])
    valid, _ = verdict_of_haproxy(file)
    assert not valid
    assert verdict_of_wproxy(file) == (False, [line])


def test_debians_own_file(tmp_path: Path) -> None:
    own = Path("/etc/haproxy/haproxy.cfg")
    if not own.exists():
        lack("Debian's haproxy is not installed: `make test` installs it")
    assert verdict_of_wproxy(own) == (True, [])


def test_missing_last_newline_is_accepted_where_haproxy_refuses(tmp_path: Path) -> None:
    file, _ = written(tmp_path, LISTEN.rstrip("\n"))
    assert not verdict_of_haproxy(file)[0]
    assert verdict_of_wproxy(file) == (True, [])


# -- several files ---------------------------------------------------------------------------------------------------

DEFAULTS = "defaults\n" + TIMEOUTS
SHORT = "listen l\n bind :7000\n"
SEVERAL = {
    "two": ({"a.cfg": DEFAULTS, "b.cfg": SHORT}, ["-f", "a.cfg", "-f", "b.cfg"]),
    "the order counts": ({"a.cfg": DEFAULTS + " foo\n", "b.cfg": SHORT + " bar\n"}, ["-f", "b.cfg", "-f", "a.cfg"]),
    "a section ends with its file": ({"a.cfg": SHORT, "b.cfg": " mode tcp\n"}, ["-f", "a.cfg", "-f", "b.cfg"]),
    "a folder": ({"d/2.cfg": SHORT, "d/1.cfg": DEFAULTS, "d/x.conf": "foo\n", "d/.h.cfg": "foo\n"}, ["-f", "d"]),
    "a folder with faults": ({"d/2.cfg": SHORT + " bar\n", "d/1.cfg": DEFAULTS + " foo\n"}, ["-f", "d"]),
    "a folder and a file": ({"d/1.cfg": DEFAULTS, "a.cfg": SHORT}, ["-f", "d", "-f", "a.cfg"]),
    "a folder without files": ({"d/x.conf": SHORT}, ["-f", "d"]),
    "the rest of the command line": ({"a.cfg": DEFAULTS, "b.cfg": SHORT}, ["-f", "a.cfg", "--", "b.cfg"]),
    "one that is not there": ({"a.cfg": SHORT}, ["-f", "a.cfg", "-f", "b.cfg"]),
}


def checked(command: list[str], folder: Path) -> tuple[bool, list[str]]:
    """Return whether the files are found valid, and the places that alerts name."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=ENVIRON, timeout=30)
    alerts = [line for line in done.stderr.splitlines() if "ALERT" in line]
    return done.returncode == 0, sorted(set(re.findall(r"\[(\S+:\d+)\]", "\n".join(alerts))))


@pytest.mark.parametrize("case", SEVERAL)
def test_several_files(case: str, tmp_path: Path) -> None:
    files, options = SEVERAL[case]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    expected = checked([need("haproxy"), "-c", *options], tmp_path)
    assert checked([*WPROXY, "-c", *options], tmp_path) == expected
