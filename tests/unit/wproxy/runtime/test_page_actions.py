from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.unit.wproxy.state.parties import Carrier, Clock, config, line
from wproxy.observe.page import document
from wproxy.runtime.page_actions import ACTIONS, Outcome, apply
from wproxy.state.control import Control
from wproxy.state.registry import Registry


@dataclass
class Site:
    """A small proxy with servers back/a, checked, and back/b."""

    control: Control = field(
        default_factory=lambda: Control(Registry(config(line("a", check=True), line("b")), 10, 0.0), Clock())
    )

    def send(self, body: str, scope: frozenset[str] = frozenset()) -> Outcome:
        return apply(self.control, body, scope)

    @property
    def status(self) -> tuple[str, ...]:
        return tuple(server.status.removesuffix(" 1/3") for server in self.control.registry.servers())


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.parametrize(
    ("body", "outcome", "status"),
    [
        ("s=a&action=maint&b=back", Outcome.DONE, ("MAINT", "no check")),
        ("s=a&s=b&action=drain&b=%233", Outcome.DONE, ("DRAIN", "DRAIN")),
        ("action=maint&b=back&s=b", Outcome.DONE, ("UP", "MAINT")),
        ("s=b&action=hnolb&b=back", Outcome.DONE, ("UP", "NOLB")),
        ("s=b&action=hdown&b=back", Outcome.DONE, ("UP", "DOWN")),
        ("s=a&action=dhlth&b=back", Outcome.DONE, ("no check", "no check")),
        ("s=b&action=dhlth&b=back", Outcome.NOTHING, ("UP", "no check")),
        ("s=a&action=dagent&b=back", Outcome.NOTHING, ("UP", "no check")),
        ("s=a&action=disable&b=back", Outcome.DONE, ("MAINT", "no check")),
        ("s=a&action=enable&b=back", Outcome.NOTHING, ("UP", "no check")),
        ("s=a&action=stop&b=back", Outcome.DONE, ("DRAIN", "no check")),
        ("s=a&action=start&b=back", Outcome.NOTHING, ("UP", "no check")),
        ("s=zz&s=a&action=maint&b=back", Outcome.PARTLY, ("MAINT", "no check")),
        ("s=zz&action=maint&b=back", Outcome.INVALID, ("UP", "no check")),
        ("s=a&action=maint&b=nope", Outcome.INVALID, ("UP", "no check")),
        ("s=a&action=nope&b=back", Outcome.INVALID, ("UP", "no check")),
        ("s=a&action=maint", Outcome.NOTHING, ("UP", "no check")),
        ("s=a&b=back", Outcome.NOTHING, ("UP", "no check")),
        ("action=maint&b=back", Outcome.NOTHING, ("UP", "no check")),
        ("", Outcome.NOTHING, ("UP", "no check")),
        ("\0%zz&&=&s", Outcome.NOTHING, ("UP", "no check")),
        # The last backend and the last action are those of all servers.
        ("s=a&action=maint&b=nope&s=b&action=drain&b=back", Outcome.DONE, ("DRAIN", "DRAIN")),
    ],
)
def test_forms(site: Site, body: str, outcome: Outcome, status: tuple[str, ...]) -> None:
    assert (site.send(body), site.status) == (outcome, status)


def test_back_again(site: Site) -> None:
    for away, back in (("maint", "ready"), ("disable", "enable"), ("stop", "start"), ("drain", "ready")):
        assert site.send(f"s=a&action={away}&b=back") is Outcome.DONE
        assert site.send(f"s=a&action={back}&b=back") is Outcome.DONE
        assert site.status == ("UP", "no check")


def test_what_the_page_does_not_show_cannot_be_changed_by_it(site: Site) -> None:
    assert site.send("s=a&action=maint&b=back", frozenset({"other"})) is Outcome.INVALID
    assert site.send("s=a&action=maint&b=%233", frozenset({"other"})) is Outcome.INVALID
    assert site.status == ("UP", "no check")


def test_sessions_are_killed(site: Site) -> None:
    killed: list[str] = []
    registry = site.control.registry
    session = registry.sessions.open(registry.frontends["front"], registry.backends["back"], 1.0)
    session.carrier = Carrier("b", killed)
    session.server = registry.backends["back"].by_name["b"]
    assert site.send("s=a&action=shutdown&b=back") is Outcome.DONE
    assert killed == []
    assert site.send("s=b&action=shutdown&b=back") is Outcome.DONE
    assert killed == ["b"]


@pytest.mark.parametrize(
    ("body", "outcome", "weights"),
    [
        ("s=a&w=30&s=b&w=70&action=weight&b=back", Outcome.DONE, [30, 70]),
        ("action=weight&b=%233&s=b&w=5", Outcome.DONE, [1, 5]),
        ("s=a&w=50%25&action=weight&b=back", Outcome.DONE, [0, 1]),
        ("s=a&w=1&action=weight&b=back", Outcome.NOTHING, [1, 1]),
        ("action=weight&b=back", Outcome.NOTHING, [1, 1]),
        ("s=a&w=3&action=weight", Outcome.NOTHING, [1, 1]),
        ("s=a&w=3&action=weight&b=nope", Outcome.INVALID, [1, 1]),
        ("s=a&w=3&s=b&w=257&action=weight&b=back", Outcome.INVALID, [1, 1]),
        ("s=a&w=3&s=b&w=&action=weight&b=back", Outcome.INVALID, [1, 1]),
        ("s=a&w=3&s=b&action=weight&b=back", Outcome.INVALID, [1, 1]),
        ("s=a&w=3&s=zz&w=4&action=weight&b=back", Outcome.INVALID, [1, 1]),
        ("s=a&w=-1&action=weight&b=back", Outcome.INVALID, [1, 1]),
    ],
)
def test_weights_are_set_together_or_not_at_all(site: Site, body: str, outcome: Outcome, weights: list[int]) -> None:
    assert site.send(body) is outcome
    assert [server.weight for server in site.control.registry.servers()] == weights


def test_what_the_page_offers_and_says_exists() -> None:
    assert {action for action, _ in document.ACTIONS} <= set(ACTIONS)
    assert {outcome.value for outcome in Outcome} == set(document.OUTCOMES)
