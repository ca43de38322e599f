"""What two proxies think of the same servers' weights, and what is to be set so that they agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from admin.servers import Server


@dataclass(frozen=True, slots=True)
class Differences:
    """`to_set`: servers that both have, with the weight that the target shall take. Paths that one has alone."""

    to_set: tuple[tuple[Server, int], ...]
    missing: tuple[str, ...]  # at the target
    extra: tuple[str, ...]  # there, and not at the source

    def changes(self) -> list[str]:
        """Return a sentence for each weight to set."""
        return [f"{server.path} {server.weight} → {weight}" for server, weight in self.to_set]


def differences(source: Iterable[Server], target: Iterable[Server]) -> Differences:
    """Return what the target must do to have the source's weights."""
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
    )
