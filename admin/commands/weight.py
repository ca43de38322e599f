"""`wproxy weight get|set|sync`: what part of its backend's work a server gets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from admin.client import StatsSocket
from admin.commands.agreement import on_all, send_weights, sync_command
from admin.commands.common import (
    json_option,
    read_servers,
    several_sockets_option,
    socket_option,
    stats_socket,
)
from admin.commands.epochs import read_rebalance
from admin.commands.rebalancing import check_rate, rate_option, rebalance, rebalance_option
from admin.errors import MisusedError
from admin.rebalance import Outcome
from admin.render import percent, print_json, print_table, table
from admin.servers import Server, find, shares
from admin.statistics import parse_initial_weights

WEIGHT_MAX = 256  # HAProxy management manual, "set weight"
_WEIGHT = re.compile(r"([0-9]{1,9})(%?)")


@dataclass(frozen=True, slots=True)
class WeightChange:
    """What one `set weight` did: the server as it stood before and after, with its share of each."""

    before: Server
    after: Server
    share_before: float
    share_after: float
    epoch: int | None = None  # the one that it opened: keys move after their slots
    slots_left: int = 0

    def __str__(self) -> str:
        """Return the sentence for humans, `redisA 70 → 30, share 50.0 % → 30.0 %`."""
        weights = f"{self.after.name} {self.before.weight} → {self.after.weight}"
        idle = "" if self.after.usable else f" (gets nothing now: {self.after.status})"
        return f"{weights}, share {percent(self.share_before)} → {percent(self.share_after)}{idle}{self._epoch}"

    @property
    def _epoch(self) -> str:
        if self.epoch is None:
            return ""
        return f"; epoch {self.epoch} opened, {self.slots_left} slots to give (see wproxy rebalance status)"

    def document(self) -> dict[str, object]:
        """Return the same for programs."""
        epoch = {} if self.epoch is None else {"epoch": self.epoch}
        return {
            "backend": self.after.backend,
            "server": self.after.name,
            "status": self.after.status,
            "weight": {"before": self.before.weight, "after": self.after.weight},
            "share": {"before": self.share_before, "after": self.share_after},
            **epoch,
        }


def set_weight(proxy: StatsSocket, wanted: str, weight: str) -> WeightChange:
    """Give the server that `wanted` names the weight; return what that changed.

    `weight` is 0 to 256, or a percentage of the configured weight. Raises MisusedError before anything is sent when it
    is neither or `wanted` fits several servers, RefusedError when the proxy will not, NoAnswerError when there is none.
    """
    check_weight(weight)
    servers = read_servers(proxy)
    before = find(servers, wanted)
    epochs = read_rebalance(proxy, before.backend)
    proxy.tell(f"set weight {before.path} {weight}")
    changed = read_servers(proxy)
    share = shares(servers)[before.path], shares(changed).get(before.path, 0.0)
    moving = None if epochs is None else read_rebalance(proxy, before.backend)
    if epochs is None or moving is None or moving.opened == epochs.opened:
        return WeightChange(before, find(changed, before.path), *share)
    return WeightChange(before, find(changed, before.path), *share, moving.opened, moving.slots_left)


def set_weights(proxy: StatsSocket, wanted: Mapping[str, str]) -> list[WeightChange]:
    """Give each server that `wanted` names its weight, all as one change; return what that changed.

    HAProxy, which cannot do that, is told one after the other. Raises what `set_weight` does.
    """
    if len(wanted) == 1:
        return [set_weight(proxy, *next(iter(wanted.items())))]
    for text in wanted.values():
        check_weight(text)
    servers = read_servers(proxy)
    before = {find(servers, name): text for name, text in wanted.items()}
    if len(before) < len(wanted):
        raise MisusedError(f"the same server twice: {' '.join(wanted)}")
    backends = dict.fromkeys(server.backend for server in before)
    epochs = {name: read_rebalance(proxy, name) for name in backends}
    send_weights(proxy, [(server.path, text) for server, text in before.items()])
    changed = read_servers(proxy)
    share, share_now = shares(servers), shares(changed)
    moving = {name: None if known is None else read_rebalance(proxy, name) for name, known in epochs.items()}
    made = []
    for server in before:
        known, now = epochs[server.backend], moving[server.backend]
        opened = (now.opened, now.slots_left) if known and now and now.opened != known.opened else (None, 0)
        shared = share[server.path], share_now.get(server.path, 0.0)
        made.append(WeightChange(server, find(changed, server.path), *shared, *opened))
    return made


def check_weight(text: str) -> None:
    """Raise MisusedError when `text` is no weight."""
    match = _WEIGHT.fullmatch(text)
    if match is None or (not match[2] and int(match[1]) > WEIGHT_MAX):
        raise MisusedError(
            f"{text!r} is no weight: 0 to {WEIGHT_MAX}, or a percentage of the configured weight such as 50%"
        )


@click.group(no_args_is_help=False)
@socket_option
def weight() -> None:
    """Show or change the weights of servers."""


@weight.command("get")
@click.argument("server", required=False)
@socket_option
@json_option
def get_command(server: str | None, *, as_json: bool) -> None:
    """Show the weight of SERVER (backend/server, or the name when it is unique), or of every server."""
    proxy = stats_socket()
    servers = read_servers(proxy)
    chosen = [find(servers, server)] if server else servers
    initial = parse_initial_weights(proxy.ask("show servers state"))
    share = shares(servers)
    if as_json:
        print_json([_document(each, initial.get((each.backend, each.name)), share[each.path]) for each in chosen])
        return
    rows = [
        (each.path, each.weight, initial.get((each.backend, each.name)), percent(share[each.path]), each.status)
        for each in chosen
    ]
    print_table(table(("server", "weight", "initial", "share", "status"), rows))


# A weight of -5 is for check_weight to refuse, not an unknown option.
@weight.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("pairs", nargs=-1, required=True, metavar="SERVER WEIGHT [SERVER WEIGHT]...")
@rebalance_option
@rate_option
@several_sockets_option
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="With several --socket and balance key: how long keys may be on their way on each; else for ever.",
)
@json_option
def set_command(
    pairs: tuple[str, ...],
    sockets: tuple[str, ...],
    timeout_s: float | None,
    *,
    rebalances: bool,
    rate: int | None,
    as_json: bool,
) -> None:
    """Set the weight of each SERVER to its WEIGHT: 0 to 256, or a percentage of the configured weight such as 50%.

    Several are one change: with balance key, keys move once. With several --socket, on each of these proxies: exit 0
    when all of them have it. With balance key name the one that serves first: the next has its turn when the keys have
    followed.
    """
    if len(pairs) % 2:
        raise MisusedError(f"{pairs[-1]!r} has no weight: SERVER WEIGHT, as often as you like")
    wanted = dict(zip(pairs[::2], pairs[1::2], strict=True))
    if 2 * len(wanted) < len(pairs):
        raise MisusedError(f"the same server twice: {' '.join(pairs[::2])}")
    for text in wanted.values():
        check_weight(text)
    check_rate(rebalances=rebalances, rate=rate)

    def do(proxy: StatsSocket) -> tuple[str, dict[str, object]]:
        changes = set_weights(proxy, wanted)
        backends = dict.fromkeys(change.after.backend for change in changes)
        outcomes = [rebalance(proxy, backend, rate) for backend in backends] if rebalances else []
        return "; ".join(map(str, [*changes, *outcomes])), _told(changes, outcomes)

    if len(sockets) > 1:
        on_all(sockets, list(wanted), do, timeout_s, as_json=as_json)
        return
    proxy = stats_socket()
    changes = set_weights(proxy, wanted)
    if not as_json:
        click.echo("\n".join(map(str, changes)))
    backends = dict.fromkeys(change.after.backend for change in changes)
    outcomes = [rebalance(proxy, backend, rate) for backend in backends] if rebalances else []
    if as_json:
        print_json(_told(changes, outcomes))
    elif outcomes:
        click.echo("\n".join(map(str, outcomes)))


def _told(changes: Sequence[WeightChange], outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Return the document: of one change that alone, of several a list."""
    if len(changes) == 1:
        return {**changes[0].document(), **({"rebalance": outcomes[0].document()} if outcomes else {})}
    documents: dict[str, object] = {"changes": [change.document() for change in changes]}
    return {**documents, **({"rebalance": [each.document() for each in outcomes]} if outcomes else {})}


weight.add_command(sync_command)


def _document(server: Server, initial: int | None, share: float) -> dict[str, object]:
    return {
        "backend": server.backend,
        "server": server.name,
        "weight": server.weight,
        "initial": initial,
        "share": share,
        "status": server.status,
    }
