from __future__ import annotations

from collections.abc import Iterable

import orjson

from tests.unit.wproxy.runtime.talking import Client
from wproxy.crew.interpreter import CrewInterpreter

HEAD = "# be_name,srv_name,state,rate,sessions,quota,surplus,closed,bound,left,returned\n"


class Others:
    """Workers that answer what the test says."""

    def __init__(self, *answers: str) -> None:
        self.answers = answers
        self.calls: list[str] = []

    @property
    def size(self) -> int:
        return len(self.answers)

    def refresh(self) -> None:
        self.calls.append("refresh")

    def settle(self) -> None:
        self.calls.append("settle")

    def run(self, level: int, command: str) -> Iterable[str]:
        self.calls.append(command)
        return self.answers


def ask(command: str, *answers: str) -> tuple[str, list[str]]:
    others = Others(*answers)
    return CrewInterpreter(others).execute(Client().context, command), others.calls


def test_a_change_is_answered_when_it_is_in_force() -> None:
    answer, calls = ask("set weight back/a 5")
    assert answer == "\n"
    assert calls == ["refresh", "settle"]


def test_sessions_are_those_of_all() -> None:
    answer, calls = ask("show sess", "0x100000001: proto=…\n\n", "0x200000001: proto=…\n\n")
    assert answer == "0x100000001: proto=…\n0x200000001: proto=…\n\n"
    assert calls == ["refresh", "show sess", "settle"]


def test_one_session_is_where_it_is() -> None:
    found = "0x200000001: [date] id=…\n\n"
    assert ask("show sess 0x200000001", "Session not found.\n\n", found)[0] == found
    assert ask("show sess 0x5", "Session not found.\n\n")[0] == "Session not found.\n\n"


def test_a_session_is_shut_down_by_whoever_has_it() -> None:
    missing = "No such session (use 'show sess').\n\n"
    assert ask("shutdown session 0x200000001", missing, "\n")[0] == "\n"
    assert ask("shutdown session 0x200000001", missing, missing)[0] == missing


def test_what_is_refused_here_is_not_asked_of_the_others() -> None:
    answer, calls = ask("shutdown sessions server back/gone", "\n")
    assert "No such server" in answer
    assert calls == ["refresh", "settle"]


def test_tables_of_sessions_that_are_closed_are_added() -> None:
    rows = (
        HEAD + "back,a,,,5,3,,2,0,,\nback,BACKEND,closing,50,10,10,4,2,0,2,0\n\n",
        HEAD + "back,a,,,1,3,,0,0,,\nback,BACKEND,returning,50,4,4,0,0,0,0,1\n\n",
    )
    answer, _ = ask("show rebalance", *rows)
    assert answer == HEAD + "back,a,,,6,6,,2,0,,\nback,BACKEND,closing,100,14,14,4,2,0,2,1\n\n"


def test_the_rate_of_a_rebalance_is_that_of_all_together() -> None:
    assert ask("rebalance sessions back 10", HEAD + "\n", HEAD + "\n")[1][1] == "rebalance sessions back 5"
    assert ask("rebalance sessions back", HEAD + "\n", HEAD + "\n")[1][1] == "rebalance sessions back 50"


def test_what_processes_see_of_commands_is_one_tail() -> None:
    wish = orjson.dumps(["", 200.0, 1, 100, "", "", ""]).hex()
    answer, calls = ask(f"_tail x {wish}", '[[[2.0,"b"]],0,0]\n\n', '[[[1.0,"a"]],0,0]\n\n')
    assert orjson.loads(answer) == [[[1.0, "a"], [2.0, "b"]], 0, 0]
    assert calls == ["refresh", f"_tail x {wish}", "settle"]
