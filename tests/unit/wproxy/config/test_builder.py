from __future__ import annotations

from wproxy.config.builder import build
from wproxy.config.drafts import GlobalDraft
from wproxy.config.grammar import Report
from wproxy.config.model import (
    Address,
    Backend,
    Bind,
    CheckSettings,
    Config,
    Frontend,
    Global,
    Level,
    Location,
    Mode,
    ServerLine,
    StatsSocket,
    Timeouts,
)
from wproxy.config.reader import Reader


def built(text: str) -> Config:
    report = Report()
    reader = Reader({}, report)
    reader.read(text, "a.cfg")
    assert report.problems == []
    return build(reader.globals, reader.proxies, report)


def at(line: int) -> Location:
    return Location("a.cfg", line)


def test_nothing_is_the_default_configuration() -> None:
    assert build(GlobalDraft(), [], Report()) == Config()


def test_global() -> None:
    config = built(
        "global\n maxconn 9\n nbthread 2\n daemon\n pidfile /tmp/p\n node n\n description some text\n"
        " stats timeout 1m\n stats socket /tmp/s mode 600 level admin user u group g\n stats socket fd@5,:80\n"
    )
    assert config.globals == Global(
        stats_sockets=(
            StatsSocket(Address(path="/tmp/s"), at(9), Level.ADMIN, 0o600, "u", "g"),
            StatsSocket(Address(fd=5), at(10)),
            StatsSocket(Address(port=80), at(10)),
        ),
        stats_timeout_s=60.0,
        maxconn=9,
        nbthread=2,
        daemon=True,
        pidfile="/tmp/p",
        node="n",
        description="some text",
    )


def test_proxies_are_numbered_and_keep_their_own_side() -> None:
    config = built("""\
defaults
 mode redis
 timeout client 1s
 timeout connect 2s
 timeout server 3s
 timeout queue 4s
 timeout check 5s
 timeout tunnel 6s
backend b
 balance key
 retries 1
 option redispatch 2
 server s h:1 check inter 1s rise 4 fall 5 weight 6 maxconn 7
 server t h:2 disabled
frontend f
 bind :1,:2
 default_backend b
 maxconn 8
""")
    assert config.backends == (
        Backend(
            name="b",
            proxy_id=2,
            mode=Mode.REDIS,
            location=at(9),
            balance="key",
            servers=(
                ServerLine("s", Address("h", 1), at(13), 6, 7, CheckSettings(1.0, 4, 5)),
                ServerLine("t", Address("h", 2), at(14), disabled=True),
            ),
            retries=1,
            redispatch=2,
            timeouts=Timeouts(connect_s=2.0, server_s=3.0, queue_s=4.0, check_s=5.0, tunnel_s=6.0),
        ),
    )
    assert config.frontends == (
        Frontend(
            name="f",
            proxy_id=3,
            mode=Mode.REDIS,
            location=at(15),
            binds=(Bind(Address("", 1), at(16)), Bind(Address("", 2), at(16), number=2)),
            default_backend="b",
            maxconn=8,
            timeouts=Timeouts(client_s=1.0),
        ),
    )


def test_a_listen_is_both_with_one_number() -> None:
    config = built("backend x\nlisten l\nlisten m\n default_backend x\n")
    assert [(proxy.name, proxy.proxy_id, proxy.default_backend) for proxy in config.frontends] == [
        ("l", 3, "l"),
        ("m", 4, "x"),
    ]
    assert [(proxy.name, proxy.proxy_id) for proxy in config.backends] == [("x", 2), ("l", 3), ("m", 4)]


def test_a_disabled_frontend_leads_nowhere() -> None:
    config = built("frontend f\n disabled\n default_backend nope\n")
    assert (config.frontends[0].disabled, config.frontends[0].default_backend) == (True, None)


def test_a_frontend_may_have_no_backend() -> None:
    assert built("frontend f\n").frontends[0].default_backend is None


def test_ignored_lines_and_warnings_come_along() -> None:
    config = built("global\n default-path x\nbackend b\n bind :1\n")
    assert [line.keyword for line in config.ignored] == ["default-path"]
    assert len(config.warnings) == 1
