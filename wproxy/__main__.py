"""The `wproxy` command: HAProxy's command line, or one of the subcommands, each loaded only when it is asked for."""

from __future__ import annotations

import importlib
import sys

# subcommand -> "module:function"; by name, so that no program imports another (docs/architecture.md).
SUBCOMMANDS = {
    "capture": "capture.__main__:main",
    "consume": "consumer.__main__:main",
    "demo": "admin.demo.command:main",
    "server": "admin.__main__:main",
    "show": "admin.__main__:main",
    "weight": "admin.__main__:main",
}


def main() -> None:
    """Run the program that the first word names; without one, the proxy with HAProxy's options."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    target = SUBCOMMANDS.get(first)
    if target is None:
        from wproxy.app import main as serve

        sys.exit(serve(sys.argv[1:]))
    module, function = target.split(":")
    getattr(importlib.import_module(module), function)()


if __name__ == "__main__":
    main()
