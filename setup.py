"""Compiles the data path with mypyc when a wheel is built: the same files, type-checked, as C.

What an editable install runs is the source as it is, so that nobody edits one thing and runs another.
WPROXY_COMPILE=0 leaves everything interpreted; a wheel that is built without a C compiler is, too.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from glob import glob
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
    "wproxy/protocols/resp/[!r]*.py",
    "wproxy/protocols/resp/re*.py",
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


def extensions() -> list[Extension]:
    """Return what is compiled, [] where nothing is."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if "bdist_wheel" not in sys.argv or os.environ.get("WPROXY_COMPILE") == "0":
        return []
    if shutil.which(compiler) is None:
        print(f"wproxy: no C compiler ({compiler}): everything will be interpreted, which is slower", file=sys.stderr)
        return []
    from mypyc.build import mypycify

    files = [file for place in COMPILED for file in sorted(glob(place if place.endswith(".py") else f"{place}/*.py"))]
    # Errors of types are `make lint`'s to tell; here the libraries that the source imports need not be installed.
    flags = ["--config-file=", "--ignore-missing-imports", "--explicit-package-bases", "--no-warn-no-return"]
    return mypycify([*flags, *files], opt_level="2", debug_level="0", group_name="wproxy_compiled")


setup(ext_modules=extensions())
