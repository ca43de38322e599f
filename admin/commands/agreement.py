"""Weights and states on several proxies: `wproxy weight set` with more than one `--socket`, and `wproxy weight sync`.

With `balance key` proxies move keys after their weights and do not know of each other's moves. Two that move at the
same time lose the newest values of keys that are written meanwhile. So one is given the weight when the other has
settled, and none is led through weights that the other never had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from admin.client import StatsSocket, parse_address
from admin.commands.common import json_option, read_servers
from admin.commands.epochs import read_rebalance
from admin.errors import AdminError, NoAnswerError, RefusedError, UnfinishedError
from admin.render import print_json
from admin.servers import Server, find
from admin.statistics import parse_admin_states
from admin.waiting import wait_until
from admin.weights import Differences, differences


def on_all(
    names: Sequence[str],
    wanted: Sequence[str],
    do: Callable[[StatsSocket], tuple[str, dict[str, object]]],
    timeout_s: float | None,
    *,
    as_json: bool,
) -> None:
    """Have each proxy `do` something with the servers `wanted`, say what became of it; raise unless it was done on all.

    `do` returns a sentence and a document. Nothing is done anywhere when a proxy that answers has no such server. One
    that does not answer, or refuses, does not keep the others from it; one whose keys have not settled within
    `timeout_s` (None: for ever) does. Raises NoAnswerError when no proxy answers.
    """
    proxies = [StatsSocket(parse_address(name)) for name in names]
    silent = [error for proxy in proxies if (error := _unable(proxy, wanted, timeout_s))]
    if len(silent) == len(proxies):
        raise NoAnswerError("; ".join(map(str, silent)))
    documents: list[dict[str, object]] = []
    failed: list[str] = []
    unsettled = ""
    for proxy in proxies:
        try:
            if unsettled:
                raise UnfinishedError(unsettled)
            sentence, document = do(proxy)
        except AdminError as error:
            failed.append(str(proxy.address))
            sentence, document = f"not set: {error}", {"error": str(error)}
        else:
            unsettled = _unsettled(proxy, wanted, timeout_s)
        documents.append({"socket": str(proxy.address), **document})
        if not as_json:
            click.echo(f"{proxy.address}: {sentence}")
    if as_json:
        print_json(documents)
    if failed:
        raise UnfinishedError(
            f"set on {len(proxies) - len(failed)} of {len(proxies)}, not on {', '.join(failed)}: "
            "wproxy weight sync brings them up to date"
        )


def _unsettled(proxy: StatsSocket, wanted: Sequence[str], timeout_s: float | None) -> str:
    """Return "" when the proxy's keys are in their places: only then may another proxy, or another weight, follow."""
    try:
        _settle_all(proxy, wanted, timeout_s)
    except AdminError as error:
        return str(error)
    return ""


def _unable(proxy: StatsSocket, wanted: Sequence[str], timeout_s: float | None) -> NoAnswerError | None:
    """Return the error of a proxy that does not answer; raise that of one without such a server, or not settled."""
    try:
        _settle_all(proxy, wanted, timeout_s)
    except NoAnswerError as error:
        return error
    except RefusedError as error:
        raise RefusedError(f"{proxy.address}: {error}") from error
    return None


def _settle_all(proxy: StatsSocket, wanted: Sequence[str], timeout_s: float | None) -> None:
    servers = read_servers(proxy)
    for backend in dict.fromkeys(find(servers, name).backend for name in wanted):
        _settle(proxy, backend, timeout_s)


def _settle(proxy: StatsSocket, backend: str, timeout_s: float | None) -> None:
    """Return when no keys of `backend` are on their way; raise UnfinishedError when that takes too long."""

    def left() -> str:
        now = read_rebalance(proxy, backend)
        return f"{proxy.address}: keys of {backend} are still on their way" if now is not None and now.epochs else ""

    wait_until(left, timeout_s)


@click.command("sync")
@click.option("--from", "source_name", required=True, metavar="PATH|HOST:PORT", help="The proxy that has them right.")
@click.option("--to", "target_name", required=True, metavar="PATH|HOST:PORT", help="The proxy that takes them over.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait for both to answer; without it, they must answer now.",
)
@json_option
def sync_command(source_name: str, target_name: str, timeout_s: float, *, as_json: bool) -> None:
    """Give the servers of one proxy the weights and states (ready, drain, maint) that they have on another."""
    source, target = StatsSocket(parse_address(source_name)), StatsSocket(parse_address(target_name))
    servers = _when_it_answers(source, timeout_s), _when_it_answers(target, timeout_s)
    states = [parse_admin_states(proxy.ask("show servers state")) for proxy in (source, target)]
    found = differences(*servers, *states)
    keyed = [backend for backend in found.steps() if read_rebalance(target, backend) is not None]
    for backend in keyed:
        _prepare(source, target, backend, found, timeout_s)
    send_weights(target, [(server.path, str(weight)) for server, weight in found.to_set], at_once=bool(keyed))
    for server, _, state in found.states:
        target.tell(f"set server {server.path} state {state}")
    if as_json:
        changed = [
            {"backend": server.backend, "server": server.name, "weight": {"before": server.weight, "after": weight}}
            for server, weight in found.to_set
        ]
        states_told = [
            {"backend": server.backend, "server": server.name, "state": {"before": before, "after": after}}
            for server, before, after in found.states
        ]
        print_json(
            {"changed": changed, "states": states_told, "missing": list(found.missing), "extra": list(found.extra)}
        )
    else:
        click.echo("\n".join(found.changes()) or f"{target.address} has the weights of {source.address} already")
        if found.extra:
            click.echo(f"as they were, for {source.address} does not have them: {', '.join(found.extra)}")
    if found.missing:
        raise RefusedError(
            f"{target.address} does not have all servers of {source.address}: {', '.join(found.missing)}"
        )


def _prepare(source: StatsSocket, target: StatsSocket, backend: str, found: Differences, timeout_s: float) -> None:
    """Return when `backend`, whose keys move, may be changed on the target; raise an AdminError if that loses some."""
    if found.steps()[backend] > 1:
        raise RefusedError(
            f"more than one state of {backend} differs, or weights and a state, and one after the other they would "
            f"have {target.address} move keys to where nobody looks for them: write them into its configuration and "
            "restart it"
        )
    for proxy in (source, target):
        _settle(proxy, backend, timeout_s)


def send_weights(proxy: StatsSocket, weights: Sequence[tuple[str, str]], *, at_once: bool = False) -> None:
    """Set the weights of several servers, by their paths: as one change, or on HAProxy, which cannot, one by one.

    Raises RefusedError: as one change, or where it must be `at_once`, nothing is set then.
    """
    if len(weights) > 1:
        words = " ".join(f"{path} {weight}" for path, weight in weights)
        try:
            proxy.tell(f"set weights {words}")
        except RefusedError as error:
            if at_once or "Unknown command" not in str(error):
                raise
        else:
            return
    for path, weight in weights:
        proxy.tell(f"set weight {path} {weight}")


def _when_it_answers(proxy: StatsSocket, timeout_s: float) -> list[Server]:
    """Return its servers; raise NoAnswerError with the reason when there is no answer in time."""
    servers: list[Server] = []
    refused: list[NoAnswerError] = []

    def left() -> str:
        refused.clear()
        try:
            servers[:] = read_servers(proxy)
        except NoAnswerError as error:
            refused.append(error)
        return str(refused[0]) if refused else ""

    try:
        wait_until(left, timeout_s)
    except UnfinishedError as error:
        raise NoAnswerError(str(refused[0] if not timeout_s else error)) from error
    return servers
