"""A pair of virtual network cards: one end here, where capture looks, the other in a namespace of the test's own."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.support.programs import need


@dataclass(frozen=True)
class Wire:
    """What is sent on the card `far` in `namespace` arrives at the card `near`."""

    near: str
    far: str
    namespace: str

    def there(self, *command: str) -> list[str]:
        """Return `command` as it is run at the far end."""
        return [need("ip"), "netns", "exec", self.namespace, *command]


@contextmanager
def wire() -> Iterator[Wire]:
    """Yield a new wire; it and its namespace are gone at the end."""
    ip, name = need("ip"), f"wpsoak{secrets.token_hex(3)}"
    made = Wire(f"{name}n", f"{name}f", name)

    def run(*words: str) -> None:
        done = subprocess.run([ip, *words], capture_output=True, text=True)
        if done.returncode:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"ip {' '.join(words)}: {done.stderr}")

    run("netns", "add", made.namespace)
    try:
        run("link", "add", made.near, "type", "veth", "peer", "name", made.far, "netns", made.namespace)
        run("link", "set", made.near, "up")
        subprocess.run([*made.there(ip), "link", "set", made.far, "up"], check=True)
        yield made
    finally:
        subprocess.run([ip, "netns", "delete", made.namespace], check=True)  # the pair goes with it
