from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import hiredis
import pytest

from wproxy.config.login import Login
from wproxy.dataplane.redis.own import OWN, hello
from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import parse_rows

if TYPE_CHECKING:
    from wproxy.dataplane.redis.conversation import Conversation

WRONG = "WRONGPASS invalid username-password pair or user is disabled."
COMMANDS = parse_rows(ROWS)


class Transport:
    """A transport without a socket."""

    def get_extra_info(self, name: str) -> object:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}.get(name)


@dataclass
class Client:
    """What the answers see of a connection."""

    client_id: int = 7
    client_name: bytes = b""
    confided: bool = False
    library: tuple[bytes, bytes] = (b"", b"")
    protocol: int = 2
    database: int = 0
    queued: int = -1
    subscriber: None = None
    ended: bool = False
    transport: Transport = field(default_factory=Transport)
    session: Any = field(default_factory=lambda: SimpleNamespace(accepted_at=1.0))
    services: Any = field(default_factory=lambda: SimpleNamespace(clock=lambda: 11.5))
    login: Login | None = None
    admitted: bool = True

    def speak(self, protocol: int) -> None:
        self.protocol = protocol

    def let_in(self) -> None:
        self.admitted = True

    def lock(self) -> None:
        self.admitted = self.login is None

    def quit(self) -> None:
        self.ended = True


def ask(client: Client, line: bytes) -> Any:
    """Return the decoded answer to `line`, an error as its text."""
    arguments = line.split()
    name = arguments[0].upper()
    assert COMMANDS[name].fits(len(arguments)), "the router has checked the arity before it asks"
    reader = hiredis.Reader()
    seen = cast("Conversation", client)
    reader.feed(hello(seen, arguments) if name == b"HELLO" else OWN[name](seen, arguments))
    reply = reader.gets()
    assert not reader.has_data()
    return str(reply) if isinstance(reply, hiredis.ReplyError) else reply


def test_every_row_is_a_command_of_redis() -> None:
    assert set(OWN) <= set(COMMANDS)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"ping", b"PONG"),
        (b"PING hello", b"hello"),
        (b"ECHO hello", b"hello"),
        (b"CLIENT ID", 7),
        (b"CLIENT SETINFO LIB-NAME x", b"OK"),
        (
            b"CLIENT SETINFO LIB-VER \x07",
            "ERR lib-name and lib-ver cannot contain spaces, newlines or special characters.",
        ),
        (b"CLIENT SETINFO nonsense x", "ERR Unrecognized option 'nonsense'"),
        (b"CLIENT NO-TOUCH on", b"OK"),
        (b"CLIENT REPLY skip", "ERR CLIENT REPLY OFF and SKIP are not supported by this proxy: read the replies"),
        (b"CLIENT LIST TYPE pubsub", b""),
        (b"CLIENT LIST ID 8 9", b""),
        (b"CLIENT LIST x", "ERR syntax error"),
        (b"ACL WHOAMI", b"default"),
        (b"CLUSTER INFO", "ERR This instance has cluster support disabled"),
        (b"CLIENT GETNAME", None),
        (b"CLIENT KILL x", "ERR 'client|kill' is not supported by this proxy"),
        (b"CLIENT SETNAME \x07", "ERR Client names cannot contain spaces, newlines or special characters."),
        (b"CLIENT \xff\r", "ERR 'client|\ufffd' is not supported by this proxy"),
        (b"HELLO 4", "NOPROTO unsupported protocol version"),
        (b"HELLO x", "ERR Protocol version is not an integer or out of range"),
        (b"HELLO 3 NONSENSE", "ERR Syntax error in HELLO option 'NONSENSE'"),
        (b"HELLO 3 SETNAME", "ERR Syntax error in HELLO option 'SETNAME'"),
        (b"HELLO 3 AUTH user", "ERR Syntax error in HELLO option 'AUTH'"),
    ],
)
def test_answers(line: bytes, reply: object) -> None:
    client = Client()
    assert ask(client, line) == reply
    assert (client.protocol, client.ended) == (2, False)


def test_auth_tells_that_there_is_no_password() -> None:
    reply = ask(Client(), b"AUTH secret")
    assert reply.startswith("ERR AUTH <password> called without any password configured")
    assert "secret" not in reply


def test_without_a_login_the_default_user_has_any_password() -> None:
    assert ask(Client(), b"AUTH default anything") == b"OK"
    assert ask(Client(), b"AUTH other anything") == WRONG
    assert ask(Client(), b"HELLO 3 AUTH other anything") == WRONG
    assert ask(Client(), b"HELLO 2 AUTH default anything")[:2] == [b"server", b"redis"]


def test_a_client_logs_in() -> None:
    client = Client(login=Login("app", "secret"), admitted=False)
    assert ask(client, b"AUTH secret") == WRONG
    assert ask(client, b"AUTH app no") == WRONG
    assert ask(client, b"AUTH app secret more") == "ERR syntax error"
    assert not client.admitted
    assert ask(client, b"AUTH app secret") == b"OK"
    assert client.admitted
    assert ask(client, b"AUTH app no") == WRONG
    assert client.admitted
    assert client.confided


def test_hello_logs_in() -> None:
    client = Client(login=Login("default", "secret"), admitted=False)
    assert ask(client, b"HELLO 3").startswith("NOAUTH HELLO must be called")
    assert ask(client, b"HELLO 3 AUTH default no") == WRONG
    assert ask(client, b"HELLO 4 AUTH default secret") == "NOPROTO unsupported protocol version"
    assert (client.protocol, client.admitted) == (2, False)
    assert ask(client, b"HELLO 3 AUTH default secret SETNAME me")[b"proto"] == 3
    assert (client.protocol, client.admitted, client.client_name) == (3, True, b"me")


def test_hello_switches_the_protocol() -> None:
    client = Client()
    reply = ask(client, b"HELLO 3 SETNAME me")
    assert (reply[b"proto"], reply[b"id"], reply[b"mode"], reply[b"modules"]) == (3, 7, b"standalone", [])
    assert (client.protocol, client.client_name) == (3, b"me")
    assert ask(client, b"HELLO")[b"proto"] == 3
    flat = ask(client, b"HELLO 2")
    assert flat[flat.index(b"proto") + 1] == 2
    assert client.client_name == b"me"


def test_a_hello_that_fails_changes_nothing() -> None:
    client = Client()
    for line in (b"HELLO 3 SETNAME me NONSENSE", b"HELLO 9 SETNAME me", b"HELLO 3 SETNAME me AUTH a b"):
        assert isinstance(ask(client, line), str)
    assert (client.protocol, client.client_name) == (2, b"")


def test_a_client_sees_itself_as_it_is() -> None:
    client = Client(client_name=b"me", protocol=3, database=2, queued=1, library=(b"lib", b"1"))
    line = (
        b"id=7 addr=127.0.0.1:1 laddr=127.0.0.1:2 fd=-1 name=me age=10 idle=0 flags=x db=2 sub=0 psub=0 multi=1"
        b" cmd=client|info user=default redir=-1 resp=3 lib-name=lib lib-ver=1\n"
    )
    assert ask(client, b"CLIENT INFO") == line
    assert ask(client, b"CLIENT LIST") == ask(client, b"CLIENT LIST ID 7") == line
    assert ask(client, b"CLIENT LIST TYPE normal") == line


def test_quit_ends_the_connection() -> None:
    client = Client()
    assert ask(client, b"QUIT") == b"OK"
    assert client.ended
