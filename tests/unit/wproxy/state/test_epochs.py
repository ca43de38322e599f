from __future__ import annotations

from wproxy.state.epochs import Progress, Report


class Settled:
    def progress(self) -> Progress:
        return Progress((), 0, 0, 0, 0, 0, ())

    def places(self) -> list[dict[str, int]]:
        return []

    def owes(self, name: str) -> int:
        return 0


def test_a_report_tells_progress_and_debts() -> None:
    report: Report = Settled()
    assert report.progress().epochs == ()
    assert report.owes("a") == 0
