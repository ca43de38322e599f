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
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
DISABLED = "none"
_HOMELESS = Path("/nonexistent")  # Debian's home of users that have none: what cannot be kept there is told


class StateFile:
    """Reads and writes one file. A file that cannot be written is a warning, once, never a reason to stop."""

    def __init__(self, path: Path | None, warn: Callable[[str], None]) -> None:
        """Take the file's path; None keeps nothing."""
        self._path = path
        self._warn = warn
        self._warned = False
        self._folder: int | None = None  # descriptor of the folder, which a change of root may take out of sight

    def open(self, user: int | None = None) -> None:
        """Open the folder, while it can be reached; a folder that is made here belongs to `user`."""
        if self._path is None:
            return
        folder = self._path.parent
        try:
            if not folder.is_dir():
                folder.mkdir(parents=True)
                if user is not None:
                    os.chown(folder, user, -1)
            self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            self._warn_once(error)

    def close(self) -> None:
        """Give back the folder."""
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def load(self) -> Mapping[str, Any]:
        """Return the document in the file, an empty one when there is none that can be read."""
        if self._path is None or self._folder is None:
            return {}
        with suppress(OSError, orjson.JSONDecodeError):
            with os.fdopen(os.open(self._path.name, os.O_RDONLY, dir_fd=self._folder), "rb") as file:
                text = file.read(_LARGEST_BYTES + 1)
            if len(text) <= _LARGEST_BYTES:
                document = orjson.loads(text)
                return document if isinstance(document, dict) else {}
        return {}

    def save(self, document: Mapping[str, Any]) -> None:
        """Replace the file: whoever reads it meanwhile sees the old one or the new one, whole."""
        if self._path is None or self._folder is None:
            return
        draft, folder = f"{self._path.name}.{os.getpid()}", self._folder
        try:
            with os.fdopen(os.open(draft, _CREATE, 0o644, dir_fd=folder), "wb") as file:
                file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            os.rename(draft, self._path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            self._warn_once(error)

    def _warn_once(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            self._warn(
                f"changes at runtime will not outlive this process: {self._path}: {error.strerror}: "
                f"give 'state-file' in the global section a file that can be written, or '{DISABLED}'"
            )


def path_for(
    setting: str | None, configurations: Sequence[str], environ: Mapping[str, str], user: int | None = None
) -> Path | None:
    """Return where the state belongs: where `state-file` says, or a file of its own for each set of configurations.

    The folder is systemd's STATE_DIRECTORY, /var/lib/wproxy for root, or the user's state folder; one inside of it for
    `user` where the process is to become that user.
    """
    if setting is not None:
        return None if setting == DISABLED else Path(setting)
    names = "\n".join(str(Path(name).resolve()) for name in configurations)
    folder = _folder(environ) if user is None else _folder(environ) / f"user-{user}"
    return folder / f"{hashlib.sha256(names.encode()).hexdigest()[:16]}.json"


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
