from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.health import Health, Transition

# rise 2, fall 3: what checks (p passed, f failed) lead to; tests/conformance/test_weights.py watches HAProxy.
TABLE = [
    ("", "UP 1/3", 2),
    ("p", "UP", 4),
    ("pp", "UP", 4),
    ("f", "DOWN", 0),
    ("pf", "UP 2/3", 3),
    ("pff", "UP 1/3", 2),
    ("pffp", "UP", 4),
    ("pfff", "DOWN", 0),
    ("ff", "DOWN", 0),
    ("fp", "DOWN 1/2", 1),
    ("fpf", "DOWN", 0),
    ("fpp", "UP", 4),
    ("fppf", "UP 2/3", 3),
]


def check(health: Health, results: str) -> list[Transition]:
    return [health.passed() if result == "p" else health.failed() for result in results]


@pytest.mark.parametrize(("results", "status", "counter"), TABLE)
def test_sequences(results: str, status: str, counter: int) -> None:
    health = Health(rise=2, fall=3)
    check(health, results)
    assert (str(health), health.counter, health.up) == (status, counter, status.startswith("UP"))


def test_only_the_step_over_the_line_is_a_transition() -> None:
    assert check(Health(2, 3), "ppfffffppp") == [
        *(Transition.NONE,) * 4, Transition.DOWN, *(Transition.NONE,) * 3, Transition.UP, Transition.NONE,
    ]  # fmt: skip


def test_with_rise_and_fall_one_each_change_is_a_transition_and_nothing_else() -> None:
    none, up, down = Transition.NONE, Transition.UP, Transition.DOWN
    assert check(Health(1, 1), "ppffpf") == [none, none, down, none, up, down]


def test_maintenance_forgets_what_was_known() -> None:
    health = Health(2, 3)
    check(health, "p")
    health.pause()
    assert (health.counter, health.up) == (0, False)
    health.restart()
    assert (health.counter, str(health)) == (2, "UP 1/3")


@given(st.integers(1, 9), st.integers(1, 9), st.text("pf"))
def test_transitions_tell_every_change_of_up(rise: int, fall: int, results: str) -> None:
    health = Health(rise, fall)
    up = True
    for result in results:
        transition = check(health, result)[0]
        assert 0 <= health.counter < rise + fall
        assert (transition is Transition.NONE) == (health.up == up)
        assert transition is not (Transition.DOWN if health.up else Transition.UP)
        up = health.up


@given(st.integers(1, 9), st.integers(1, 9))
def test_it_takes_fall_failures_and_rise_passes(rise: int, fall: int) -> None:
    health = Health(rise, fall)
    assert check(health, "p" + "f" * fall)[-1] is Transition.DOWN
    assert check(health, "p" * rise)[-1] is Transition.UP
    assert str(health) == "UP"


def test_forced() -> None:
    health = Health(2, 3)
    assert (health.force(up=True), health.counter, health.full) == (Transition.NONE, 4, True)
    assert (health.force(up=False), health.counter, health.full) == (Transition.DOWN, 0, False)
    assert health.force(up=True) is Transition.UP


def test_steps() -> None:
    health = Health(2, 3)
    health.failed()
    assert health.steps == "0/2"
    health.passed()
    assert health.steps == "1/2"
    health.passed()
    assert health.steps == "3/3"
