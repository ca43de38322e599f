"""Checks that tests/unit mirrors the source tree: no test without its module, no pure module without its test."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ("wproxy", "capture", "consumer", "admin")
PURE = ("wproxy/protocols", "wproxy/policy", "wproxy/config", "wproxy/state", "wproxy/observe")
MAX_LINES = 500


def test_of(module: Path) -> Path:
    return Path("tests/unit") / module.parent / f"test_{module.name}"


def modules() -> list[Path]:
    return [
        path.relative_to(ROOT)
        for program in PROGRAMS
        for path in sorted((ROOT / program).rglob("*.py"))
        if path.name != "__init__.py"
    ]


def problems() -> list[str]:
    sources = modules()
    expected = {test_of(module) for module in sources}
    found = {path.relative_to(ROOT) for path in (ROOT / "tests/unit").rglob("test_*.py")}
    stray = [f"{path}: tests no module of that place and name" for path in sorted(found - expected)]
    untested = [
        f"{module}: pure, but has no {test_of(module)}"
        for module in sources
        if str(module).startswith(PURE) and test_of(module) not in found
    ]
    long = [
        f"{path}: {lines} lines, split it (limit {MAX_LINES})"
        for path in sources
        if (lines := len((ROOT / path).read_text().splitlines())) > MAX_LINES
    ]
    return stray + untested + long


if __name__ == "__main__":
    found_problems = problems()
    print("\n".join(found_problems) if found_problems else "tree: tests/unit mirrors the source")
    sys.exit(bool(found_problems))
