"""Compiles the data path with mypyc when a wheel is built: the same files, type-checked, as C.

What an editable install runs is the source as it is, so that nobody edits one thing and runs another.
WPROXY_COMPILE=0 leaves everything interpreted; a wheel that is built without a C compiler is, too.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from setuptools import setup

if TYPE_CHECKING:
    from setuptools import Extension

# What is run for each request or connection, and the classes that it has to do with all the time: an attribute of a
# class that is compiled with its user is a field of a struct, that of any other one a look into a dictionary.
COMPILED = (
    "wproxy/dataplane/http",
    "wproxy/dataplane/redis",
    "wproxy/policy/balance",
    "wproxy/policy/cookies",
    "wproxy/policy/forwarding.py",
    "wproxy/policy/redis",
    "wproxy/protocols/http1",
    "wproxy/protocols/resp",
    "wproxy/state/admission.py",
    "wproxy/state/backend.py",
    "wproxy/state/commands.py",
    "wproxy/state/counters.py",
    "wproxy/state/frontend.py",
    "wproxy/state/queue.py",
    "wproxy/state/rate.py",
    "wproxy/state/server.py",
    "wproxy/state/session.py",
    "wproxy/state/times.py",
    "wproxy/state/transaction.py",
    "wproxy/state/warmup.py",
)

LEFT_OUT = {
    "wproxy/policy/redis/builtin.py",  # a table: long as C, and read once
    "wproxy/protocols/resp/runs.py",  # regular expressions do the work; mypyc takes no slice from a variable for bytes
}


def extensions() -> list[Extension]:
    """Return what is compiled, [] where nothing is."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if "bdist_wheel" not in sys.argv or os.environ.get("WPROXY_COMPILE") == "0":
        return []
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if shutil.which(compiler) is None or not headers.exists():
        missing = compiler if headers.exists() else headers
        print(f"wproxy: nothing is compiled, for lack of {missing}: it works, and is slower", file=sys.stderr)
        return []
    from mypyc.build import mypycify

    places = [Path(place) for place in COMPILED]
    files = [file for place in places for file in (sorted(place.glob("*.py")) if place.is_dir() else [place])]
    files = [file for file in files if str(file) not in LEFT_OUT]
    # Errors of types are `make lint`'s to tell; here the libraries that the source imports need not be installed.
    flags = ["--config-file=", "--ignore-missing-imports", "--explicit-package-bases", "--no-warn-no-return"]
    return mypycify([*flags, *map(str, files)], opt_level="2", debug_level="0", group_name="wproxy_compiled")


setup(ext_modules=extensions())
