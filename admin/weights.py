"""What two proxies think of the same servers' weights and states, and what is to be set so that they agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from admin.servers import Server


@dataclass(frozen=True, slots=True)
class Differences:
    """`to_set`: servers that both have, with the weight that the target shall take. Paths that one has alone.

    `states`: servers with what an administrator wants of them at the target (ready, drain, maint), and at the source.
    """

    to_set: tuple[tuple[Server, int], ...]
    missing: tuple[str, ...]  # at the target
    extra: tuple[str, ...]  # there, and not at the source
    states: tuple[tuple[Server, str, str], ...] = ()

    def steps(self) -> dict[str, int]:
        """Return how many changes each backend goes through: its weights are one, each state is one more."""
        made = dict.fromkeys((server.backend for server, _ in self.to_set), 1)
        for server, _, _ in self.states:
            made[server.backend] = made.get(server.backend, 0) + 1
        return made

    def changes(self) -> list[str]:
        """Return a sentence for each weight and state to set."""
        weights = [f"{server.path} {server.weight} → {weight}" for server, weight in self.to_set]
        return weights + [f"{server.path} {before} → {after}" for server, before, after in self.states]


def differences(
    source: Iterable[Server],
    target: Iterable[Server],
    source_states: Mapping[str, str] | None = None,
    target_states: Mapping[str, str] | None = None,
) -> Differences:
    """Return what the target must do to have the source's weights, and its states where they are given, by path."""
    wanted_states, states = source_states or {}, target_states or {}
    wanted = {server.path: server.weight for server in source}
    present = {server.path: server for server in target}
    return Differences(
        to_set=tuple(
            (server, wanted[path])
            for path, server in present.items()
            if path in wanted and wanted[path] != server.weight
        ),
        missing=tuple(path for path in wanted if path not in present),
        extra=tuple(path for path in present if path not in wanted),
        states=tuple(
            (server, states[path], wanted_states[path])
            for path, server in present.items()
            if path in wanted and path in states and wanted_states.get(path, states[path]) != states[path]
        ),
    )
