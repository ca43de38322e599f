"""Where an administrator sets the weights of a backend: a field for each server, with a slider, and the shares."""

from __future__ import annotations

from html import escape

from wproxy.config.model import WEIGHT_MAX
from wproxy.observe.page.numbers import percent
from wproxy.observe.page.rows import Proxy, Row
from wproxy.state.backend import Backend
from wproxy.state.server import Server

_USUAL_MAX = 100  # a slider is that long while no weight is larger: most configurations count in per cent


def form(proxy: Proxy) -> str:
    """Return the form for all servers of `proxy`; it works without a script, and as `set weight` does."""
    backend = proxy.backend
    if backend is None or not proxy.servers:
        return ""
    widest = max(server.weight for server in backend.servers)
    top = _USUAL_MAX if widest <= _USUAL_MAX else WEIGHT_MAX
    fields = "".join(_field(row, backend, top) for row in proxy.servers)
    name = escape(proxy.name)
    note = "<p>This balance algorithm takes 0 or the configured weight only.</p>" if backend.static else ""
    return (
        f'<details class="weights"><summary>Weights of {name}</summary>\n'
        f'<form class="weights" method="post" data-proxy="{name}">{note}'
        f'<input type="hidden" name="action" value="weight"><input type="hidden" name="b" value="#{proxy.number}">\n'
        f'{fields}<p><button class="main">Set weights</button> <button type="reset">Undo</button></p>'
        "</form></details>\n"
    )


def _field(row: Row, backend: Backend, top: int) -> str:
    server = row.party
    assert isinstance(server, Server)
    name, share = escape(server.name), row.share or 0.0
    step = max(server.line.weight, 1) if backend.static else 1
    limit = step if backend.static else top
    slider = (
        f'<input type="range" class="js" min="0" max="{limit}" step="{step}" value="{server.weight}" '
        f'aria-label="Weight of {name}">'
    )
    return (
        f'<div class="weight" data-server="{name}" data-share="{percent(share)}">'
        f'<input type="hidden" name="s" value="{name}">'
        f"<label><b>{name}</b> {slider}"
        f'<input type="number" name="w" min="0" max="{WEIGHT_MAX}" step="{step}" value="{server.weight}" required>'
        f'</label><svg class="bar" aria-hidden="true"><rect width="{100 * share:.1f}%" height="100%"/></svg>'
        f'<output>{percent(share)}</output><small class="js was">{percent(share)} now</small></div>\n'
    )
