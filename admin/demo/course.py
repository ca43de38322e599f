"""The demo's course: traffic under the first weights, a pause until all is stored, traffic under the second ones.

Each half ends at a clean boundary: the traffic stops, the pipeline drains, then the servers count their keys. So each
key belongs to the phase whose weights placed it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from admin.demo.pipeline import Flow, Pipeline
from admin.demo.report import Phase, Report
from admin.demo.view import Snapshot, View
from admin.demo.waiting import Patience

REDRAW_S = 0.2
QUIET_S = 0.6  # capture hands packets on within 100 ms: what has not been counted by then does not exist
GIVE_UP_S = 15.0  # without any movement


class Course:
    """One run over a started pipeline."""

    def __init__(self, pipeline: Pipeline, view: View, patience: Patience, seconds: float, phases: int) -> None:
        self._pipeline = pipeline
        self._view = view
        self._patience = patience
        self._seconds = seconds
        self._phases = phases
        self._number = 0
        self._elapsed_s = 0.0
        self._before: Mapping[str, int] = pipeline.servers.key_counts()
        self._start = sum(self._before.values())
        self._weights: Mapping[str, int] = pipeline.weights()

    def run(self, weights: Sequence[Mapping[str, int]]) -> Report:
        """Run a phase under each of the weights, the first of which are in force already; return what was counted."""
        phases = []
        for number, wanted in enumerate(weights, 1):
            self._number = number
            if number > 1:
                self._change_weights(wanted)
            phases.append(self._phase())
        flow, traffic = self._pipeline.flow(), self._pipeline.traffic
        self._view.say(f"{traffic.made:,} connections, each from an address of its own")
        if traffic.failed:
            self._view.say(f"{traffic.failed:,} connections failed: {traffic.last_error}")
        return Report(flow.captured, flow.expired, tuple(phases))

    def _change_weights(self, wanted: Mapping[str, int]) -> None:
        for sentence in self._pipeline.set_weights(wanted):
            self._view.say(sentence)
        self._weights = self._pipeline.weights()

    def _phase(self) -> Phase:
        began, until = time.monotonic(), self._seconds / self._phases
        base_s = self._elapsed_s
        self._pipeline.traffic.start()
        try:
            while (running_s := time.monotonic() - began) < until:
                self._elapsed_s = base_s + running_s
                self._show("traffic flows")
                self._patience.pause(min(REDRAW_S, until - running_s))
        finally:
            self._pipeline.traffic.pause()
        self._elapsed_s = base_s + until
        self._drain()
        now = self._pipeline.servers.key_counts()
        phase = Phase(self._weights, {name: count - self._before[name] for name, count in now.items()})
        self._before = now
        return phase

    def _drain(self) -> None:
        """Return when everything captured is stored, or when it is clear that some of it never will be."""
        moved, since = None, time.monotonic()
        while (quiet_s := time.monotonic() - since) < GIVE_UP_S:
            flow, stored = self._show("waiting until all is stored")
            if (flow, stored) != moved:
                moved, since = (flow, stored), time.monotonic()
            elif quiet_s >= QUIET_S and flow.captured == stored + flow.expired:
                return
            self._patience.pause(REDRAW_S / 2)

    def _show(self, doing: str) -> tuple[Flow, int]:
        flow, totals = self._pipeline.measure()
        stored = {name: count - self._before[name] for name, count in totals.items()}
        numbers = (flow.captured, flow.queued, flow.expired, self._weights, stored, totals)
        self._view.show(Snapshot(self._number, self._phases, doing, self._elapsed_s, self._seconds, *numbers))
        return flow, sum(totals.values()) - self._start
