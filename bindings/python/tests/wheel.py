"""The package as pip makes it, with the library of the build under test."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
PIP = ["-m", "pip", "--disable-pip-version-check"]

# What a program finds that knows nothing of the build.
BARE = {key: value for key, value in os.environ.items()
        if key not in ("PYTHONPATH", "LD_LIBRARY_PATH") and "HEIMPROXY" not in key}


def run(*argv, env=None):
    done = subprocess.run(list(map(str, argv)), env=env or BARE, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


def build(directory):
    """In `directory`, of a copy: whoever builds in the checkout leaves things there."""
    source = directory / "source"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    library = {key: os.environ[key] for key in ("HEIMPROXY_INCLUDE", "HEIMPROXY_LIB")}
    how = ["--no-build-isolation", "--no-deps", "--no-index"]
    run(sys.executable, *PIP, "wheel", "-q", *how, "-w", directory, source, env={**BARE, **library})
    shutil.rmtree(source)
    (wheel,) = directory.glob("heimproxy-*.whl")
    return wheel
