"""What the demo shows while it runs: a live picture in a terminal, one line a second everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

import click

from admin.demo.report import Phase
from admin.render import percent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

LINE_EVERY_S = 1.0
_BAR_WIDTH = 24
_PANEL_WIDTH = 78


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the view shows, at one moment. `stored` is what this phase added; `totals` what the servers hold."""

    phase: int
    phases: int
    doing: str
    elapsed_s: float
    seconds: float
    captured: int
    queued: int
    expired: int
    weights: Mapping[str, int]
    stored: Mapping[str, int]
    totals: Mapping[str, int]

    @property
    def current(self) -> Phase:
        """Return this phase as it stands now."""
        return Phase(self.weights, self.stored)


class View(Protocol):
    """Where the demo's words and pictures go."""

    def say(self, text: str) -> None:
        """Show a sentence that stays."""

    def show(self, snapshot: Snapshot) -> None:
        """Show how things stand."""

    def __enter__(self) -> View:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; what was shown last stays."""


class LineView:
    """Plain lines for a file, a pipe, or standard error beside `--json`."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._shown_s = -LINE_EVERY_S
        self._doing = ""

    def __enter__(self) -> LineView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._output.flush()

    def say(self, text: str) -> None:
        """Write the sentence."""
        click.echo(text, file=self._output)

    def show(self, snapshot: Snapshot) -> None:
        """Write one line, at most once a second unless what is being done has changed."""
        due = snapshot.elapsed_s - self._shown_s >= LINE_EVERY_S or snapshot.doing != self._doing
        if due:
            self._shown_s, self._doing = snapshot.elapsed_s, snapshot.doing
            self.say(line(snapshot))


class LiveView:
    """A picture that is redrawn in place, by rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False)

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def say(self, text: str) -> None:
        """Print the sentence above the picture."""
        self._console.print(text, markup=False, highlight=False)

    def show(self, snapshot: Snapshot) -> None:
        """Draw the picture anew."""
        self._live.update(picture(snapshot), refresh=True)


def make_view(*, as_json: bool) -> View:
    """Return the view that fits: with `--json`, standard output is kept for the document."""
    if as_json:
        return LineView(sys.stderr)
    return LiveView() if sys.stdout.isatty() else LineView(sys.stdout)


def line(snapshot: Snapshot) -> str:
    """Return the snapshot as one line of text."""
    servers = "  ".join(
        f"{name} {count:,} ({percent(snapshot.current.share(name))})" for name, count in snapshot.stored.items()
    )
    return (
        f"{snapshot.elapsed_s:5.1f} s  {title(snapshot)}  captured {snapshot.captured:,}  "
        f"queued {snapshot.queued:,}  stored {sum(snapshot.totals.values()):,}  {servers}"
    )


def title(snapshot: Snapshot) -> str:
    """Return which phase it is, under which weights, and what is being done."""
    weights = "/".join(str(weight) for weight in snapshot.weights.values())
    return f"phase {snapshot.phase} of {snapshot.phases}, weights {weights}, {snapshot.doing}"


def picture(snapshot: Snapshot) -> RenderableType:
    """Return the snapshot as a panel: the stages of the pipeline, the servers, the time."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar

    progress = ProgressBar(total=snapshot.seconds, completed=min(snapshot.elapsed_s, snapshot.seconds))
    return Panel(
        Group(_stages(snapshot), "", _servers(snapshot), "", progress),
        title=title(snapshot),
        subtitle=f"{min(snapshot.elapsed_s, snapshot.seconds):.0f} of {snapshot.seconds:.0f} s, Ctrl-C ends",
        padding=(1, 2),
        width=_PANEL_WIDTH,
    )


def _stages(snapshot: Snapshot) -> Table:
    from rich.table import Table

    stages = Table.grid(padding=(0, 3))
    counts = {
        "packets captured": snapshot.captured,
        "queued": snapshot.queued,
        "stored": sum(snapshot.totals.values()),
        "too old": snapshot.expired,
    }
    stages.add_row(*(f"{name} [bold]{count:,}[/bold]" for name, count in counts.items()))
    return stages


def _servers(snapshot: Snapshot) -> Table:
    from rich import box
    from rich.table import Table

    servers = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("server", "weight", "keys", "this phase", "share"):
        servers.add_column(heading, justify="left" if heading == "server" else "right")
    servers.add_column("| = by weight", min_width=_BAR_WIDTH)
    for name, count in snapshot.stored.items():
        share, target = snapshot.current.share(name), snapshot.current.target(name)
        cells = (str(snapshot.weights[name]), f"{snapshot.totals[name]:,}", f"{count:,}", percent(share))
        servers.add_row(name, *cells, bar(share, target))
    return servers


def bar(share: float, target: float, width: int = _BAR_WIDTH) -> str:
    """Return a bar as long as `share` with a mark at `target`, both from 0 to 1."""
    cells = ["█" if cell < round(share * width) else "·" for cell in range(width)]
    cells[min(width - 1, max(0, round(target * width) - 1))] = "|"
    return "".join(cells)
