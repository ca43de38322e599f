"""The file in which changes made at runtime outlive the process; replaced atomically at each change."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

_LARGEST_BYTES = 16 * 1024 * 1024
DISABLED = "none"
_HOMELESS = Path("/nonexistent")  # Debian's home of users that have none: what cannot be kept there is told


class StateFile:
    """Reads and writes one file. A file that cannot be written is a warning, once, never a reason to stop."""

    def __init__(self, path: Path | None, warn: Callable[[str], None]) -> None:
        """Take the file's path; None keeps nothing."""
        self._path = path
        self._warn = warn
        self._warned = False

    def load(self) -> Mapping[str, Any]:
        """Return the document in the file, an empty one when there is none that can be read."""
        if self._path is None:
            return {}
        with suppress(OSError, orjson.JSONDecodeError):
            if self._path.stat().st_size <= _LARGEST_BYTES:
                document = orjson.loads(self._path.read_bytes())
                return document if isinstance(document, dict) else {}
        return {}

    def save(self, document: Mapping[str, Any]) -> None:
        """Replace the file: whoever reads it meanwhile sees the old one or the new one, whole."""
        if self._path is None:
            return
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            self._warn_once(error)

    def _warn_once(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            self._warn(
                f"changes at runtime will not outlive this process: {self._path}: {error.strerror}: "
                f"give 'state-file' in the global section a file that can be written, or '{DISABLED}'"
            )


def path_for(setting: str | None, configurations: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    """Return where the state belongs: where `state-file` says, or a file of its own for each set of configurations.

    The folder is systemd's STATE_DIRECTORY, /var/lib/wproxy for root, or the user's state folder.
    """
    if setting is not None:
        return None if setting == DISABLED else Path(setting)
    names = "\n".join(str(Path(name).resolve()) for name in configurations)
    return _folder(environ) / f"{hashlib.sha256(names.encode()).hexdigest()[:16]}.json"


def _folder(environ: Mapping[str, str]) -> Path:
    if "STATE_DIRECTORY" in environ:
        return Path(environ["STATE_DIRECTORY"].split(":")[0])
    if os.geteuid() == 0:
        return Path("/var/lib/wproxy")
    return Path(environ.get("XDG_STATE_HOME") or _home() / ".local/state") / "wproxy"


def _home() -> Path:
    """Return the user's home; a container may run as a number that no line of /etc/passwd knows."""
    try:
        return Path.home()
    except RuntimeError:
        return _HOMELESS
