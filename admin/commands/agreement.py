"""Weights on several proxies: `wproxy weight set` with more than one `--socket`, and `wproxy weight sync`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from admin.client import StatsSocket, parse_address
from admin.commands.common import json_option, read_servers
from admin.errors import AdminError, NoAnswerError, RefusedError, UnfinishedError
from admin.render import print_json
from admin.servers import Server, find
from admin.waiting import wait_until
from admin.weights import differences


def on_all(
    names: Sequence[str], wanted: str, do: Callable[[StatsSocket], tuple[str, dict[str, object]]], *, as_json: bool
) -> None:
    """Have each proxy `do` something with a server, say what became of it on each; raise unless it was done on all.

    `do` returns a sentence and a document. Nothing is done anywhere when a proxy that answers has no such server. One
    that does not answer, or refuses, does not keep the others from it. Raises NoAnswerError when no proxy answers.
    """
    proxies = [StatsSocket(parse_address(name)) for name in names]
    silent = [error for proxy in proxies if (error := _without(proxy, wanted))]
    if len(silent) == len(proxies):
        raise NoAnswerError("; ".join(map(str, silent)))
    documents: list[dict[str, object]] = []
    failed: list[str] = []
    for proxy in proxies:
        try:
            sentence, document = do(proxy)
        except AdminError as error:
            failed.append(str(proxy.address))
            sentence, document = f"not set: {error}", {"error": str(error)}
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


def _without(proxy: StatsSocket, wanted: str) -> NoAnswerError | None:
    """Return the error of a proxy that does not answer; raise the one of a proxy that has no such server."""
    try:
        find(read_servers(proxy), wanted)
    except NoAnswerError as error:
        return error
    except RefusedError as error:
        raise RefusedError(f"{proxy.address}: {error}") from error
    return None


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
    """Give the servers of one proxy the weights that they have on another."""
    source, target = StatsSocket(parse_address(source_name)), StatsSocket(parse_address(target_name))
    found = differences(_when_it_answers(source, timeout_s), _when_it_answers(target, timeout_s))
    for server, weight in found.to_set:
        target.tell(f"set weight {server.path} {weight}")
    if as_json:
        changed = [
            {"backend": server.backend, "server": server.name, "weight": {"before": server.weight, "after": weight}}
            for server, weight in found.to_set
        ]
        print_json({"changed": changed, "missing": list(found.missing), "extra": list(found.extra)})
    else:
        click.echo("\n".join(found.changes()) or f"{target.address} has the weights of {source.address} already")
        if found.extra:
            click.echo(f"as they were, for {source.address} does not have them: {', '.join(found.extra)}")
    if found.missing:
        raise RefusedError(
            f"{target.address} does not have all servers of {source.address}: {', '.join(found.missing)}"
        )


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
