"""One metric with its samples, and how Prometheus' text format writes it (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wproxy.records import dataclass

Number = int | float | None
Labels = tuple[tuple[str, str], ...]

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Sample:
    """A value under its labels; None is written as not a number. `suffix` is put behind the metric's name."""

    labels: Labels
    value: Number
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its whole name, its type (gauge, counter, summary, histogram), what it tells, and its samples now."""

    name: str
    type: str
    help: str
    samples: Sequence[Sample]

    def lines(self) -> Iterator[str]:
        """Yield the lines with their ends; nothing without samples."""
        if not self.samples:
            return
        yield f"# HELP {self.name} {self.help.translate(_HELP_ESCAPES)}\n# TYPE {self.name} {self.type}\n"
        for sample in self.samples:
            labels = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in sample.labels)
            shown = f"{{{labels}}}" if labels else ""
            yield f"{self.name}{sample.suffix}{shown} {_written(sample.value)}\n"


def _written(value: Number) -> str:
    if value is None:
        return "NaN"
    return f"{value:.6f}" if isinstance(value, float) else str(value)
